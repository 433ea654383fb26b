"""What waits for a time, and would wait too long once a clock that was ahead is set right."""

from collections.abc import Iterable
from typing import NamedTuple, Protocol

from smsfs.store.slices import Slice


class NewTime(NamedTuple):
    """A slice's number, and when it is due instead, in seconds since the epoch."""

    slice: int
    not_before: float


class Waits(Protocol):
    """Times in a store that come from a clock which may have been ahead."""

    def shorten(self, now: float, retry: float, pause: float) -> int:
        """Bring forward what waits longer than it can have to.

        A file that was never tried is due at once, as are a mail and a receipt; bans and aliases that began
        later than now last as long as they were meant to, from now on. Slices are not among these.

        Args:
            now: the time it is.
            retry: the longest that a file waits to be tried again, in seconds.
            pause: the longest that a result file waits for its next version, in seconds.

        Returns:
            How many rows were changed.
        """

    def slices(self, after: int, now: float, limit: int) -> list[Slice]:
        """Queued slices that are not due yet, by number, from the one behind ``after``."""

    def bring_forward(self, slices: Iterable[NewTime]) -> int:
        """Have queued slices wait until another time; how many still did."""
