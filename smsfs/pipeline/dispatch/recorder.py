"""What a dispatcher has in its hands, and the record of what became of it."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TypeVar

import structlog

from smsfs.errors import StoreDamaged, StoreUnavailable
from smsfs.pipeline.dispatch.claims import Claims
from smsfs.pipeline.dispatch.counting import count_outcomes
from smsfs.pipeline.dispatch.held import Held
from smsfs.pipeline.dispatch.pace import Pace
from smsfs.pipeline.dispatch.routes import unknown_report
from smsfs.store import Process, Slice, SliceReport, Store

T = TypeVar("T")

log = structlog.get_logger()


class Recorder:
    """Appends answers, many in one commit.

    Args:
        store: where they are appended.
        owner: the dispatcher.
        claims: hears which slices are done.
        pace: how often to append.

    Attributes:
        held: the slices that are with backends, or done and not recorded yet.
    """

    def __init__(self, store: Store, owner: Process, claims: Claims, pace: Pace) -> None:
        self._store, self._owner, self._claims, self._pace = store, owner, claims, pace
        self.held: list[Held] = []
        self._reports: list[SliceReport] = []
        self._turn = asyncio.Lock()
        self._answers = 0
        self._due = asyncio.Event()
        self._asked: list[asyncio.Future[None]] = []

    def answered(self, answers: int = 1) -> None:
        """Take note that slices in hand have so many more answers."""
        self._answers += answers
        if self._answers >= self._pace.flush_answers:
            self._answers %= self._pace.flush_answers
            self._due.set()

    def finish(self, held: Held) -> None:
        """Take note that nothing more comes of a slice."""
        held.done = True
        self._due.set()

    async def recorded(self) -> None:
        """Wait until what has been learnt so far is recorded."""
        asked = asyncio.get_running_loop().create_future()
        self._asked.append(asked)
        self._due.set()
        await asked

    def set_back(self, seconds: float) -> None:
        """Let nothing wait longer than was meant: the clock was set back by so much."""
        for held in self.held:
            held.again_after = max(0.0, held.again_after - seconds)

    async def run(self, senders: list[asyncio.Task[None]]) -> None:
        """Record answers as they come, the last ones too: to lose one is to send its message again."""
        ended = False
        while not ended:
            ended = all(sender.done() for sender in senders)
            if not ended:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._due.wait(), self._pace.flush)
                self._due.clear()
            asked, self._asked = self._asked, []
            await self._flush()
            for future in asked:
                if not future.done():
                    future.set_result(None)

    async def with_answers(self, step: Callable[[], T]) -> T:
        """Run a step of the store in a thread, once the answers in hand are recorded.

        A receipt mostly comes right behind the answer that says whose it is. What is recorded before the step
        is on stable storage with it.

        Raises:
            StoreUnavailable: the answers are not recorded, and nothing was done.
        """
        async with self._turn:
            self._collect()
            if not self._reports:
                return await _to_its_end(step)
            stale: list[Slice] | None = None

            def both() -> T:
                nonlocal stale
                try:
                    stale = self._store.queue.record(self._owner, self._reports, synced=False)
                except (StoreUnavailable, StoreDamaged):
                    raise
                except Exception:  # noqa: BLE001 -- soon each is recorded by itself, and what is wrong is told
                    stale = None
                return step()

            try:
                return await _to_its_end(both)
            finally:
                if stale is not None:
                    self._recorded(self._reports, stale)

    async def _flush(self) -> None:
        """Append, however long the store is away: these answers are known nowhere else."""
        recorded = await self._append()
        while not recorded:
            await asyncio.sleep(self._pace.recover)
            recorded = await self._append()

    async def _append(self) -> bool:
        """Append what was learnt, in one commit; False when the store is away."""
        async with self._turn:
            self._collect()
            try:
                await self._append_all()
            except StoreUnavailable as exc:
                answers = sum(len(report.outcomes) for report in self._reports)
                log.warning("store_unavailable", reason=str(exc), answers=answers)
                return False
        return True

    def _collect(self) -> None:
        """Take what was learnt since the last time."""
        self._reports += [item.report() for item in self.held if item.ready or item.done]
        self.held = [item for item in self.held if not item.done]

    async def _append_all(self) -> None:
        if not self._reports:
            return
        try:
            stale = await self._record(self._reports)
        except (StoreUnavailable, StoreDamaged):
            raise
        except Exception:  # noqa: BLE001 -- each by itself: what is wrong with one holds up no other
            for report in [*self._reports]:
                await self._append_alone(report)
        else:
            self._recorded(self._reports, stale)

    async def _append_alone(self, report: SliceReport) -> None:
        try:
            stale = await self._record([report])
        except (StoreUnavailable, StoreDamaged):
            raise
        except Exception:
            log.exception("not_recorded", **_place(report.slice))
            stale = await self._record([unknown_report(report, self._store.now())])
        self._recorded([report], stale)

    async def _record(self, reports: list[SliceReport]) -> list[Slice]:
        return await _to_its_end(partial(self._store.queue.record, self._owner, reports))

    def _recorded(self, reports: list[SliceReport], stale: list[Slice]) -> None:
        known = {id(report) for report in reports}
        self._reports = [report for report in self._reports if id(report) not in known]
        self._claims.forget(report.slice.id for report in reports if report.done)
        count_outcomes(reports, stale)
        for slice_ in stale:
            log.warning("stale_write", **_place(slice_), attempt=slice_.attempt)


async def _to_its_end(step: Callable[[], T]) -> T:
    """Run a step in a thread; who is cancelled meanwhile waits for its end, for what it commits holds."""
    future = asyncio.get_running_loop().run_in_executor(None, step)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        await asyncio.wait([future])
        raise


def _place(slice_: Slice) -> dict[str, str | int]:
    return {"account": slice_.account, "file": slice_.path, "slice": slice_.id}
