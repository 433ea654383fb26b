"""What an operator looks for among messages."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol

from smsfs.store.batches import Batch
from smsfs.store.slices import Outcome, Slice


class Span(NamedTuple):
    """A slice that holds messages as they were read, and not one of those tried again.

    Attributes:
        slice: its number.
        batch: the number of its batch.
        first_row: the lowest row of its messages.
        last_row: the highest; rows between them may be other slices'.
    """

    slice: int
    batch: int
    first_row: int
    last_row: int


class Attempt(NamedTuple):
    """Something that became of a message, and by which backend; empty where no backend was asked."""

    backend: str
    outcome: Outcome


class Search(Protocol):
    """Where messages are that somebody looks for."""

    def spans(self, batch: int) -> list[Span]:
        """The slices of an accepted batch, by their first rows."""

    def holding(self, number: bytes, first: int, last: int) -> Iterator[Span]:
        """Slices of batches from ``first`` to ``last`` that may have a message to a number.

        Args:
            number: as ``NewSlice.numbers`` has it; slices without any may have every number.
            first: the number of a batch.
            last: the number of a batch.
        """

    def retried(self, batch: int) -> list[Slice]:
        """The slices of a batch with messages that are to be tried again, or are just tried."""

    def unsettled(self, batch: int | None = None) -> list[Span]:
        """The slices, also those tried again, that are queued or with a backend; of a batch or of all."""

    def rare_rows(self, batch: int, events: Iterable[str]) -> set[int]:
        """The rows of a batch to which some events of ``RARE_EVENTS`` happened."""

    def submitted(self, since: float, until: float) -> tuple[int, int] | None:
        """The lowest and the highest number of batches submitted from ``since`` on and before ``until``."""

    def attempts(self, batch: int, row: int) -> list[Attempt]:
        """Everything that became of a message, oldest first."""

    def result(self, batch: int) -> tuple[int | None, bool] | None:
        """The number of a batch's result file, and whether it is final; None where it has none."""

    def newest(self, account: int | None, before: int, limit: int) -> list[Batch]:
        """Batches with numbers below ``before``, the newest first; of an account, or of all."""
