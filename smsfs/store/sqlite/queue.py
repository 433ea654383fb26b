"""Batches, slices and outcomes."""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from attrs import asdict

from smsfs.errors import Cause
from smsfs.states import FileState
from smsfs.store import Batch, NewSlice, Outcome, Owner, Slice, SliceReport, StaleOwnerError, Verdict
from smsfs.store.sqlite.database import SQL, Database
from smsfs.store.sqlite.files import split


class SqliteQueue:
    """The queue in one SQLite file."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # -- batches ------------------------------------------------------------------------------------

    def claim_batch(self, owner: Owner, now: float) -> Batch | None:
        """Take the next submitted file to read."""
        due = self._database.read("batch_next", now=now)
        if not due:
            return None
        with self._database.write() as connection:
            values = {"batch": due[0]["id"], "owner": owner.id}
            row = connection.execute(SQL["batch_claim"], values).fetchone()
            if row is None:
                return None
            connection.execute(SQL["batch_drop_staged"], values)
        return _batch(row)

    def stage(self, batch: int, owner: Owner, slices: Sequence[NewSlice]) -> None:
        """Store messages that nobody sends yet."""
        with self._database.write() as connection:
            _must_hold(connection, batch, owner)
            for new in slices:
                _add_slice(connection, batch, new, "staged")

    def accept(self, batch: int, owner: Owner, verdict: Verdict) -> None:
        """Queue the messages; the file becomes ``success``."""
        with self._database.write() as connection:
            _finish(connection, batch, owner, verdict, FileState.SUCCESS)
            connection.execute(SQL["batch_queue_slices"], {"batch": batch})

    def reject(self, batch: int, owner: Owner, verdict: Verdict) -> None:
        """Drop what was staged; the file becomes ``rejected``."""
        with self._database.write() as connection:
            _finish(connection, batch, owner, verdict, FileState.REJECTED)
            connection.execute(SQL["batch_drop_staged"], {"batch": batch})

    def retry_batch(self, batch: int, owner: Owner, not_before: float) -> None:
        """Read again later, and count the failure."""
        self._back(batch, owner, not_before, failed=1)

    def release_batch(self, batch: int, owner: Owner) -> None:
        """Give a claimed batch back unread."""
        self._back(batch, owner, 0, failed=0)

    def _back(self, batch: int, owner: Owner, not_before: float, *, failed: int) -> None:
        values = {"batch": batch, "owner": owner.id, "not_before": not_before, "failed": failed}
        with self._database.write() as connection:
            _must_change(connection.execute(SQL["batch_retry"], values), batch, owner)
            connection.execute(SQL["batch_drop_staged"], values)

    def twin(self, batch: Batch, digest: bytes, since: float) -> Batch | None:
        """An earlier batch of the same account, stem and bytes."""
        values = {"account": batch.account, "stem": batch.stem, "batch": batch.id}
        rows = self._database.read("batch_twin", digest=digest, since=since, **values)
        return _batch(rows[0]) if rows else None

    def next_batch_time(self) -> float | None:
        """When the next batch is due to be read."""
        return self._time("batch_next_time")

    def _time(self, name: str, **values: Any) -> float | None:
        time: float | None = self._database.read(name, **values)[0][0]
        return time

    def batches(self, account: int | None = None, file: str | None = None) -> Iterator[Batch]:
        """Batches, oldest first."""
        after = 0
        while rows := self._database.read("batch_all", account=account, name=file, after=after):
            yield from map(_batch, rows)
            after = rows[-1]["id"]

    # -- slices -------------------------------------------------------------------------------------

    def claim_slice(self, owner: Owner, backend: str, now: float, *, oldest: bool) -> Slice | None:
        """Take a slice to send."""
        due = self._database.read("slice_oldest" if oldest else "slice_first", backend=backend, now=now)
        if not due:
            return None
        values = {"slice": due[0]["id"], "owner": owner.id}
        with self._database.write() as connection:
            if connection.execute(SQL["slice_claim"], values).rowcount == 0:
                return None
            return _slice(connection.execute(SQL["slice_full"], values).fetchone())

    def release_slice(self, slice_: Slice, owner: Owner) -> None:
        """Give a claimed slice back of which nothing was sent."""
        values = {"slice": slice_.id, "owner": owner.id, "attempt": slice_.attempt}
        with self._database.write() as connection:
            _must_change(connection.execute(SQL["slice_release"], values), slice_.batch, owner)

    def record(self, owner: Owner, reports: Sequence[SliceReport]) -> list[Slice]:
        """Append what was learnt, in one commit."""
        stale = []
        with self._database.write() as connection:
            for report in reports:
                held = report.slice
                values = {"slice": held.id, "owner": owner.id, "attempt": held.attempt, "done": report.done}
                if connection.execute(SQL["slice_report"], values).rowcount == 0:
                    stale.append(held)
                    continue
                connection.executemany(
                    SQL["outcome_add"], [_outcome_row(held, item) for item in report.outcomes]
                )
                for new in report.later:
                    _add_slice(connection, held.batch, new, "queued")
        return stale

    def abandoned(self, alive: Iterable[int]) -> list[tuple[int, Slice]]:
        """Claimed slices of owners that are not alive."""
        living = set(alive)
        rows = [row for row in self._database.read("slice_claimed") if row["owner"] not in living]
        return [(row["owner"], self._full(row["id"])) for row in rows]

    def take_over(self, slice_: Slice, dead: int, owner: Owner) -> set[int] | None:
        """Make a dead owner's slice this owner's."""
        values = {"slice": slice_.id, "dead": dead, "owner": owner.id, "attempt": slice_.attempt}
        rows = {"batch": slice_.batch, "first_row": slice_.first_row, "last_row": slice_.last_row}
        with self._database.write() as connection:
            if connection.execute(SQL["slice_take_over"], values).rowcount == 0:
                return None
            return {row["row"] for row in connection.execute(SQL["outcome_of_attempt"], values | rows)}

    def next_time(self, backend: str) -> float | None:
        """When the next queued slice of a backend is due."""
        return self._time("slice_next_time", backend=backend)

    def _full(self, slice_: int) -> Slice:
        return _slice(self._database.read("slice_full", slice=slice_)[0])

    def slices(self, batch: int) -> Iterator[Slice]:
        """The slices of a batch in order."""
        for row in self._database.read("slice_of_batch", batch=batch):
            yield self._full(row["id"])

    def outcomes(self, batch: int, first_row: int, last_row: int) -> list[Outcome]:
        """What was appended about messages, oldest first."""
        rows = self._database.read("outcome_of_rows", batch=batch, first_row=first_row, last_row=last_row)
        names = ("row", "event", "at", "carrier_id", "code", "reason", "parts", "attempt")
        return [Outcome(**{name: row[name] for name in names}) for row in rows]

    def expire(self, finished_before: Mapping[int, float], limit: int) -> int:
        """Forget old batches with all their messages done."""
        gone = 0
        for account, before in finished_before.items():
            for row in self._database.read(
                "batch_expired", account=account, before=before, limit=limit - gone
            ):
                with self._database.write() as connection:
                    for step in ("batch_drop_outcomes", "batch_drop_slices", "batch_drop"):
                        connection.execute(SQL[step], {"batch": row["id"]})
                gone += 1
        return gone

    def backlog(self) -> dict[str, int]:
        """Messages queued or with a worker, by backend."""
        return {row["backend"]: row["messages"] for row in self._database.read("slice_backlog")}


def _must_change(cursor: sqlite3.Cursor, batch: int, owner: Owner) -> None:
    if cursor.rowcount == 0:
        raise StaleOwnerError(f"batch {batch} is no longer with owner {owner.id}")


def _must_hold(connection: sqlite3.Connection, batch: int, owner: Owner) -> None:
    if connection.execute(SQL["batch_is_mine"], {"batch": batch, "owner": owner.id}).fetchone() is None:
        raise StaleOwnerError(f"batch {batch} is no longer with owner {owner.id}")


def _finish(
    connection: sqlite3.Connection, batch: int, owner: Owner, verdict: Verdict, state: FileState
) -> None:
    causes = json.dumps([asdict(cause) for cause in verdict.causes])
    values = asdict(verdict) | {"causes": causes, "batch": batch, "owner": owner.id}
    batch_state = "accepted" if state is FileState.SUCCESS else "rejected"
    _must_change(connection.execute(SQL["batch_verdict"], values | {"state": batch_state}), batch, owner)
    connection.execute(SQL["batch_file"], values | {"state": state} | split(verdict.path))


def _add_slice(connection: sqlite3.Connection, batch: int, new: NewSlice, state: str) -> None:
    row = connection.execute(SQL["slice_add"], asdict(new) | {"batch": batch, "state": state}).fetchone()
    connection.execute(SQL["payload_add"], {"slice": row["id"], "messages": new.messages})


def _outcome_row(held: Slice, item: Outcome) -> tuple[Any, ...]:
    return (
        *(held.batch, item.row, held.id, held.attempt),
        *(item.event, item.carrier_id, item.code, item.reason, item.parts, item.at),
    )


def _batch(row: sqlite3.Row) -> Batch:
    names = (
        "id",
        "account",
        "file",
        "path",
        "stem",
        "state",
        "submitted",
        "not_before",
        "failures",
        "messages",
    )
    return Batch(
        **{name: row[name] for name in names},
        flags=frozenset(json.loads(row["flags"])),
        causes=tuple(Cause(**cause) for cause in json.loads(row["causes"])),
        cause_count=row["cause_count"],
        finished=row["finished"],
    )


def _slice(row: sqlite3.Row) -> Slice:
    names = ("id", "batch", "account", "path", "submitted", "seq", "first_row", "last_row", "size")
    more = ("state", "backend", "not_before", "expires", "attempt", "messages")
    return Slice(**{name: row[name] for name in names + more}, again=bool(row["again"]))
