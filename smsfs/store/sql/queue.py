"""Batches, slices and outcomes."""

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any

from attrs import asdict, evolve

from smsfs.errors import Cause
from smsfs.states import (
    WORDS,
    BatchState,
    FileState,
    next_batch_state,
    next_file_state,
)
from smsfs.store import (
    Abandoned,
    Batch,
    CreditUsedUpError,
    File,
    Lane,
    NewSlice,
    Outcome,
    Process,
    Slice,
    SliceReport,
    StaleOwnerError,
    Verdict,
)
from smsfs.store.sql import Connection, Database, Row
from smsfs.store.sql.file_view import file_from, split
from smsfs.store.sql.forgetting import forget
from smsfs.store.sql.outcomes import outcome_from, tell_results
from smsfs.store.sql.recent import Recent
from smsfs.store.sql.slices import add_slice, apply_orders, free_keys, outcome_row, slice_from

BATCH = ("id", "account", "file", "path", "stem", "submitted", "not_before", "failures", "messages")


class SqlQueue:
    """The queue of a database.

    Args:
        database: that.
        recent: hears of the carriers' ids that are recorded.
    """

    def __init__(self, database: Database, recent: Recent) -> None:
        self._database, self._recent = database, recent

    # -- batches ------------------------------------------------------------------------------------

    def lanes(self) -> dict[Lane, float]:
        """Those with a file to be read, and when the first of each is due, the earliest first."""
        waiting = sorted((row["time"], row["lane"]) for row in self._read("batch_lanes"))
        return {Lane(lane // 2, bool(lane % 2)): time for time, lane in waiting}

    def claim_batch(self, owner: Process, now: float, lane: Lane | None = None) -> Batch | None:
        """Take the next submitted file to read."""
        lanes = [lane] if lane else [each for each, time in self.lanes().items() if time <= now]
        return next(filter(None, (self._claim_of(each, owner, now) for each in lanes)), None)

    def _claim_of(self, lane: Lane, owner: Process, now: float) -> Batch | None:
        with self._database.write(synced=False) as connection:
            due = connection.one("batch_next_free", lane=2 * lane.principal + lane.large, now=now)
            if due is None:
                return None
            _drop_staged(connection, due["id"])
            claimed = connection.later("batch_claim", batch=due["id"], owner=owner.id)
        return evolve(batch_from(claimed()), more=bool(due["more"]))

    def _read(self, statement: str, /, **values: Any) -> list[Row]:
        with self._database.reading() as connection:
            return connection.all(statement, **values)

    def stage(self, batch: int, owner: Process, slices: Sequence[NewSlice]) -> None:
        """Store messages that nobody sends yet."""
        with self._database.write(synced=False) as connection:
            must_hold(connection, batch, owner)
            _stage(connection, batch, slices)

    def accept(self, batch: int, owner: Process, verdict: Verdict, slices: Sequence[NewSlice] = ()) -> None:
        """Queue the messages, and charge for them."""
        with self._database.write() as connection:
            shown = "consume" if verdict.state is FileState.CONSUMED else "accept"
            _finish(connection, batch, owner, verdict, "accept", shown)
            _charge(connection, batch, verdict.cost)
            _stage(connection, batch, slices)
            connection.later("batch_queue_slices", batch=batch)
            apply_orders(connection, batch)
            if verdict.results:
                connection.later("result_add", batch=batch)
            connection.notify("messages")

    def reject(self, batch: int, owner: Process, verdict: Verdict) -> None:
        """Drop what was staged; the file becomes ``rejected``."""
        with self._database.write() as connection:
            _finish(connection, batch, owner, verdict, "reject", "reject")
            _drop_staged(connection, batch)

    def ignore(self, batch: int, owner: Process, verdict: Verdict) -> None:
        """Drop what was staged; the file is a draft again."""
        with self._database.write() as connection:
            _finish(connection, batch, owner, verdict, "ignore", "ignore")
            _drop_staged(connection, batch)

    def strays(self, dialect: str, after: int, limit: int) -> list[File]:
        """Drafts that nobody writes and about which nothing was noted."""
        return [
            file_from(row) for row in self._read("file_strays", dialect=dialect, after=after, limit=limit)
        ]

    def note_stray(self, file: File, stem: str, verdict: Verdict) -> bool:
        """A rejected batch of a draft that stays."""
        given = {"path": file.path, "stem": stem, "causes": _causes_of(verdict), "at": verdict.at}
        with self._database.write() as connection:
            connection.one("account_lock", account=file.account)
            row = connection.one("batch_stray", file=file.id, mtime=file.mtime, **given, **split(file.path))
            if row:
                _tell(connection, row["id"], verdict)
        return row is not None

    def retry_batch(self, batch: int, owner: Process, not_before: float, *, counts: bool = True) -> None:
        """Read again later, and count the failure."""
        self._back(batch, owner, not_before, failed=int(counts))

    def release_batch(self, batch: int, owner: Process) -> None:
        """Give a claimed batch back unread."""
        self._back(batch, owner, 0, failed=0)

    def crashed(self, batch: int, retry_at: float, *, surely: bool) -> None:
        """Note that a reader died while it worked on a file."""
        with self._database.write() as connection:
            connection.change("batch_crashed", batch=batch, retry_at=retry_at, surely=int(surely))

    def _back(self, batch: int, owner: Process, not_before: float, *, failed: int) -> None:
        values = {"batch": batch, "owner": owner.id, "not_before": not_before, "failed": failed}
        with self._database.write() as connection:
            _must_change(connection.change("batch_retry", **values), batch, owner)
            _drop_staged(connection, batch)

    def twin(self, batch: Batch, digest: bytes, since: float) -> Batch | None:
        """An earlier batch of the same account, stem and bytes."""
        values = {"account": batch.account, "stem": batch.stem, "batch": batch.id}
        rows = self._read("batch_twin", digest=digest, since=since, **values)
        return batch_from(rows[0]) if rows else None

    def batches(self, account: int | None = None, file: str | None = None, after: int = 0) -> Iterator[Batch]:
        """Batches, oldest first."""
        while rows := self._read("batch_all", account=account, name=file, after=after):
            yield from map(batch_from, rows)
            after = rows[-1]["id"]

    # -- slices -------------------------------------------------------------------------------------

    def principals(self, backend: str, now: float) -> list[int]:
        """The accounts with a slice that is due."""
        rows = self._read("slice_principals", backend=backend)
        return [row["principal"] for row in rows if row["time"] <= now]

    def claim_slice(
        self, owner: Process, backend: str, now: float, *, oldest: bool, principal: int | None = None
    ) -> Slice | None:
        """Take a slice to send."""
        asked = self.principals(backend, now) if principal is None else [principal]
        if not asked:
            return None
        values = {"backend": backend, "now": now}
        with self._database.write() as connection:
            found = [_next_slice(connection, oldest=oldest, principal=one, **values) for one in asked]
            order = itemgetter("not_before", "id") if oldest else itemgetter("seq", "not_before", "id")
            due = min(filter(None, found), key=order, default=None)
            if due is None:
                return None
            connection.change("slice_claim", slice=due["id"], owner=owner.id)
            claimed = slice_from(connection.one("slice_full", slice=due["id"]))
        return evolve(claimed, more=bool(due["more"]))

    def claim_overdue(self, owner: Process, now: float) -> Slice | None:
        """Take a slice whose time is over."""
        if not self._read("slice_overdue", now=now):
            return None
        with self._database.write() as connection:
            due = connection.one("slice_overdue_free", now=now)
            if due is None:
                return None
            connection.change("slice_claim", slice=due["id"], owner=owner.id)
            return slice_from(connection.one("slice_full", slice=due["id"]))

    def release_slice(self, slice_: Slice, owner: Process) -> None:
        """Give back a claimed slice from which nothing was sent."""
        values = {"slice": slice_.id, "owner": owner.id, "attempt": slice_.attempt}
        with self._database.write() as connection:
            connection.one("order_wait", batch=slice_.batch)
            _must_change(connection.change("slice_release", **values), slice_.batch, owner)
            apply_orders(connection, slice_.batch, slice_.id)
            connection.notify("messages")

    def record(self, owner: Process, reports: Sequence[SliceReport], *, synced: bool = True) -> list[Slice]:
        """Append what was learnt, in one commit."""
        stale, told, rows = list[Slice](), Counter[int](), list[tuple[Any, ...]]()
        with self._database.write(synced=synced) as connection:
            for report in reports:
                held, done = report.slice, report.done
                values = {"slice": held.id, "owner": owner.id, "attempt": held.attempt, "done": done}
                if connection.change("slice_report", **values) == 0:
                    stale.append(held)
                    continue
                told[held.batch] += sum(item.event in WORDS for item in report.outcomes)
                rows += [outcome_row(item, held.batch, held.id, held.attempt) for item in report.outcomes]
            connection.add("outcome_add", rows)
            for report in reports:
                if report.slice not in stale:
                    _record_more(connection, report)
            tell_results(connection, told)
        self._recent.add({report.slice.id: report.slice.backend for report in reports}, rows)
        return stale

    def abandoned(self, alive: Callable[[], Iterable[int]]) -> list[Abandoned]:
        """Claimed slices of dead owners."""
        claimed = self._read("slice_claimed")
        living = set(alive()) if claimed else set()
        rows = [row for row in claimed if row["owner"] not in living]
        return [Abandoned(row["owner"], self._full(row["id"])) for row in rows]

    def take_over(self, slice_: Slice, dead: int, owner: Process) -> set[int] | None:
        """Make a dead owner's slice this owner's."""
        values = {"slice": slice_.id, "dead": dead, "owner": owner.id, "attempt": slice_.attempt}
        rows = {"batch": slice_.batch, "first_row": slice_.first_row, "last_row": slice_.last_row}
        with self._database.write() as connection:
            if connection.change("slice_take_over", **values) == 0:
                return None
            values = {"slice": slice_.id, "attempt": slice_.attempt}
            return {row["row"] for row in connection.all("outcome_of_attempt", **values, **rows)}

    def next_time(self, backend: str) -> float | None:
        """When the next queued slice of a backend is due."""
        return min((row["time"] for row in self._read("slice_principals", backend=backend)), default=None)

    def _full(self, slice_: int) -> Slice:
        return slice_from(self._read("slice_full", slice=slice_)[0])

    def slices(self, batch: int) -> Iterator[Slice]:
        """The slices of a batch in order."""
        for row in self._read("slice_of_batch", batch=batch):
            yield from map(slice_from, self._read("slice_full", slice=row["id"]))  # some may be gone since

    def outcomes(self, batch: int, first_row: int, last_row: int) -> list[Outcome]:
        """What was appended about messages, oldest first."""
        rows = self._read("outcome_of_rows", batch=batch, first_row=first_row, last_row=last_row)
        return list(map(outcome_from, rows))

    def expire(self, finished_before: Mapping[int, float], limit: int) -> int:
        """Forget old batches with all their messages done."""
        gone = 0
        for account, before in finished_before.items():
            for row in self._read("batch_expired", account=account, before=before, limit=limit - gone):
                forget(self._database, row["id"])
                gone += 1
        return gone

    def forgotten(self, batches: Collection[int]) -> set[int]:
        """Which of some numbers are of batches that there were once."""
        return {row["id"] for row in self._read("batch_forgotten", ids=json.dumps(sorted(batches)))}

    def backlog(self) -> dict[str, int]:
        """Messages queued or with a worker, by backend."""
        return {row["backend"]: row["messages"] for row in self._read("slice_backlog")}


def _next_slice(connection: Connection, *, oldest: bool, **values: Any) -> Row | None:
    """The slice of an account to be taken next, if one is due and nobody else is just taking it."""
    if not oldest and (first := connection.one("slice_first_seq", **values)):
        row = connection.one("slice_first_free", seq=first["seq"], **values)
        if row is not None:
            return row
    return connection.one("slice_oldest_free", **values)


def _record_more(connection: Connection, report: SliceReport) -> None:
    """What a report has beside its outcomes, which come first: a key of a message that left is not freed."""
    held = report.slice
    free_keys(connection, held.batch, report.freed)
    if report.aside:
        values = asdict(report.aside) | {"in_doubt": int(report.aside.in_doubt)}
        connection.change("aside_add", slice=held.id, **values)
    for new in report.later:
        added = add_slice(connection, held.batch, new, "later")
        apply_orders(connection, held.batch, added)
        connection.notify("messages")


def _must_change(changed: int, batch: int, owner: Process) -> None:
    if not changed:
        raise StaleOwnerError(f"batch {batch} is no longer with owner {owner.id}")


def must_hold(connection: Connection, batch: int, owner: Process) -> None:
    """Check that ``owner`` reads the batch, and keep it so until the transaction ends.

    Raises:
        StaleOwnerError: it does not.
    """
    _must_change(connection.one("batch_is_mine", batch=batch, owner=owner.id) is not None, batch, owner)


def _stage(connection: Connection, batch: int, slices: Sequence[NewSlice]) -> None:
    for new in slices:
        slice_ = add_slice(connection, batch, new, "stage")
        if new.refused:
            connection.add("outcome_add", [outcome_row(item, batch, slice_, 0) for item in new.refused])


def _drop_staged(connection: Connection, batch: int) -> None:
    """Forget what reading a batch has left so far; before it is accepted, all outcomes are of that kind."""
    for step in ("batch_drop_staged", "batch_drop_outcomes", "claim_release"):
        connection.later(step, batch=batch)


def _charge(connection: Connection, batch: int, cost: int) -> None:
    limit = connection.one("batch_credit", batch=batch)
    if limit and not connection.change("batch_charge", batch=batch, cost=cost):
        raise CreditUsedUpError(
            f"the account's credit is {limit['amount']:,} SMS, and this file takes {cost:,}"
        )


def _finish(
    connection: Connection, batch: int, owner: Process, verdict: Verdict, event: str, of_file: str
) -> None:
    """Note how reading ended: by ``event`` for the batch, ``of_file`` for its file."""
    file_state = next_file_state(FileState.PROCESSING, of_file)
    values = {name: getattr(verdict, name) for name in ("path", "at", "messages", "digest", "cause_count")}
    values["causes"] = _causes_of(verdict)
    values["state"] = next_batch_state(BatchState.READING, event).value
    values["hidden"] = file_state is FileState.CONSUMED
    _must_change(connection.change("batch_verdict", batch=batch, owner=owner.id, **values), batch, owner)
    finished = None if file_state is FileState.DRAFT else verdict.at
    shown = {"size": verdict.size, "tail": verdict.tail, "at": finished, **split(verdict.path)}
    connection.later("batch_file", batch=batch, state=file_state.value, **shown)
    _tell(connection, batch, verdict)


def _causes_of(verdict: Verdict) -> str:
    return json.dumps([asdict(cause) for cause in verdict.causes])


def _tell(connection: Connection, batch: int, verdict: Verdict) -> None:
    """Show the reports of a verdict, and leave its e-mails to be sent."""
    for file in verdict.reports:
        connection.change("batch_report", batch=batch, at=verdict.at, **asdict(file) | split(file.path))
    for notice in verdict.notices:
        connection.change("notice_add", batch=batch, **asdict(notice))


def batch_from(row: Row) -> Batch:
    """The record of a row of ``batch``."""
    return Batch(
        **{name: row[name] for name in BATCH},
        state=BatchState(row["state"]),
        flags=frozenset(json.loads(row["flags"])),
        causes=tuple(Cause(**cause) for cause in json.loads(row["causes"])),
        cause_count=row["cause_count"],
        finished=row["finished"],
        crashes=row["crashes"],
        resends=row["resends"],
    )
