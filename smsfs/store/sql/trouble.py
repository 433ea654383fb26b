"""Slices that were set aside, and processes that do not stay up."""

from collections.abc import Sequence

from attrs import asdict

from smsfs.store import Aside, Process, WorkerState
from smsfs.store.sql import Database
from smsfs.store.sql.slices import apply_orders


class SqlTrouble:
    """The trouble of a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def asides(self, batch: int | None = None) -> list[Aside]:
        """The slices that were set aside."""
        with self._database.reading() as connection:
            rows = connection.all("aside_all", batch=batch)
        return [Aside(**dict(row) | {"in_doubt": bool(row["in_doubt"])}) for row in rows]

    def put_back(self, slice_: int) -> bool:
        """Queue one again."""
        with self._database.write() as connection:
            known = connection.change("aside_drop", slice=slice_)
            if known:
                connection.change("slice_put_back", slice=slice_)
                batch = connection.one("slice_batch", slice=slice_)
                apply_orders(connection, batch["id"] if batch else 0, slice_)
                connection.notify("messages")
        return known > 0

    def report_workers(self, owner: Process, states: Sequence[WorkerState]) -> None:
        """Report which processes do not stay up."""
        with self._database.write() as connection:
            connection.change("worker_drop", owner=owner.id)
            for state in states:
                connection.change("worker_add", **asdict(state) | {"owner": owner.id})

    def workers(self) -> list[WorkerState]:
        """What every process reported last."""
        with self._database.reading() as connection:
            return [WorkerState(**dict(row)) for row in connection.all("worker_all")]
