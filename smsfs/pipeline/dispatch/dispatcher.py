"""Dispatch: stored messages go to their backends, and what became of them is appended.

A slice is claimed in a commit of its own before its first byte leaves. Answers are appended together,
every 500 of them or 100 ms. What was not answered is ``unknown``: when a dispatcher dies, the next one
finds its claimed slices, and each message in them without an outcome is recorded as unknown before it is
sent again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress

import structlog

from smsfs.backends import Answer, Envelope, NotTaken, Throttled, Unknown
from smsfs.errors import StoreDamaged, StoreUnavailable
from smsfs.pipeline.dispatch.arrivals import Arrivals
from smsfs.pipeline.dispatch.breaker import Breaker
from smsfs.pipeline.dispatch.failover import Failover, Gate
from smsfs.pipeline.dispatch.held import Held
from smsfs.pipeline.dispatch.recovery import Recovery, set_aside
from smsfs.pipeline.dispatch.routes import BreakerRules, Route, mending, unknown_outcomes, unknown_report
from smsfs.pipeline.dispatch.windows import Reopen, never, over
from smsfs.pipeline.outcomes import of_answer
from smsfs.pipeline.setback import Setback
from smsfs.pipeline.slices import DamagedSlice, messages_of
from smsfs.pipeline.turns import SliceTurns, equal
from smsfs.sms.message import Message
from smsfs.store import LeaseLostError, Outcome, Owner, Slice, SliceReport, StaleOwnerError, Store
from smsfs.store.claims import recipient_key

FLUSH_ANSWERS = 500
FLUSH_SECONDS = 0.1
POLL_SECONDS = 0.25
RECOVER_SECONDS = 1.0
#: How late messages are ended at most whose time is over while nothing is claimed for their backend.
OVERDUE_SECONDS = 2.0
BACKOFF_SECONDS = 5.0
BACKOFF_CEILING = 900.0

log = structlog.get_logger()


def backoff(attempt: int) -> float:
    """Seconds to wait after an attempt, counted from 1, was told "not now"."""
    doublings = min(attempt - 1, 16)  # far beyond the ceiling, and far below what a float cannot hold
    return min(BACKOFF_SECONDS * 2.0**doublings, BACKOFF_CEILING)


class Dispatcher:
    """Hands queued messages to backends until it is stopped.

    Args:
        store: where they are.
        owner: this process.
        routes: the backends.
        rules: when to leave one of them alone.
        reopen: when messages may be sent whose time is over.
        weight: of an account, beside others that have messages waiting.
    """

    def __init__(
        self,
        store: Store,
        owner: Owner,
        routes: Iterable[Route],
        rules: BreakerRules | None = None,
        reopen: Reopen = never,
        weight: Callable[[int], float] = equal,
    ) -> None:
        self._store = store
        self._owner = owner
        self._routes: Mapping[str, Route] = {route.name: mending(route) for route in routes}
        rules = rules or BreakerRules()
        self._gates = {
            name: Gate(name, route.backend, Breaker(rules.failures, rules.seconds), store.now)
            for name, route in self._routes.items()
        }
        self._failover = Failover(store, owner, self._gates.values())
        self._claims = {name: SliceTurns(store, name, weight) for name in self._routes}
        self._arrivals = Arrivals(store)
        self._reopen = reopen
        self._held: list[Held] = []
        self._answers = 0
        self._changed = asyncio.Event()
        self._answered = asyncio.Event()
        self._stopping = asyncio.Event()
        self._pause_until: dict[str, float] = {}
        self._known: set[int] = set()
        self._recovery = Recovery(store, owner, self._routes)
        self._setback = Setback(store, backoff=backoff)
        self._in_doubt: set[str] = set()

    def stop(self) -> None:
        """Claim nothing more; ``run`` ends when what is out has been answered."""
        self._stopping.set()
        self._changed.set()
        for route in self._routes.values():
            route.backend.finish()

    async def run(self) -> None:
        """Work until ``stop``.

        Raises:
            LeaseLostError: the store was away for too long; claimed slices are for the next process.
        """
        starts = [route.backend.start(self._arrivals.of(route.name)) for route in self._routes.values()]
        await asyncio.gather(*starts)
        try:
            await self._recover()
            steps = (self._watch, self._recover_always, self._fail_over_always, self._arrivals.match_always)
            background = [asyncio.create_task(self._keep_up(step)) for step in steps]
            senders = [asyncio.create_task(self._feed(route)) for route in self._routes.values()]
            senders.append(asyncio.create_task(self._end_overdue()))
            await self._until_done(senders, background, asyncio.create_task(self._flush_while(senders)))
            if not self._may_send():
                raise LeaseLostError(
                    "This process was out of touch with the store; it goes on under a new term."
                )
        finally:
            for route in self._routes.values():
                await route.backend.stop()

    async def _until_done(
        self,
        senders: list[asyncio.Task[None]],
        background: list[asyncio.Task[None]],
        flusher: asyncio.Task[None],
    ) -> None:
        """Wait for the senders; a failure of any task ends all of them, once what is known is recorded."""
        pending = set(senders)
        try:
            while pending:
                done, _ = await asyncio.wait(
                    {*pending, *background, flusher}, return_when=asyncio.FIRST_COMPLETED
                )
                for task in done:
                    task.result()
                pending -= done
        finally:
            for task in (*senders, *background):
                task.cancel()
            await asyncio.gather(*senders, *background, return_exceptions=True)
            await flusher

    def _may_send(self) -> bool:
        return self._store.holds(self._owner)

    async def _watch(self) -> None:
        while True:
            try:
                if await asyncio.to_thread(self._store.changed, POLL_SECONDS):
                    self._changed.set()
            except StoreUnavailable:
                await asyncio.sleep(RECOVER_SECONDS)

    async def _keep_up(self, step: Callable[[], Awaitable[None]]) -> None:
        """Go on with a step that never ends by itself, whatever it meets."""
        while True:
            try:
                await step()
            except StoreDamaged:
                raise  # nothing goes on with that
            except Exception:
                log.exception("step_failed", step=step.__name__, again_in=BACKOFF_SECONDS)
                await asyncio.sleep(BACKOFF_SECONDS)

    # -- sending --------------------------------------------------------------------------------------

    async def _feed(self, route: Route) -> None:
        """Keep as many slices with a backend as it wants."""
        sending: set[asyncio.Task[None]] = set()
        gate = self._gates[route.name]
        while self._may_send() and not self._stopping.is_set():
            slice_ = await self._claim(route) if len(sending) < gate.slices else None
            if slice_:
                sending.add(asyncio.create_task(self._send(route, slice_)))
            else:
                await self._idle(route, sending)
            for task in [task for task in sending if task.done()]:
                task.result()
                sending.discard(task)
        for task in sending:
            await task

    async def _claim(self, route: Route) -> Slice | None:
        now = self._store.now()
        if self._pause_until.get(route.name, 0) > now:
            return None
        try:
            if route.name in self._in_doubt:
                await asyncio.to_thread(self._give_back, route)
            slice_ = await asyncio.to_thread(self._claims[route.name].claim, self._owner, now)
        except StoreUnavailable as exc:
            log.warning("store_unavailable", reason=str(exc))
            self._in_doubt.add(route.name)
            return None
        if slice_:
            self._known.add(slice_.id)
        return slice_

    async def _end_overdue(self) -> None:
        """End messages when their time is over, also where the backend takes none and nothing is claimed."""
        route = next(iter(self._routes.values()))  # which one does not matter: nothing is sent
        while self._may_send() and not self._stopping.is_set():
            slice_ = await self._claim_overdue()
            if slice_:
                await self._send(route, slice_)
            else:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), OVERDUE_SECONDS)

    async def _claim_overdue(self) -> Slice | None:
        try:
            slice_ = await asyncio.to_thread(self._store.queue.claim_overdue, self._owner, self._store.now())
        except StoreUnavailable as exc:
            log.warning("store_unavailable", reason=str(exc))
            self._in_doubt.update(self._routes)
            return None
        if slice_:
            self._known.add(slice_.id)
        return slice_

    def _give_back(self, route: Route) -> None:
        """Give back what was claimed though the store did not come to say so: nothing of it was sent."""
        own = self._owner.id
        claimed = self._store.queue.abandoned(lambda: set(self._store.alive()) - {own})
        known = self._known | self._recovery.taken.keys()
        for owner, slice_ in claimed:
            if (owner, slice_.backend) == (own, route.name) and slice_.id not in known:
                log.warning("claim_given_back", account=slice_.account, file=slice_.path, slice=slice_.id)
                with suppress(StaleOwnerError):  # it has just been done
                    self._store.queue.release_slice(slice_, self._owner)
        self._in_doubt.discard(route.name)

    async def _idle(self, route: Route, sending: set[asyncio.Task[None]]) -> None:
        """Wait until there may be something to do: a commit, a slice that came due, an answer."""
        now, due = self._store.now(), None
        with suppress(StoreUnavailable):
            due = await asyncio.to_thread(self._store.queue.next_time, route.name)
        at = max(due if due is not None else now + RECOVER_SECONDS, self._pause_until.get(route.name, 0))
        self._changed.clear()
        change = asyncio.create_task(self._changed.wait())
        wanted = self._gates[route.name].slices
        full = len(sending) >= wanted > 0
        at = at if wanted else now + POLL_SECONDS
        timeout = RECOVER_SECONDS if full else min(RECOVER_SECONDS, max(0.01, at - now))
        await asyncio.wait(
            sending if full else {change, *sending}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED
        )
        change.cancel()

    async def _send(self, route: Route, slice_: Slice) -> None:
        try:
            messages = messages_of(slice_)
        except DamagedSlice as exc:
            self._held.append(Held(slice_, {}, done=True, aside=set_aside(self._store, slice_, exc)))
            self._answered.set()
            return
        held = Held(slice_, {message.row: message for message in messages})
        self._held.append(held)
        if slice_.expires <= self._store.now():
            await self._time_over(route, held, messages)
        else:
            await self._submit(route, held, self._envelopes(slice_, messages))
        if held.untouched:
            self._held.remove(held)
            await self._release(slice_)
            return
        held.done = True
        self._answered.set()

    async def _release(self, slice_: Slice) -> None:
        """Give a slice back of which nothing was sent, however long the store is away."""
        released = False
        while not released:
            try:
                await asyncio.to_thread(self._store.queue.release_slice, slice_, self._owner)
            except StaleOwnerError:
                log.warning("stale_write", account=slice_.account, file=slice_.path, slice=slice_.id)
            except StoreUnavailable as exc:
                log.warning("store_unavailable", reason=str(exc))
                await asyncio.sleep(RECOVER_SECONDS)
                continue
            released = True
        self._known.discard(slice_.id)

    def _envelopes(self, slice_: Slice, messages: list[Message]) -> list[Envelope]:
        left = slice_.expires - self._store.now()
        file = slice_.account, slice_.path, slice_.submitted, slice_.attempt
        times = slice_.expires, left
        return [Envelope(f"{slice_.batch}-{message.row}", *file, message, *times) for message in messages]

    async def _time_over(self, route: Route, held: Held, messages: list[Message]) -> None:
        """Give a slice up whose time is over, or put it back for when it may be sent instead."""
        now, slice_ = self._store.now(), held.slice
        held.waiting.clear()
        try:
            window = (
                await asyncio.to_thread(self._reopen, slice_, messages, now) if messages[0].until else None
            )
        except StoreUnavailable:
            window = now + RECOVER_SECONDS, slice_.expires
        outcomes, held.moved = over(slice_, messages, now, window, self._gates[route.name].state(now).reason)
        held.ready += outcomes
        if window is None:
            held.freed = [(message.row, recipient_key(message.recipient)) for message in messages]
        log.warning(
            outcomes[0].event, account=slice_.account, file=slice_.path, messages=len(messages), window=window
        )

    async def _submit(self, route: Route, held: Held, envelopes: list[Envelope]) -> None:
        """Hand a slice over; to a backend that was in trouble, its first message to begin with."""
        gate = self._gates[route.name]
        if gate.probing:
            await self._hand_over(route, held, envelopes[:1], probe=True)
            envelopes = envelopes[1:]
        if held.untouched:
            return
        if gate.closed and envelopes:
            await self._hand_over(route, held, envelopes)
            return
        if gate.probing:  # it said "not now", and the next slice would fare no better
            self._pause(route, BACKOFF_SECONDS)
        for envelope in envelopes:  # nobody was asked about these: there is nothing to be recorded
            del held.waiting[envelope.message.row]
            self._later(route, held, envelope.message, 0)

    async def _hand_over(
        self, route: Route, held: Held, envelopes: list[Envelope], *, probe: bool = False
    ) -> None:
        gate = self._gates[route.name]

        def answer(envelope: Envelope, what: Answer) -> None:
            if held.waiting.pop(envelope.message.row, None):
                gate.answered(what, probe=probe)
                self._answer(route, held, envelope, what)

        what, counts = Unknown("the backend gave no answer"), True
        try:
            await route.backend.submit(envelopes, answer, lambda: self._may_send() and not gate.open)
        except NotTaken as exc:
            self._not_taken(route, held, envelopes, exc)
            return
        except Exception as exc:
            log.exception(
                "backend_failed", backend=route.name, account=held.slice.account, file=held.slice.path
            )
            what, counts = Unknown(f"the backend failed: {exc}"), False
            gate.failed(what.reason, probe=probe)
        for envelope in [item for item in envelopes if item.message.row in held.waiting]:
            del held.waiting[envelope.message.row]
            if counts:
                gate.answered(what, probe=probe)
            self._answer(route, held, envelope, what)

    def _not_taken(self, route: Route, held: Held, envelopes: list[Envelope], exc: NotTaken) -> None:
        """Nothing of what is waiting has left, and nobody has to be told."""
        log.debug("not_taken", backend=route.name, file=held.slice.path, reason=str(exc))
        self._pause(route, BACKOFF_SECONDS)
        if len(held.waiting) == held.slice.size:
            held.untouched = True
            return
        for envelope in [item for item in envelopes if item.message.row in held.waiting]:
            del held.waiting[envelope.message.row]
            self._later(route, held, envelope.message, 0)

    def _answer(self, route: Route, held: Held, envelope: Envelope, what: Answer) -> None:
        message, now, attempt = envelope.message, self._store.now(), held.slice.attempt
        if isinstance(what, Throttled):
            held.again_outcomes.append(Outcome(message.row, "not_now", now, attempt=attempt))
            self._later(route, held, message, what.retry_after)
        elif isinstance(what, Unknown):
            held.again_outcomes += unknown_outcomes(route, message, now, what, attempt)
            if route.resends:
                self._resend(held, message)
        else:
            held.ready += of_answer(what, message, now, attempt, traceable=route.backend.traceable)
        self._answers += 1
        if self._answers % FLUSH_ANSWERS == 0:
            self._answered.set()

    def _later(self, route: Route, held: Held, message: Message, wait: float) -> None:
        at = self._store.now() + max(wait, backoff(held.slice.attempt))
        held.again.append(message)
        held.again_after = max(held.again_after, at)
        if wait:
            self._pause(route, wait)

    def _pause(self, route: Route, wait: float) -> None:
        until = self._store.now() + wait
        self._pause_until[route.name] = max(self._pause_until.get(route.name, 0), until)

    def _resend(self, held: Held, message: Message) -> None:
        held.resent.append(message)
        held.again_after = max(held.again_after, self._store.now() + backoff(held.slice.attempt))

    # -- recording --------------------------------------------------------------------------------------

    async def _flush_while(self, senders: list[asyncio.Task[None]]) -> None:
        """Record answers as they come, the last ones too: to lose one is to send its message again."""
        ended = False
        while not ended:
            ended = all(sender.done() for sender in senders)
            if not ended:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._answered.wait(), FLUSH_SECONDS)
                self._answered.clear()
            await self._flush()

    async def _flush(self) -> None:
        held = [item for item in self._held if item.ready or item.done]
        if not held:
            return
        reports = [item.report() for item in held]
        self._held = [item for item in self._held if not item.done]
        stale_ones = await self._record(reports)
        self._known -= {report.slice.id for report in reports if report.done}
        for stale in stale_ones:
            log.warning(
                "stale_write", account=stale.account, file=stale.path, slice=stale.id, attempt=stale.attempt
            )

    async def _record(self, reports: list[SliceReport]) -> list[Slice]:
        """Append, however long the store is away: these answers are known nowhere else."""
        while True:
            try:
                return await asyncio.to_thread(self._store.queue.record, self._owner, reports)
            except StoreUnavailable as exc:
                log.warning(
                    "store_unavailable", reason=str(exc), answers=sum(len(r.outcomes) for r in reports)
                )
                await asyncio.sleep(RECOVER_SECONDS)
            except StoreDamaged:
                raise
            except Exception:
                if len(reports) > 1:  # each by itself: what is wrong with one holds up no other
                    return [stale for report in reports for stale in await self._record([report])]
                log.exception("not_recorded", **_place(reports[0].slice))
                reports = [unknown_report(reports[0], self._store.now())]
                return await asyncio.to_thread(self._store.queue.record, self._owner, reports)

    # -- after a crash ------------------------------------------------------------------------------------

    async def _recover_always(self) -> None:
        while True:
            await asyncio.sleep(RECOVER_SECONDS)
            await self._recover()

    async def _recover(self) -> None:
        with suppress(StoreUnavailable):  # what is left is for the next time
            if back := self._setback.seconds():
                self._set_back(back)
            await asyncio.to_thread(self._setback.mend)
            await asyncio.to_thread(self._recovery.step)

    def _set_back(self, seconds: float) -> None:
        """Wait no longer than was meant, though the clock that told until when was ahead."""
        self._pause_until = {name: until - seconds for name, until in self._pause_until.items()}
        for held in self._held:
            held.again_after = max(0.0, held.again_after - seconds)
        self._failover.set_back(seconds)

    async def _fail_over_always(self) -> None:
        """Tell how the backends fare, and move what waits for one that is down."""
        while True:
            with suppress(StoreUnavailable):
                if self._failover.look():
                    await asyncio.to_thread(self._failover.report)
                if self._may_send():
                    await asyncio.to_thread(self._failover.reroute)
            await asyncio.sleep(RECOVER_SECONDS)


def _place(slice_: Slice) -> dict[str, str | int]:
    return {"account": slice_.account, "file": slice_.path, "slice": slice_.id}
