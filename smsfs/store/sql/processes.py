"""What a dead process held, put right; and work that one process of all does."""

from collections.abc import Callable, Container

from smsfs.store import Process
from smsfs.store.sql import Connection, Database

_STEPS = (
    "owner_cut_files",
    "owner_drop_writers",
    "owner_drop_staged",
    "owner_release_batches",
    "owner_drop",
)


def let_go(connection: Connection, owner: int) -> None:
    """End a dead owner's hold on everything but its claimed slices.

    Args:
        connection: in a transaction.
        owner: the dead one.
    """
    for step in _STEPS:
        connection.change(step, owner=owner)
    connection.notify("all")


def lead(database: Database, owner: Process, what: str, alive: Callable[[], Container[int]]) -> bool:
    """Whether ``owner`` does some work alone.

    Args:
        database: where that is noted.
        owner: who asks.
        what: the work.
        alive: the owners that live; asked after it was read who leads, so that one which has just begun is
            not taken for dead.
    """
    with database.reading() as connection:
        row = connection.one("leader_get", what=what)
    leader = row["owner"] if row else None
    if leader == owner.id:
        return True
    if leader is not None and leader in alive():
        return False
    step = "leader_add" if leader is None else "leader_take_over"
    with database.write() as connection:
        return connection.change(step, what=what, owner=owner.id, dead=leader) > 0
