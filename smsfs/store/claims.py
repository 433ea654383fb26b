"""What no two batches of an account may use within a time."""

from collections.abc import Iterable
from typing import Protocol

from smsfs.store.batches import Batch
from smsfs.store.processes import Process


def recipient_key(msisdn: str) -> str:
    """The key under which a recipient is claimed."""
    return f"to {msisdn}"


class Claims(Protocol):
    """What no two batches of an account may use within a time: a file's name, a recipient."""

    def take(
        self, batch: Batch, owner: Process, keys: Iterable[str], now: float, until: float
    ) -> dict[str, int]:
        """Claim keys for a batch that ``owner`` reads, until some time; rejecting the batch frees them.

        What it does is on stable storage when the batch is accepted.

        Returns:
            Those that another batch has, each with that batch.
        """

    def free(self, batch: Batch, owner: Process, keys: Iterable[str]) -> None:
        """Let go of keys that the batch has claimed; on stable storage when the batch is accepted."""

    def expire(self, now: float, limit: int) -> int:
        """Delete up to ``limit`` expired claims and return the number deleted."""
