"""The store of a single host: one SQLite file, contents beside it as plain files.

A process is alive while it holds the lock on its file in ``run/``; the kernel lets go of it with the
process, however that ends, so a dead one is seen at once and a live one is never taken for dead.
"""

import fcntl
import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from smsfs import __version__
from smsfs.errors import ConfigurationError, StoreDamaged
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
from smsfs.store.changes import About
from smsfs.store.durable import make_file, make_folder
from smsfs.store.sql import Row, no_store
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
from smsfs.store.sqlite.bells import Bells
from smsfs.store.sqlite.contents import PlainContents, on_disk
from smsfs.store.sqlite.database import Database
from smsfs.store.sqlite.identity import standing
from smsfs.store.sqlite.runs import Runs
from smsfs.store.sqlite.stamp import Stamp


class SqliteStore:
    """Everything under the folder of one database file.

    Args:
        path: the database file; ``contents/`` and ``run/`` stand beside it.
        clock: seconds since the epoch.
        make: make the store, or upgrade its schema, if need be.

    Attributes:
        made: whether this made it.

    Raises:
        ConfigurationError: there is none, or something else stands there, which is left as it is; or its
            schema is another version's.
        StoreDamaged: it cannot be read.
    """

    ends_when_damaged = True

    def __init__(self, path: Path, clock: Callable[[], float] = time.time, *, make: bool = True) -> None:
        there = standing(path)
        if there != "ours" and not make:
            raise ConfigurationError(
                no_store(f"The store {path} cannot be opened: No such file or directory.")
            )
        make_folder(path.parent)
        with suppress(FileExistsError):
            os.close(make_file(path))  # SQLite would let every user of the host read it
        self._clock = clock
        self._bells = Bells(path.parent / "bells")
        self._database = Database(path, upgrade=make, tell=self._bells.ring)
        self.made = self._database.made
        self._run = path.parent / "run"
        make_folder(self._run)
        self._locks: list[int] = []
        self.accounts: Accounts = SqlAccounts(self._database)
        self.bans: Bans = SqlBans(self._database)
        self.files: Files = SqlFiles(self._database)
        self.queue: Queue = SqlQueue(self._database, recent := Recent())
        self.claims: Claims = SqlClaims(self._database)
        self.notices: Notices = SqlNotices(self._database)
        self.measures: Measures = SqlMeasures(self._database)
        self.daily: Daily = SqlDaily(self._database)
        self.results: Results = SqlResults(self._database)
        self.routing: Routing = SqlRouting(self._database)
        self._runs = Runs(self._database)
        self._stamp = Stamp(path)
        self.inbound: Inbound = SqlInbound(self._database, recent, self._runs.catch_up, self._runs.sort)
        self.optouts: Optouts = SqlOptouts(self._database)
        self.search: Search = SqlSearch(self._database)
        self.feed: Feed = SqlFeed(self._database)
        self.trouble: Trouble = SqlTrouble(self._database)
        self.waits: Waits = SqlWaits(self._database)
        self.orders: Orders = SqlOrders(self._database)
        self.resends: Resends = SqlResends(self._database)
        self.audit: Audit = SqlAudit(self._database)
        self.operators: Operators = SqlOperators(self._database)
        self.contents: Contents = PlainContents(path.parent / "contents", self._database)

    def now(self) -> float:
        """Seconds since the epoch."""
        return self._clock()

    def register(self, kind: str, name: str = "") -> Process:
        """Make this process known, lock first, so that nobody takes it for dead."""
        del name  # the kernel tells who has ended
        token = uuid4().hex
        with on_disk():
            descriptor = make_file(self._run / token)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        self._locks.append(descriptor)
        with self._database.write() as connection:
            values = {"token": token, "kind": kind, "now": self.now()}
            row = connection.one("owner_add", **values)
        if row is None:
            raise RuntimeError("no row came back for this process")
        return Process(row["id"], kind)

    def holds(self, owner: Process) -> bool:
        """As long as the process lives, nobody takes over."""
        del owner
        return bool(self._locks)

    def current(self, owner: Process) -> Process:
        """The same, always."""
        return owner

    def lead(self, owner: Process, what: str) -> bool:
        """Whether ``owner`` does some work alone, from now on if need be."""
        return lead(self._database, owner, what, self.alive) and self.holds(owner)

    def hosts(self) -> list[ProcessInfo]:
        """The processes of this host."""
        alive = self.alive()
        with self._database.reading() as connection:
            rows = connection.all("owner_leases")
        return [
            ProcessInfo(
                host=socket.gethostname(),
                kind=row["kind"],
                term=row["id"],
                version=__version__,
                since=row["since"],
                until=None,
                leases=row["leases"],
                alive=row["id"] in alive,
            )
            for row in rows
        ]

    def alive(self) -> dict[int, str]:
        """The processes that hold their lock."""
        return {row["id"]: row["kind"] for row in self._owners() if self._is_locked(row["token"])}

    def _owners(self) -> list[Row]:
        with self._database.reading() as connection:
            return connection.all("owner_all")

    def _is_locked(self, token: str) -> bool:
        try:
            descriptor = os.open(self._run / token, os.O_RDWR)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        else:
            return False
        finally:
            os.close(descriptor)

    def settle(self, ended: str = "") -> int:
        """Put right what dead processes left; their claimed slices are for ``Queue.take_over``."""
        del ended
        dead = [row for row in self._owners() if not self._is_locked(row["token"])]
        for row in dead:
            with self._database.write() as connection:
                let_go(connection, row["id"])
            (self._run / row["token"]).unlink(missing_ok=True)
        return len(dead)

    def touch(self, owner: Process) -> None:
        """Commit a change that alters nothing."""
        with self._database.write() as connection:
            connection.change("owner_touch", owner=owner.id)

    def concerns(self, connections: int) -> list[str]:
        """Nothing: no setting is left to the host."""
        del connections
        return []

    def damage(self) -> list[str]:
        """What SQLite's own checks find."""
        found = self._database.check()
        return [f"{self._database.path}: {line}." for line in found]

    def look_over(self, seconds: float) -> bool:
        """SQLite's quick check, for so long at most."""
        return self._database.look_over(seconds)

    def tidy(self) -> bool:
        """Empty the log, and give back free pages."""
        self._runs.tidy()
        return self._database.tidy()

    def damaged(self) -> StoreDamaged | None:
        """The damage that was met."""
        return self._database.damaged

    def condemn(self, found: StoreDamaged) -> None:
        """Neither read nor write any more."""
        self._database.damaged = self._database.damaged or found

    def changed(self, timeout: float, about: About = "all") -> bool:
        """Wait for a process of this host to ring; where there is no room for a bell, only for so long."""
        self._database.refuse_damaged()
        try:
            return self._bells.wait(timeout, about)
        except OSError:
            time.sleep(timeout)
            return False

    def stamp(self) -> int | None:
        """SQLite's count of what other connections have committed."""
        self._database.refuse_damaged()
        return self._stamp()

    def close(self) -> None:
        """Close connections and let go of the locks."""
        self._bells.close()
        self._stamp.close()
        self._database.close()
        for descriptor in self._locks:
            os.close(descriptor)
        self._locks.clear()
