"""Which dialects there are accounts of: what is only for others is left alone, and is not imported."""

import time
from collections.abc import Callable, Iterator

from smsfs.dialects import Dialect
from smsfs.store import Store

#: How long the first account of a dialect may wait to be noticed.
LOOK_SECONDS = 10.0


class DialectsInUse:
    """Their names, whenever it is looped over; asks the store now and then.

    Args:
        store: of the accounts.
        dialect: finds a dialect by name.
        fits: which of them are wanted.
        clock: seconds.
    """

    def __init__(
        self,
        store: Store,
        dialect: Callable[[str], Dialect],
        fits: Callable[[Dialect], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store, self._dialect, self._fits, self._clock = store, dialect, fits, clock
        self._names: list[str] = []
        self._next = float("-inf")

    def __iter__(self) -> Iterator[str]:
        """Go through them in order."""
        if self._clock() >= self._next:
            found = {account.dialect for account in self._store.accounts.all()}
            self._names = [name for name in sorted(found) if self._fits(self._dialect(name))]
            self._next = self._clock() + LOOK_SECONDS
        return iter(self._names)
