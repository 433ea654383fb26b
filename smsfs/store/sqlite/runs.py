"""Outcomes sorted by the carrier's ids and by recipients: by these, receipts and replies find their messages.

Neither comes in any order. An index that is kept up with each commit touches a page of its own for each
message, and the more pages there are, the more each commit writes. So outcomes are sorted many at a time,
into a run that is written in one go; several runs of one size become one of the next. Whoever looks for a
message looks through the outcomes that are in no run yet, which are few, and asks one run after the other.

Everything is done in short turns, so that no writer is kept waiting. A run that was not finished is deleted.
"""

import json
import time
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from smsfs.store.sql import Connection, Row
from smsfs.store.sqlite.database import RETRY_SECONDS, Database

#: Outcomes in a new run.
SIZE = 4096
#: So many runs of one size become one.
MANY = 16
#: More than so many outcomes in no run keep receipts waiting: who finds them sorts them first.
MOST_PENDING = 4 * SIZE
#: Entries that are moved or deleted in one turn, of each run.
SOME = 250
#: What outcomes are sorted by, with what comes before all of it, and behind: bytes are greater than any text.
SIDES: dict[str, tuple[str | int, bytes | int]] = {"carrier": ("", b""), "recipient": (-1, 2**63 - 1)}


class Runs:
    """The runs of a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def sort(self) -> bool:
        """Sort what is new, or merge some runs; whether there may be more to do."""
        if self._add(SIZE):
            return True
        runs = self._alike()
        if runs:
            self._merge(runs)
        self._drop()
        return bool(runs)

    def catch_up(self) -> None:
        """Sort what is new, if it is too much to be looked through."""
        while self._add(MOST_PENDING):
            pass

    def tidy(self) -> None:
        """Delete the entries of outcomes that were deleted."""
        for run in self._read("run_all"):
            if run["stale"]:
                self._clean(run)
        self._drop()

    def _read(self, statement: str, /, **values: Any) -> list[Row]:
        with self._database.reading() as connection:
            return connection.all(statement, **values)

    def _add(self, least: int) -> bool:
        """Add a run if so many outcomes are in none; whether they were."""
        (pending,) = self._read("run_pending")
        first, last = pending["first"], pending["last"]
        if first is None or last - first + 1 < least:
            return False
        span = {"first": first, "last": first + SIZE - 1}
        with self._database.write(synced=False) as connection:
            run = connection.one("run_add", **span)
            if run:  # else another process was first
                connection.change("run_add_carriers", run=run["id"], **span)
                connection.change("run_add_recipients", run=run["id"], **span)
        return True

    def _alike(self) -> list[Row]:
        """The oldest runs of one size that are enough to become one."""
        for _, group in groupby(self._read("run_all"), key=_level):
            if len(runs := list(group)[:MANY]) == MANY:
                return runs
        return []

    def _merge(self, runs: Sequence[Row]) -> None:
        with self._database.write(synced=False) as connection:
            run = connection.one("run_add", first=runs[0]["first"], last=None)
        ids, number = [old["id"] for old in runs], run["id"] if run else 0
        for side in SIDES:
            for part in self._parts(side, ids):
                with self._database.write(synced=False) as connection:
                    if not connection.one("run_going_on", run=number):
                        return  # another process tidied up
                    connection.change(f"run_merge_{side}", run=number, runs=json.dumps(ids), **part)
        with self._database.write() as connection:
            _replace(connection, number, runs)

    def _clean(self, run: Row) -> None:
        number, span = run["id"], {"first": run["first"], "last": run["last"]}
        if not self._read("run_lives", **span):
            self._end(number)
            return
        self._each_part("clean", number)
        with self._database.write(synced=False) as connection:
            connection.change("run_clean", run=number, stale=run["stale"])

    def _drop(self) -> None:
        """Delete what is left of runs that are no more, or were never finished."""
        for run in self._read("run_gone"):
            self._end(run["id"])
            self._each_part("drop", run["id"])
            with self._database.write(synced=False) as connection:
                connection.change("run_drop", run=run["id"])

    def _end(self, run: int) -> None:
        with self._database.write(synced=False) as connection:
            connection.change("run_end", run=run)

    def _each_part(self, step: str, run: int) -> None:
        for side in SIDES:
            for part in self._parts(side, [run], MANY * SOME):
                with self._database.write(synced=False) as connection:
                    connection.change(f"run_{step}_{side}", run=run, **part)

    def _parts(self, side: str, runs: Sequence[int], some: int = SOME) -> Iterator[dict[str, Any]]:
        """The keys of some runs in parts, each with few entries of each run; others' turn after each."""
        after: Any
        after, end = SIDES[side]
        until = after
        while until != end:
            values = {"runs": json.dumps(list(runs)), "after": after, "some": some}
            until = self._read(f"run_next_{side}", **values)[0]["until"]
            until = end if until is None else until
            yield {"after": after, "until": until}
            after = until
            time.sleep(RETRY_SECONDS)


def _level(run: Row) -> int:
    """How often runs like it were merged to become one of its size."""
    span: int = run["last"] - run["first"] + 1
    level = 0
    while span > SIZE * MANY**level:
        level += 1
    return level


def _replace(connection: Connection, number: int, runs: Sequence[Row]) -> None:
    """Put a run in the place of others, unless it or one of them is no more."""
    ids = {old["id"] for old in runs}
    still = [row for row in connection.all("run_all") if row["id"] in ids]
    if len(still) == len(ids) and connection.one("run_going_on", run=number):
        stale = max(sum(row["stale"] for row in some) for some in (runs, still))
        for row in still:
            connection.change("run_end", run=row["id"])
        connection.change("run_finish", run=number, last=runs[-1]["last"], stale=stale)
