"""Files and who writes to them, as they are changed."""

import json
from collections.abc import Callable, Iterable
from typing import Any

from smsfs.states import IllegalTransitionError
from smsfs.store import Account, File, Process, Stored
from smsfs.store.sql import Answer, Connection, Row
from smsfs.store.sql.accounts import account_of
from smsfs.store.sql.file_view import SqlFileView, file_from, split

#: A larger file, of more than some thousand rows, waits in another lane than small ones.
LARGE_BYTES = 65_536


class SqlFileChange(SqlFileView):
    """What can be written, too, while it is in a transaction."""

    def _written(self, statement: str, /, **values: Any) -> Answer:
        """Run a statement that changes something; what gives its row."""
        return self._connection.later(statement, **values)

    def _note(self, statement: str, /, **values: Any) -> None:
        """The same where the answer says nothing."""
        self._written(statement, **values)

    def _count(self, statement: str, /, **values: Any) -> int:
        """The same; how many rows were changed."""
        return self._connection.change(statement, **values)

    def _expect_usage(self) -> None:
        """What the account stores will be asked for next."""

    def add(self, account: int, path: str, content: str, mtime: float) -> File:
        """A new, empty draft."""
        return self._changed("file_add", account=account, content=content, mtime=mtime, **split(path))

    def renew(self, file: int, content: str, mtime: float) -> File:
        """A draft with another content, and no writers."""
        self._note("writer_drop_all", file=file)
        return self._changed("file_renew", file=file, content=content, mtime=mtime)

    def _changed(self, statement: str, /, **values: Any) -> File:
        return file_from(_sure(self._written(statement, **values)(), statement))

    def move(self, file: int, path: str) -> None:
        """Give a file another path."""
        self._note("file_move", file=file, **split(path))

    def remove(self, file: int) -> None:
        """Forget a file."""
        self._note("file_drop", file=file)

    def resize(self, file: int, size: int, mtime: float) -> None:
        """Note a file's size."""
        self._note("file_resize", file=file, size=size, mtime=mtime)

    def set_times(self, file: int, mtime: float) -> None:
        """Note a file's time of modification."""
        self._note("file_times", file=file, mtime=mtime)

    def reopen(self, file: int, path: str) -> None:
        """Make a rejected file a draft again."""
        if not self._count("file_reopen", file=file, empty=b"", **split(path)):
            raise IllegalTransitionError(f"file {file} is not one that was rejected")

    def add_writer(self, file: int, owner: Process) -> int:
        """Note that ``owner`` has the file open for writing."""
        writer: int = _sure(self._written("writer_add", file=file, owner=owner.id)(), "writer_add")["id"]
        return writer

    def begin(
        self, account: int, path: str, content: str, mtime: float, owner: Process
    ) -> Callable[[], tuple[File, int]]:
        """A new, empty draft that ``owner`` has open for writing."""
        file = self.add(account, path, content, mtime)
        writer = self.add_writer(file.id, owner)
        return lambda: (file, writer)

    def end_writer(
        self, writer: int, size: int, mtime: float | None, *, cut: bool, wrote: bool = True
    ) -> File | None:
        """Note that a writer is through."""
        left = self._left(writer, size, mtime, cut=cut, wrote=wrote)
        self._note("writer_drop", writer=writer)
        self._expect_usage()
        row = left()
        return file_from(row) if row else None

    def _left(self, writer: int, size: int, mtime: float | None, *, cut: bool, wrote: bool) -> Answer:
        """Note what a writer leaves of its file."""
        return self._written("writer_end", writer=writer, size=size, mtime=mtime, cut=cut, wrote=wrote)

    def seal_writer(self, writer: int, size: int, mtime: float) -> bool:
        """Note that a writer's file is whole, though it stays open."""
        left = self._left(writer, size, mtime, cut=False, wrote=True)
        self._note("writer_seal", writer=writer)
        self._expect_usage()
        return left() is not None

    def drop_writer(self, writer: int) -> None:
        """A sealed writer is through."""
        self._note("writer_drop", writer=writer)

    def cut_writer(self, writer: int) -> None:
        """Note that a writer ended without its file being complete."""
        row = self._one("writer_file", writer=writer)
        if row:
            self._note("file_cut", file=row["file"])
            self._note("writer_drop", writer=writer)

    def submit(self, file: File, path: str, stem: str, flags: Iterable[str], at: float, now: float) -> int:
        """Hand a file over: new state, new path, a batch."""
        return self.hand_over(file, path, stem, flags, at, now)()

    def hand_over(
        self, file: File, path: str, stem: str, flags: Iterable[str], at: float, now: float
    ) -> Callable[[], int]:
        """The same, and its batch is told later."""
        given = {"file": file.id, "path": path, "stem": stem, "at": at, "now": now, **split(path)}
        row = self._handed_over(account=file.account, flags=json.dumps(sorted(flags)), **given)
        self._connection.notify("files")

        def batch() -> int:
            if (there := row()) is None:
                raise IllegalTransitionError(f"file {file.id} is not one that can be submitted")
            number: int = there["id"]
            return number

        return batch

    def _handed_over(self, **values: Any) -> Answer:
        """The row of the batch of a file that is handed over; None if its state does not allow that."""
        moved = {name: values.pop(name) for name in ("folder", "name")}
        if not self._count("file_submit", file=values["file"], empty=b"", **moved):
            return lambda: None
        return self._written("batch_add", large_bytes=LARGE_BYTES, **values)

    def add_alias(self, account: int, path: str, file: int, until: float) -> None:
        """Let ``path`` answer for a file."""
        self._note("alias_add", account=account, path=path, file=file, until=until)


def _sure(row: Row | None, statement: str) -> Row:
    if row is None:
        raise RuntimeError(f"no row came back from {statement}")
    return row


class AloneChange(SqlFileChange):
    """A transaction that is alone on an account: what it finds there it reads but once, and ahead.

    Args:
        connection: in that transaction.
        account: the account.
        paths: of its files, those that will be looked for.
    """

    def __init__(self, connection: Connection, account: int, paths: Iterable[str] = ()) -> None:
        super().__init__(connection)
        self._here = connection.ahead("account_here", account=account)
        self._ahead = {
            (account, path): connection.ahead("file_find", account=account, **split(path)) for path in paths
        }
        self._number = account
        self._row: Row | None = None
        self._account: Account | None = None
        self._usage: Answer | None = None
        self._changed_some = False

    def _written(self, statement: str, /, **values: Any) -> Answer:
        self._changed_some, self._usage = True, None
        return super()._written(statement, **values)

    def _count(self, statement: str, /, **values: Any) -> int:
        self._changed_some, self._usage = True, None
        return super()._count(statement, **values)

    def _expect_usage(self) -> None:
        self._usage = self._connection.ahead("file_usage", account=self._number)

    def _row_here(self) -> Row | None:
        if self._row is None:
            self._row = self._here()
        return self._row

    def account(self, account: int) -> Account | None:
        """The account with this id."""
        if account != self._number:
            return super().account(account)
        if self._account is None and (row := self._row_here()):
            self._account = account_of(row)
        return self._account

    def usage(self, account: int) -> Stored:
        """What an account stores."""
        if account != self._number or (self._changed_some and self._usage is None):
            return super().usage(account)
        row = self._usage() if self._usage else self._row_here()
        return Stored(row["files"] or 0, row["bytes"] or 0) if row else Stored(0, 0)

    def find(self, account: int, path: str) -> File | None:
        """The file at ``path``."""
        found = self._ahead.get((account, path))
        if found is None or self._changed_some:
            return super().find(account, path)
        row = found()
        return file_from(row) if row else None
