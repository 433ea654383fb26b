"""How messages leave: the interface of a backend, and its four answers."""

from collections.abc import Callable, Sequence
from math import inf
from typing import Protocol

from attrs import frozen

from smsfs.sms.message import Message


@frozen
class Accepted:
    """The carrier has the message, under ``id``, as ``parts`` SMS."""

    id: str
    parts: int


@frozen
class Rejected:
    """The carrier will never take this message."""

    code: str
    reason: str


@frozen
class Throttled:
    """Not now: the message was certainly not taken; try again after so many seconds, at the earliest."""

    retry_after: float


@frozen
class Unknown:
    """It may or may not have been taken."""

    reason: str


Answer = Accepted | Rejected | Throttled | Unknown


@frozen
class Envelope:
    """A message on its way out.

    Attributes:
        key: the same for every attempt at this message, and for no other message.
        account: whose it is.
        file: the path under which its file was accepted.
        submitted: when the file was submitted, seconds since the epoch.
        attempt: from 1.
        message: the message.
        expires: when it is too late to send it, seconds since the epoch, to be told to the carrier.
        left: seconds from now until then; a host's own clock may be far off.
    """

    key: str
    account: str
    file: str
    submitted: float
    attempt: int
    message: Message
    expires: float = inf
    left: float = inf


class Backend(Protocol):
    """One way out."""

    #: A message submitted twice with the same key is sent once.
    idempotent: bool
    #: How many slices of up to 500 messages it wants at a time, at present: 0 while nothing could leave.
    slices: int

    async def start(self) -> None:
        """Get ready; called once before the first ``submit``."""

    async def submit(
        self,
        envelopes: Sequence[Envelope],
        answer: Callable[[Envelope, Answer], None],
        may_send: Callable[[], bool],
    ) -> None:
        """Send messages, and call ``answer`` once for each as soon as its fate is known.

        Right before bytes leave, ``may_send`` is asked: once it says no, another host may be sending these
        messages, and nothing more may leave from here. What did not leave is ``Throttled``. A message
        without an answer when this returns or raises counts as ``Unknown``.
        """

    def finish(self) -> None:
        """Begin no further message: what did not leave yet is ``Throttled``. The server is to stop."""

    async def stop(self) -> None:
        """Let go of everything; called once after the last ``submit``."""
