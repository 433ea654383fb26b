"""Files and who writes to them."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import repeat
from operator import itemgetter
from typing import Any

from smsfs.errors import Cause, Exists
from smsfs.states import FileState
from smsfs.store import File, Listed, Overview
from smsfs.store.sql import Database, Row
from smsfs.store.sql.file_change import AloneChange, SqlFileChange
from smsfs.store.sql.file_view import SqlFileView, file_from

_STATES = {str(state): state for state in FileState}
#: Files that are read at once where all are wanted.
PAGE_FILES = 1000
_overviewed = itemgetter(  # the columns of "file_overview"
    "folder",
    "name",
    "state",
    "content",
    "size",
    "cut",
    "written",
    "mtime",
    "path",
    "submitted",
    "messages",
    "cause_count",
    "causes",
)


def _overview_of(account: int, row: tuple[Any, ...]) -> Overview:
    folder, name, state, content, size, cut, written, mtime, path, submitted, messages, count, causes = row
    return Overview(
        account,
        f"{folder}/{name}" if folder else name,
        _STATES[state],
        content,
        size,
        bool(cut),
        bool(written),
        mtime,
        path,
        submitted,
        messages,
        count,
        Cause(**json.loads(causes)[0]) if count and causes != "[]" else None,
    )


class _View(SqlFileView):
    """Reads, each with a connection of its own for as long as it takes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def _one(self, statement: str, /, **values: Any) -> Row | None:
        with self._database.reading() as connection:
            return connection.one(statement, **values)

    def listing(self, account: int, folder: str) -> list[File]:
        """The files directly in a folder."""
        with self._database.reading() as connection:
            return SqlFileChange(connection).listing(account, folder)

    def page(self, account: int, folder: str, after: str, limit: int) -> list[Listed]:
        """Some files directly in a folder, by the bytes of their names."""
        with self._database.reading() as connection:
            return SqlFileChange(connection).page(account, folder, after, limit)

    def names(self, account: int, folder: str, after: str, limit: int) -> list[str]:
        """Their names."""
        with self._database.reading() as connection:
            return SqlFileChange(connection).names(account, folder, after, limit)


class SqlFiles:
    """The files of a database."""

    def __init__(self, database: Database, alone: type[AloneChange] = AloneChange) -> None:
        self._database = database
        self._alone = alone

    def view(self) -> SqlFileView:
        """To read from."""
        return _View(self._database)

    @contextmanager
    def change(
        self, account: int, *, synced: bool = True, paths: Iterable[str] = ()
    ) -> Iterator[SqlFileChange]:
        """To write to, one transaction at a time for an account."""
        try:
            with self._database.write(synced=synced) as connection:
                yield self._alone(connection, account, paths)
        except Exists as exc:
            if exc.__cause__ is None:  # raised by our code, not by the database
                raise
            raise Exists("Another file took this name in the same moment.") from exc

    def all(self, account: int | None = None) -> Iterator[File]:
        """Every file, by account and path."""
        with self._database.reading() as connection:
            return map(file_from, connection.all("file_all", account=account))

    def overview(self, account: int) -> Iterator[Overview]:
        """Every file of an account with its last submission."""
        values = {"account": account, "folder": "", "after": "", "limit": PAGE_FILES}
        while True:
            with self._database.reading() as connection:
                rows = connection.all("file_overview", **values)
            yield from map(_overview_of, repeat(account), map(_overviewed, rows))
            if len(rows) < PAGE_FILES:
                return
            values |= {"folder": rows[-1]["folder"], "after": rows[-1]["name"]}

    def expire(self, finished_before: Mapping[int, float], limit: int) -> list[str]:
        """Forget finished files. One statement finds and drops them: a client may be sending one again."""
        contents: list[str] = []
        for account, before in finished_before.items():
            with self._database.write() as connection:
                values = {"account": account, "before": before, "limit": limit - len(contents)}
                contents += [row["content"] for row in connection.all("file_expire", **values)]
        return contents
