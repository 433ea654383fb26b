"""E-mails about batches."""

from collections.abc import Sequence
from typing import Protocol

from attrs import frozen

from smsfs.store.files import NewFile


@frozen
class NewNotice:
    """An e-mail to send about a batch.

    Attributes:
        kind: ``"verdict"``: how reading ended; ``"window"``: what was not sent by the end of its time.
        address: to whom.
        due: when, in seconds since the epoch.
    """

    kind: str
    address: str
    due: float


@frozen
class Notice:
    """An e-mail that is to be sent; ``failures`` is how often it could not be."""

    id: int
    account: int
    batch: int
    kind: str
    address: str
    failures: int


class Notices(Protocol):
    """E-mails about batches, stored with the verdict, until they are sent."""

    def due(self, now: float, limit: int) -> list[Notice]:
        """Those to send now, the oldest first."""

    def done(self, notice: Notice, now: float) -> None:
        """It was sent, or given up."""

    def later(self, notice: Notice, due: float, *, failed: bool = True) -> None:
        """Look at it again then; if it could not be sent, count that."""

    def report(self, notice: Notice, files: Sequence[NewFile], now: float) -> None:
        """Show files with what it says, in one commit with its end.

        Raises:
            Exists: one of their paths is taken.
            StaleOwnerError: another process has reported it, or its batch is gone.
        """
