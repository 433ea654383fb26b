"""The sessions of a process, and its transactions.

A commit is on stable storage when it returns, here and on the synchronous standbys that the server is set
to wait for. Whatever keeps the database from answering is a ``StoreUnavailable``; a commit that was cut off
while under way may have happened all the same, and callers can bear either.
"""

import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from smsfs.errors import ConfigurationError, Refusal, StoreConflict, StoreDamaged, StoreUnavailable
from smsfs.store.changes import About
from smsfs.store.postgresql import schema, survey
from smsfs.store.postgresql.connection import PostgresConnection
from smsfs.store.postgresql.pool import Pool
from smsfs.store.postgresql.reasons import DAMAGE, damage, first_line, refused, unconnected
from smsfs.store.postgresql.sessions import Facts, Session, bounded, connect, find_schema, look_in

MOST_CONNECTIONS = 6
POOL_SECONDS = 5.0
ENDED = "The database ended this change, and undid it in whole ({}): try again."
#: A transaction whose process stands still, or whose network is gone, holds its locks no longer than this.
STANDSTILL_SECONDS = 4
#: For so long after damage was met the store is told to be damaged.
DAMAGE_SECONDS = 60.0
#: Looks at whether a pooler gives the statements of one client to several sessions.
POOLER_LOOKS = 10
_POOLED = (
    "What stands in front of PostgreSQL gives each transaction another session (PgBouncer does with "
    "pool_mode = transaction), and smsfs needs sessions that stay: set pool_mode = session for this "
    "database, or connect to PostgreSQL itself."
)


class Database:
    """The connections of this process, shared by its threads.

    A thread that has one already has the same once more: none waits for a second one.

    Args:
        url: a libpq connection URI.
        connections: of this process, at most.

    Attributes:
        process: the number by which other processes know these connections.
    """

    def __init__(self, url: str, connections: int = MOST_CONNECTIONS, *, upgrade: bool = True) -> None:
        self._url = url
        self.process = 1 + secrets.randbelow(2**31 - 1)
        self._damage: tuple[float, StoreDamaged] | None = None
        self._thread = threading.local()
        self._schema: str | None = None
        self._known = False
        self._pool = Pool(self, connections)
        try:
            self.made = self._prepare(upgrade=upgrade)
        except BaseException:
            self._pool.close()
            raise

    # -- sessions, for the pool ---------------------------------------------------------------------------

    def connect(self) -> tuple[Session, Facts]:
        """A new session, which finds the tables.

        Raises:
            psycopg.Error: there is none to be had.
            StoreUnavailable: a pooler would share it among clients.
        """
        session, facts = connect(self._url, STANDSTILL_SECONDS, self.process)
        try:
            with bounded(session):
                if not self._known:
                    self._schema, self._known = find_schema(session, self._url), True
                look_in(session, self._schema)
                self._check_own(facts)
        except BaseException:
            session.close()
            raise
        return session, facts

    def _check_own(self, facts: Facts) -> None:
        """A pooler that was set otherwise since this process began is found with the next session."""
        if facts.pooled and self._pool.has_backend(facts.backend):
            raise StoreUnavailable(_POOLED)

    def room(self, session: Session) -> int:
        """How many more sessions the server would give to this role."""
        return survey.room(session)

    def works(self, session: Session, backend: int) -> bool:
        """Whether a process of the server still works on what it was asked."""
        return survey.works(session, backend)

    def end(self, session: Session, backend: int) -> None:
        """End a process of the server."""
        survey.end(session, backend)

    def _prepare(self, *, upgrade: bool) -> bool:
        """Find the tables as this release needs them, or make them so, whichever host is first.

        Returns:
            Whether there were none.

        Raises:
            ConfigurationError: the database cannot be used, or another version of smsfs has made it, or it is
                empty and this may not change it.
            StoreDamaged: it cannot be read.
        """
        try:
            with self._pool.lent(POOL_SECONDS) as member:
                if member.facts.pooled and self._is_shared(member.session, member.facts.backend):
                    raise ConfigurationError(_POOLED)
                have = schema.bring_up_to_date(member.session, upgrade=upgrade)
        except psycopg.Error as exc:
            refusal = self._told(exc)
            if refusal is None:
                raise ConfigurationError(f"The database cannot be opened: {first_line(exc)}.") from exc
            raise refusal from exc
        return not have

    def _is_shared(self, session: Session, backend: int) -> bool:
        """Whether a second client gets the same session of the server, or this one gets others in turn."""
        try:
            other, facts = connect(self._url, STANDSTILL_SECONDS)
        except psycopg.Error:  # there is only one: nobody else can have it
            return False
        try:
            with bounded(other), bounded(session):
                return facts.backend == backend or any(
                    survey.backend(session) != backend or survey.backend(other) == backend
                    for _ in range(POOLER_LOOKS)
                )
        finally:
            other.close()

    # -- statements ---------------------------------------------------------------------------------------

    @contextmanager
    def _session(self, *, urgent: bool = False) -> Iterator[PostgresConnection]:
        held: PostgresConnection | None = getattr(self._thread, "held", None)
        try:
            if held:
                yield held
                return
            with self._pool.lent(POOL_SECONDS, urgent=urgent) as member:
                self._thread.held = PostgresConnection(member.session)
                try:
                    yield self._thread.held
                finally:
                    self._thread.held = None
        except psycopg.Error as exc:
            refusal = self._told(exc)
            if refusal is None:
                raise
            raise refusal from exc

    def _told(self, exc: psycopg.Error) -> Refusal | None:
        return self.met(damage(exc)) if isinstance(exc, DAMAGE) else refused(exc)

    def met(self, found: StoreDamaged) -> StoreDamaged:
        """Remember damage, for a while."""
        self._damage = time.monotonic(), found
        return found

    def damaged(self) -> StoreDamaged | None:
        """The damage that was met a moment ago."""
        at, found = self._damage or (0.0, None)
        return found if time.monotonic() - at < DAMAGE_SECONDS else None

    @contextmanager
    def reading(self, *, urgent: bool = False) -> Iterator[PostgresConnection]:
        """To read; each statement sees what was committed before it, and what its thread is changing.

        An ``urgent`` one goes before others.
        """
        with self._session(urgent=urgent) as connection:
            yield connection

    @contextmanager
    def write(self, *, synced: bool = True, urgent: bool = False) -> Iterator[PostgresConnection]:
        """A transaction: committed at the end of the block, rolled back by an exception.

        Within another one of the same thread it is a part of that. An ``urgent`` one goes before others.
        """
        del synced  # always: whoever saw it lives on when the database's host loses power
        with self._session(urgent=urgent) as connection:
            session = connection.session
            session.unsure = False
            with connection.transaction():
                try:
                    yield connection
                except psycopg.errors.AdminShutdown as exc:  # before the commit, of which it could be either
                    raise StoreConflict(ENDED.format(first_line(exc))) from exc
            if session.unsure and not self.is_changing():
                raise StoreUnavailable(
                    "The wait for the standby was cancelled: whether it has this change is not known."
                )

    def is_changing(self) -> bool:
        """Whether this thread is within a transaction."""
        held: PostgresConnection | None = getattr(self._thread, "held", None)
        return held is not None and held.changing

    def heard(self, timeout: float, about: About) -> bool:
        """Wait for any host's notification of such a change, or for so many seconds.

        Raises:
            StoreUnavailable: the database is away.
        """
        try:
            return self._pool.hear(timeout, POOL_SECONDS, about)
        except psycopg.Error as exc:
            raise refused(exc) or StoreUnavailable(f"Nothing can be heard ({first_line(exc)}).") from exc

    def close(self) -> None:
        """Close every connection of this process."""
        self._pool.close()


def migrate(url: str, grant: str | None) -> None:
    """Make the tables, or bring them up to date, and perhaps let a role use them.

    Raises:
        ConfigurationError: this role may not, or there is no role to grant rights to.
        StoreUnavailable: the database is away.
    """
    try:
        session, _ = connect(url, STANDSTILL_SECONDS)
    except psycopg.Error as exc:
        raise unconnected(exc) from exc
    try:
        look_in(session, find_schema(session, url))
        schema.bring_up_to_date(session, upgrade=True)
        if grant:
            schema.grant(session, grant)
    except psycopg.Error as exc:
        raise ConfigurationError(f"The tables cannot be brought up to date: {first_line(exc)}.") from exc
    finally:
        session.close()
