"""A backend that takes its time, as carriers do, and what hosts that share a queue send through it."""

import asyncio
import multiprocessing
import time
from collections.abc import Sequence
from multiprocessing.synchronize import Barrier

from attrs import frozen

from smsfs.backends import (
    UP,
    Accepted,
    Answer,
    Envelope,
    MaySend,
    OnAnswer,
    Recalled,
    Receive,
    State,
    Throttled,
    receive_nothing,
)
from smsfs.pipeline.dispatch.dispatcher import Dispatcher
from smsfs.pipeline.dispatch.routes import Route
from smsfs.pipeline.slices import encoded
from smsfs.sms.message import Message
from smsfs.store import NewSlice
from smsfs.store.postgresql import PostgresStore
from tests.support.store_suite.base import DAY, accepted

NAME = "carrier"
SLICE_MESSAGES = 500
POLL_SECONDS = 0.02
START_BOUND, END_BOUND = 60.0, 600.0


class Carrier:
    """Accepts every message, each after a while, several of them at a time.

    Args:
        seconds: that each takes.
        in_flight: how many it takes at a time.
    """

    idempotent = True
    traceable = False
    slices = 4

    def __init__(self, seconds: float = 0.005, in_flight: int = 100) -> None:
        self._seconds = seconds
        self._free = asyncio.Semaphore(in_flight)
        self.taken = 0
        self.last = 0.0

    def state(self) -> State:
        """It never fails."""
        return UP

    async def start(self, receive: Receive = receive_nothing) -> None:
        """There is nothing to get ready."""
        del receive  # nothing ever comes back here

    async def submit(self, envelopes: Sequence[Envelope], answer: OnAnswer, may_send: MaySend) -> None:
        """Answer each message when its time is over."""
        loop, left, done = asyncio.get_running_loop(), len(envelopes), asyncio.Event()

        def end(envelope: Envelope, what: Answer) -> None:
            nonlocal left
            answer(envelope, what)
            self._free.release()
            left -= 1
            if not left:
                done.set()

        for envelope in envelopes:
            await self._free.acquire()
            if may_send():
                self.taken += 1
                self.last = time.monotonic()
                loop.call_later(self._seconds, end, envelope, Accepted(envelope.key, 1))
            else:
                end(envelope, Throttled(0))
        await done.wait()

    def recall(self, which: Recalled) -> None:
        """What it has is answered in a moment."""

    def finish(self) -> None:
        """What it has is answered in a moment."""

    async def stop(self) -> None:
        """There is nothing to let go of."""


def fill(url: str, messages: int) -> None:
    """Queue messages for the carrier, as one file of a new account."""
    store = PostgresStore(url)
    account = store.accounts.add("shop", "gatewayapi", {}, store.now())
    firsts = range(1, messages + 1, SLICE_MESSAGES)
    slices = [_slice(seq, first, store.now() + DAY) for seq, first in enumerate(firsts)]
    accepted(store, account, store.register("intake"), *slices)
    store.close()


def _slice(seq: int, first: int, expires: float) -> NewSlice:
    rows = range(first, first + SLICE_MESSAGES)
    messages = [Message(row=row, recipient="4512345678", sender="smsfs", text="Hello") for row in rows]
    packed = encoded(messages)
    return NewSlice(seq, first, rows[-1], len(rows), packed, NAME, 0.0, expires)


@frozen
class Share:
    """What one host sent, from when to when by the machine's clock."""

    sent: int
    began: float
    ended: float


def drain(url: str, hosts: int) -> list[Share]:
    """Send everything that is queued with several hosts, each in a process of its own; the share of each."""
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(hosts), context.SimpleQueue()
    processes = [context.Process(target=_host, args=(url, barrier, results)) for _ in range(hosts)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(END_BOUND)
        process.kill()
    if any(process.exitcode for process in processes):
        raise RuntimeError("a host did not come to its end")
    return [results.get() for _ in processes]


def _host(url: str, barrier: Barrier, results: "multiprocessing.SimpleQueue[Share]") -> None:
    store = PostgresStore(url)
    results.put(asyncio.run(_dispatch(store, barrier)))
    store.close()


async def _dispatch(store: PostgresStore, barrier: Barrier) -> Share:
    carrier = Carrier()
    dispatcher = Dispatcher(store, store.register("dispatch"), [Route(NAME, carrier)])
    barrier.wait(START_BOUND)
    began = time.monotonic()
    running = asyncio.create_task(dispatcher.run())
    while not running.done():
        if not await asyncio.to_thread(store.queue.backlog):
            dispatcher.stop()
        await asyncio.wait({running}, timeout=POLL_SECONDS)
    await running
    return Share(carrier.taken, began, carrier.last)
