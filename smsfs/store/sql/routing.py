"""How backends fare, and slices that change between them."""

from collections.abc import Sequence

from attrs import asdict

from smsfs.store import BackendState, Process, Waiting
from smsfs.store.sql import Database


class SqlRouting:
    """Routing of a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def report(self, owner: Process, states: Sequence[BackendState]) -> None:
        """Report how backends fare."""
        with self._database.write() as connection:
            for state in states:
                connection.change("backend_report", **asdict(state) | {"owner": owner.id})

    def states(self) -> list[BackendState]:
        """What every process said last."""
        with self._database.reading() as connection:
            return [BackendState(**dict(row)) for row in connection.all("backend_states")]

    def movable(self) -> list[Waiting]:
        """Backend and chain of queued slices that have a chain."""
        with self._database.reading() as connection:
            return [Waiting(row["backend"], row["chain"]) for row in connection.all("slice_movable")]

    def move(self, backend: str, chain: str, target: str, now: float, limit: int) -> int:
        """Give queued slices to another backend."""
        values = {"backend": backend, "chain": chain, "target": target, "now": now, "limit": limit}
        with self._database.write() as connection:
            moved = connection.change("slice_move", **values)
            if moved:
                connection.notify("messages")
        return moved
