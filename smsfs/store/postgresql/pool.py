"""The sessions of one process: as few as do, shared by its threads in the order in which they ask.

A process has one session at least whenever the server gives it one, and with that it goes on. It takes more,
up to its share, only while the server keeps some for others, and gives them back when it needs them no
longer. Where there are too few even for one each, a session is given back after each use.
"""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from random import uniform

import psycopg
import structlog

from smsfs.errors import Refusal, StoreUnavailable
from smsfs.store.changes import About
from smsfs.store.postgresql.members import UNUSABLE, Member, Watch, hears_of, is_readable, silent_for
from smsfs.store.postgresql.reasons import LASTING, Why, unconnected, why
from smsfs.store.postgresql.sessions import bounded

#: Sessions that a process leaves to commands, and to processes that have none.
KEPT = 3
IDLE_SECONDS = 5.0
LOOK_SECONDS = 5.0
TICK_SECONDS = 1.0
#: Most sessions are given back sooner than another one is made.
GROW_AFTER_SECONDS = 0.05
#: After so long a wait something urgent has one more than this process's share: each of its threads may wait
#: for a lock of a dead process, and its own lease must not end by that.
SPARE_AFTER_SECONDS = 0.5
#: After the server had no room for one more: at first, and after many times.
GROW_AGAIN_SECONDS, GROW_AT_LAST_SECONDS = 1.0, 30.0
#: Without an answer for so long, the server is asked whether there still comes one.
SILENT_SECONDS = 5.0
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 0.5
CHANNEL = "smsfs"

log = structlog.get_logger()


class Pool:
    """Sessions, lent to one thread at a time.

    Args:
        watch: makes sessions, and asks about them.
        most: sessions at a time.
    """

    def __init__(self, watch: Watch, most: int) -> None:
        self._watch = watch
        self._most = max(1, most)
        self._idle: list[Member] = []
        self._lent: set[Member] = set()
        self._queue: list[threading.Condition] = []
        self._making = 0
        self._grow_at = 0.0
        self._grow_pause = GROW_AGAIN_SECONDS
        self._progress = 0.0
        self._looked = 0.0
        self._tight = False
        self._listener: Member | None = None
        self._closed = threading.Event()
        self._free = threading.Condition(lock := threading.Lock())
        self._ticket = partial(threading.Condition, lock)
        self._fault: Exception | None = None
        self._wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._keeper: threading.Thread | None = None

    def has_backend(self, backend: int) -> bool:
        """Whether one of these sessions is served by that process of the server."""
        with self._free:
            return any(member.facts.backend == backend for member in (*self._idle, *self._lent))

    # -- lending ------------------------------------------------------------------------------------------

    @contextmanager
    def lent(self, patience: float, *, urgent: bool = False) -> Iterator[Member]:
        """A session, to be given back at the end of the block.

        Args:
            patience: seconds without any that is given back, or any that can be made, until it is given up.
            urgent: before all others that wait, and rather on one session too many than not at all.

        Raises:
            StoreUnavailable: there is none; its sentence says why.
        """
        member = self._take(patience, urgent=urgent)
        try:
            yield member
        finally:
            self._give_back(member)

    def _take(self, patience: float, *, urgent: bool) -> Member:
        began, pause, spare = time.monotonic(), FIRST_PAUSE, int(urgent)
        while True:
            member = self._next(began, patience, spare, urgent=urgent)
            if member:
                return member
            try:
                return self._make()
            except _LeftToOthersError:
                urgent = True
            except UNUSABLE as exc:
                urgent = True
                if isinstance(exc, Refusal):
                    raise
                if not self._has_others():
                    if why(exc) in LASTING or time.monotonic() + pause > began + patience:
                        raise unconnected(exc) from exc
                    self._closed.wait(pause * uniform(0.5, 1))  # noqa: S311 -- those that try at once spread out
                    pause = min(pause * 2, LONGEST_PAUSE)

    def _next(self, began: float, patience: float, spare: int, *, urgent: bool) -> Member | None:
        """One that is free, in the order of the queue; None when one more may be made instead."""
        ticket, asked = self._ticket(), time.monotonic()
        with self._free:
            self._queue.insert(0 if urgent else len(self._queue), ticket)
            try:
                while True:
                    if self._closed.is_set():
                        raise StoreUnavailable("This process is ending.")
                    if self._queue[0] is ticket:
                        member = self._free_one()
                        if member or self._may_make(time.monotonic() - asked, spare):
                            self._making += member is None
                            return member
                    self._check_patience(max(began, self._progress) + patience - time.monotonic(), patience)
                    ticket.wait(GROW_AFTER_SECONDS if self._queue[0] is ticket else TICK_SECONDS)
            finally:
                self._queue.remove(ticket)
                self._tell()

    def _tell(self) -> None:
        """Wake the first of the queue, and those that wait for one session or for the end."""
        self._free.notify_all()
        if self._queue:
            self._queue[0].notify()

    def _check_patience(self, left: float, patience: float) -> None:
        if left <= 0 and self._fault and not (self._lent or self._idle):
            raise unconnected(self._fault) from self._fault
        if left <= 0:
            raise StoreUnavailable(
                f"The server is busy: all connections were in use for {patience:g} seconds; try again later."
            )

    def _free_one(self) -> Member | None:
        """One that is idle; one whose thread only waits for changes is asked for."""
        while self._idle:
            member = self._idle.pop()
            if member.is_usable():
                self._lent.add(member)
                return member
            self._drop(member)
        if any(member.waits for member in self._lent):
            with suppress(BlockingIOError):
                os.write(self._wake[1], b"x")
        return None

    def _may_make(self, waited: float, spare: int) -> bool:
        have = len(self._lent) + self._making
        waits = any(member.waits for member in self._lent)
        if have == 0 or waits or have >= self._most + spare:
            return have == 0
        pause = GROW_AFTER_SECONDS if have < self._most else SPARE_AFTER_SECONDS
        return waited >= pause and time.monotonic() >= self._grow_at

    def _make(self) -> Member:
        """A new session, lent to this thread.

        Raises:
            _LeftToOthersError: the server has few left, and this process has one.
            psycopg.Error, Refusal: there is none to be had.
        """
        made = fault = None
        try:
            member = Member(*self._watch.connect())
            if self._room(member) < KEPT and self._has_others():
                member.session.close()
                raise _LeftToOthersError
            made = member
        except UNUSABLE as exc:
            fault = exc
            raise
        finally:
            with self._free:
                self._making -= 1
                self._fault = fault
                if made:
                    self._lent.add(made)
                    self._grow_pause = GROW_AGAIN_SECONDS
                else:
                    self._grow_at = time.monotonic() + self._grow_pause
                    self._grow_pause = min(2 * self._grow_pause, GROW_AT_LAST_SECONDS)
                self._tell()
        self._start_keeper()
        return member

    def _has_others(self) -> bool:
        with self._free:
            return bool(self._lent or self._idle)

    def _room(self, member: Member) -> int:
        """How many more sessions others may have; more than enough where that cannot be asked."""
        try:
            with bounded(member.session):
                room = self._watch.room(member.session)
        except psycopg.Error:  # the next one to use it is told
            return KEPT
        self._looked, self._tight = time.monotonic(), room < 1
        return room

    def _give_back(self, member: Member) -> None:
        usable = member.is_usable() and not self._closed.is_set()
        with self._free:
            self._lent.discard(member)
            member.since = self._progress = time.monotonic()
            spare = len(self._idle) + len(self._lent) >= self._most
            if usable and not spare and (self._queue or not self._tight):
                self._idle.insert(0 if member is self._listener else len(self._idle), member)
            else:
                self._drop(member)
            self._tell()

    def _drop(self, member: Member) -> None:
        if member is self._listener:
            self._listener = None
        member.session.close()

    # -- hearing of changes -------------------------------------------------------------------------------

    def hear(self, timeout: float, patience: float, about: About) -> bool:
        """Wait for a notification of such a change, on a session that every other thread may have meanwhile.

        Returns:
            Whether there was one, or may have been while nobody listened.

        Raises:
            StoreUnavailable: there is no session.
            psycopg.Error: it broke, or cannot listen.
        """
        deadline = time.monotonic() + timeout
        while not self._closed.is_set():
            if self._listener is None and not self._tight:
                with self.lent(patience) as member:
                    self._listen(member)
                return True
            with self._listening(deadline - time.monotonic()) as listener:
                if listener and self._hears(listener, deadline, about):
                    return True
            if time.monotonic() >= deadline:
                break
        return False

    def _listen(self, member: Member) -> None:
        member.session.execute(f"LISTEN {CHANNEL}")
        with self._free:
            self._listener = member

    @contextmanager
    def _listening(self, seconds: float) -> Iterator[Member | None]:
        """The session that listens, if nobody else needs it; one that is in use is waited for."""
        with self._free:
            member = self._listener
            if member is None or self._queue or member not in self._idle:
                self._free.wait(max(0.0, min(seconds, TICK_SECONDS)))
                member = None
            else:
                self._idle.remove(member)
                self._lent.add(member)
                member.waits = True
        try:
            yield member
        finally:
            if member:
                self._wait_no_more(member)

    def _wait_no_more(self, member: Member) -> None:
        with self._free:
            member.waits = False
            with suppress(BlockingIOError):
                os.read(self._wake[0], 4096)
        if time.monotonic() - self._looked > LOOK_SECONDS and member.is_usable():
            self._room(member)
        self._give_back(member)

    def _hears(self, member: Member, deadline: float, about: About) -> bool:
        """Whether there was such a notification before the deadline, or somebody needed the session."""
        session = member.session
        while not hears_of(session, about):
            if not is_readable(session, deadline - time.monotonic(), self._wake[0]) or not member.waits:
                return False
            session.pgconn.consume_input()
        return True

    # -- keeping house ------------------------------------------------------------------------------------

    def _start_keeper(self) -> None:
        with self._free:
            if self._keeper is None and not self._closed.is_set():
                self._keeper = threading.Thread(target=self._keep_always, name="smsfs-sessions", daemon=True)
                self._keeper.start()

    def _keep_always(self) -> None:
        while not self._closed.wait(TICK_SECONDS):
            self._leave_idle()
            self._look()
            self._sever_silent()

    def _leave_idle(self) -> None:
        """Give back what was not needed for a while; the last one stays."""
        old = time.monotonic() - IDLE_SECONDS
        with self._free:
            spare = [each for each in self._idle if each.since < old and each is not self._listener]
            gone = spare[: max(0, len(self._idle) + len(self._lent) - 1)]
            self._idle = [each for each in self._idle if each not in gone]
        for member in gone:
            member.session.close()

    def _look(self) -> None:
        """Learn now and then whether the server has room, on a session that is idle."""
        if time.monotonic() - self._looked > LOOK_SECONDS:
            with self._unused() as member:
                if member:
                    self._room(member)

    @contextmanager
    def _unused(self) -> Iterator[Member | None]:
        with self._free:
            member = self._idle.pop() if self._idle and not self._queue else None
            if member:
                self._lent.add(member)
        try:
            yield member
        finally:
            if member:
                self._give_back(member)

    def _sever_silent(self) -> None:
        """End what waits for an answer that was lost on the way: the server may be long through with it."""
        now = time.monotonic()
        with self._free:
            silent = [each for each in self._lent if silent_for(each, now) > SILENT_SECONDS]
        for member in silent:
            moved = member.session.moved
            if self._is_at_work(member, moved):
                member.vouched = time.monotonic()
            elif moved is not None and member.session.moved == moved:
                log.warning("answer_lost", seconds=round(time.monotonic() - moved, 1))
                member.session.sever()

    def _is_at_work(self, member: Member, moved: float | None) -> bool:
        """What the server says on another session; if it says nothing there either, it is not.

        One that is not, and has heard of no end of its session, would keep its locks: it is ended.
        """
        try:
            session, _ = self._watch.connect()
        except UNUSABLE as exc:
            return why(exc) is Why.FULL
        try:
            with bounded(session):
                works = self._watch.works(session, member.facts.backend)
                if not works and moved is not None and member.session.moved == moved:
                    self._watch.end(session, member.facts.backend)
                return works
        except psycopg.Error:
            return False
        finally:
            session.close()

    def close(self) -> None:
        """End every session that nobody uses now; the others as they are given back."""
        if self._closed.is_set():
            return
        self._closed.set()
        with self._free:
            os.write(self._wake[1], b"x")
            if self._free.wait_for(lambda: not any(member.waits for member in self._lent), TICK_SECONDS):
                for end in self._wake:
                    os.close(end)
            idle, self._idle = self._idle, []
            self._tell()
        for member in idle:
            member.session.close()
        if self._keeper and self._keeper is not threading.current_thread():
            self._keeper.join(2.0)


class _LeftToOthersError(Exception):
    """The server has few sessions left, and this process has one."""
