"""How backends fare, and slices that change between them."""

from collections.abc import Sequence

from attrs import asdict

from smsfs.store import BackendCredit, BackendState, Process, Waiting
from smsfs.store.audit import NewEntry
from smsfs.store.routing import Pause
from smsfs.store.sql import Database
from smsfs.store.sql.audit import record
from smsfs.store.sql.results import must_lead


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

    def note_credit(self, owner: Process, what: str, found: BackendCredit) -> None:
        """Note what is left with a carrier."""
        values = asdict(found) | {"low": int(found.low), "mailed": int(found.mailed)}
        with self._database.write() as connection:
            must_lead(connection, owner, what)
            connection.change("backend_credit_note", **values)

    def credits(self) -> list[BackendCredit]:
        """What was noted last."""
        with self._database.reading() as connection:
            rows = connection.all("backend_credits")
        names = ("backend", "credit", "at")
        return [
            BackendCredit(
                **{name: row[name] for name in names}, low=bool(row["low"]), mailed=bool(row["mailed"])
            )
            for row in rows
        ]

    def pause(self, pause: Pause, entry: NewEntry) -> int:
        """Pause a backend on every host."""
        with self._database.write() as connection:
            connection.change("backend_pause", **asdict(pause))
            connection.notify("messages")
            return record(connection, entry)

    def resume(self, backend: str, entry: NewEntry) -> int | None:
        """Let messages go to a backend again."""
        with self._database.write() as connection:
            if not connection.change("backend_resume", backend=backend):
                return None
            connection.notify("messages")
            return record(connection, entry)

    def pauses(self) -> list[Pause]:
        """The backends that are paused."""
        with self._database.reading() as connection:
            return [Pause(**dict(row)) for row in connection.all("backend_pauses")]

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
