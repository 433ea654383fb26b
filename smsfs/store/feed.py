"""What is new, for those who watch."""

from collections.abc import Iterable
from typing import NamedTuple, Protocol

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


class Acceptance(NamedTuple):
    """That a batch was accepted: its number, and when, in seconds since the epoch."""

    batch: int
    finished: float


class Claimed(NamedTuple):
    """That a slice is with a backend: its number, and the attempt it is in, from 1."""

    slice: int
    attempt: int


class Feed(Protocol):
    """What is new, for those who watch. With several hosts, outcomes may appear out of order."""

    def newest(self) -> int:
        """The number of the newest outcome; 0 when there is none."""

    def outcomes(self, first: int, last: int, limit: int) -> list[News]:
        """Outcomes with numbers from ``first`` to ``last``, in order."""

    def accepted(self, since: float) -> list[Acceptance]:
        """Batches that were accepted since then, in order of time."""

    def claimed(self) -> list[Claimed]:
        """Slices that are with a backend."""

    def rare(self, events: Iterable[str]) -> set[int]:
        """The batches of whose messages one of some events of ``RARE_EVENTS`` was recorded."""

    def batch(self, batch: int) -> Batch | None:
        """The batch with this number."""

    def slice(self, slice_: int) -> Slice | None:
        """The slice with this number."""
