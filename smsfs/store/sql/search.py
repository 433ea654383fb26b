"""What an operator looks for among messages."""

from collections.abc import Iterable, Iterator
from typing import Any

from smsfs.store import Attempt, Batch, Slice, Span
from smsfs.store.sql import Database, Row
from smsfs.store.sql.outcomes import outcome_from
from smsfs.store.sql.queue import batch_from
from smsfs.store.sql.slices import slice_from

#: Slices that are found in one go.
PAGE_SLICES = 500


class SqlSearch:
    """Searches in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def _read(self, statement: str, /, **values: Any) -> list[Row]:
        with self._database.reading() as connection:
            return connection.all(statement, **values)

    def spans(self, batch: int) -> list[Span]:
        """The slices of a batch, by their first rows."""
        return list(map(_span, self._read("search_spans", batch=batch)))

    def holding(self, number: bytes, first: int, last: int) -> Iterator[Span]:
        """Slices that may have a message to a number."""
        place = {"batch": first, "row": -1}
        while True:
            rows = self._read("search_holding", sought=number, last=last, limit=PAGE_SLICES, **place)
            yield from map(_span, rows)
            if len(rows) < PAGE_SLICES:
                return
            place = {"batch": rows[-1]["batch"], "row": rows[-1]["first_row"]}

    def newest(self, account: int | None, before: int, limit: int) -> list[Batch]:
        """The newest batches before a number."""
        page = {"below": before, "limit": limit}
        if account is None:
            return list(map(batch_from, self._read("search_newest", **page)))
        return list(map(batch_from, self._read("search_newest_of", account=account, **page)))

    def retried(self, batch: int) -> list[Slice]:
        """The slices of a batch that are tried again."""
        rows = self._read("search_retried", batch=batch)
        return [slice_from(full) for row in rows for full in self._read("slice_full", slice=row["id"])]

    def unsettled(self, batch: int | None = None) -> list[Span]:
        """The slices that are queued or with a backend."""
        if batch is None:
            return list(map(_span, self._read("search_unsettled")))
        return list(map(_span, self._read("search_unsettled_of", batch=batch)))

    def rare_rows(self, batch: int, events: Iterable[str]) -> set[int]:
        """The rows to which something rare happened."""
        return {row["row"] for event in events for row in self._read("search_rare", batch=batch, event=event)}

    def submitted(self, since: float, until: float) -> tuple[int, int] | None:
        """The numbers of the batches submitted in a time."""
        [row] = self._read("search_submitted", since=since, until=until)
        return None if row["first"] is None else (row["first"], row["last"])

    def attempts(self, batch: int, row: int) -> list[Attempt]:
        """Everything that became of a message."""
        rows = self._read("search_attempts", batch=batch, row=row)
        return [Attempt(found["backend"] or "", outcome_from(found)) for found in rows]

    def result(self, batch: int) -> tuple[int | None, bool] | None:
        """The result file of a batch."""
        rows = self._read("search_result", batch=batch)
        return (rows[0]["file"], bool(rows[0]["final"])) if rows else None


def _span(row: Row) -> Span:
    return Span(row["id"], row["batch"], row["first_row"], row["last_row"])
