"""Dispatch: stored messages go to their backends, and what became of them is appended.

A slice is claimed in a commit of its own before its first byte leaves. Answers are appended together,
every 500 of them or 100 ms. What was not answered is ``unknown``: when a dispatcher dies, the next one
finds its claimed slices, and each message in them without an outcome is recorded as unknown before it is
sent again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress

import structlog

from smsfs.errors import StoreDamaged, StoreUnavailable
from smsfs.pipeline.dispatch.arrivals import Arrivals
from smsfs.pipeline.dispatch.breaker import Breaker
from smsfs.pipeline.dispatch.claims import Claims
from smsfs.pipeline.dispatch.counting import begin, measure
from smsfs.pipeline.dispatch.failover import Failover, Gate
from smsfs.pipeline.dispatch.pace import Pace
from smsfs.pipeline.dispatch.recalls import Recalls
from smsfs.pipeline.dispatch.recorder import Recorder
from smsfs.pipeline.dispatch.recovery import Recovery
from smsfs.pipeline.dispatch.routes import BreakerRules, Route, mending
from smsfs.pipeline.dispatch.sender import Sender
from smsfs.pipeline.dispatch.windows import Reopen, never
from smsfs.pipeline.setback import Setback
from smsfs.pipeline.sorting import sort
from smsfs.pipeline.turns import SliceTurns, equal
from smsfs.store import LeaseLostError, Process, Slice, Store

log = structlog.get_logger()


class Dispatcher:
    """Hands queued messages to backends until it is stopped.

    Args:
        store: where they are.
        owner: this process.
        routes: the backends.
        rules: when to leave one of them alone.
        reopen: when messages may be sent whose time is over.
        weight: of an account, beside others that have messages waiting.
        pace: how often it does what.
    """

    def __init__(
        self,
        store: Store,
        owner: Process,
        routes: Iterable[Route],
        rules: BreakerRules | None = None,
        reopen: Reopen = never,
        weight: Callable[[int], float] = equal,
        pace: Pace | None = None,
    ) -> None:
        self._store, self._owner, self._pace = store, owner, pace or Pace()
        self._routes = {route.name: mending(route) for route in routes}
        rules = rules or BreakerRules()
        self._gates = {
            name: Gate(name, route.backend, Breaker(rules.failures, rules.seconds), store.now)
            for name, route in self._routes.items()
        }
        self._failover = Failover(store, owner, self._gates.values())
        self._recovery = Recovery(store, owner, self._routes)
        turns = {name: SliceTurns(store, name, weight) for name in self._routes}
        self._claims = Claims(store, owner, turns, self._recovery.taken, self._pace)
        self._recorder = Recorder(store, owner, self._claims, self._pace)
        self._recalls = Recalls(store, owner, self._routes, self._recorder)
        self._senders = {
            name: Sender(store, owner, route, self._gates[name], self._recalls, reopen, self._pace)
            for name, route in self._routes.items()
        }
        self._arrivals = Arrivals(store, self._recorder.with_answers)
        self._setback = Setback(store, backoff=self._pace.after)
        self._changed = asyncio.Event()
        self._told = asyncio.Event()
        self._ending = asyncio.Event()
        self._lost = False

    def stop(self) -> None:
        """Claim nothing more; ``run`` ends when what is out has been answered."""
        self._ending.set()
        self._changed.set()
        for route in self._routes.values():
            route.backend.finish()

    async def run(self) -> None:
        """Work until ``stop``.

        Raises:
            LeaseLostError: the store was away for too long; claimed slices are for the next process.
        """
        for name in self._routes:
            begin(name)
        starts = [route.backend.start(self._arrivals.of(route.name)) for route in self._routes.values()]
        await asyncio.gather(*starts)
        try:
            await self._recover()
            await self._begin()
            steps = (
                *(self._watch, self._recall_always, self._recover_always, self._fail_over_always),
                self._arrivals.match_always,
            )
            background = [asyncio.create_task(self._keep_up(step)) for step in steps]
            senders = [asyncio.create_task(self._feed(name)) for name in self._routes]
            senders.append(asyncio.create_task(self._end_overdue()))
            await self._until_done(senders, background, asyncio.create_task(self._recorder.run(senders)))
            if self._lost or not self._may_send():
                raise LeaseLostError
        finally:
            for route in self._routes.values():
                await route.backend.stop()

    async def _until_done(
        self,
        senders: list[asyncio.Task[None]],
        background: list[asyncio.Task[None]],
        recorder: asyncio.Task[None],
    ) -> None:
        """Wait for the senders; a failure of any task ends all of them, once what is known is recorded."""
        pending = set(senders)
        try:
            while pending:
                done, _ = await asyncio.wait(
                    {*pending, *background, recorder}, return_when=asyncio.FIRST_COMPLETED
                )
                for task in done:
                    task.result()
                pending -= done
        finally:
            for task in (*senders, *background):
                task.cancel()
            await asyncio.gather(*senders, *background, return_exceptions=True)
            await recorder

    def _may_send(self) -> bool:
        return self._store.holds(self._owner)

    def _goes_on(self) -> bool:
        """Whether to claim more: not once it is stopped, nor ever after a moment in which it might not send.

        A lease that is renewed just in time lets it send again. But what saw that moment has ended, and a
        process in which only the rest went on would stay alive, keep what it holds, and send nothing.
        """
        if not self._may_send():
            self._lost = True
            self._ending.set()
            self._changed.set()
        return not self._ending.is_set()

    async def _watch(self) -> None:
        while True:
            try:
                if await asyncio.to_thread(self._store.changed, self._pace.poll, "messages"):
                    self._changed.set()
                self._told.set()
            except StoreUnavailable:
                await asyncio.sleep(self._pace.recover)

    async def _begin(self) -> None:
        """Claim nothing before it is known what operators ordered and paused."""
        while not self._ending.is_set():
            with suppress(StoreUnavailable):
                await asyncio.to_thread(self._failover.obey)
                await asyncio.to_thread(self._recalls.start)
                return
            await asyncio.sleep(self._pace.recover)

    async def _recall_always(self) -> None:
        """Carry out operators' orders, as soon as it is told that there may be some."""
        while True:
            await self._told.wait()
            self._told.clear()
            with suppress(StoreUnavailable):
                await self._recalls.look()

    async def _keep_up(self, step: Callable[[], Awaitable[None]]) -> None:
        """Go on with a step that never ends by itself, whatever it meets."""
        while True:
            try:
                await step()
            except StoreDamaged:
                raise  # nothing goes on with that
            except Exception:
                log.exception("step_failed", step=step.__name__, again_in=self._pace.backoff)
                await asyncio.sleep(self._pace.backoff)

    # -- sending --------------------------------------------------------------------------------------

    async def _feed(self, backend: str) -> None:
        """Keep as many slices with a backend as it wants."""
        sending: set[asyncio.Task[None]] = set()
        gate = self._gates[backend]
        while self._goes_on():
            wanted = len(sending) < gate.slices and not gate.paused
            slice_ = await self._claims.next(backend) if wanted else None
            if slice_:
                sending.add(asyncio.create_task(self._send(backend, slice_)))
            else:
                await self._idle(backend, sending)
            for task in [task for task in sending if task.done()]:
                task.result()
                sending.discard(task)
        for task in sending:
            await task

    async def _send(self, backend: str, slice_: Slice) -> None:
        if not await self._senders[backend].send(slice_):
            await self._claims.release(slice_)

    async def _end_overdue(self) -> None:
        """End messages when their time is over, also where the backend takes none and nothing is claimed."""
        backend = next(iter(self._routes))  # which one does not matter: nothing is sent
        while self._goes_on():
            slice_ = await self._claims.overdue()
            if slice_:
                await self._send(backend, slice_)
            else:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._ending.wait(), self._pace.overdue)

    async def _idle(self, backend: str, sending: set[asyncio.Task[None]]) -> None:
        """Wait until there may be something to do: a commit, a slice that came due, an answer."""
        pace, gate = self._pace, self._gates[backend]
        if len(sending) >= gate.slices > 0:  # whatever is due has to wait
            await asyncio.wait(sending, timeout=pace.recover, return_when=asyncio.FIRST_COMPLETED)
            return
        now, due = self._store.now(), None
        with suppress(StoreUnavailable):
            due = await asyncio.to_thread(self._store.queue.next_time, backend)
        at = max(due if due is not None else now + pace.recover, gate.paused_until)
        self._changed.clear()
        change = asyncio.create_task(self._changed.wait())
        at = at if gate.slices else now + pace.poll
        timeout = min(pace.recover, max(0.01, at - now))
        await asyncio.wait({change, *sending}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        change.cancel()

    # -- after a crash ------------------------------------------------------------------------------------

    async def _recover_always(self) -> None:
        while True:
            await asyncio.sleep(self._pace.recover)
            await self._recover()

    async def _recover(self) -> None:
        with suppress(StoreUnavailable):  # what is left is for the next time
            if back := self._setback.seconds():
                self._recorder.set_back(back)
                self._failover.set_back(back)
            await asyncio.to_thread(self._setback.mend)
            await asyncio.to_thread(self._recovery.step)
            await asyncio.to_thread(sort, self._store)

    async def _fail_over_always(self) -> None:
        while True:
            await self._fail_over()
            await asyncio.sleep(self._pace.recover)

    async def _fail_over(self) -> None:
        """Report how the backends fare, and move what waits for one that is down."""
        for name, gate in self._gates.items():
            measure(name, gate.backend, gate.breaker.now(self._store.now()))
        with suppress(StoreUnavailable):
            await asyncio.to_thread(self._failover.obey)
            if self._failover.look():
                await asyncio.to_thread(self._failover.report)
            if self._may_send():
                await asyncio.to_thread(self._failover.reroute)
