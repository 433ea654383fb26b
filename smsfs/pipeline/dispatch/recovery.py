"""After a crash: what dead dispatchers held is taken over, and its fate recorded as unknown."""

from collections.abc import Mapping

import structlog

from smsfs.backends import Unknown
from smsfs.errors import StoreDamaged, StoreUnavailable
from smsfs.pipeline.dispatch.routes import Route, unknown_outcomes
from smsfs.pipeline.slices import DamagedSlice, later, messages_of
from smsfs.store import Abandoned, Process, SetAside, Slice, SliceReport, Store

log = structlog.get_logger()


def set_aside(store: Store, slice_: Slice, why: DamagedSlice, *, in_doubt: bool = False) -> SetAside:
    """Log that nothing more is sent of a slice; return what to record of it."""
    file = {"account": slice_.account, "file": slice_.path, "batch": slice_.batch, "slice": slice_.id}
    rows = f"{slice_.first_row}-{slice_.last_row}"
    log.error("slice_set_aside", **file, rows=rows, messages=slice_.size, reason=str(why))
    return SetAside(str(why), store.now(), in_doubt)


class Recovery:
    """Takes over for a dispatcher.

    Args:
        store: where slices are.
        owner: the dispatcher.
        routes: its ways out.

    Attributes:
        taken: what is being taken over.
    """

    def __init__(self, store: Store, owner: Process, routes: Mapping[str, Route]) -> None:
        self._store, self._owner, self._routes = store, owner, routes
        self.taken: dict[int, Slice] = {}
        self._failed: set[int] = set()

    def step(self) -> None:
        """Take over what dead dispatchers held, and what was being taken over when the store went away.

        Raises:
            StoreUnavailable: some may have been taken over.
        """
        self._store.settle()
        begun = [Abandoned(self._owner.id, slice_) for slice_ in self.taken.values()]
        for dead, slice_ in begun + self._store.queue.abandoned(self._store.alive):
            route = self._routes.get(slice_.backend)
            if route:
                self._try(route, slice_, dead)

    def _try(self, route: Route, slice_: Slice, dead: int) -> None:
        """Take over a slice; one with which that fails holds up no other."""
        try:
            self._take(route, slice_, dead)
        except (StoreUnavailable, StoreDamaged):
            raise
        except Exception:
            if slice_.id not in self._failed:  # once is enough: it is tried again every second
                log.exception("not_taken_over", account=slice_.account, file=slice_.path, slice=slice_.id)
            self._failed.add(slice_.id)

    def _take(self, route: Route, slice_: Slice, dead: int) -> None:
        self.taken[slice_.id] = slice_
        answered = self._store.queue.take_over(slice_, dead, self._owner)
        if answered is not None:
            if dead != self._owner.id:
                who = {"owner": dead, "by": self._owner.id, "backend": slice_.backend}
                log.warning("taken_over", **who, account=slice_.account, file=slice_.path, slice=slice_.id)
            self._resolve(route, slice_, answered)
        del self.taken[slice_.id]

    def _resolve(self, route: Route, slice_: Slice, answered: set[int]) -> None:
        now = self._store.now()
        try:
            left = [message for message in messages_of(slice_) if message.row not in answered]
        except DamagedSlice as exc:
            aside = set_aside(self._store, slice_, exc, in_doubt=True)
            self._store.queue.record(self._owner, [SliceReport(slice_, [], done=True, aside=aside)])
            return
        lost = Unknown("the server stopped before the answer was stored")
        outcomes = [
            outcome
            for message in left
            for outcome in unknown_outcomes(route, message, now, lost, slice_.attempt)
        ]
        again = [later(slice_, left, now)] if left and route.resends else []
        stale = self._store.queue.record(self._owner, [SliceReport(slice_, outcomes, done=True, later=again)])
        action = "resend" if again else "hold"
        event = "stale_write" if stale else "unknown_after_crash"
        file = {"account": slice_.account, "file": slice_.path, "slice": slice_.id}
        log.warning(event, **file, messages=len(left), action=action)
