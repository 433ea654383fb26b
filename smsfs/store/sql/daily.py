"""Reports of each day."""

from collections.abc import Sequence
from datetime import date

from smsfs.errors import Exists
from smsfs.store import Batch, NewFile, Process
from smsfs.store.sql import Database
from smsfs.store.sql.queue import batch_from
from smsfs.store.sql.results import add_report, must_lead


class SqlDaily:
    """The daily reports of a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def batches(self, account: int, since: float, until: float) -> list[Batch]:
        """The batches with news in a span of time."""
        with self._database.reading() as connection:
            return list(
                map(batch_from, connection.all("daily_batches", account=account, since=since, until=until))
            )

    def made(self, account: int) -> set[date]:
        """The days whose reports are made."""
        with self._database.reading() as connection:
            return {date.fromisoformat(row["day"]) for row in connection.all("daily_made", account=account)}

    def publish(
        self, account: int, day: date, files: Sequence[NewFile], at: float, owner: Process, what: str
    ) -> bool:
        """Show a day's reports, once."""
        try:
            with self._database.write() as connection:
                connection.one("account_lock", account=account)
                must_lead(connection, owner, what)
                if not connection.change("daily_add", account=account, day=day.isoformat()):
                    return False
                for file in files:
                    add_report(connection, account, file, at)
        except Exists as exc:
            raise Exists(f"There is a file of the name of a report of {day}.") from exc
        return True
