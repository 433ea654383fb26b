"""Accounts take turns where only so many calls run at a time: many sessions of one keep no other waiting."""

import asyncio
import contextvars
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

from attrs import define

W = TypeVar("W")


class Turns(Generic[W]):
    """Decides whose call runs next. Not thread-safe.

    Args:
        places: calls that run at a time.
    """

    def __init__(self, places: int) -> None:
        self._free = places
        self._waiting: dict[str, deque[W]] = {}

    def take(self, account: str, waiter: W) -> bool:
        """Take a place; without a free one, ``waiter`` waits for it behind others of its account."""
        if self._free:
            self._free -= 1
            return True
        self._waiting.setdefault(account, deque()).append(waiter)
        return False

    def give(self) -> W | None:
        """A call has ended: the waiter that gets its place, of the account least recently served."""
        if not self._waiting:
            self._free += 1
            return None
        account = next(iter(self._waiting))
        waiters = self._waiting.pop(account)
        waiter = waiters.popleft()
        if waiters:
            self._waiting[account] = waiters  # behind all others
        return waiter


@define(eq=False)
class _Call:
    """A function to be called in a thread, and where its answer is waited for."""

    context: contextvars.Context
    function: Callable[..., Any]
    args: tuple[Any, ...]
    answer: "asyncio.Future[Any]"


class Calls:
    """Runs functions that block, in some threads, for the coroutines of the running event loop.

    A thread pool of the library's would do, at three times the processor time of a call: there, each goes
    through two futures, and whichever thread is woken is a cold one. Here it is the one that was busy last.

    Args:
        threads: how many.
        name: what the threads' names begin with.
    """

    def __init__(self, threads: int, name: str) -> None:
        self._name = name
        self._loop = asyncio.get_running_loop()
        self._turns: Turns[_Call] = Turns(threads)
        self._threads: list[threading.Thread] = []
        self._queues: list[SimpleQueue[_Call | None]] = []
        self._idle: list[SimpleQueue[_Call | None]] = []

    def run(self, account: str, function: Callable[..., Any], *args: Any) -> "asyncio.Future[Any]":
        """Call a function when it is the account's turn; its log events carry our context."""
        call = _Call(contextvars.copy_context(), function, args, self._loop.create_future())
        if self._turns.take(account, call):
            queue = self._idle.pop() if self._idle else self._thread()
            queue.put(call)
        return call.answer

    def _thread(self) -> "SimpleQueue[_Call | None]":
        queue: SimpleQueue[_Call | None] = SimpleQueue()
        name = f"{self._name}_{len(self._threads)}"
        thread = threading.Thread(target=self._work, args=[queue], name=name, daemon=True)
        self._threads.append(thread)
        self._queues.append(queue)
        thread.start()
        return queue

    def _work(self, queue: "SimpleQueue[_Call | None]") -> None:
        while (call := queue.get()) is not None:
            answer, value = call.answer.set_result, None
            try:
                value = call.context.run(call.function, *call.args)
            except BaseException as exc:  # noqa: BLE001 -- whoever waits for the answer meets it
                answer, value = call.answer.set_exception, exc
            self._loop.call_soon_threadsafe(self._done, queue, call, answer, value)

    def _done(
        self, queue: "SimpleQueue[_Call | None]", call: _Call, answer: Callable[[Any], None], value: Any
    ) -> None:
        following = self._turns.give()
        while following and following.answer.done():  # given up while it waited
            following = self._turns.give()
        if following:
            queue.put(following)
        else:
            self._idle.append(queue)
        if not call.answer.done():
            answer(value)

    def shutdown(self) -> None:
        """Wait until the last call has ended."""
        for queue in self._queues:
            queue.put(None)
        for thread in self._threads:
            thread.join()


class ThreadTurns:
    """The same for threads that make their calls themselves."""

    def __init__(self, places: int) -> None:
        self._turns: Turns[threading.Event] = Turns(places)
        self._lock = threading.Lock()

    @contextmanager
    def turn(self, account: str) -> Iterator[None]:
        """Wait for the account's turn; it lasts as long as the block."""
        mine = threading.Event()
        with self._lock:
            is_free = self._turns.take(account, mine)
        if not is_free:
            mine.wait()
        try:
            yield
        finally:
            with self._lock:
                following = self._turns.give()
            if following:
                following.set()
