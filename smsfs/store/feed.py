"""What is new, for those who watch."""

from typing import Protocol

from attrs import frozen

from smsfs.store.batches import Batch
from smsfs.store.slices import Slice


@frozen
class News:
    """That something became of a message: ``number`` is its outcome's, larger for later ones."""

    number: int
    batch: int
    slice: int
    row: int


class Feed(Protocol):
    """What is new, for those who watch. With several hosts, outcomes may appear out of order."""

    def newest(self) -> int:
        """The number of the newest outcome; 0 when there is none."""

    def outcomes(self, first: int, last: int, limit: int) -> list[News]:
        """Outcomes with numbers from ``first`` to ``last``, in order."""

    def accepted(self, since: float) -> list[tuple[int, float]]:
        """Batches that were accepted since then: number and time, in order of time."""

    def claimed(self) -> list[tuple[int, int]]:
        """Slices that are with a backend: number and attempt."""

    def batch(self, batch: int) -> Batch | None:
        """The batch with this number."""

    def slice(self, slice_: int) -> Slice | None:
        """The slice with this number."""
