"""What operators order about messages that a dispatcher has: those that have not left are called back.

What is claimed after an order never holds a message that it concerns (``smsfs/store/orders.py``). So this is
about what was claimed before, some of which may still be on its way from the store to here.
"""

import asyncio
from collections.abc import Mapping, Sequence

from smsfs.backends import Envelope
from smsfs.pipeline.dispatch.held import Held
from smsfs.pipeline.dispatch.recorder import Recorder
from smsfs.pipeline.dispatch.routes import Route
from smsfs.store import Order, Process, Slice, Store
from smsfs.store.orders import touched

#: Orders are remembered of so many batches: for longer than a claim is on its way.
REMEMBERED = 1000


class Recalls:
    """Carries out orders for one dispatcher.

    Args:
        store: where they are given.
        owner: the dispatcher.
        routes: its ways out.
        recorder: has what the dispatcher has.

    Attributes:
        recorder: the same.
    """

    def __init__(self, store: Store, owner: Process, routes: Mapping[str, Route], recorder: Recorder) -> None:
        self._store, self._owner, self._routes, self.recorder = store, owner, routes, recorder
        self._orders: dict[int, list[Order]] = {}
        self._seen = 0

    def start(self) -> None:
        """Get ready, before the first claim: what was ordered so far concerns nothing that is claimed now.

        Raises:
            StoreUnavailable: it is to be called again.
        """
        self._seen = self._store.orders.newest()
        self._store.orders.seen(self._owner, self._seen)

    async def look(self) -> None:
        """Carry out what was ordered since the last look, and say so.

        Raises:
            StoreUnavailable: the next look does.
        """
        new = await asyncio.to_thread(self._store.orders.since, self._seen)
        self._remember(new)
        for held in self.recorder.held:
            self._call_back(held)
        if new:
            await self.recorder.recorded()
            await asyncio.to_thread(self._store.orders.seen, self._owner, new[-1].id)
            self._seen = new[-1].id

    def mark(self, held: Held) -> None:
        """Mark those messages of a slice that an order concerns: they are not to be handed to a backend."""
        known = self._orders.get(held.slice.batch)
        if known:
            is_meant = touched(known, held.slice)
            held.recalled |= {row for row, item in held.waiting.items() if is_meant(row, item.recipient)}

    def _call_back(self, held: Held) -> None:
        self.mark(held)
        route = self._routes.get(held.slice.backend)
        keys = {key_of(held.slice, row) for row in held.recalled if row in held.waiting}
        if keys and route:

            def is_meant(envelope: Envelope) -> bool:
                return envelope.key in keys

            route.backend.recall(is_meant)

    def _remember(self, new: Sequence[Order]) -> None:
        for order in new:
            known = self._orders.setdefault(order.batch, [])
            if order not in known:  # it was read before the store went away
                known.append(order)
        while len(self._orders) > REMEMBERED:
            del self._orders[next(iter(self._orders))]


def key_of(slice_: Slice, row: int) -> str:
    """The key under which backends get a message of a slice."""
    return f"{slice_.batch}-{row}"
