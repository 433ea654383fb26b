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
#: Is told what a call gave, and what it raised instead.
Done = Callable[[Any, BaseException | None], None]


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
    """A function to be called in a thread, and who is told its answer, if anybody still waits for that."""

    context: contextvars.Context
    function: Callable[..., Any]
    args: tuple[Any, ...]
    done: "Done"
    is_given_up: Callable[[], bool]


def _never() -> bool:
    return False


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
        answer = self._loop.create_future()

        def done(value: Any, error: BaseException | None) -> None:
            if answer.done():
                return
            if error is None:
                answer.set_result(value)
            else:
                answer.set_exception(error)

        self._begin(account, _Call(contextvars.copy_context(), function, args, done, answer.done))
        return answer

    def tell(self, account: str, done: Done, function: Callable[..., Any], *args: Any) -> None:
        """The same for one that waits with no coroutine: ``done`` is called in the event loop."""
        self._begin(account, _Call(contextvars.copy_context(), function, args, done, _never))

    def _begin(self, account: str, call: _Call) -> None:
        if self._turns.take(account, call):
            queue = self._idle.pop() if self._idle else self._thread()
            queue.put(call)

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
            value = error = None
            try:
                value = call.context.run(call.function, *call.args)
            except BaseException as exc:  # noqa: BLE001 -- whoever waits for the answer meets it
                error = exc
            self._loop.call_soon_threadsafe(self._done, queue, call, value, error)

    def _done(
        self, queue: "SimpleQueue[_Call | None]", call: _Call, value: Any, error: BaseException | None
    ) -> None:
        following = self._turns.give()
        while following and following.is_given_up():  # while it waited
            following = self._turns.give()
        if following:
            queue.put(following)
        else:
            self._idle.append(queue)
        call.done(value, error)

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
