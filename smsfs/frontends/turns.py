"""Accounts take turns where only so many calls run at a time: many sessions of one keep no other waiting."""

import asyncio
import contextvars
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

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


class Calls:
    """Runs functions that block, in some threads, for the coroutines of one event loop.

    Args:
        threads: how many.
        name: what the threads' names begin with.
    """

    def __init__(self, threads: int, name: str) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._turns: Turns[asyncio.Future[None]] = Turns(threads)

    async def run(self, account: str, function: Callable[..., Any], *args: Any) -> Any:
        """Call a function when it is the account's turn; its log events carry our context."""
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[None] = loop.create_future()
        if not self._turns.take(account, turn):
            await self._wait(turn)
        try:
            return await loop.run_in_executor(self._threads, contextvars.copy_context().run, function, *args)
        finally:
            self._next()

    async def _wait(self, turn: "asyncio.Future[None]") -> None:
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # the place was ours already
                self._next()
            raise

    def _next(self) -> None:
        while (turn := self._turns.give()) is not None:
            if not turn.done():
                turn.set_result(None)
                return

    def shutdown(self) -> None:
        """Wait until the last call has ended."""
        self._threads.shutdown()


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
