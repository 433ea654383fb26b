"""Batches whose time is over are deleted, in short turns: a large one keeps nobody waiting."""

import json
import time
from collections.abc import Iterator
from operator import itemgetter
from typing import Any

from smsfs.store.sql import Database

#: What is deleted in one turn: slices with their messages, and outcomes.
SLICES, OUTCOMES = 4, 2000
#: Outcomes that are looked for at once. Receipts come in another order than their messages: those that lie
#: next to each other are deleted in one turn, or each turn would write most of what there is of the batch.
MANY = 50 * OUTCOMES
#: Others have so long to get their turn.
TURN_SECONDS = 0.0005


def forget(database: Database, batch: int) -> None:
    """Delete a finished batch; an end in the midst leaves one without messages, for the next time.

    First the messages and then what became of them, so that none of them ever seems to wait again.
    """
    with database.reading() as connection:
        (span,) = connection.all("batch_span", batch=batch)
    places = {"first": span["first"], "last": span["last"]}
    slices = {"batch": batch, "some": SLICES}
    while _turn(database, batch, places, "batch_drop_slices", slices) == SLICES:
        pass
    for ids in _outcomes(database, batch):
        _turn(database, batch, places, "outcome_drop", {"ids": json.dumps(ids)})
    with database.write() as connection:
        for step in ("batch_drop_outcomes", "batch_drop_result", "batch_drop_notices", "batch_drop"):
            connection.change(step, batch=batch)


def _turn(
    database: Database, batch: int, places: dict[str, int], statement: str, values: dict[str, Any]
) -> int:
    """Delete some of a batch; how much was."""
    with database.write(synced=False) as connection:
        connection.change("batch_fade", batch=batch)
        connection.change("batch_mark_runs", **places)
        deleted = connection.change(statement, **values)
    time.sleep(TURN_SECONDS)
    return deleted


def _outcomes(database: Database, batch: int) -> Iterator[list[int]]:
    """The numbers of a batch's outcomes, in order and some at a time, for as long as there are any."""
    while True:
        with database.reading() as connection:
            ids = sorted(map(itemgetter("id"), connection.all("batch_outcomes", batch=batch, limit=MANY)))
        if not ids:
            return
        for start in range(0, len(ids), OUTCOMES):
            yield ids[start : start + OUTCOMES]
