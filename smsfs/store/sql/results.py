"""Result files: which are due, and their next version."""

from collections.abc import Iterable
from typing import Any

from smsfs.states import FILE_BIRTHS, next_file_state
from smsfs.store import NewFile, Process, Result, ResultVersion, StaleOwnerError
from smsfs.store.sql import Connection, Database, Row
from smsfs.store.sql.file_change import SqlFileChange
from smsfs.store.sql.file_view import split
from smsfs.store.sql.queue import batch_from


class SqlResults:
    """The result files of a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def due(self, now: float, limit: int) -> list[Result]:
        """Those to be written anew."""
        rows = self._read("result_due", now=now, limit=limit)
        return [
            Result(batch_from(row), row["shown"], row["changes"], row["expires"], row["news"]) for row in rows
        ]

    def _read(self, statement: str, /, **values: Any) -> list[Row]:
        with self._database.reading() as connection:
            return connection.all(statement, **values)

    def next_time(self) -> float | None:
        """When the next one is due."""
        time: float | None = self._read("result_next_time")[0]["time"]
        return time

    def show(
        self, result: Result, version: ResultVersion, paths: Iterable[str], owner: Process, what: str
    ) -> str | None:
        """Show a new version, in one commit."""
        batch = result.batch
        with self._database.write() as connection:
            connection.one("account_lock", account=batch.account)
            must_lead(connection, owner, what)
            file, earlier = _show_file(connection, result, version, paths)
            values = {name: getattr(version, name) for name in ("not_before", "until", "missing")}
            values |= {"written": result.changes, "news": result.news}
            final = int(version.final)
            if not connection.change("result_written", batch=batch.id, file=file, final=final, **values):
                raise StaleOwnerError(f"the result file of batch {batch.id} is final, or the batch is gone")
        return earlier

    def postpone(self, batch: int, not_before: float) -> None:
        """Do not write one before a time."""
        with self._database.write() as connection:
            connection.change("result_postpone", batch=batch, not_before=not_before)

    def files(self) -> set[int]:
        """The files that are not final."""
        return {row["file"] for row in self._read("result_files")}


def must_lead(connection: Connection, owner: Process, what: str) -> None:
    """Check that ``owner`` leads some work, and keep it so until the transaction ends.

    Raises:
        StaleOwnerError: it does not.
    """
    if connection.one("leader_is", what=what, owner=owner.id) is None:
        raise StaleOwnerError(f"{what} is no longer with owner {owner.id}")


def add_report(connection: Connection, account: int, file: NewFile, at: float) -> None:
    """Add a file of the server's that is finished, within a transaction.

    Raises:
        Exists: its path is taken.
    """
    values = {"account": account, "content": file.content, "size": file.size, "at": at}
    state = {"state": FILE_BIRTHS["report"].value, "finished": at}
    connection.one("result_file_add", **values, **state, **split(file.path))


def _show_file(
    connection: Connection, result: Result, version: ResultVersion, paths: Iterable[str]
) -> tuple[int, str | None]:
    """The file with its new content, and the content it had."""
    files, account = SqlFileChange(connection), result.batch.account
    state = FILE_BIRTHS["begin_result"]
    values = {
        "state": (next_file_state(state, "end_result") if version.final else state).value,
        "content": version.content,
        "size": version.size,
        "at": version.at,
        "finished": version.at if version.final else None,
    }
    file = files.get(result.file) if result.file else None
    if file:
        connection.change("result_file_show", file=file.id, **values)
        return file.id, file.content
    path = next(path for path in paths if not files.find(account, path))
    row = connection.one("result_file_add", account=account, **values, **split(path))
    if row is None:
        raise RuntimeError(f"no row came back for {path}")
    return row["id"], None
