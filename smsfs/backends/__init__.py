"""How messages leave: the interface of a backend, and its four answers."""

from collections.abc import Awaitable, Callable, Sequence
from math import inf
from typing import Literal, Protocol

from attrs import frozen
from msgspec import Struct

from smsfs.sms.message import Message


class Accepted(Struct, frozen=True, gc=False):
    """The carrier has the message.

    Attributes:
        id: the carrier's, of the first part. Empty if it gave a part no id: ``parts`` is then how many ids
            there are, those under ``more`` among them, and receipts bring the others.
        parts: how many SMS it is.
        more: of the further parts, each of which has a receipt of its own.
        aliases: of the further parts, where the carrier reports once for all, under any part's id.
        spare: of the further parts, where it reports once, under the first one's id; these say nothing.
        price: of the whole message, a decimal number and a currency, such as ``"0.0075 EUR"``, or without
            one; empty if the carrier does not say.
    """

    id: str
    parts: int
    more: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    spare: tuple[str, ...] = ()
    price: str = ""


@frozen
class Rejected:
    """The carrier will never take this message; ``ids`` are those of parts that it took before."""

    code: str
    reason: str
    ids: tuple[str, ...] = ()


@frozen
class Throttled:
    """Not now: the message was certainly not taken; try again after so many seconds, at the earliest."""

    retry_after: float


@frozen
class Unknown:
    """It may or may not have been taken; ``ids`` are those of parts that certainly were.

    The carrier would know it by ``requests`` ids, or by one for each part if that is 0.
    """

    reason: str
    ids: tuple[str, ...] = ()
    requests: int = 0


Answer = Accepted | Rejected | Throttled | Unknown


class NotTaken(OSError):
    """A backend's failure by which none of the messages that have no answer can have left; says why."""


class Envelope(Struct, frozen=True, gc=False):
    """A message on its way out.

    Attributes:
        key: the same for every attempt at this message, and for no other message.
        account: whose it is.
        file: the path under which its file was accepted.
        submitted: when the file was submitted, seconds since the epoch.
        attempt: from 1.
        message: the message.
        expires: when it is too late to send it, seconds since the epoch; for the carrier to obey.
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


class Receipt(Struct, frozen=True, gc=False):
    """What the carrier says later of a message, or of one part of it.

    Attributes:
        id: the carrier's, in the form of :class:`Accepted`; empty if it could not be read.
        recipient: the MSISDN it was sent to, digits only; empty if the carrier does not say.
        event: ``"delivered"``, ``"undelivered"``, ``"receipt_expired"`` or, of a message that is still on its
            way, ``"passing"``: of ``states.MESSAGE_TRANSITIONS``; empty for what cannot be read.
        code: the carrier's code for the reason; may be empty.
        reason: its word for the state, such as ``"UNDELIV"``.
        done: when, as the carrier says; None if it does not.
        other: another id that it names; empty if there is one at most.
        price: of what the id is of, in the form of :class:`Accepted`.
    """

    id: str
    recipient: str
    event: str
    code: str = ""
    reason: str = ""
    done: float | None = None
    other: str = ""
    price: str = ""


@frozen
class ReplyPart:
    """A message from a person, or a part of a long one.

    Attributes:
        sender: who wrote it, digits only where it is a number.
        recipient: the number or short code it was sent to.
        text: of this part; a character outside the BMP may be cut in halves, as lone surrogates.
        reference: the same for all parts of one message; of any value when there is only one.
        part: from 1.
        total: how many parts there are.
        id: the carrier's, by which it is known when it comes again; empty if it has none.
        receipt: what it is instead if the carrier's id in it is one of ours: it looks like a receipt, but the
            carrier does not say that it is one.
    """

    sender: str
    recipient: str
    text: str
    reference: int = 0
    part: int = 1
    total: int = 1
    receipt: Receipt | None = None
    id: str = ""


Delivered = Receipt | ReplyPart
#: Brings what a carrier delivered to stable storage, all of it, before it returns; the carrier may be
#: answered then. Raises when that cannot be: the carrier keeps it, and delivers it again.
Receive = Callable[[Sequence[Delivered]], Awaitable[None]]


async def receive_nothing(delivered: Sequence[Delivered]) -> None:
    """Leave everything with the carrier.

    Raises:
        NotImplementedError: always; there is nobody here to store it.
    """
    raise NotImplementedError(f"nobody here takes the {len(delivered)} receipts and replies")


#: Takes a message's fate, once, as soon as it is known.
OnAnswer = Callable[[Envelope, Answer], None]
#: Takes the fates of many messages in one call, in their order.
OnAnswers = Callable[[Sequence[tuple[Envelope, Answer]]], None]


def many(answer: OnAnswer) -> OnAnswers:
    """The way to give ``answer`` many fates at once: its own method ``many``, or else one by one."""

    def one_by_one(answers: Sequence[tuple[Envelope, Answer]]) -> None:
        for envelope, what in answers:
            answer(envelope, what)

    own: OnAnswers = getattr(answer, "many", one_by_one)
    return own


#: Whether this host may still send: asked right before bytes leave.
MaySend = Callable[[], bool]
#: Whether a message is to be given back, for an operator ordered something about it.
Recalled = Callable[[Envelope], bool]
#: Whether messages can leave, and a clause that says why not; with ``"up"`` it may be empty.
State = tuple[Literal["up", "down"], str]
UP: State = ("up", "")


@frozen
class Load:
    """Requests that have no answer yet, and SMPP binds that are up; None of a backend without binds."""

    requests: int
    binds: int | None = None


class Backend(Protocol):
    """One way out.

    One that may have to be stopped and started anew before anything can leave has an attribute ``fault``
    beside these: a clause that says why, and empty while it works. One with a carrier has ``load``, a
    :class:`Load`, for monitors.
    """

    #: A message submitted twice with the same key is sent once.
    idempotent: bool
    #: Receipts may come for what it accepted, by the ids of :class:`Accepted`.
    traceable: bool

    @property
    def slices(self) -> int:
        """How many slices of up to 500 messages it wants now: 0 while nothing could leave."""

    def state(self) -> State:
        """Whether messages can leave at present; cheap, and known from ``start`` on.

        What passes within seconds by itself, such as a new connection, does not count as down.
        """

    async def start(self, receive: Receive = receive_nothing) -> None:
        """Get ready; called before the first ``submit``, and again after ``stop``, or where it failed.

        What carriers deliver goes to ``receive``.
        """

    async def submit(self, envelopes: Sequence[Envelope], answer: OnAnswer, may_send: MaySend) -> None:
        """Send messages, and call ``answer`` once for each as soon as its fate is known.

        Right before bytes leave, ``may_send`` is asked: once it says no, another host may be sending these
        messages, and nothing more may leave from here. What did not leave is ``Throttled``. A message
        without an answer when this returns or raises counts as ``Unknown``.

        Raises:
            NotTaken: none of those without an answer has left; they wait.
        """

    def recall(self, which: Recalled) -> None:
        """Give back, as ``Throttled``, messages of which no byte has left; any other may still leave.

        Calls ``answer`` before it returns.
        """

    def finish(self) -> None:
        """Begin no further message: what did not leave yet is ``Throttled``. The server is to stop."""

    async def stop(self) -> None:
        """Let go of everything; called once after the last ``submit``."""
