"""E-mails about batches, until they are sent."""

from smsfs.store import Notice
from smsfs.store.sql import Database


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

    def later(self, notice: Notice, due: float) -> None:
        """It could not be sent; count that, and try again then."""
        with self._database.write() as connection:
            connection.change("notice_later", notice=notice.id, due=due)
