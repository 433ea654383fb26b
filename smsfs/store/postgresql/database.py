"""Connections to a PostgreSQL database, and its schema.

A commit is on stable storage when it returns, here and on the synchronous standbys that the server is set
to wait for. Whatever keeps the database from answering is a ``StoreUnavailable``; a commit that was cut off
while under way may have happened all the same, and callers can bear either.
"""

import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool, PoolTimeout

from smsfs.errors import ConfigurationError, Exists, StoreUnavailable
from smsfs.store.sql import load_migrations, load_statements

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

    def __init__(self, url: str) -> None:
        self._url = url
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
        self._migrate()
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
        except AWAY as exc:
            raise StoreUnavailable(
                f"The database does not answer now ({_first_line(exc)}); try again later."
            ) from exc

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

    def _migrate(self) -> None:
        """Bring the schema up to date, once, whichever host is first.

        Raises:
            ConfigurationError: the database cannot be used, or a newer smsfs has made it.
        """
        try:
            with psycopg.connect(self._url, **OPTIONS) as connection:
                _migrate(connection)
        except AWAY as exc:
            raise StoreUnavailable(f"The database does not answer ({_first_line(exc)}).") from exc
        except psycopg.Error as exc:
            raise ConfigurationError(f"The database cannot be opened: {_first_line(exc)}.") from exc

    def close(self) -> None:
        """Close every connection of this process."""
        self._pool.close()


def _configure(connection: psycopg.Connection[Any]) -> None:
    connection.execute(f"SET idle_in_transaction_session_timeout = '{STANDSTILL_SECONDS}s'".encode())


def _migrate(connection: psycopg.Connection[Any]) -> None:
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise ConfigurationError(
            f"The database has the encoding {encoding}, in which not every name and text can be kept; "
            "make one with: createdb --encoding UTF8 --template template0"
        )
    scripts = load_migrations("smsfs.store.postgresql")
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (MIGRATION_LOCK,))
    connection.execute("CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)")
    row = connection.execute("SELECT max(version) FROM schema_version").fetchone()
    have = (row and row[0]) or 0
    if have > len(scripts) + 1:
        raise ConfigurationError(
            f"The database has schema {have}, this smsfs knows {len(scripts)}: upgrade smsfs."
        )
    for number, script in enumerate(scripts[have:], have + 1):
        connection.execute(script.encode())
        connection.execute("INSERT INTO schema_version VALUES (%s)", (number,))


def _first_line(exc: BaseException) -> str:
    return str(exc).strip().split("\n", maxsplit=1)[0].rstrip(".")
