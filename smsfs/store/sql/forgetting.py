"""Batches whose time is over are deleted, in short turns: a large one keeps nobody waiting."""

from smsfs.store.sql import Connection, Database

#: What is deleted in one turn: slices with their messages, and outcomes.
SLICES, OUTCOMES = 4, 1000


def forget(database: Database, batch: int) -> None:
    """Delete a finished batch; an end in the midst leaves one without messages, for the next time.

    First the messages and then what became of them, so that none of them ever seems to wait again.
    """
    with database.reading() as connection:
        (span,) = connection.all("batch_span", batch=batch)
    more = True
    while more:
        with database.write() as connection:
            connection.change("batch_fade", batch=batch)
            connection.change("batch_mark_runs", first=span["first"], last=span["last"])
            more = _some(connection, batch)
            if not more:
                for step in ("result", "notices"):
                    connection.change(f"batch_drop_{step}", batch=batch)
                connection.change("batch_drop", batch=batch)


def _some(connection: Connection, batch: int) -> bool:
    """Delete some of a batch; whether there may be more."""
    if connection.change("batch_drop_slices", batch=batch, some=SLICES) == SLICES:
        return True
    return connection.change("batch_drop_some", batch=batch, some=OUTCOMES) == OUTCOMES
