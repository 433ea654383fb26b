"""What a monitor asks."""

from smsfs.store.figures import LOST_ANSWERS, Figures, QueueFigure
from smsfs.store.sql import Connection, Database


class SqlMeasures:
    """The figures of a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def figures(self, now: float) -> Figures:
        """How much of what there is."""
        with self._database.reading() as connection:
            rows = connection.all("figures_queue")
            queue = {row["backend"]: QueueFigure(row["messages"], row["since"]) for row in rows}
            return Figures(
                queue,
                _count(connection, "figures_unknown", limit=LOST_ANSWERS),
                _count(connection, "figures_mails", now=now),
                _count(connection, "figures_bans", now=now),
            )

    def oldest(self, backend: str) -> dict[str, float]:
        """Since when the first messages queued for a backend could be sent, by account."""
        with self._database.reading() as connection:
            times = {
                row["principal"]: row["time"] for row in connection.all("slice_principals", backend=backend)
            }
            found = {number: connection.one("account_get", account=number) for number in times}
        return {row["name"]: times[number] for number, row in found.items() if row}

    def credits(self, limit: int) -> dict[str, int]:
        """SMS left of accounts that have a credit."""
        with self._database.reading() as connection:
            return {row["name"]: row["amount"] for row in connection.all("figures_credits", limit=limit)}


def _count(connection: Connection, statement: str, **values: float) -> int:
    row = connection.one(statement, **values)
    return int(row["found"]) if row else 0
