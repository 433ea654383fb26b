"""The rows of a damaged store, brought into a new one.

Each table is followed from its root as far as its pages can be read; pages that no table leads to any more
are taken for the table whose columns their rows fit, which the new store's own constraints decide. The
damaged file is only read.
"""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from attrs import define, field, frozen

from smsfs.states import BatchState, SliceState
from smsfs.store.sqlite.database import Database
from smsfs.store.sqlite.pages import (
    INDEX_INNER,
    INDEX_LEAF,
    TABLE_INNER,
    TABLE_LEAF,
    BrokenError,
    Cell,
    Pages,
)

_CONFLICTS = {
    sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY,
    sqlite3.SQLITE_CONSTRAINT_UNIQUE,
    sqlite3.SQLITE_CONSTRAINT_ROWID,
}
#: The number of the account and the batch of what has lost its own.
LOST = 1 << 60
_LONE_PAYLOADS = "SELECT slice, messages FROM payload WHERE slice NOT IN (SELECT id FROM slice)"
_PLACEHOLDER = """
INSERT INTO slice (id, batch, seq, first_row, last_row, size, state, backend, not_before, expires)
SELECT :slice, coalesce(max(batch), :lost), 0, :first, :last, :size, :done, '', 0, 0
FROM outcome WHERE slice = :slice
"""
#: How many messages some stored ones are, with their first and last rows; None when they cannot be read.
Span = Callable[[bytes], tuple[int, int, int] | None]
#: What was found is to be listed, though what it belongs to is lost.
_COMPLETION = (
    "UPDATE account SET settings = '{}' WHERE NOT json_valid(settings)",
    "UPDATE batch SET flags = '[]' WHERE NOT json_valid(flags)",
    "UPDATE batch SET causes = '[]' WHERE NOT json_valid(causes)",
    "DELETE FROM slice WHERE id NOT IN (SELECT slice FROM payload)",
    """INSERT INTO batch (id, account, path, stem, flags, state, submitted, not_before)
    SELECT DISTINCT batch, :lost, 'lost', 'lost', '[]', :accepted, 0, 0 FROM slice
    WHERE batch NOT IN (SELECT id FROM batch)""",
    """INSERT INTO account (id, name, dialect, created)
    SELECT account, 'lost-' || account, 'gatewayapi', 0
    FROM (SELECT account FROM batch UNION SELECT account FROM file UNION SELECT account FROM optout
          UNION SELECT account FROM reply WHERE account IS NOT NULL)
    WHERE account NOT IN (SELECT id FROM account)""",
    "DELETE FROM web_session",  # who was logged in logs in again
    "UPDATE account SET parent = NULL WHERE parent NOT IN (SELECT id FROM account)",
)

#: What a column's type lets a row store; a real number without a fraction is stored as a whole one.
_KINDS: dict[str, tuple[type, ...]] = {
    "INTEGER": (int,),
    "REAL": (float, int),
    "TEXT": (str,),
    "BLOB": (bytes,),
}


@frozen
class Table:
    """A table of the new store.

    Attributes:
        columns: in the order in which a row stores them.
        kinds: what each may hold beside NULL.
        number: which of them is the row's own number, and stored as NULL; None where none is.
        has_rowid: it is not kept as an index.
    """

    name: str
    columns: list[str]
    kinds: list[tuple[type, ...]]
    number: int | None
    has_rowid: bool

    def holds(self, cell: Cell) -> bool:
        """Whether each value is of its column's kind: SQLite itself would make a text of a number."""
        return all(
            value is None or isinstance(value, kinds)
            for value, kinds in zip(cell.values, self.kinds, strict=False)
        )

    def insert(self, cell: Cell) -> tuple[str, list[Any]]:
        """The statement that brings a row in, and its values; columns that it lacks get their defaults."""
        values = cell.values[: len(self.columns)]
        if self.number is not None and self.number < len(values) and values[self.number] is None:
            values[self.number] = cell.rowid
        names = ", ".join(self.columns[: len(values)])
        places = ", ".join("?" * len(values))
        return f"INSERT INTO {self.name} ({names}) VALUES ({places})", values  # noqa: S608 - names of our own


@define
class Salvaged:
    """What came of it: rows by table, and how many rows and pages could not be read."""

    rows: Counter[str] = field(factory=Counter)
    lost_rows: int = 0
    lost_pages: int = 0


def salvage(damaged: Path, target: Path, span: Span) -> Salvaged:
    """Make a store at ``target``, which must not be there, of what is left of another.

    Args:
        damaged: the file of the other.
        target: the new file.
        span: what it takes to list messages whose slice is lost.

    Raises:
        OSError: the damaged file cannot be opened.
    """
    fresh = Database(target)
    fresh.close()
    with (
        closing(Pages(damaged)) as pages,
        closing(sqlite3.connect(target, isolation_level=None)) as connection,
    ):
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("PRAGMA synchronous = OFF")  # it is read once, in a moment
        triggers = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall()
        for (trigger,) in triggers:
            connection.execute(f"DROP TRIGGER {trigger}")
        found = _Salvage(pages, connection)
        connection.execute("BEGIN")
        found.follow()
        found.guess()
        _complete_slices(connection, span)
        for statement in _COMPLETION:
            connection.execute(statement, {"lost": LOST, "accepted": BatchState.ACCEPTED.value})
        connection.execute("COMMIT")
        return found.result


def _complete_slices(connection: sqlite3.Connection, span: Span) -> None:
    """Give messages without a slice one, of the batch that an outcome of theirs names."""
    connection.execute("CREATE INDEX salvage_outcome ON outcome (slice)")
    for slice_, messages in connection.execute(_LONE_PAYLOADS).fetchall():
        if found := span(messages):
            values: dict[str, Any] = dict(zip(("size", "first", "last"), found, strict=True))
            values |= {"slice": slice_, "lost": LOST, "done": SliceState.DONE.value}
            connection.execute(_PLACEHOLDER, values)


class _Salvage:
    def __init__(self, pages: Pages, connection: sqlite3.Connection) -> None:
        self._pages = pages
        self._connection = connection
        self._tables = {table.name: table for table in _tables(connection)}
        self._seen: set[int] = set()
        self.result = Salvaged()

    def follow(self) -> None:
        """Bring in the rows of each table that the file's own list of tables leads to."""
        roots = list(self._roots())
        for name, root in roots:
            table = self._tables.get(name)
            for number in self._reached(root):
                if table:
                    self._take(table, number)

    def _roots(self) -> Iterator[tuple[str, int]]:
        """Tables, and indexes under a name that no table has, with their first pages."""
        for number in self._reached(1):
            for cell in self._readable(number):
                if len(cell.values) >= 4 and isinstance(cell.values[3], int) and cell.values[3]:  # noqa: PLR2004 - its columns
                    kind, name = cell.values[:2]
                    yield (name if kind == "table" else f"{kind} {name}"), cell.values[3]

    def _readable(self, number: int) -> Iterator[Cell]:
        try:
            yield from filter(None, self._pages.cells(number))
        except BrokenError:
            return

    def _reached(self, root: int) -> Iterator[int]:
        """The pages of a tree that have rows; each page is visited once, whatever leads to it."""
        waiting = [root]
        while waiting:
            number = waiting.pop()
            if number in self._seen:
                continue
            kind = self._pages.kind(number)
            if not kind:
                self.result.lost_pages += 1
                continue
            self._seen.add(number)
            if kind in (TABLE_INNER, INDEX_INNER):
                try:
                    waiting += reversed(self._pages.children(number))
                except BrokenError:
                    self.result.lost_pages += 1
                    continue
            if kind != TABLE_INNER:
                yield number

    def _take(self, table: Table, number: int) -> None:
        """Bring in the rows of a page that is known to be of a table."""
        try:
            for cell in self._pages.cells(number):
                if cell is None or not self._fits(table, cell):
                    self.result.lost_rows += 1
        except BrokenError:
            self.result.lost_pages += 1

    def _fits(self, table: Table, cell: Cell) -> bool:
        """Bring in a row, unless the table's own rules forbid it; whether they do not."""
        if not table.holds(cell):
            return False
        statement, values = table.insert(cell)
        try:
            self._connection.execute(statement, values)
        except sqlite3.IntegrityError as exc:
            return exc.sqlite_errorcode in _CONFLICTS
        except (sqlite3.Error, OverflowError):
            return False
        self.result.rows[table.name] += 1
        return True

    def guess(self) -> None:
        """Bring in the rows of pages that nothing leads to, by what they look like."""
        passed_over = self._seen | self._pages.free()
        for number in range(2, self._pages.count + 1):
            kind = self._pages.kind(number)
            if number not in passed_over and kind in (TABLE_LEAF, INDEX_LEAF, INDEX_INNER):
                self._guess(number, has_rowid=kind == TABLE_LEAF)

    def _guess(self, number: int, *, has_rowid: bool) -> None:
        cells = list(self._readable(number))
        widest = max((len(cell.values) for cell in cells), default=0)
        if not cells or not widest:
            return
        for table in self._tables.values():
            if table.has_rowid == has_rowid and len(table.columns) >= widest and self._all_fit(table, cells):
                return

    def _all_fit(self, table: Table, cells: Iterable[Cell]) -> bool:
        """Bring in all rows of a page, or none."""
        before = self.result.rows[table.name]
        self._connection.execute("SAVEPOINT page")
        if all(self._fits(table, cell) for cell in cells):
            self._connection.execute("RELEASE page")
            return True
        self._connection.execute("ROLLBACK TO page")
        self._connection.execute("RELEASE page")
        self.result.rows[table.name] = before
        return False


def _tables(connection: sqlite3.Connection) -> list[Table]:
    """The tables of a store, those with the most columns first: their rows fit no other by chance."""
    listed = connection.execute(
        "SELECT name, wr FROM pragma_table_list WHERE schema = 'main' AND type = 'table' "
        "AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'run%'"  # sorted copies of what outcomes say
    ).fetchall()
    found = [_table(connection, name, has_rowid=not without) for name, without in listed]
    return sorted(found, key=lambda table: (-len(table.columns), table.name))


def _table(connection: sqlite3.Connection, name: str, *, has_rowid: bool) -> Table:
    columns = connection.execute(
        "SELECT name, type, pk FROM pragma_table_info(?) ORDER BY cid", [name]
    ).fetchall()
    keys = [column for column in columns if column[2]]
    number = None
    if has_rowid and len(keys) == 1 and keys[0][1] == "INTEGER":
        number = columns.index(keys[0])
    if not has_rowid:  # the key comes first
        columns = sorted(keys, key=lambda column: column[2]) + [column for column in columns if not column[2]]
    return Table(
        name,
        [column[0] for column in columns],
        [_KINDS[column[1]] for column in columns],
        number,
        has_rowid,
    )
