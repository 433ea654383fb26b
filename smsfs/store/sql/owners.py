"""What a dead process held, put right."""

from smsfs.store.sql import Connection

_STEPS = (
    "owner_cut_files",
    "owner_drop_writers",
    "owner_drop_staged",
    "owner_release_batches",
    "owner_drop",
)


def let_go(connection: Connection, owner: int, retry_at: float | None) -> None:
    """End a dead owner's hold on everything but its claimed slices.

    Args:
        connection: in a transaction.
        owner: the dead one.
        retry_at: its death counts as a failure to read what it read, which is not read before this time.
    """
    for step in _STEPS:
        connection.change(step, owner=owner, crashed=int(retry_at is not None), retry_at=retry_at or 0.0)
    connection.notify()
