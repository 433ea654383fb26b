"""What operators ordered about messages."""

from collections.abc import Sequence

from attrs import asdict

from smsfs.errors import StoreConflict
from smsfs.store import Process, Slice
from smsfs.store.audit import NewEntry
from smsfs.store.orders import Holding, NewOrder, Order, Sorted
from smsfs.store.sql import Connection, Database
from smsfs.store.sql.audit import record
from smsfs.store.sql.outcomes import tell_results
from smsfs.store.sql.slices import add_slice, apply_orders, free_keys, outcome_row, slice_from


class SqlOrders:
    """The orders of a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def give(self, orders: Sequence[NewOrder], entry: NewEntry) -> int:
        """Give orders, and stop what they may concern."""
        (batch,) = {order.batch for order in orders}
        with self._database.write() as connection:
            if connection.one("order_batch", batch=batch) is None:
                raise StoreConflict(f"Batch {batch} has just gone; nothing was changed.")
            connection.one("order_turn")
            number = record(connection, entry)
            for order in orders:
                connection.change("order_add", **asdict(order), at=entry.at, audit=number)
            connection.change("order_apply", batch=batch, since=0)
            tell_results(connection, {batch: 0})
            connection.notify("messages")
        return number

    def newest(self) -> int:
        """The number of the newest order."""
        with self._database.reading() as connection:
            (row,) = connection.all("order_newest")
        number: int = row["id"]
        return number

    def since(self, after: int) -> list[Order]:
        """The orders behind one."""
        with self._database.reading() as connection:
            return [Order(**dict(row)) for row in connection.all("order_since", after=after)]

    def of_batch(self, batch: int) -> list[Order]:
        """The orders about a batch."""
        with self._database.reading() as connection:
            return [Order(**dict(row)) for row in connection.all("order_of_batch", batch=batch)]

    def seen(self, owner: Process, order: int) -> None:
        """Note that a dispatcher has carried out all orders up to one."""
        with self._database.write() as connection:
            connection.change("order_seen", owner=owner.id, order=order)
            connection.notify("messages")

    def holdings(self, batch: int) -> list[Holding]:
        """The claimed slices of a batch."""
        with self._database.reading() as connection:
            return [Holding(**dict(row)) for row in connection.all("order_holdings", batch=batch)]

    def stopped(self, limit: int, batch: int | None = None) -> list[Slice]:
        """Some slices that are to be sorted."""
        with self._database.reading() as connection:
            rows = connection.all("order_stopped", batch=batch, limit=limit)
            found = [connection.one("slice_full", slice=row["id"]) for row in rows]
        return [slice_from(row) for row in found if row]

    def sort(self, parts: Sequence[Sorted]) -> int:
        """Sort stopped slices, in one commit."""
        with self._database.write() as connection:
            return sum(_sort(connection, part) for part in sorted(parts, key=lambda part: part.slice.batch))

    def held(self) -> set[int]:
        """The batches with messages that are held."""
        with self._database.reading() as connection:
            return {row["batch"] for row in connection.all("order_held")}


def _sort(connection: Connection, part: Sorted) -> bool:
    """Sort a slice, if it still is to be."""
    slice_ = part.slice
    connection.one("order_wait", batch=slice_.batch)
    if not connection.change(f"slice_{part.event}", slice=slice_.id, upto=part.upto):
        return False
    if part.queued:
        add_slice(connection, slice_.batch, part.queued, "later")
    if part.held:
        add_slice(connection, slice_.batch, part.held, "keep")
    rows = [outcome_row(item, slice_.batch, slice_.id, slice_.attempt) for item in part.outcomes]
    connection.add("outcome_add", rows)
    free_keys(connection, slice_.batch, part.freed)
    if part.aside:
        connection.change("aside_add", slice=slice_.id, **asdict(part.aside) | {"in_doubt": 0})
    apply_orders(connection, slice_.batch, slice_.id)
    tell_results(connection, {slice_.batch: len(part.outcomes)})
    connection.notify("messages")
    return True
