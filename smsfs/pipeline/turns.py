"""Whose turn it is: waiting accounts share what there is by their weight, and none saves up for later."""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from smsfs.dialects import Dialect
from smsfs.dialects.settings import settings_of
from smsfs.store import Account, Process, Slice, Store

#: How often to look up which accounts have something waiting, while any has.
LOOK_SECONDS = 0.1
#: At most a tenth of the time goes into looking, however many accounts there are.
LOOK_PART = 10
#: What sending a slice takes beside its messages, in messages.
SLICE_COST = 10

#: An account's weight is looked up anew after so many seconds.
FRESH_SECONDS = 5.0
#: Accounts that are remembered though nothing of theirs waits.
REMEMBERED = 10_000


class Turns:
    """Stride scheduling: next is the one that has used least, for its weight, since it began to wait.

    One that comes back after a while begins where the others are: it is not owed what it did not use.
    """

    def __init__(self) -> None:
        self._used: dict[int, float] = {}
        self._floor = 0.0

    def next(self, waiting: Iterable[int]) -> int | None:
        """Which of those that wait has its turn; None when there is none."""
        for who in (waiting := list(waiting)):
            self._used[who] = max(self._used.get(who, 0.0), self._floor)
        chosen = min(waiting, key=lambda who: (self._used[who], who), default=None)
        if chosen is not None:
            self._floor = self._used[chosen]
        return chosen

    def charge(self, who: int, cost: float, weight: float) -> None:
        """Note what a turn took, in any unit that all turns are measured in."""
        self._used[who] = max(self._used.get(who, 0.0), self._floor) + cost / weight
        if len(self._used) > REMEMBERED:
            self._used = {one: used for one, used in self._used.items() if used > self._floor}


class Weights:
    """The weight of each account, from its setting; looked up now and then.

    Args:
        store: where accounts are.
        dialect: finds a dialect by name.
    """

    def __init__(self, store: Store, dialect: Callable[[str], Dialect]) -> None:
        self._store, self._dialect = store, dialect
        self._known: Mapping[int, float] = {}
        self._stale = float("-inf")

    def __call__(self, account: int) -> float:
        """How much of what there is goes to it, beside others; 1 if the account is gone.

        Raises:
            StoreUnavailable: the store is away.
        """
        now = self._store.now()
        if not self._stale - FRESH_SECONDS <= now < self._stale:
            self._known = {each.id: self._weight(each) for each in self._store.accounts.all()}
            self._stale = now + FRESH_SECONDS
        return self._known.get(account, 1.0)

    def _weight(self, account: Account) -> float:
        settings: Mapping[str, Any] = settings_of(self._dialect(account.dialect), account.settings)
        return float(settings["weight"])


def equal(account: int) -> float:
    """The weight of every account where none has one of its own."""
    del account
    return 1.0


class Fresh:
    """Says when to look again: not too often, and never for long in proportion to what looking takes."""

    def __init__(self, timer: Callable[[], float]) -> None:
        self._timer = timer
        self._next = float("-inf")

    def is_over(self) -> bool:
        """Whether to look."""
        return self._timer() >= self._next

    def looked(self, began: float) -> None:
        """Note a look that lasted from ``began`` until now."""
        now = self._timer()
        self._next = now + max(LOOK_SECONDS, LOOK_PART * (now - began))


class SliceTurns:
    """Claims slices for a backend, of one account after the other.

    Of each account it is by turns the slice that waits longest and the earliest part of any file.

    Args:
        store: where they are.
        backend: for which.
        weight: of an account.
        timer: seconds, from any start.
    """

    def __init__(
        self,
        store: Store,
        backend: str,
        weight: Callable[[int], float] = equal,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store, self._backend, self._weight, self._timer = store, backend, weight, timer
        self._turns, self._fresh = Turns(), Fresh(timer)
        self._due: set[int] = set()
        self._earliest: set[int] = set()

    def claim(self, owner: Process, now: float) -> Slice | None:
        """Take the next slice that is due.

        Raises:
            StoreUnavailable: the store is away.
        """
        if not self._due or self._fresh.is_over():
            self._look(now)
        while (account := self._turns.next(self._due)) is not None:
            if slice_ := self._claim_of(account, owner, now):
                return slice_
            self._due.discard(account)
        return None

    def _look(self, now: float) -> None:
        began = self._timer()
        self._due = set(self._store.queue.principals(self._backend, now))
        self._earliest &= self._due
        self._fresh.looked(began)

    def _claim_of(self, account: int, owner: Process, now: float) -> Slice | None:
        oldest, backend = account not in self._earliest, self._backend
        weight = self._weight(account)
        slice_ = self._store.queue.claim_slice(owner, backend, now, oldest=oldest, principal=account)
        if slice_:
            self._earliest ^= {account}
            if not slice_.more:
                self._due.discard(account)
            self._turns.charge(account, slice_.size + SLICE_COST, weight)
        return slice_
