"""Connections to one SQLite file, and its schema.

WAL: a commit is on stable storage when it returns, unless it may wait. Writers of one process take turns on
one connection; between processes a busy database is tried again every half
millisecond, because SQLite's own busy handler backs off so far that a small writer waits for seconds beside
a large one.
"""

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path

from smsfs.errors import ConfigurationError, Exists, Refusal, StoreConflict, StoreDamaged, StoreUnavailable
from smsfs.store.changes import About
from smsfs.store.sql import load_migrations
from smsfs.store.sqlite.connection import SqliteConnection
from smsfs.store.sqlite.free_pages import give_back_some, has_too_many
from smsfs.store.sqlite.identity import APPLICATION_ID, bears_number, is_damage, lacks_table
from smsfs.store.sqlite.log import Log

BUSY_SECONDS = 20.0
#: Between two tries to get a lock that another process has, which mostly is let go within a millisecond. Who
#: tries more rarely than others take it, and for as long as they leave it alone, waits for several of them.
RETRY_SECONDS = 0.0001
#: Whoever has much to do leaves the others so long to get their turn.
TURN_SECONDS = 0.0005
READ_BUSY_SECONDS = 10.0
SPARE_READERS = 16
PRAGMAS = (
    "journal_mode = WAL",
    "synchronous = NORMAL",  # of a commit; the log is synced when the lock is free again
    "foreign_keys = ON",
    "secure_delete = ON",  # what was deleted is overwritten
)
#: For a file that is still empty; on any other, it would be a commit each time the file is opened.
NEW_PRAGMAS = ("auto_vacuum = INCREMENTAL",)


class Database:
    """The connections of this process: one to write, and some to read.

    Once damage was met, nothing is read or written any more: what is built on a broken page breaks others.

    Args:
        path: the file.
        upgrade: make the schema, or bring it up to date, if need be.
        tell: hears what was committed that others act on.

    Attributes:
        made: whether this made the schema.
        damaged: what was met.

    Raises:
        ConfigurationError: the schema is not this version's.
        StoreDamaged: it cannot be read.
    """

    def __init__(
        self, path: Path, *, upgrade: bool = True, tell: Callable[[About], None] = lambda _: None
    ) -> None:
        self.path = path
        self._tell = tell
        self.made = False
        self.damaged: StoreDamaged | None = None
        self._write_lock = threading.RLock()
        self._all: list[sqlite3.Connection] = []
        self._spare: list[SqliteConnection] = []
        self._log = Log(path)
        try:
            self._writer = SqliteConnection(self._connect(timeout=0))
            self._file = path.stat()
            self._migrate(upgrade=upgrade)
        except sqlite3.Error as exc:
            self.close()
            raise (self._failed(exc, "") if is_damage(exc) else exc) from exc
        except BaseException:
            self.close()
            raise

    def _connect(self, timeout: float) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=timeout, isolation_level=None, check_same_thread=False, cached_statements=256
        )
        try:
            connection.row_factory = sqlite3.Row
            for pragma in PRAGMAS if self._has_bytes() else NEW_PRAGMAS + PRAGMAS:
                _retry(partial(connection.execute, f"PRAGMA {pragma}"))
        except BaseException:
            connection.close()
            raise
        self._all.append(connection)
        return connection

    def _has_bytes(self) -> bool:
        return self.path.exists() and self.path.stat().st_size > 0

    @contextmanager
    def reading(self) -> Iterator[SqliteConnection]:
        """A connection to read with, nobody else's meanwhile.

        Raises:
            StoreUnavailable: the file cannot be read.
        """
        self.refuse_damaged()
        try:
            connection = self._take()
            try:
                yield connection
            finally:
                self._give_back(connection)
        except sqlite3.Error as exc:
            raise self._failed(exc, f"The store cannot be read now ({exc}); try again later.") from exc

    def refuse_damaged(self) -> None:
        """Refuse what is built on damage that was met.

        Raises:
            StoreDamaged: some was.
        """
        if self.damaged:
            raise self.damaged.again()

    def _failed(self, exc: sqlite3.Error, sentence: str) -> Refusal:
        """How an error is reported: as damage, remembered from now on, or else as ``sentence``."""
        if not is_damage(exc) and not (lacks_table(exc) and not bears_number(self.path)):
            return StoreUnavailable(sentence)
        return self._found(str(exc))

    def _found(self, what: str) -> StoreDamaged:
        self.damaged = self.damaged or StoreDamaged.told(what, str(self.path))
        return self.damaged.again()

    def _check_place(self) -> None:
        """A file that was deleted or replaced still takes commits, and no restart would find them.

        Raises:
            StoreDamaged: it was.
        """
        try:
            there = self.path.stat()
        except FileNotFoundError:
            raise self._found("its file was deleted or moved away while smsfs ran") from None
        if (there.st_ino, there.st_dev) != (self._file.st_ino, self._file.st_dev):
            raise self._found("another file was put in its place while smsfs ran")

    def _take(self) -> SqliteConnection:
        try:
            return self._spare.pop()
        except IndexError:
            return SqliteConnection(self._connect(READ_BUSY_SECONDS))

    def _give_back(self, connection: SqliteConnection) -> None:
        if len(self._spare) < SPARE_READERS:
            self._spare.append(connection)
        else:
            self._all.remove(connection.plain)
            connection.plain.close()

    @contextmanager
    def write(self, *, synced: bool = True) -> Iterator[SqliteConnection]:
        """A transaction: committed at the end of the block, rolled back by an exception.

        Without ``synced`` it is left to the next commit that is synced, whoever makes it: that brings the
        whole log before it to stable storage, and a power cut in between ends all who saw it.

        Raises:
            StoreUnavailable: it could not be begun or committed; nothing was changed.
            Exists: a row that must be the only one of its kind would not be.
        """
        with self._write_lock:
            self.refuse_damaged()
            self._check_place()
            try:
                _retry(lambda: self._writer.plain.execute("BEGIN IMMEDIATE"))
                try:
                    yield self._writer
                except BaseException:
                    self._roll_back()
                    raise
                _retry(lambda: self._writer.plain.execute("COMMIT"))
                told, self._writer.told = self._writer.told, set()
            except sqlite3.IntegrityError as exc:
                if exc.sqlite_errorcode == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
                    raise StoreConflict("Something this needs has just gone; try again.") from exc
                raise Exists(f"The store has this already ({exc}).") from exc
            except sqlite3.Error as exc:
                sentence = f"The store cannot be written now ({self._reason(exc)}); nothing was changed."
                refusal = self._failed(exc, sentence)
                self._roll_back()
                raise refusal from exc
        if synced:
            self._sync()
        for about in told:
            self._tell(about)

    def _reason(self, exc: sqlite3.Error) -> str:
        """Why the store cannot be written; SQLite has several words for a filesystem that is read-only."""
        with suppress(OSError):
            if os.statvfs(self.path).f_flag & os.ST_RDONLY:
                return f"the filesystem of {self.path} is read-only"
        return str(exc)

    def _sync(self) -> None:
        """Bring what was committed to stable storage, in the database itself if not in the log.

        Raises:
            StoreDamaged: neither can be done. What is built on it would be lost with it, if power fails.
        """
        try:
            self._log.sync()
        except OSError as exc:
            if not self._written_back():
                raise self._found(f"its log cannot be synced: {exc.strerror}") from exc

    def _roll_back(self) -> None:
        self._writer.told.clear()
        if self._writer.plain.in_transaction:  # a full disk, for one, has SQLite roll back by itself
            with suppress(sqlite3.Error) if self.damaged else nullcontext():
                self._writer.plain.execute("ROLLBACK")

    def _migrate(self, *, upgrade: bool) -> None:
        """Bring the schema up to date, once, whichever process is first.

        Raises:
            ConfigurationError: a newer smsfs made this store; or an older one, and this may not change it.
        """
        scripts = load_migrations("smsfs.store.sqlite")
        with self.reading() as reader:
            have = _number(reader, "user_version")
            marked = _number(reader, "application_id") == APPLICATION_ID
            if have == len(scripts) and (marked or not upgrade):
                return  # without a write, for which a full disk has no room
        if have < len(scripts) and not upgrade:
            raise ConfigurationError(
                f"The store {self.path} has schema {have}, this smsfs needs {len(scripts)}: stop every smsfs "
                "on it, make a backup of its folder, then start smsfs serve, which upgrades it."
            )
        with self.write() as connection:
            have = _number(connection, "user_version")
            if have > len(scripts):
                raise ConfigurationError(
                    f"{self.path} has schema {have}, this smsfs knows {len(scripts)}: upgrade smsfs."
                )
            for script in scripts[have:]:
                for statement in _split(script):
                    connection.plain.execute(statement)
            connection.plain.execute(f"PRAGMA user_version = {len(scripts)}")
            connection.plain.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        self.made = have == 0

    def look_over(self, seconds: float) -> bool:
        """SQLite's quick check, ended after a time; whether it came to its end.

        Raises:
            StoreDamaged: it found something.
        """
        ended = threading.Event()

        def end(connection: sqlite3.Connection) -> None:
            ended.set()
            connection.interrupt()

        with self.reading() as reader:
            timer = threading.Timer(seconds, end, [reader.plain])
            timer.daemon = True
            timer.start()
            try:
                lines = [row[0] for row in reader.plain.execute("PRAGMA quick_check(1)")]
            except sqlite3.OperationalError as exc:
                if exc.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
                    raise
                return False
            finally:
                timer.cancel()
                timer.join()  # an interrupt that came late would end somebody else's statement
        if not ended.is_set() and lines != ["ok"]:
            raise self._found(lines[0].removeprefix("*** in database main ***\n"))
        return not ended.is_set()

    def tidy(self) -> bool:
        """Give back free pages in short turns, and empty the log, in which deleted rows still stand.

        Returns:
            Whether that is done; not while somebody reads what the log has.
        """
        while self._vacuum():
            time.sleep(TURN_SECONDS)
        self.refuse_damaged()
        return self._written_back()

    def _written_back(self) -> bool:
        """Write what the log has into the database; whether all of it is there, and synced."""
        with self._write_lock:
            try:
                for mode in ("PASSIVE", "TRUNCATE"):  # the first does the work, and keeps no writer waiting
                    row = self._writer.plain.execute(f"PRAGMA wal_checkpoint({mode})").fetchone()
            except sqlite3.Error as exc:
                raise self._failed(exc, f"The store cannot be written now ({exc}).") from exc
        return bool(row[0] == 0)

    def _vacuum(self) -> bool:
        """Give back some free pages; whether there are more."""
        with self.reading() as reader:
            if not _number(reader, "auto_vacuum") or not has_too_many(reader.plain):
                return False
        with self.write(synced=False) as connection:
            give_back_some(connection.plain)
            return has_too_many(connection.plain)

    def check(self) -> list[str]:
        """Faults in the file's structure, and rows that refer to nothing."""
        with self.reading() as reader:
            try:
                lines = [row[0] for row in reader.plain.execute("PRAGMA integrity_check") if row[0] != "ok"]
                dangling = reader.plain.execute("PRAGMA foreign_key_check").fetchall()
            except sqlite3.DatabaseError as exc:  # too broken even to be checked
                lines, dangling = [str(exc)], []
        if lines:
            self._found(lines[0])
        return lines + [f"row {row[1]} of table {row[0]} refers to nothing in {row[2]}" for row in dangling]

    def close(self) -> None:
        """Close every connection of this process."""
        with self._write_lock:
            for connection in self._all:
                connection.close()
            self._all.clear()
            self._spare.clear()
            self._log.close()


def _number(connection: SqliteConnection, pragma: str) -> int:
    number: int = connection.plain.execute(f"PRAGMA {pragma}").fetchone()[0]
    return number


def _split(script: str) -> Iterator[str]:
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _retry(step: Callable[[], object]) -> None:
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            step()
        except sqlite3.OperationalError as exc:
            busy = exc.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
            if not busy or time.monotonic() > deadline:
                raise
            time.sleep(RETRY_SECONDS)
        else:
            return
