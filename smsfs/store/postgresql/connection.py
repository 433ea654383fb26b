"""Named statements on one session, and transactions that ask the server as seldom as they can.

What a transaction need not know yet waits, and goes to the server as one text along with the next statement
whose answer is needed, or with the COMMIT: a database that is milliseconds away is asked once for all. Not
in libpq's pipeline mode: where that ends with a Flush, PostgreSQL does not count how long a transaction
stands still, and a suspended host would hold its locks for good.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

import psycopg
from attrs import define
from psycopg.pq import TransactionStatus

from smsfs.errors import StoreConflict
from smsfs.store.changes import About
from smsfs.store.postgresql.pool import CHANNEL
from smsfs.store.postgresql.sessions import Session
from smsfs.store.sql import load_statements


def _named(statement: str) -> str:
    return re.sub(r"(?<![:\w]):([a-z_]+)", r"%(\1)s", statement)


SQL = {
    name: _named(text) for name, text in load_statements("smsfs.store.sql", "smsfs.store.postgresql").items()
}
LARGE_BYTES = 16_384
FAILED = "A part of this change failed, and so did the whole; try again."


class _Answer(NamedTuple):
    rows: list[Any]
    changed: int


@define(eq=False)
class _Waiting:
    """A statement that was not sent yet, and then its answer."""

    text: str
    values: Mapping[str, Any] | None = None
    answer: _Answer | None = None


class PostgresConnection:
    """Named statements on one session.

    Attributes:
        session: as it is, whatever waits to be sent.
        changing: whether a transaction has begun, if only here.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.changing = False
        self._waiting: list[_Waiting] = []

    @property
    def plain(self) -> Session:
        """The session, with nothing that waits."""
        if self._waiting:
            self._send()
        return self.session

    def _run(self, statement: str, values: Mapping[str, Any]) -> _Answer:
        if self._waiting and _is_large(values):
            self._send()
        if not self._waiting:
            return _answer(self.session.execute(SQL[statement], values))
        self._waiting.append(waiting := _Waiting(SQL[statement], values))
        return self._answer_to(waiting)

    def one(self, statement: str, /, **values: Any) -> Any | None:
        """The first row, if there is one."""
        return next(iter(self._run(statement, values).rows), None)

    def all(self, statement: str, /, **values: Any) -> list[Any]:
        """Every row."""
        return self._run(statement, values).rows

    def change(self, statement: str, /, **values: Any) -> int:
        """How many rows were changed."""
        return self._run(statement, values).changed

    def later(self, statement: str, /, **values: Any) -> Callable[[], Any | None]:
        """Run a statement with the next whose answer is asked for; gives what tells its first row."""
        waiting = _Waiting(SQL[statement], values)
        if self.changing and not _is_large(values):
            self._waiting.append(waiting)
        else:
            waiting.answer = self._run(statement, values)
        return lambda: next(iter(self._answer_to(waiting).rows), None)

    ahead = later

    def _answer_to(self, waiting: _Waiting) -> _Answer:
        if waiting.answer is None:
            self._send()
        if waiting.answer is None:  # what went along with it has failed
            raise StoreConflict(FAILED)
        return waiting.answer

    def _send(self, *last: str) -> None:
        """Send all that waits, and learn the answers."""
        waiting, self._waiting = self._waiting, []
        cursor = psycopg.ClientCursor(self.session, row_factory=self.session.row_factory)
        texts = [cursor.mogrify(each.text, each.values) for each in waiting]
        cursor.execute("; ".join([*texts, *last]))
        for each in waiting:
            each.answer = _answer(cursor)
            cursor.nextset()

    def bulk(self, statement: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Run a statement for each of many rows."""
        text = SQL[statement]
        with self.plain.cursor() as cursor:
            # not executemany: psycopg ends its pipeline with a Flush
            for row in rows:
                cursor.execute(text, row)

    def add(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        """Add many rows by a COPY."""
        with self.plain.cursor() as cursor, cursor.copy(SQL[statement]) as copy:
            for row in rows:
                copy.write_row(row)

    def notify(self, about: About) -> None:
        """With the commit, wake every host's pipeline."""
        values = {"channel": CHANNEL, "about": about}
        self._waiting.append(_Waiting("SELECT pg_notify(%(channel)s, %(about)s)", values))
        if not self.changing:
            self._send()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """A transaction, committed at the end of the block; within another one, a part of it.

        Raises:
            StoreConflict: a part of it has failed.
        """
        if self.changing:
            with self.plain.transaction(), self._sent_or_dropped():
                yield
            return
        self.changing = True
        self._waiting.append(_Waiting("BEGIN"))
        try:
            yield
            self._check_whole()
            self._send("COMMIT")
        except BaseException:
            self._waiting.clear()
            with suppress(psycopg.Error):  # it is broken: the server undoes what it held
                self.session.rollback()
            raise
        finally:
            self.changing = False

    @contextmanager
    def _sent_or_dropped(self) -> Iterator[None]:
        """What waits at the end of a block is a part of it."""
        try:
            yield
            if self._waiting:
                self._send()
            self._check_whole()
        except BaseException:
            self._waiting.clear()
            raise

    def _check_whole(self) -> None:
        if self.session.info.transaction_status == TransactionStatus.INERROR:
            raise StoreConflict(FAILED)


def _is_large(values: Mapping[str, Any]) -> bool:
    """Whether some value is better sent as it is than within a text."""
    return any(isinstance(value, bytes) and len(value) > LARGE_BYTES for value in values.values())


def _answer(cursor: psycopg.Cursor[Any]) -> _Answer:
    return _Answer(cursor.fetchall() if cursor.description else [], cursor.rowcount)
