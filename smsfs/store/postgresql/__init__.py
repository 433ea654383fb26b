"""The store of several hosts: one PostgreSQL database holds everything, file contents too.

A process is alive while its lease in the table ``owner`` lasts, by the database's clock; it renews the
lease well before that. By its own monotonic clock it trusts a lease only until some margin before the
end, counted from before it asked, so it stops by itself before anyone may take over. A lease that has run
out is never renewed: the process goes on under a new term, or ends.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, TypeVar

import structlog
from attrs import define

from smsfs import __version__
from smsfs.errors import StoreDamaged, StoreUnavailable
from smsfs.store import (
    Accounts,
    Audit,
    Bans,
    Claims,
    Contents,
    Daily,
    Feed,
    Files,
    Inbound,
    Measures,
    Notices,
    Operators,
    Optouts,
    Orders,
    Process,
    ProcessInfo,
    Queue,
    Resends,
    Results,
    Routing,
    Search,
    Trouble,
    Waits,
)
from smsfs.store.again import again, tried_again
from smsfs.store.changes import About
from smsfs.store.postgresql import survey
from smsfs.store.postgresql.connection import PostgresConnection
from smsfs.store.postgresql.contents import PieceContents
from smsfs.store.postgresql.database import MOST_CONNECTIONS, Database
from smsfs.store.postgresql.files import OneStepChange
from smsfs.store.postgresql.pool import KEPT
from smsfs.store.postgresql.sessions import MARK
from smsfs.store.sql.accounts import SqlAccounts
from smsfs.store.sql.audit import SqlAudit
from smsfs.store.sql.bans import SqlBans
from smsfs.store.sql.claims import SqlClaims
from smsfs.store.sql.daily import SqlDaily
from smsfs.store.sql.feed import SqlFeed
from smsfs.store.sql.figures import SqlMeasures
from smsfs.store.sql.files import SqlFiles
from smsfs.store.sql.inbound import SqlInbound
from smsfs.store.sql.notices import SqlNotices
from smsfs.store.sql.operators import SqlOperators
from smsfs.store.sql.optouts import SqlOptouts
from smsfs.store.sql.orders import SqlOrders
from smsfs.store.sql.processes import lead, let_go
from smsfs.store.sql.queue import SqlQueue
from smsfs.store.sql.recent import Recent
from smsfs.store.sql.resends import SqlResends
from smsfs.store.sql.results import SqlResults
from smsfs.store.sql.routing import SqlRouting
from smsfs.store.sql.search import SqlSearch
from smsfs.store.sql.trouble import SqlTrouble
from smsfs.store.sql.waits import SqlWaits

LEASE_SECONDS = 10.0
MARGIN_SECONDS = 2.0
BEAT_SECONDS = 2.0
CLOCK_SECONDS = 30.0
#: Seconds that a lease lasts at most; of one taken while the database's clock was ahead nothing more counts.
LONGEST_LEASE = 60.0
#: What changes something in one transaction, whichever part of the store has it.
CHANGES = (
    *("add", "update", "set_password", "set_disabled", "set_credits", "add_key", "remove_key", "remove"),
    *("add_host_key", "claim_batch", "stage", "accept", "reject", "ignore", "retry_batch", "release_batch"),
    *("claim_slice", "release_slice", "record", "take_over", "take", "publish", "receive", "match", "done"),
    *("later", "report", "show", "postpone", "move", "create", "delete", "put_back", "report_workers"),
    *("fail", "lift", "shorten", "bring_forward", "give", "seen", "sort", "conclude", "pause", "resume"),
)
T = TypeVar("T")
#: Dead processes that are not told of a second time.
REMEMBERED = 1000

log = structlog.get_logger()


@define
class _Clock:
    """The database's time, from the monotonic clock: ``offset`` was measured at ``measured``."""

    offset: float = 0.0
    measured: float = -CLOCK_SECONDS


def _no_stamp() -> int | None:
    """To ask for a number takes as long as to look at what was changed."""
    return None


class PostgresStore:
    """Everything in one database.

    Args:
        url: a libpq connection URI; several hosts in it are tried in turn.
        host: this host's name in ``smsfs hosts``.
        lease: seconds a process counts as alive after its last sign of life.
        margin: seconds before the end of its lease at which it stops by itself.
        connections: of this process to the database, at most.
        make: make the tables, or upgrade them, if need be.

    Attributes:
        made: whether this made them.
        ends_when_damaged: no: a standby may be sound, and everything goes on once it has taken over.
    """

    ends_when_damaged = False
    stamp = staticmethod(_no_stamp)

    def __init__(
        self,
        url: str,
        host: str | None = None,
        lease: float = LEASE_SECONDS,
        margin: float = MARGIN_SECONDS,
        connections: int = MOST_CONNECTIONS,
        *,
        make: bool = True,
    ) -> None:
        self._database = Database(url, connections, upgrade=make)
        self.made = self._database.made
        self._host = host or socket.gethostname()
        self._lease, self._margin = lease, margin
        self._clock = _Clock()
        self._trusted: dict[int, float] = {}
        self._lock = threading.Lock()
        self._renewing = threading.Lock()
        self._successors: dict[int, Process] = {}
        self._lost: dict[int, None] = {}
        self._ended = threading.Event()
        self._threads: list[threading.Thread] = []
        self.accounts: Accounts = self._tried(SqlAccounts(self._database))
        self.bans: Bans = self._tried(SqlBans(self._database))
        self.files: Files = SqlFiles(self._database, OneStepChange)
        self.queue: Queue = self._tried(SqlQueue(self._database, recent := Recent()))
        self.claims: Claims = self._tried(SqlClaims(self._database))
        self.notices: Notices = self._tried(SqlNotices(self._database))
        self.measures: Measures = self._tried(SqlMeasures(self._database))
        self.daily: Daily = self._tried(SqlDaily(self._database))
        self.results: Results = self._tried(SqlResults(self._database))
        self.routing: Routing = self._tried(SqlRouting(self._database))
        self.inbound: Inbound = self._tried(SqlInbound(self._database, recent))
        self.optouts: Optouts = self._tried(SqlOptouts(self._database))
        self.search: Search = SqlSearch(self._database)
        self.feed: Feed = SqlFeed(self._database)
        self.trouble: Trouble = self._tried(SqlTrouble(self._database))
        self.waits: Waits = self._tried(SqlWaits(self._database))
        self.orders: Orders = self._tried(SqlOrders(self._database))
        self.resends: Resends = SqlResends(self._database, OneStepChange)
        self.audit: Audit = self._tried(SqlAudit(self._database))
        self.operators: Operators = self._tried(SqlOperators(self._database))
        self.contents: Contents = self._tried(PieceContents(self._database))

    def _tried(self, part: T) -> T:
        names = (name for name in CHANGES if hasattr(part, name))
        return tried_again(part, names, self._database.is_changing)

    # -- time -----------------------------------------------------------------------------------------

    def now(self) -> float:
        """Seconds since the epoch by the database's clock, asked for now and then."""
        if time.monotonic() - self._clock.measured > CLOCK_SECONDS:
            self._ask_the_time()
        return time.monotonic() + self._clock.offset

    def _ask_the_time(self) -> None:
        before = time.monotonic()
        try:
            with self._database.reading() as connection:
                row = connection.one("now")
        except StoreUnavailable:
            if self._clock.offset:  # the last measure is good enough until the database is back
                return
            raise
        after = time.monotonic()
        self._clock = _Clock(offset=row["now"] - (before + after) / 2 if row else 0.0, measured=after)

    # -- being alive --------------------------------------------------------------------------------------

    @again
    def register(self, kind: str, name: str = "") -> Process:
        """Take a lease, and renew it until ``close``."""
        asked = time.monotonic()
        with self._database.write() as connection:
            values = {"kind": kind, "name": name, "host": self._host, "version": __version__}
            row = connection.one("owner_add", ttl=self._lease, process=self._database.process, **values)
        if row is None:
            raise RuntimeError("no row came back for this process")
        with self._lock:
            self._trusted[row["id"]] = asked + self._lease - self._margin
        self._start(self._beat_always, "smsfs-lease")
        return Process(row["id"], kind)

    def holds(self, owner: Process) -> bool:
        """Whether this process may still act as ``owner``."""
        with self._lock:
            return time.monotonic() < self._trusted.get(owner.id, 0)

    def current(self, owner: Process) -> Process:
        """``owner``, or whoever follows it in this process."""
        with self._renewing:
            while not self.holds(owner):
                if owner.id not in self._successors:
                    if self._beat(owner.id):  # the database was away, but not for so long as to lose it
                        continue
                    self._lost[owner.id] = None
                    self._successors[owner.id] = self.register(owner.kind)
                owner = self._successors[owner.id]
        return owner

    def _start(self, step: Callable[[], None], name: str) -> None:
        with self._lock:
            if any(thread.name == name for thread in self._threads):
                return
            thread = threading.Thread(target=step, name=name, daemon=True)
            self._threads.append(thread)
        thread.start()

    def _beat_always(self) -> None:
        while not self._ended.wait(min(BEAT_SECONDS, self._lease / 4)):
            for owner in list(self._trusted):
                with suppress(StoreUnavailable):
                    self._beat(owner)

    def _beat(self, owner: int) -> bool:
        """Renew a lease; whether that was in time."""
        asked, longest = time.monotonic(), max(LONGEST_LEASE, 2 * self._lease)
        values = {"ttl": self._lease, "longest": longest, "own": self._database.process}
        with self._database.reading(urgent=True) as connection:
            (row,) = connection.all("owner_beat", owner=owner, **values)
            renewed = bool(row["renewed"])
            if row["overlong"]:
                connection.change("owner_clamp", longest=longest)
            if row["fallen"]:
                self._end_fallen(connection)  # here, for every other thread may wait for their locks
        with self._lock:
            known = owner in self._trusted
            if renewed:
                self._trusted[owner] = asked + self._lease - self._margin
            else:
                self._trusted.pop(owner, None)
        if known and not renewed and not self._ended.is_set():
            log.warning("lease_lost", owner=owner, host=self._host)
        return renewed

    def alive(self) -> dict[int, str]:
        """The processes whose lease lasts."""
        with self._database.reading() as connection:
            return {row["id"]: row["kind"] for row in connection.all("owner_alive")}

    def _end_fallen(self, connection: PostgresConnection) -> None:
        """End what others began under leases that have run out.

        The server may hear no more of them, and counts as standing still only what is between statements:
        a COPY, or a statement half of which has arrived, would be waited for, and its locks be kept.
        """
        for row in connection.all("owner_fallen", own=self._database.process):
            values = {"mark": MARK, "process": row["process"], "until": row["until"]}
            with suppress(StoreUnavailable), self._database.write() as part:  # a server may forbid it
                if ended := len(part.all("session_end", **values)):
                    log.warning("sessions_ended", host=row["host"], sessions=ended)

    @again
    def settle(self, ended: str = "") -> int:
        """Put right what dead processes left; their claimed slices are for ``Queue.take_over``."""
        if not ended and not _any_dead(self._database):
            return 0
        with self._database.write() as connection:
            self._end_fallen(connection)
            if ended:
                connection.change("owner_ended", name=ended)
            dead = connection.all("owner_dead")
            for row in dead:
                let_go(connection, row["id"])
        self._tell_lost(dead)
        return len(dead)

    def _tell_lost(self, dead: Iterable[Mapping[str, Any]]) -> None:
        """Tell of processes that died without a word; once, for those that hold slices are found again."""
        lost: dict[str, list[str]] = {}
        for row in dead:
            if row["until"] and row["id"] not in self._lost:
                lost.setdefault(row["host"], []).append(row["kind"])
            self._lost[row["id"]] = None
        for host, kinds in lost.items():
            log.warning("host_lost", host=host, processes=kinds)
        while len(self._lost) > REMEMBERED:
            self._lost.pop(next(iter(self._lost)))

    def lead(self, owner: Process, what: str) -> bool:
        """Whether ``owner`` does some work alone, from now on if need be."""
        return lead(self._database, owner, what, self.alive) and self.holds(owner)

    def hosts(self) -> list[ProcessInfo]:
        """Every process there is, or was a moment ago."""
        with self._database.reading() as connection:
            rows = connection.all("owner_hosts")
        names = ("host", "kind", "version", "since", "until", "leases", "alive")
        return [ProcessInfo(term=row["id"], **{name: row[name] for name in names}) for row in rows]

    # -- hearing of changes -------------------------------------------------------------------------------

    def changed(self, timeout: float, about: About = "all") -> bool:
        """Wait for any host's notification; where none can be heard, only for so long."""
        until = time.monotonic() + timeout
        try:
            return self._database.heard(timeout, about)
        except StoreUnavailable:  # a standby tells of nothing; and while the store is away, others say so
            self._ended.wait(max(0.0, until - time.monotonic()))
            return False

    def touch(self, owner: Process) -> None:
        """Commit a change that alters nothing."""
        with self._database.write() as connection:
            connection.change("owner_touch", owner=owner.id)

    def concerns(self, connections: int) -> list[str]:
        """Fewer connections than wished, and commits that do not wait for the disk."""
        with self._database.reading() as connection:
            hosts = sum(kind == "front" for kind in self.alive().values())
            return survey.concerns(connection.session, connections * max(1, hosts) + KEPT)

    def damage(self) -> list[str]:
        """PostgreSQL's own files are for its own tools."""
        return []

    def look_over(self, seconds: float) -> bool:
        """Nothing: each page that is read is checked, if the database has checksums."""
        del seconds
        return True

    def tidy(self) -> bool:
        """Nothing: autovacuum does it."""
        return True

    def damaged(self) -> StoreDamaged | None:
        """What was met a moment ago: after a failover it is met no more."""
        return self._database.damaged()

    def condemn(self, found: StoreDamaged) -> None:
        """Note that another process has met damage."""
        self._database.met(found)

    def close(self) -> None:
        """Hand the leases back at once, and let go of everything."""
        self._ended.set()
        with suppress(StoreUnavailable), self._database.write() as connection:
            for owner in list(self._trusted):
                connection.change("owner_end", owner=owner)
        self._trusted.clear()
        self._database.close()
        for thread in self._threads:
            thread.join(2.0)


def _any_dead(database: Database) -> bool:
    """Whether there is anything to put right; mostly there is not, and each process asks every second."""
    with database.reading() as connection:
        row = connection.one("owner_any_dead")
        return bool(row and row["dead"])
