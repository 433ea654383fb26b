"""Bans, counted in the store over all doors and hosts; while it is away, each door counts what it sees."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import structlog
from attrs import frozen

from smsfs.frontends.limits import AddressLimits, key_of
from smsfs.store import Store
from smsfs.store.bans import Ban, BanRules

if TYPE_CHECKING:
    from collections.abc import Callable

#: How long the store's answer about an address holds, in seconds: from connecting to a quick login.
FRESH_SECONDS = 0.1
#: How long a ban may go on after it was lifted, in seconds.
LIFT_SECONDS = 1.0
#: A login waits no longer than this for the store to say whether its address is banned, in seconds.
PATIENCE = 2.0
#: Answers kept, and addresses asked about at a time.
_MOST = 1000
_THREADS = 2

log = structlog.get_logger()
T = TypeVar("T")


class Ledger:
    """The store's failures and bans, asked in threads of its own; for all doors of a process.

    Attributes:
        doors: those of the process, which share what they know.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="bans")
        self.doors: list[DoorBans] = []

    async def ask(self, question: "Callable[[Store], T]") -> T:
        """The answer to a question.

        Raises:
            Exception: of any kind; the store gives no answer now.
        """
        return await asyncio.get_running_loop().run_in_executor(self._threads, question, self._store)

    def close(self) -> None:
        """Let the threads end."""
        self._threads.shutdown(wait=False, cancel_futures=True)


@frozen
class _Asked:
    at: float
    task: "asyncio.Task[None]"


class DoorBans:
    """Who is banned, as one door knows it; to be used in one event loop.

    Args:
        door: its name, for the reason of a ban.
        limits: what this process knows.
        rules: how many failures ban here, and for how long.
        ledger: what all doors know; None where there is no store.
    """

    def __init__(self, door: str, limits: AddressLimits, rules: BanRules, ledger: Ledger | None) -> None:
        self._door = door
        self._limits = limits
        self._rules = rules
        self._ledger = ledger
        self._loop = asyncio.get_running_loop()
        self._asked: dict[str, _Asked] = {}
        self._unsaved: dict[str, float] = {}
        self._keeping: asyncio.Task[None] | None = None
        if ledger:
            ledger.doors.append(self)

    def is_banned(self, peer: str) -> bool:
        """Whether this door knows of a ban."""
        return self._limits.is_banned(peer, self._loop.time())

    def ask_soon(self, peer: str) -> None:
        """Begin to find out about a peer that has connected, so that its login need not wait."""
        if self._ledger and self._needs_asking(key_of(peer)):
            self._begin(peer)

    async def ask(self, peer: str) -> bool:
        """Whether a peer is banned, as the store has it; if that does not answer, as this door knows it."""
        if self._ledger:
            self.ask_soon(peer)
            await asyncio.wait([self._asked[key_of(peer)].task], timeout=PATIENCE)
        return self.is_banned(peer)

    def _needs_asking(self, key: str) -> bool:
        asked = self._asked.get(key)
        return asked is None or self._loop.time() - asked.at > FRESH_SECONDS

    def _begin(self, peer: str) -> None:
        if len(self._asked) > _MOST:
            self._asked = {key: asked for key, asked in self._asked.items() if not asked.task.done()}
        key = key_of(peer)
        self._asked[key] = _Asked(self._loop.time(), self._loop.create_task(self._learn([key])))

    async def _learn(self, keys: list[str]) -> None:
        """Bring what this door knows of some addresses up to what the store has."""
        bans = await self._answer(lambda store: _lasting(store, keys))
        if bans is None:
            return
        for key in keys:
            if key in bans:
                self.ban(key, bans[key])
            elif key not in self._unsaved:
                self._limits.lift(key)

    def ban(self, key: str, seconds: float) -> None:
        """Take note of a ban."""
        self._limits.ban(key, self._loop.time() + seconds)
        if self._keeping is None or self._keeping.done():
            self._keeping = self._loop.create_task(self._keep())

    async def fail(self, peer: str) -> bool:
        """Count a failed login; whether the peer is banned from now on."""
        key = key_of(peer)
        is_banned_here = self._limits.fail(peer, self._loop.time())
        if self._ledger is None:
            return is_banned_here
        reason = f"{self._rules.after} failed logins, the last over {self._door}"
        answer = await self._answer(lambda store: [store.bans.fail(key, self._rules, reason, store.now())])
        if answer is None:  # the store is away
            if is_banned_here:
                self._unsaved[key] = self._loop.time() + self._rules.time
                self.ban(key, self._rules.time)
        elif answer[0]:
            for door in self._ledger.doors:
                door.ban(key, self._rules.time)
        elif is_banned_here:
            self._limits.lift(key)
        return self.is_banned(peer)

    async def _keep(self) -> None:
        """While an address is banned, see whether it was lifted, and have what the store missed stored."""
        while keys := self._limits.banned(self._loop.time())[:_MOST]:
            await asyncio.sleep(LIFT_SECONDS)
            await self._save()
            await self._learn(keys)

    async def _save(self) -> None:
        for key, until in list(self._unsaved.items()):
            left = until - self._loop.time()
            if left <= 0 or await self._answer(partial(self._add, key, left)):
                del self._unsaved[key]

    def _add(self, key: str, seconds: float, store: Store) -> bool:
        now = store.now()
        reason = f"failed logins over {self._door} while the store was away"
        store.bans.add(Ban(key, now, now + seconds, reason))
        return True

    async def _answer(self, question: "Callable[[Store], T]") -> T | None:
        """The store's answer; None when it gives none."""
        if self._ledger is None:
            return None
        try:
            return await self._ledger.ask(question)
        except OSError as exc:
            log.warning("bans_not_known", reason=str(exc))
        except Exception:
            log.exception("bans_not_known")
        return None

    def close(self) -> None:
        """Ask no more."""
        for task in [self._keeping, *(asked.task for asked in self._asked.values())]:
            if task:
                task.cancel()


def _lasting(store: Store, keys: list[str]) -> dict[str, float]:
    """Addresses that are banned, each with the seconds that are left of it."""
    now = store.now()
    return {key: ban.until - now for key, ban in store.bans.several(keys, now).items()}
