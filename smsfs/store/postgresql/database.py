"""Connections to a PostgreSQL database, and its schema.

A commit is on stable storage when it returns, here and on the synchronous standbys that the server is set
to wait for. Whatever keeps the database from answering is a ``StoreUnavailable``; a commit that was cut off
while under way may have happened all the same, and callers can bear either.
"""

import re
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool, PoolTimeout

from smsfs.errors import ConfigurationError, Exists, StoreDamaged, StoreUnavailable
from smsfs.store.sql import load_migrations, load_statements, no_store

CHANNEL = "smsfs"
MOST_CONNECTIONS = 40
#: Of these, for threads that hold one and need a second to get on: were all held so, none ever would.
SECOND_CONNECTIONS = 8
POOL_SECONDS = 5.0
CONNECT_SECONDS = 5
MIGRATION_LOCK = 20266
#: A transaction whose process stands still, or whose network is gone, holds its locks no longer than this.
STANDSTILL_SECONDS = 4
#: A server that does not answer is given up after these, so that a thread is not stuck for ever.
OPTIONS: dict[str, Any] = {
    "connect_timeout": CONNECT_SECONDS,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    "application_name": "smsfs",
    "client_encoding": "utf8",  # whatever PGCLIENTENCODING says
}
#: What says that the server cannot be had now; a transaction that it ended by itself is an InternalError.
AWAY = (PoolTimeout, psycopg.OperationalError, psycopg.InterfaceError, psycopg.InternalError)

#: Broken pages (XX001) and indexes (XX002), a table's file that is gone, and a disk that cannot be read.
DAMAGE = (
    psycopg.errors.DataCorrupted,
    psycopg.errors.IndexCorrupted,
    psycopg.errors.UndefinedFile,
    psycopg.errors.IoError,
)
OTHERS_TABLE = "The database has another program's table schema_version: give smsfs a database of its own."
#: For so long after damage was met the store is told to be damaged.
DAMAGE_SECONDS = 60.0


def _named(statement: str) -> str:
    return re.sub(r"(?<![:\w]):([a-z_]+)", r"%(\1)s", statement)


SQL = {
    name: _named(text) for name, text in load_statements("smsfs.store.sql", "smsfs.store.postgresql").items()
}


class PostgresConnection:
    """Named statements on one connection."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.plain = connection

    def _run(self, statement: str, values: Mapping[str, Any]) -> psycopg.Cursor[Any]:
        return self.plain.execute(SQL[statement], values)

    def one(self, statement: str, /, **values: Any) -> Any | None:
        """The first row, if there is one."""
        return self._run(statement, values).fetchone()

    def all(self, statement: str, /, **values: Any) -> list[Any]:
        """Every row."""
        return self._run(statement, values).fetchall()

    def change(self, statement: str, /, **values: Any) -> int:
        """How many rows were changed."""
        return self._run(statement, values).rowcount

    def bulk(self, statement: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Run a statement for each of many rows; one that is a COPY takes its columns from them."""
        text = SQL[statement]
        with self.plain.cursor() as cursor:
            if not text.startswith("COPY"):
                # not executemany: psycopg ends its pipeline with a Flush, behind which PostgreSQL does not
                # count how long a transaction stands still: a suspended host would hold its locks for good
                for row in rows:
                    cursor.execute(text, row)
                return
            columns = [name.strip() for name in text[text.index("(") + 1 : text.index(")")].split(",")]
            with cursor.copy(text) as copy:
                for row in rows:
                    copy.write_row([row[name] for name in columns])

    def notify(self) -> None:
        """With the commit, wake every host's pipeline."""
        self.plain.execute("SELECT pg_notify(%s, '')", (CHANNEL,))


class Database:
    """The connections of this process, as many as are needed at a time."""

    def __init__(self, url: str, *, upgrade: bool = True) -> None:
        self._url = url
        self._damage: tuple[float, StoreDamaged] | None = None
        self.made = False
        self._firsts = threading.BoundedSemaphore(MOST_CONNECTIONS - SECOND_CONNECTIONS)
        self._thread = threading.local()
        self._pool = ConnectionPool(
            url,
            min_size=1,
            max_size=MOST_CONNECTIONS,
            timeout=POOL_SECONDS,
            reconnect_timeout=POOL_SECONDS,  # then whoever asks next tries anew; the pool's own pauses double
            kwargs={"row_factory": dict_row, "autocommit": True, **OPTIONS},
            configure=_configure,
            check=ConnectionPool.check_connection,
            name="smsfs",
            open=False,
        )
        self._migrate(upgrade=upgrade)
        self._pool.open()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Wait until a thread that holds no connection may have one."""
        if getattr(self._thread, "holds_one", False):
            yield
            return
        if not self._firsts.acquire(timeout=POOL_SECONDS):
            raise PoolTimeout(f"all connections were in use for {POOL_SECONDS:g} seconds")
        self._thread.holds_one = True
        try:
            yield
        finally:
            self._thread.holds_one = False
            self._firsts.release()

    @contextmanager
    def _connection(self) -> Iterator[PostgresConnection]:
        try:
            with self._turn(), self._pool.connection() as connection:
                yield PostgresConnection(connection)
        except psycopg.errors.ForeignKeyViolation as exc:
            raise StoreUnavailable("Something this needs has just gone; try again.") from exc
        except psycopg.IntegrityError as exc:
            raise Exists(f"The store has this already ({_first_line(exc)}).") from exc
        except DAMAGE as exc:
            raise self.met(_damage(exc)) from exc
        except AWAY as exc:
            raise StoreUnavailable(
                f"The database does not answer now ({_first_line(exc)}); try again later."
            ) from exc

    def met(self, found: StoreDamaged) -> StoreDamaged:
        """Remember damage, for a while."""
        self._damage = time.monotonic(), found
        return found

    def damaged(self) -> StoreDamaged | None:
        """The damage that was met a moment ago."""
        at, found = self._damage or (0.0, None)
        return found if time.monotonic() - at < DAMAGE_SECONDS else None

    @contextmanager
    def reading(self) -> Iterator[PostgresConnection]:
        """To read; each statement sees what was committed before it."""
        with self._connection() as connection:
            yield connection

    @contextmanager
    def write(self, *, synced: bool = True) -> Iterator[PostgresConnection]:
        """A transaction: committed at the end of the block, rolled back by an exception."""
        del synced  # always: whoever saw it lives on when the database's host loses power
        with self._connection() as connection, connection.plain.transaction():
            yield connection

    @contextmanager
    def listening(self) -> Iterator[psycopg.Connection[Any]]:
        """A connection of its own that hears of changes."""
        try:
            with psycopg.connect(self._url, autocommit=True, **OPTIONS) as connection:
                connection.execute(f"LISTEN {CHANNEL}")
                yield connection
        except AWAY as exc:
            raise StoreUnavailable(f"The database does not answer now ({_first_line(exc)}).") from exc

    def _migrate(self, *, upgrade: bool) -> None:
        """Bring the schema up to date, once, whichever host is first.

        Raises:
            ConfigurationError: the database cannot be used, or another version of smsfs has made it, or it is
                empty and this may not change it.
            StoreDamaged: it cannot be read.
        """
        try:
            with psycopg.connect(self._url, **OPTIONS) as connection:
                self.made = _migrate(connection, upgrade=upgrade)
        except DAMAGE as exc:
            raise _damage(exc) from exc
        except AWAY as exc:
            raise StoreUnavailable(f"The database does not answer ({_first_line(exc)}).") from exc
        except psycopg.Error as exc:
            raise ConfigurationError(f"The database cannot be opened: {_first_line(exc)}.") from exc

    def close(self) -> None:
        """Close every connection of this process."""
        self._pool.close()


def _configure(connection: psycopg.Connection[Any]) -> None:
    connection.execute(f"SET idle_in_transaction_session_timeout = '{STANDSTILL_SECONDS}s'".encode())


def _migrate(connection: psycopg.Connection[Any], *, upgrade: bool) -> bool:
    """Bring the schema up to date; whether there was none."""
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise ConfigurationError(
            f"The database has the encoding {encoding}, in which not every name and text can be kept; "
            "make one with: createdb --encoding UTF8 --template template0"
        )
    scripts = load_migrations("smsfs.store.postgresql")
    if not upgrade:
        _check_version(_version(connection), len(scripts))
        return False
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (MIGRATION_LOCK,))
    have = _version(connection)
    if have is None:
        connection.execute("CREATE TABLE schema_version (version BIGINT NOT NULL)")
    _check_newest(have or 0, len(scripts))
    for number, script in enumerate(scripts[have or 0 :], (have or 0) + 1):
        connection.execute(script.encode())
        connection.execute("INSERT INTO schema_version VALUES (%s)", (number,))
    return not have


def _version(connection: psycopg.Connection[Any]) -> int | None:
    """The schema that the database has; None where it has no table of ours.

    Raises:
        ConfigurationError: the table of versions is another program's.
    """
    if not _has_table(connection, "schema_version"):
        return None
    try:
        row = connection.execute("SELECT CAST(max(version) AS BIGINT) FROM schema_version").fetchone()
    except (psycopg.ProgrammingError, psycopg.DataError) as exc:
        raise ConfigurationError(OTHERS_TABLE) from exc
    version: int = (row and row[0]) or 0
    if version and not _has_table(connection, "batch"):
        raise ConfigurationError(OTHERS_TABLE)
    return version


def _has_table(connection: psycopg.Connection[Any], name: str) -> bool:
    row = connection.execute("SELECT to_regclass(%s)", (name,)).fetchone()
    return bool(row and row[0])


def _check_version(have: int | None, known: int) -> None:
    """Check that a command may work on the tables, which it may not change.

    Raises:
        ConfigurationError: there are none, or they are another version's.
    """
    if not have:
        raise ConfigurationError(no_store("The database has no tables of smsfs."))
    if have < known:
        raise ConfigurationError(
            f"The database has schema {have}, this smsfs needs {known}: make a backup, then start "
            "smsfs serve of this version, which upgrades it."
        )
    _check_newest(have, known)


def _check_newest(have: int, known: int) -> None:
    if have > known + 1:
        raise ConfigurationError(f"The database has schema {have}, this smsfs knows {known}: upgrade smsfs.")


def _damage(exc: BaseException) -> StoreDamaged:
    return StoreDamaged.told(
        _first_line(exc), cure="fail over to a standby that is sound, or restore a backup of the database"
    )


def _first_line(exc: BaseException) -> str:
    return str(exc).strip().split("\n", maxsplit=1)[0].rstrip(".")
