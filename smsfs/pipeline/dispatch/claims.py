"""The slices that a dispatcher takes from the store, and gives back when nothing of them was sent."""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from functools import partial

import structlog

from smsfs.errors import StoreUnavailable
from smsfs.pipeline.dispatch.pace import Pace
from smsfs.pipeline.turns import SliceTurns
from smsfs.store import Process, Slice, StaleOwnerError, Store

log = structlog.get_logger()


class Claims:
    """Claims slices, and knows which ones it has.

    A claim may be committed although the store went away before it could say so. Such a slice is with this
    process, which does not know of it: before the next claim for its backend it is given back.

    Args:
        store: where slices are.
        owner: the dispatcher.
        turns: of each backend.
        taken: slices that are being taken over from dead dispatchers.
        pace: how often to try again.
    """

    def __init__(
        self,
        store: Store,
        owner: Process,
        turns: Mapping[str, SliceTurns],
        taken: Collection[int],
        pace: Pace,
    ) -> None:
        self._store, self._owner, self._turns, self._taken, self._pace = store, owner, turns, taken, pace
        self._known: set[int] = set()
        self._in_doubt: set[str] = set()

    async def next(self, backend: str) -> Slice | None:
        """Claim the next slice for a backend; None when there is none or the store is away."""
        return await self._claim(partial(self._next, backend), [backend])

    async def overdue(self) -> Slice | None:
        """Claim a slice of any backend whose time is over."""
        return await self._claim(self._store.queue.claim_overdue, self._turns)

    async def _claim(
        self, claim: Callable[[Process, float], Slice | None], backends: Iterable[str]
    ) -> Slice | None:
        """Claim a slice of one of these backends."""
        try:
            slice_ = await asyncio.to_thread(claim, self._owner, self._store.now())
        except StoreUnavailable as exc:
            log.warning("store_unavailable", reason=str(exc))
            self._in_doubt.update(backends)
            return None
        if slice_:
            self._known.add(slice_.id)
        return slice_

    def _next(self, backend: str, owner: Process, now: float) -> Slice | None:
        if backend in self._in_doubt:
            self._give_back(backend)
        return self._turns[backend].claim(owner, now)

    def _give_back(self, backend: str) -> None:
        """Give back what was claimed without our knowing: nothing of it was sent."""
        own = self._owner.id
        claimed = self._store.queue.abandoned(lambda: set(self._store.alive()) - {own})
        known = self._known.union(self._taken)
        for owner, slice_ in claimed:
            if (owner, slice_.backend) == (own, backend) and slice_.id not in known:
                log.warning("claim_given_back", account=slice_.account, file=slice_.path, slice=slice_.id)
                with suppress(StaleOwnerError):  # it has just been done
                    self._store.queue.release_slice(slice_, self._owner)
        self._in_doubt.discard(backend)

    async def release(self, slice_: Slice) -> None:
        """Give back a slice of which nothing was sent, however long the store is away."""
        released = False
        while not released:
            try:
                await asyncio.to_thread(self._store.queue.release_slice, slice_, self._owner)
            except StaleOwnerError:
                log.warning("stale_write", account=slice_.account, file=slice_.path, slice=slice_.id)
            except StoreUnavailable as exc:
                log.warning("store_unavailable", reason=str(exc))
                await asyncio.sleep(self._pace.recover)
                continue
            released = True
        self._known.discard(slice_.id)

    def forget(self, ids: Iterable[int]) -> None:
        """Take note that these slices are done."""
        self._known.difference_update(ids)
