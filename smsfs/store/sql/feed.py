"""What is new of messages and batches."""

from collections.abc import Iterable
from typing import Any

from smsfs.store import Acceptance, Batch, Claimed, News, Slice
from smsfs.store.sql import Database, Row
from smsfs.store.sql.queue import batch_from
from smsfs.store.sql.slices import slice_from


class SqlFeed:
    """The news of a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def _read(self, statement: str, /, **values: Any) -> list[Row]:
        with self._database.reading() as connection:
            return connection.all(statement, **values)

    def newest(self) -> int:
        """The number of the newest outcome."""
        number: int = self._read("feed_newest")[0]["id"]
        return number

    def outcomes(self, first: int, last: int, limit: int) -> list[News]:
        """Outcomes with numbers in a range."""
        rows = self._read("feed_outcomes", first=first, last=last, limit=limit)
        return [News(row["id"], row["batch"], row["slice"], row["row"]) for row in rows]

    def accepted(self, since: float) -> list[Acceptance]:
        """Batches that were accepted since then."""
        return [Acceptance(row["id"], row["finished"]) for row in self._read("feed_accepted", since=since)]

    def claimed(self) -> list[Claimed]:
        """Slices that are with a backend."""
        return [Claimed(row["id"], row["attempt"]) for row in self._read("feed_claimed")]

    def rare(self, events: Iterable[str]) -> set[int]:
        """The batches of which some rare event was recorded."""
        return {row["batch"] for event in events for row in self._read("outcome_rare", event=event)}

    def batch(self, batch: int) -> Batch | None:
        """The batch with this number."""
        return next(map(batch_from, self._read("feed_batch", batch=batch)), None)

    def slice(self, slice_: int) -> Slice | None:
        """The slice with this number."""
        return next(map(slice_from, self._read("slice_full", slice=slice_)), None)
