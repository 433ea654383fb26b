"""What operators order about messages: to hold them, to release them, to cancel them.

An order is committed together with its effect on what waits: each slice that it may concern is ``stopped``,
and so is each that a worker brings back later. So no slice that can be claimed holds a message which an order
concerns, whoever commits what and whenever. Which messages of a stopped slice are meant is found out then
(``decide``), and the slice is sorted: an end in the midst leaves stopped slices, for the next who sorts.

What was claimed before is with a dispatcher. It reads new orders, calls back what has not left, and notes the
last order that it has carried out.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Literal, NamedTuple, Protocol

from attrs import frozen

from smsfs.store.audit import NewEntry
from smsfs.store.processes import Process
from smsfs.store.slices import Freed, NewSlice, Outcome, SetAside, Slice

Action = Literal["hold", "release", "cancel"]
#: What becomes of a message of a stopped slice.
Decision = Literal["queued", "held", "cancelled"]
#: More rows than any file has.
LAST_ROW = 2**62


@frozen
class NewOrder:
    """An order about messages of one batch.

    Attributes:
        batch: its number.
        action: what is to be done.
        first_row: of the messages that are meant.
        last_row: of them.
        recipient: their MSISDN, as a number; None: any.
    """

    batch: int
    action: Action
    first_row: int = 1
    last_row: int = LAST_ROW
    recipient: int | None = None

    def means(self, row: int, recipient: str) -> bool:
        """Whether it is about a message."""
        inside = self.first_row <= row <= self.last_row
        return inside and (self.recipient is None or self.recipient == int(recipient))


@frozen
class Order(NewOrder):
    """One that was given; numbers grow in the order of the commits. ``audit`` is the number of its record."""

    id: int = 0
    at: float = 0.0
    audit: int = 0


@frozen
class Sorted:
    """What becomes of a stopped slice.

    Attributes:
        slice: it.
        upto: the number of the last order that was taken into account.
        event: of ``states.SLICE_TRANSITIONS``: ``"hold"`` or ``"let_go"`` the whole slice, or ``"split"`` it.
        queued: one with those of its messages that wait.
        held: one with those that are held.
        outcomes: of the others.
        freed: keys to free, unless a carrier has the message, or may have it.
        aside: why it is set aside, for its messages cannot be read.
    """

    slice: Slice
    upto: int
    event: Literal["hold", "let_go", "split"]
    queued: NewSlice | None = None
    held: NewSlice | None = None
    outcomes: Sequence[Outcome] = ()
    freed: Sequence[Freed] = ()
    aside: SetAside | None = None


class Holding(NamedTuple):
    """A claimed slice, who has it, and the last order that this one has carried out; None: it knows none."""

    slice: int
    owner: int
    attempt: int
    first_row: int
    last_row: int
    seen: int | None


class Orders(Protocol):
    """Operators' orders about messages."""

    def give(self, orders: Sequence[NewOrder], entry: NewEntry) -> int:
        """Give orders, all of one batch, record that, and stop what they may concern; the record's number.

        Raises:
            StoreConflict: the batch is gone.
        """

    def newest(self) -> int:
        """The number of the newest order; 0 when there is none."""

    def since(self, after: int) -> list[Order]:
        """The orders behind one, oldest first."""

    def of_batch(self, batch: int) -> list[Order]:
        """The orders about a batch, oldest first."""

    def seen(self, owner: Process, order: int) -> None:
        """Note that a dispatcher has carried out all orders up to one."""

    def holdings(self, batch: int) -> list[Holding]:
        """The claimed slices of a batch."""

    def stopped(self, limit: int, batch: int | None = None) -> list[Slice]:
        """Some slices that are to be sorted, of one batch or of any."""

    def sort(self, parts: Sequence[Sorted]) -> int:
        """Sort stopped slices, in one commit; how many there were that nobody else had sorted yet."""

    def held(self) -> set[int]:
        """The batches with messages that are held, or are to be sorted."""


def decide(orders: Iterable[Order], row: int, recipient: str) -> Decision:
    """What becomes of a message by the orders about its batch, oldest first."""
    decision: Decision = "queued"
    for order in orders:
        if order.means(row, recipient):
            if order.action == "cancel":
                return "cancelled"
            decision = "held" if order.action == "hold" else "queued"
    return decision


def touched(orders: Iterable[Order], slice_: Slice) -> Callable[[int, str], bool]:
    """Tells, of a message of a slice, whether an order concerns it that came after the slice was sorted."""
    newer = [order for order in orders if order.id > slice_.orders and order.batch == slice_.batch]
    return lambda row, recipient: any(order.means(row, recipient) for order in newer)
