"""The interface to what dialects with more than folders need: claims, and e-mails about batches."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from smsfs.store.records import Batch, NewFile, Notice, Owner


def recipient_key(msisdn: str) -> str:
    """The key under which a recipient is claimed."""
    return f"to {msisdn}"


class Claims(Protocol):
    """What no two batches of an account may use within a time: a file's name, a recipient."""

    def take(
        self, batch: Batch, owner: Owner, keys: Iterable[str], now: float, until: float
    ) -> dict[str, int]:
        """Claim keys for a batch that ``owner`` reads, until some time; rejecting the batch frees them.

        What it does is on stable storage when the batch is accepted.

        Returns:
            Those that another batch has, each with that batch.
        """

    def free(self, batch: Batch, owner: Owner, keys: Iterable[str]) -> None:
        """Let go of keys that the batch has claimed; on stable storage when the batch is accepted."""

    def expire(self, now: float, limit: int) -> int:
        """Forget at most so many claims whose time is over; how many."""


class Notices(Protocol):
    """E-mails about batches, stored with the verdict, until they are sent."""

    def due(self, now: float, limit: int) -> list[Notice]:
        """Those to send now, the oldest first."""

    def done(self, notice: Notice, now: float) -> None:
        """It was sent, or given up."""

    def later(self, notice: Notice, due: float, *, failed: bool = True) -> None:
        """Look at it again then; if it could not be sent, count that."""

    def report(self, notice: Notice, files: Sequence[NewFile], now: float) -> None:
        """Show files with what it tells, in one commit with its end.

        Raises:
            Exists: one of their paths is taken.
            StaleOwnerError: another process has told it, or its batch is gone.
        """
