"""Ends what is open for a login soon after its right has ended, on whichever host that was done."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import structlog
from attrs import define

from smsfs.errors import StoreUnavailable
from smsfs.filesystem import Right
from smsfs.store import Store

#: How often the store is asked while anything is open, in one statement for all that is; in seconds.
WATCH_SECONDS = 0.3

log = structlog.get_logger()
End = Callable[[str], None]


class Watcher(Protocol):
    """Watches logins; to be called in the context in which the login was checked."""

    def enter(self, end: End) -> Callable[[], None]:
        """Have ``end`` called, with the reason as a sentence, once the login's right has ended.

        Returns:
            What to call when the session has ended by itself.
        """


@define(eq=False)
class _Session:
    right: Right
    end: End


class Watch:
    """What is open in this process; to be used in one event loop."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._open: set[_Session] = set()
        self._task: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="watch")

    def enter(self, right: Right, end: End) -> Callable[[], None]:
        """Watch one more; gives what to call when it has ended by itself."""
        session = _Session(right, end)
        self._open.add(session)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run())
        return lambda: self._open.discard(session)

    async def _run(self) -> None:
        while self._open:
            await asyncio.sleep(WATCH_SECONDS)
            try:
                await self._look()
            except StoreUnavailable:  # says nothing about anybody's right
                continue
            except Exception:
                log.exception("watch_failed")

    async def _look(self) -> None:
        sessions = list(self._open)
        numbers = {session.right.account for session in sessions}
        several = self._store.accounts.several
        accounts = await asyncio.get_running_loop().run_in_executor(self._thread, several, numbers)
        for session in sessions:
            why = session.right.ended(accounts.get(session.right.account))
            if why and session in self._open:
                self._open.discard(session)
                session.end(why)

    def close(self) -> None:
        """Watch no more."""
        if self._task:
            self._task.cancel()
        self._thread.shutdown(wait=False, cancel_futures=True)
