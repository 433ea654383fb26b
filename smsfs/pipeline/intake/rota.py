"""Several files are read by turns: a small one is done while a large one of another account is under way.

Accounts take turns by what reading their files has taken so far. Of one account small files and a step of
its large one alternate, so that neither waits for all of the other. A file that has begun is never held up
for long, however many new ones come.
"""

import time
from collections.abc import Callable, Generator
from contextlib import suppress

from attrs import define

from smsfs.errors import StoreUnavailable
from smsfs.pipeline.intake.reader import Intake
from smsfs.pipeline.turns import Fresh, Turns
from smsfs.store import Batch, Lane, Store

#: A file is read for so long before it is another's turn.
STEP_SECONDS = 0.05
#: A file that has begun goes on at least so often.
PATIENCE_SECONDS = 1.0
#: Large files that are under way at a time, and files of any size: each takes some megabytes.
MOST_LARGE, MOST_HELD = 4, 8


@define(eq=False)
class _Held:
    """A file under way, and when it was last worked on."""

    lane: Lane
    batch: Batch
    reading: Generator[None, None, None]
    last: float


class Rota:
    """Reads whatever is due, a step at a time.

    Args:
        store: where files are.
        intake: reads one of them.
        weight: of an account.
        mark: called with the number of the batch that is being worked on, and with 0 afterwards.
        is_full: whether this process has all the memory that it may have.
        timer: seconds, from any start.

    Attributes:
        next_time: when, by what was seen last, the next file is due; None when there was none.
    """

    def __init__(
        self,
        store: Store,
        intake: Intake,
        weight: Callable[[int], float],
        mark: Callable[[int], None] = lambda _: None,
        is_full: Callable[[], bool] = lambda: False,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store, self._intake, self._weight = store, intake, weight
        self._mark, self._is_full, self._timer = mark, is_full, timer
        self._turns, self._fresh = Turns(), Fresh(timer)
        self._held: list[_Held] = []
        self._due: set[Lane] = set()
        self.next_time: float | None = None
        #: Accounts whose last turn was a small file.
        self._had_small: set[int] = set()

    def step(self) -> bool:
        """Do a step of reading; whether there was anything to do.

        Raises:
            StoreUnavailable: as for ``Intake.step``.
            ReaderSpentError: as for ``Intake.reading``.
        """
        self._look()
        overdue = self._overdue()
        account = overdue.lane.principal if overdue else self._turns.next(self._waiting())
        if account is None:
            return False
        began = self._timer()
        if held := overdue or self._pick(account):
            self._work(held)
        self._turns.charge(account, self._timer() - began, self._weight(account))
        return True

    def close(self) -> None:
        """Give back what is under way: the next reader reads it again."""
        with suppress(StoreUnavailable):
            for held in self._held:
                held.reading.close()
                self._intake.give_back(held.batch)
        self._held.clear()

    # -- whose turn it is -----------------------------------------------------------------------------

    def _look(self) -> None:
        """See whose files are due."""
        if self._fresh.is_over() or not self._waiting():
            began = self._timer()
            self._intake.mind_clock()
            lanes, now = self._store.queue.lanes(), self._store.now()
            self._due = {lane for lane, time in lanes.items() if time <= now}
            self.next_time = min(lanes.values(), default=None)
            self._had_small &= {lane.principal for lane in self._due}
            self._fresh.looked(began)

    def _overdue(self) -> _Held | None:
        before = self._timer() - PATIENCE_SECONDS
        return min((held for held in self._held if held.last < before), key=_last, default=None)

    def _waiting(self) -> set[int]:
        """The accounts that have something to be done now."""
        return {held.lane.principal for held in self._held} | {
            lane.principal for lane in self._due if self._has_room(lane)
        }

    def _has_room(self, lane: Lane) -> bool:
        large = [held.lane for held in self._held if held.lane.large]
        if lane.large and (len(large) >= MOST_LARGE or lane in large):
            return False
        return len(self._held) < MOST_HELD

    def _pick(self, account: int) -> _Held | None:
        """What is worked on in an account's turn: by turns a small file, and what takes longer.

        None when another reader was quicker.
        """
        choices = [self._new_small, self._longer]
        if account in self._had_small:
            choices.reverse()
        return next(filter(None, (choice(account) for choice in choices)), None)

    def _new_small(self, account: int) -> _Held | None:
        self._had_small.add(account)
        return self._begin(Lane(account, large=False))

    def _longer(self, account: int) -> _Held | None:
        """What has begun, or else a large file."""
        self._had_small.discard(account)
        begun = [held for held in self._held if held.lane.principal == account]
        return min(begun, key=_last) if begun else self._begin(Lane(account, large=True))

    def _begin(self, lane: Lane) -> _Held | None:
        """Take a file of a lane, if one is due and there is room for it."""
        batch = self._intake.claim(lane) if lane in self._due and self._has_room(lane) else None
        if batch is None:
            if self._has_room(lane):
                self._due.discard(lane)
            return None
        if not batch.more:
            self._due.discard(lane)
        held = _Held(lane, batch, self._intake.reading(batch), self._timer())
        self._held.append(held)
        return held

    # -- working --------------------------------------------------------------------------------------

    def _work(self, held: _Held) -> None:
        """Work on a file for a while; on its first step too, as long as it is not done."""
        self._mark(held.batch.id)
        ended = self._ends_before(self._timer() + STEP_SECONDS, held.reading)
        self._mark(0)
        held.last = self._timer()
        if ended:
            self._held.remove(held)

    def _ends_before(self, end: float, reading: Generator[None, None, None]) -> bool:
        """Go on with it, at least for a moment; whether it came to its end."""
        for _ in reading:
            if self._is_full():
                reading.throw(MemoryError())
            if self._timer() >= end:
                return False
        return True


def _last(held: _Held) -> float:
    return held.last
