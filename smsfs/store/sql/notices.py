"""E-mails about batches, until they are sent."""

from collections.abc import Sequence

from attrs import asdict

from smsfs.store import NewFile, Notice, StaleOwnerError
from smsfs.store.sql import Database
from smsfs.store.sql.file_view import split


class SqlNotices:
    """The notices of a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def due(self, now: float, limit: int) -> list[Notice]:
        """Those to send now, the oldest first."""
        names = ("id", "account", "batch", "kind", "address", "failures")
        with self._database.reading() as connection:
            rows = connection.all("notice_due", now=now, limit=limit)
        return [Notice(**{name: row[name] for name in names}) for row in rows]

    def done(self, notice: Notice, now: float) -> None:
        """It was sent, or given up."""
        with self._database.write() as connection:
            connection.change("notice_done", notice=notice.id, now=now)

    def later(self, notice: Notice, due: float, *, failed: bool = True) -> None:
        """Look at it again then."""
        with self._database.write() as connection:
            connection.change("notice_later", notice=notice.id, due=due, failed=int(failed))

    def report(self, notice: Notice, files: Sequence[NewFile], now: float) -> None:
        """Show files with what it tells, in one commit with its end."""
        with self._database.write() as connection:
            connection.one("account_lock", account=notice.account)
            if not connection.change("notice_done", notice=notice.id, now=now):
                raise StaleOwnerError(f"notice {notice.id} was told by another process, or its batch is gone")
            for file in files:
                connection.change(
                    "batch_report", batch=notice.batch, at=now, **asdict(file) | split(file.path)
                )
