"""A clock that was ahead and is set right: nothing waits for a time that it showed by mistake.

What waits is stored with the time when it is due. By a clock that was a day ahead, that is a day later than
meant. So each process of the pipeline looks at its start, and whenever the store's clock goes back, for
what waits longer than it can have to, and brings it forward. Messages that their file gives a time keep it.
"""

import time
from collections.abc import Callable

import structlog

from smsfs.pipeline.slices import DamagedSlice, messages_of
from smsfs.store import NewTime, Slice, Store

#: What a clock may go back without a word, in seconds: two measures of the same clock differ.
LEAST_SECONDS = 1.0
#: When to look again after the clock went back, in seconds: other processes may still write by the old time.
LOOKS = (2.0, 10.0, 40.0, 90.0)
#: The longest that a file waits to be tried again, unless the configuration says so.
RETRY_SECONDS = 1800.0
#: The longest that a result file waits for its next version.
RESULT_SECONDS = 3600.0
PAGE = 200

log = structlog.get_logger()


class Setback:
    """Watches a store's clock for one process.

    Args:
        store: whose clock, and where everything waits.
        retry: the longest that a file waits to be tried again, in seconds.
        backoff: how long a message waits after so many attempts, in seconds; None: leave messages to others.
        timer: seconds, from any start, never set back.
    """

    def __init__(
        self,
        store: Store,
        retry: float = RETRY_SECONDS,
        backoff: Callable[[int], float] | None = None,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store, self._retry, self._backoff, self._timer = store, retry, backoff, timer
        self._latest = float("-inf")
        self._looks = [timer()]
        self._was_back = False

    def seconds(self) -> float:
        """By how much the clock was set back since the last call; 0 where it was not."""
        now, latest = self._store.now(), self._latest
        self._latest = now
        back = latest - now
        if back < LEAST_SECONDS:
            self._latest = max(now, latest)
            return 0.0
        began = self._timer()
        self._looks = [began, *(began + after for after in LOOKS)]
        self._was_back = True
        log.warning("clock_set_back", seconds=round(back, 1))
        return back

    def mend(self) -> None:
        """Bring forward what waits in vain, if it is time to look.

        Raises:
            StoreUnavailable: the store is away; the next call looks again.
        """
        if not self._looks or self._timer() < self._looks[0]:
            return
        now = self._store.now()
        changed = self._store.waits.shorten(now, self._retry, 0.0 if self._was_back else RESULT_SECONDS)
        changed += self._mend_slices(now)
        if changed:
            log.warning("waits_shortened", rows=changed)
        self._looks = [look for look in self._looks[1:] if look > self._timer()]

    def step(self) -> float:
        """Watch, and mend; by how much the clock was set back.

        Raises:
            StoreUnavailable: as for ``mend``.
        """
        back = self.seconds()
        self.mend()
        return back

    def _mend_slices(self, now: float) -> int:
        after, changed = 0, 0
        while self._backoff and (page := self._store.waits.slices(after, now, PAGE)):
            due = {item.id: _due(item, now, self._backoff) for item in page}
            late = [NewTime(item.id, due[item.id]) for item in page if due[item.id] < item.not_before]
            changed += self._store.waits.bring_forward(late) if late else 0
            after = page[-1].id
        return changed


def _due(slice_: Slice, now: float, backoff: Callable[[int], float]) -> float:
    """When a slice should be sent at the latest."""
    try:
        first = messages_of(slice_)[0]
    except DamagedSlice:  # the dispatcher that sends it sets it aside
        return slice_.not_before
    if first.until or first.due > now:  # the time that its file gives it
        return slice_.not_before
    return now + backoff(slice_.attempt) if slice_.attempt else now
