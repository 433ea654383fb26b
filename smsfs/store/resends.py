"""Rows of a file that an operator sends again: which ones, and the batch that they are now.

The new batch has a file of its own with the bytes of the old one, of which intake takes the chosen rows only.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable
from hashlib import blake2b
from typing import Protocol

from attrs import frozen

from smsfs.states import BatchState
from smsfs.store.audit import NewEntry
from smsfs.store.files import FileChange

#: Whether rows that are read are still what was chosen: their numbers, and to whom they go.
DIGEST_BYTES = 16


class Rows:
    """Chosen rows, put together one after the other, in their order.

    Args:
        ranges: those to begin with: first and last rows, in their order.
    """

    def __init__(self, ranges: Iterable[tuple[int, int]] = ()) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []
        for first, last in ranges:
            self._firsts.append(first)
            self._lasts.append(last)

    def add(self, row: int) -> None:
        """Choose a row behind the last one."""
        if self._lasts and self._lasts[-1] == row - 1:
            self._lasts[-1] = row
        else:
            self._firsts.append(row)
            self._lasts.append(row)

    def __contains__(self, row: int) -> bool:
        place = bisect_right(self._firsts, row) - 1
        return place >= 0 and row <= self._lasts[place]

    @property
    def ranges(self) -> tuple[tuple[int, int], ...]:
        """Their first and last rows."""
        return tuple(zip(self._firsts, self._lasts, strict=True))


class Tally:
    """Counts rows, and tells by a digest whether others are the same."""

    def __init__(self) -> None:
        self.messages = 0
        self._digest = blake2b(digest_size=DIGEST_BYTES)

    def add(self, row: int, recipient: str) -> None:
        """One more; in the order of rows."""
        self.messages += 1
        self._digest.update(b"%d %s\n" % (row, recipient.encode()))

    def digest(self) -> bytes:
        """The same for the same rows to the same recipients."""
        return self._digest.digest()


@frozen
class NewResend:
    """Rows that are to be sent again.

    Attributes:
        origin: the number of the batch that they are from.
        ranges: first and last rows, in their order.
        messages: how many they are.
        digest: as ``Tally`` has it.
    """

    origin: int
    ranges: tuple[tuple[int, int], ...]
    messages: int
    digest: bytes


@frozen
class Resend(NewResend):
    """Rows that were sent again, as another batch.

    Attributes:
        batch: its number.
        entry: that of the record.
        who: the operator.
        at: when, in seconds since the epoch.
        state: how far reading the new batch is; one that was rejected sent nothing.
    """

    batch: int = 0
    entry: int = 0
    who: str = ""
    at: float = 0.0
    state: BatchState = BatchState.PENDING


class Resends(Protocol):
    """What operators send again."""

    def add(
        self,
        account: int,
        new: NewResend,
        last: int,
        submit: Callable[[FileChange], tuple[int, NewEntry]],
    ) -> Resend:
        """Send rows again, in one commit with the record of that.

        Args:
            account: whose they are.
            new: which ones.
            last: the newest batch that rows of theirs were sent again as, when they were chosen; 0 if none.
            submit: hands a file with their bytes over; gives the number of its batch, and the record.

        Raises:
            StoreConflict: others were sent again since they were chosen, or their batch is gone.
        """

    def of(self, batch: int) -> Resend | None:
        """What a batch sends again; None for any other."""

    def origin(self, origin: int) -> list[Resend]:
        """What was sent again of a batch, oldest first."""

    def has_file(self, file: int) -> bool:
        """Whether a file was made to send rows of another again."""
