"""What a dispatcher has in its hands, and the record of what became of it."""

import asyncio
from contextlib import suppress

import structlog

from smsfs.errors import StoreDamaged, StoreUnavailable
from smsfs.pipeline.dispatch.claims import Claims
from smsfs.pipeline.dispatch.held import Held
from smsfs.pipeline.dispatch.pace import Pace
from smsfs.pipeline.dispatch.routes import unknown_report
from smsfs.store import Process, Slice, SliceReport, Store

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
        self._answers = 0
        self._due = asyncio.Event()
        self._asked: list[asyncio.Future[None]] = []

    def answered(self) -> None:
        """Take note that a slice in hand has one more answer."""
        self._answers += 1
        if self._answers % self._pace.flush_answers == 0:
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

    async def _flush(self) -> None:
        held = [item for item in self.held if item.ready or item.done]
        if not held:
            return
        reports = [item.report() for item in held]
        self.held = [item for item in self.held if not item.done]
        stale_ones = await self._record(reports)
        self._claims.forget(report.slice.id for report in reports if report.done)
        for stale in stale_ones:
            log.warning("stale_write", **_place(stale), attempt=stale.attempt)

    async def _record(self, reports: list[SliceReport]) -> list[Slice]:
        """Append, however long the store is away: these answers are known nowhere else."""
        while True:
            try:
                return await asyncio.to_thread(self._store.queue.record, self._owner, reports)
            except StoreUnavailable as exc:
                answers = sum(len(report.outcomes) for report in reports)
                log.warning("store_unavailable", reason=str(exc), answers=answers)
                await asyncio.sleep(self._pace.recover)
            except StoreDamaged:
                raise
            except Exception:
                if len(reports) > 1:  # each by itself: what is wrong with one holds up no other
                    return [stale for report in reports for stale in await self._record([report])]
                log.exception("not_recorded", **_place(reports[0].slice))
                reports = [unknown_report(reports[0], self._store.now())]
                return await asyncio.to_thread(self._store.queue.record, self._owner, reports)


def _place(slice_: Slice) -> dict[str, str | int]:
    return {"account": slice_.account, "file": slice_.path, "slice": slice_.id}
