"""Files and who writes to them."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import repeat
from operator import itemgetter
from typing import Any

from smsfs.errors import Cause, Exists
from smsfs.states import FileState, IllegalTransitionError
from smsfs.store import Account, File, Listed, Overview, Process, Stored
from smsfs.store.sql import Connection, Database, Row
from smsfs.store.sql.accounts import account_of

#: A larger file, of more than some thousand rows, waits in another lane than small ones.
LARGE_BYTES = 65_536
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
_listed = itemgetter("id", "name", "state", "content", "size", "tail", "mtime", "unsure")


def split(path: str) -> dict[str, str]:
    """A path as folder and name."""
    folder, _, name = path.rpartition("/")
    return {"folder": folder, "name": name}


def file_from(row: Row) -> File:
    """The record of a row of ``file``."""
    return File(
        id=row["id"],
        account=row["account"],
        folder=row["folder"],
        name=row["name"],
        state=_STATES[row["state"]],
        content=row["content"],
        size=row["size"],
        tail=row["tail"],
        mtime=row["mtime"],
        cut=bool(row["cut"]),
        writers=tuple(map(int, row["writers"].split(","))) if row["writers"] else (),
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


class SqlFileView:
    """What can be read of files through one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._one = connection.one
        self._change = connection.change

    def _file(self, statement: str, /, **values: Any) -> File | None:
        row = self._one(statement, **values)
        return file_from(row) if row else None

    def account(self, account: int) -> Account | None:
        """The account with this id."""
        row = self._one("account_get", account=account)
        return account_of(row) if row else None

    def known(self, account: int, path: str, now: float) -> File | None:
        """The file at ``path``, or the one that was submitted under it."""
        return self._file("file_known", account=account, path=path, now=now, **split(path))

    def taken(self, account: int, paths: Iterable[str]) -> bool:
        """Whether there is a file at one of these paths."""
        names = [tuple(split(path).values()) for path in paths]
        return self._one("file_taken", account=account, names=json.dumps(names)) is not None

    def find(self, account: int, path: str) -> File | None:
        """The file at ``path``."""
        return self._file("file_find", account=account, **split(path))

    def get(self, file: int) -> File | None:
        """The file with this id."""
        return self._file("file_get", file=file)

    def listing(self, account: int, folder: str) -> list[File]:
        """The files directly in a folder."""
        return [
            file_from(row) for row in self._connection.all("file_listing", account=account, folder=folder)
        ]

    def page(self, account: int, folder: str, after: str, limit: int) -> list[Listed]:
        """Some files directly in a folder, by the bytes of their names."""
        values = {"account": account, "folder": folder, "after": after, "limit": limit}
        rows = map(_listed, self._connection.all("file_page", **values))
        return [
            Listed(file, name, _STATES[state], content, size, tail, mtime, bool(unsure))
            for file, name, state, content, size, tail, mtime, unsure in rows
        ]

    def names(self, account: int, folder: str, after: str, limit: int) -> list[str]:
        """Their names."""
        values = {"account": account, "folder": folder, "after": after, "limit": limit}
        return [row["name"] for row in self._connection.all("file_names", **values)]

    def alias(self, account: int, path: str, now: float) -> File | None:
        """The file that was submitted under ``path``."""
        return self._file("alias_find", account=account, path=path, now=now)

    def usage(self, account: int) -> Stored:
        """What an account stores."""
        row = self._one("file_usage", account=account)
        return Stored(row["files"], row["bytes"]) if row else Stored(0, 0)


class SqlFileChange(SqlFileView):
    """What can be written, too, while it is in a transaction."""

    def add(self, account: int, path: str, content: str, mtime: float) -> File:
        """A new, empty draft."""
        return self._changed("file_add", account=account, content=content, mtime=mtime, **split(path))

    def renew(self, file: int, content: str, mtime: float) -> File:
        """A draft with another content, and no writers."""
        self._change("writer_drop_all", file=file)
        return self._changed("file_renew", file=file, content=content, mtime=mtime)

    def _changed(self, statement: str, /, **values: Any) -> File:
        file = self._file(statement, **values)
        if file is None:
            raise RuntimeError(f"no row came back from {statement}")
        return file

    def move(self, file: int, path: str) -> None:
        """Give a file another path."""
        self._change("file_move", file=file, **split(path))

    def remove(self, file: int) -> None:
        """Forget a file."""
        self._change("file_drop", file=file)

    def resize(self, file: int, size: int, mtime: float) -> None:
        """Note a file's size."""
        self._change("file_resize", file=file, size=size, mtime=mtime)

    def set_times(self, file: int, mtime: float) -> None:
        """Note a file's time of modification."""
        self._change("file_times", file=file, mtime=mtime)

    def reopen(self, file: int, path: str) -> None:
        """Make a rejected file a draft again."""
        if not self._change("file_reopen", file=file, empty=b"", **split(path)):
            raise IllegalTransitionError(f"file {file} is not one that was rejected")

    def add_writer(self, file: int, owner: Process) -> int:
        """Note that ``owner`` has the file open for writing."""
        row = self._one("writer_add", file=file, owner=owner.id)
        if row is None:
            raise RuntimeError(f"no row came back for a writer of file {file}")
        writer: int = row["id"]
        return writer

    def end_writer(
        self, writer: int, size: int, mtime: float | None, *, cut: bool, wrote: bool = True
    ) -> File | None:
        """Note that a writer is through."""
        file = self._left(writer, size, mtime, cut=cut, wrote=wrote)
        if file:
            self._change("writer_drop", writer=writer)
        return file

    def _left(self, writer: int, size: int, mtime: float | None, *, cut: bool, wrote: bool) -> File | None:
        """Note what a writer leaves of its file."""
        return self._file("writer_end", writer=writer, size=size, mtime=mtime, cut=cut, wrote=wrote)

    def seal_writer(self, writer: int, size: int, mtime: float) -> bool:
        """Note that a writer's file is whole, though it stays open."""
        is_there = self._left(writer, size, mtime, cut=False, wrote=True) is not None
        if is_there:
            self._change("writer_seal", writer=writer)
        return is_there

    def drop_writer(self, writer: int) -> None:
        """A sealed writer is through."""
        self._change("writer_drop", writer=writer)

    def cut_writer(self, writer: int) -> None:
        """Note that a writer ended without its file being complete."""
        row = self._one("writer_file", writer=writer)
        if row:
            self._change("file_cut", file=row["file"])
            self._change("writer_drop", writer=writer)

    def submit(self, file: File, path: str, stem: str, flags: Iterable[str], at: float, now: float) -> int:
        """Hand a file over: new state, new path, a batch."""
        if not self._change("file_submit", file=file.id, empty=b"", **split(path)):
            raise IllegalTransitionError(f"file {file.id} is not one that can be submitted")
        values = {"file": file.id, "path": path, "stem": stem, "at": at, "now": now}
        values["flags"] = json.dumps(sorted(flags))
        row = self._one("batch_add", account=file.account, large_bytes=LARGE_BYTES, **values)
        if row is None:
            raise RuntimeError(f"no row came back for the batch of {path}")
        self._connection.notify("files")
        batch: int = row["id"]
        return batch

    def add_alias(self, account: int, path: str, file: int, until: float) -> None:
        """Let ``path`` answer for a file."""
        self._change("alias_add", account=account, path=path, file=file, until=until)


class _Change(SqlFileChange):
    """A transaction that is alone on an account, which it therefore reads but once."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._accounts: dict[int, Account | None] = {}

    def account(self, account: int) -> Account | None:
        """The account with this id."""
        if account not in self._accounts:
            self._accounts[account] = super().account(account)
        return self._accounts[account]


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

    def __init__(self, database: Database) -> None:
        self._database = database

    def view(self) -> SqlFileView:
        """To read from."""
        return _View(self._database)

    @contextmanager
    def change(self, account: int, *, synced: bool = True) -> Iterator[SqlFileChange]:
        """To write to, one transaction at a time for an account."""
        try:
            with self._database.write(synced=synced) as connection:
                connection.one("account_lock", account=account)
                yield _Change(connection)
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
