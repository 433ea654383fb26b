"""Named statements on one connection to SQLite."""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache, partial
from itertools import chain
from typing import Any

from smsfs.store.changes import About
from smsfs.store.sql import Answer, load_statements

#: Rows added by one statement; their values are fewer than any SQLite takes.
ROWS_AT_ONCE = 50

SQL = load_statements("smsfs.store.sql", "smsfs.store.sqlite")


class SqliteConnection:
    """Named statements on one connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.plain = connection
        self.told: set[About] = set()

    def one(self, statement: str, /, **values: Any) -> sqlite3.Row | None:
        """The first row, if there is one."""
        row: sqlite3.Row | None = self.plain.execute(SQL[statement], values).fetchone()
        return row

    def all(self, statement: str, /, **values: Any) -> list[sqlite3.Row]:
        """Every row."""
        return self.plain.execute(SQL[statement], values).fetchall()

    def change(self, statement: str, /, **values: Any) -> int:
        """How many rows were changed."""
        return self.plain.execute(SQL[statement], values).rowcount

    def later(self, statement: str, /, **values: Any) -> Answer:
        """Run a statement at once; gives what tells its first row."""
        row = self.one(statement, **values)
        return lambda: row

    def ahead(self, statement: str, /, **values: Any) -> Answer:
        """Gives what reads its first row, each time anew."""
        return partial(self.one, statement, **values)

    def bulk(self, statement: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Run a statement for each of many rows."""
        self.plain.executemany(SQL[statement], rows)

    def add(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        """Add many rows; some by one statement, for others of this process wait at each, and it for them."""
        rows = list(rows)
        for start in range(0, len(rows), ROWS_AT_ONCE):
            some = rows[start : start + ROWS_AT_ONCE]
            self.plain.execute(_of_rows(statement, len(some)), list(chain.from_iterable(some)))

    def notify(self, about: About) -> None:
        """Leave it to be told of once it is committed."""
        self.told.add(about)


@lru_cache(maxsize=2 * ROWS_AT_ONCE)
def _of_rows(statement: str, count: int) -> str:
    """A statement that adds so many rows, their values by place."""
    start, _, values = SQL[statement].partition("VALUES ")
    places = f"({', '.join('?' * (values.count(',') + 1))})"
    return f"{start}VALUES {', '.join([places] * count)}"
