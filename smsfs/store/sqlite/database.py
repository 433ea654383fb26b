"""Connections to one SQLite file, and its schema.

WAL with synchronous FULL: a commit is on stable storage when it returns. Writers of one process take turns
on one connection; between processes a busy database is tried again every half millisecond, because
SQLite's own busy handler backs off so far that a small writer waits for seconds beside a large one.
"""

import re
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

from smsfs.errors import ConfigurationError, StoreUnavailable

BUSY_SECONDS = 20.0
RETRY_SECONDS = 0.0005
READ_BUSY_SECONDS = 10.0


def statements() -> dict[str, str]:
    """The named statements of ``statements.sql``."""
    text = resources.files(__package__).joinpath("statements.sql").read_text(encoding="utf-8")
    blocks = re.split(r"^-- name: (\w+)$", text, flags=re.MULTILINE)[1:]
    return dict(zip(blocks[::2], (sql.strip().rstrip(";") for sql in blocks[1::2]), strict=True))


SQL = statements()


class Database:
    """The connections of this process: one to write, one for each thread to read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._write_lock = threading.RLock()
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._writer = self._connect(timeout=0)
        self._migrate()

    def _connect(self, timeout: float) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=timeout, isolation_level=None, check_same_thread=False, cached_statements=256
        )
        self._connections.append(connection)
        connection.row_factory = sqlite3.Row
        pragmas = ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "secure_delete = 0")
        for pragma in pragmas:
            _retry(lambda pragma=pragma: connection.execute(f"PRAGMA {pragma}"))
        return connection

    def reader(self) -> sqlite3.Connection:
        """This thread's connection for reading."""
        if not hasattr(self._local, "connection"):
            self._local.connection = self._connect(READ_BUSY_SECONDS)
        connection: sqlite3.Connection = self._local.connection
        return connection

    def read(self, name: str, /, **values: Any) -> list[sqlite3.Row]:
        """The rows of a named statement."""
        try:
            return self.reader().execute(SQL[name], values).fetchall()
        except sqlite3.Error as exc:
            raise StoreUnavailable(f"The store cannot be read now ({exc}); try again later.") from exc

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A transaction: committed at the end of the block, rolled back by an exception.

        Raises:
            StoreUnavailable: it could not be begun or committed; nothing was changed.
        """
        with self._write_lock:
            try:
                _retry(lambda: self._writer.execute("BEGIN IMMEDIATE"))
                try:
                    yield self._writer
                except BaseException:
                    self._roll_back()
                    raise
                _retry(lambda: self._writer.execute("COMMIT"))
            except sqlite3.OperationalError as exc:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise StoreUnavailable(
                    f"The store cannot be written now ({exc}); nothing was changed."
                ) from exc

    def _roll_back(self) -> None:
        if self._writer.in_transaction:  # a full disk, for one, has SQLite roll back by itself
            self._writer.execute("ROLLBACK")

    def _migrate(self) -> None:
        """Bring the schema up to date, once, whichever process is first.

        Raises:
            ConfigurationError: a newer smsfs made this store.
        """
        scripts = migrations()
        with self.write() as connection:
            have = connection.execute("PRAGMA user_version").fetchone()[0]
            if have > len(scripts):
                raise ConfigurationError(
                    f"{self.path} has schema {have}, this smsfs knows {len(scripts)}: upgrade smsfs."
                )
            for script in scripts[have:]:
                for statement in _split(script):
                    connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {len(scripts)}")

    def check(self) -> list[str]:
        """Faults in the file's structure, and rows that refer to nothing."""
        reader = self.reader()
        lines = [row[0] for row in reader.execute("PRAGMA integrity_check") if row[0] != "ok"]
        dangling = reader.execute("PRAGMA foreign_key_check").fetchall()
        return lines + [f"row {row[1]} of table {row[0]} refers to nothing in {row[2]}" for row in dangling]

    def data_version(self) -> int:
        """A number that changes when another connection has committed."""
        version: int = self.reader().execute("PRAGMA data_version").fetchone()[0]
        return version

    def close(self) -> None:
        """Close every connection of this process."""
        with self._write_lock:
            for connection in self._connections:
                connection.close()
            self._connections.clear()


def migrations() -> list[str]:
    """The schema's numbered steps, in order."""
    folder = resources.files(__package__).joinpath("migrations")
    files = sorted(
        (item for item in folder.iterdir() if item.name.endswith(".sql")), key=lambda item: item.name
    )
    return [item.read_text(encoding="utf-8") for item in files]


def _split(script: str) -> Iterator[str]:
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _retry(step: Any) -> None:
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            step()
        except sqlite3.OperationalError as exc:
            if exc.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) or (
                time.monotonic() > deadline
            ):
                raise
            time.sleep(RETRY_SECONDS)
        else:
            return
