"""The record of what operators did."""

from attrs import asdict

from smsfs.store.audit import Entry, NewEntry
from smsfs.store.sql import Connection, Database, plain

_NEWEST = 2**62


class SqlAudit:
    """The record of a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, entry: NewEntry) -> int:
        """Record something by itself."""
        with self._database.write() as connection:
            return record(connection, entry)

    def conclude(self, entry: int, result: str) -> None:
        """Add what came of it."""
        with self._database.write() as connection:
            connection.change("audit_conclude", entry=entry, result=plain(result))

    def entries(self, before: int | None = None, limit: int = 200) -> list[Entry]:
        """Some of the record, newest first."""
        with self._database.reading() as connection:
            rows = connection.all("audit_page", before=_NEWEST if before is None else before, limit=limit)
        return [Entry(**dict(row)) for row in rows]


def record(connection: Connection, entry: NewEntry) -> int:
    """Record something in the transaction that does it; the number of the record."""
    values = {
        name: plain(value) if isinstance(value, str) else value for name, value in asdict(entry).items()
    }
    row = connection.one("audit_add", **values)
    if row is None:
        raise RuntimeError("no row came back for an entry of the record")
    number: int = row["id"]
    return number
