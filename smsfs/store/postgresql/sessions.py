"""Sessions of PostgreSQL as smsfs needs them, whatever the server, database or role has as default."""

import json
import os
import socket
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar, cast

import psycopg
from attrs import frozen
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import dict_row

from smsfs.errors import ConfigurationError

CONNECT_SECONDS = 5
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
#: Of these, what the URL cannot change.
FIXED = ("client_encoding",)
#: A statement that is cut off by a timeout while it waits for the synchronous standby counts as committed,
#: although only one disk has it: there must be none.
SETTINGS = {
    "default_transaction_isolation": "read committed",
    "default_transaction_deferrable": "off",
    "statement_timeout": "0",
    "lock_timeout": "0",
    "idle_session_timeout": "0",
    "tcp_keepalives_idle": "5",  # a host that lost its power takes up no connections for two hours
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "10000",
    "transaction_timeout": "0",
    "timezone": "UTC",
    "client_encoding": "UTF8",
    "datestyle": "ISO",
    "intervalstyle": "postgres",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "standard_conforming_strings": "on",
    "row_security": "on",
}
#: Weaker than on a disk here and on the synchronous standby; ``remote_apply`` is stronger, and stays.
STRONG_COMMITS = ("on", "remote_apply")
#: What reads them all in one step; settings that this version of PostgreSQL lacks are passed over.
_SET = """
SELECT set_config(s.name, g.value, false)
FROM json_each_text(CAST(%s AS JSON)) g JOIN pg_settings s ON lower(s.name) = g.key
"""
_WHO = """
SELECT pg_backend_pid() AS backend, pg_is_in_recovery() AS standby,
    current_setting('synchronous_commit') AS commits,
    pg_advisory_lock_shared(%s, %s) IS NULL AS marked
"""
#: Beside the number of its process, what each session holds a lock by which nobody waits for.
MARK = 20267
_SYNCREP = "SyncRepWaitForLSN"
T = TypeVar("T")


@frozen
class Facts:
    """What a session is.

    Attributes:
        backend: the process of the server that serves it, by what that itself says.
        pooled: something between has told of another one.
        standby: it can only read.
    """

    backend: int
    pooled: bool
    standby: bool


class Session(psycopg.Connection[Any]):
    """A connection that knows since when it waits for the server.

    Attributes:
        moved: by the monotonic clock, when it last got on with what it waits for, that was asked at the
            earliest; None while it waits for nothing.
        unsure: a commit was let go on before the synchronous standby had it.
        heard: what notifications that came along with an answer say.
    """

    moved: float | None = None
    unsure = False
    heard: set[str]

    def wait(self, gen: Any, *given: Any, **named: Any) -> Any:
        """Every answer of the server is waited for here."""
        self.moved = time.monotonic()
        try:
            return super().wait(self._noting(gen), *given, **named)
        finally:
            self.moved = None

    def _noting(self, steps: Generator[Any, Any, T]) -> Generator[Any, Any, T]:
        """The same steps; notes each time that something could be sent or received."""
        try:
            wanted = next(steps)
            while True:
                ready = yield wanted
                if ready:
                    self.moved = time.monotonic()
                wanted = steps.send(ready)
        except StopIteration as end:
            given: T = end.value
            return given

    def sever(self) -> None:
        """Let whoever waits for the server have an error; for other threads than that one."""
        with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(self.fileno())) as end:
            end.shutdown(socket.SHUT_RDWR)

    def note(self, told: psycopg.Notify) -> None:
        """Take note of a notification."""
        self.heard.add(told.payload)

    def notice(self, diagnostic: psycopg.errors.Diagnostic) -> None:
        """Take note of a warning that an administrator's cancel let a commit go on."""
        if diagnostic.source_function == _SYNCREP:
            self.unsure = True


def connect(url: str, standstill: int, process: int = 0) -> tuple[Session, Facts]:
    """A new session.

    Args:
        url: a libpq connection URI.
        standstill: seconds after which the server ends a transaction of which nothing is heard.
        process: the number by which others know a session of this process.

    Raises:
        psycopg.Error: there is none to be had.
    """
    session = Session.connect(url, autocommit=True, row_factory=cast("Any", dict_row), **_options(url))
    session.heard = set()
    session.add_notice_handler(session.notice)
    session.add_notify_handler(session.note)
    try:
        with bounded(session):
            row = cast("dict[str, Any]", session.execute(_WHO, (MARK, process)).fetchone())
            strong = row["commits"] in STRONG_COMMITS
            values = SETTINGS | {"idle_in_transaction_session_timeout": f"{standstill}s"}
            values |= {} if strong else {"synchronous_commit": "on"}
            session.execute(_SET, (json.dumps(values),))
    except BaseException:
        session.close()
        raise
    return session, Facts(row["backend"], row["backend"] != session.info.backend_pid, row["standby"])


@contextmanager
def bounded(session: Session, seconds: float = CONNECT_SECONDS) -> Iterator[None]:
    """Give the server so long for all that is asked in the block; the session is of no use after that.

    Raises:
        psycopg.OperationalError: it took longer.
    """
    timer = threading.Timer(seconds, session.sever)
    timer.daemon = True
    timer.start()
    try:
        yield
    except psycopg.Error as exc:
        if timer.is_alive():
            raise
        raise psycopg.OperationalError(f"it lets smsfs in, and says nothing for {seconds:g} seconds") from exc
    finally:
        timer.cancel()


def _options(url: str) -> dict[str, Any]:
    """What the URL does not say itself, and what it has no say in."""
    given = conninfo_to_dict(url)
    return {name: value for name, value in OPTIONS.items() if name in FIXED or name not in given}


def find_schema(session: Session, url: str) -> str | None:
    """The schema that has the tables, or is to have them; None where the URL itself says where to look.

    Raises:
        ConfigurationError: there is no schema to make tables in.
    """
    if "search_path" in str(conninfo_to_dict(url).get("options")):
        return None
    row = cast("dict[str, Any]", session.execute(_SCHEMA).fetchone())
    if row["schema"] is None:
        raise ConfigurationError(
            "The database has no schema public, and the role none of its own: make one with CREATE SCHEMA."
        )
    return cast("str", row["schema"])


def look_in(session: Session, schema: str | None) -> None:
    """Have a session find its tables there and nowhere else, whatever ``search_path`` the role has."""
    if schema is not None:
        session.execute("SELECT set_config('search_path', quote_ident(%s) || ', pg_temp', false)", (schema,))


_SCHEMA = """
SELECT coalesce(
    (SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relname = 'schema_version' AND c.relkind = 'r'
    AND EXISTS (SELECT 1 FROM pg_class o WHERE o.relnamespace = n.oid AND o.relname = 'batch')
    ORDER BY pg_table_is_visible(c.oid) DESC, n.nspname = 'public' DESC, n.nspname LIMIT 1),
    current_schema(),
    (SELECT nspname FROM pg_namespace WHERE nspname = 'public')
) AS schema
"""
