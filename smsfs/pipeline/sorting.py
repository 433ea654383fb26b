"""Slices that an operator's order has stopped are sorted: which messages wait, which are held, which end."""

from collections.abc import Sequence

from attrs import evolve

from smsfs.pipeline.slices import DamagedSlice, later, messages_of
from smsfs.sms.message import Message
from smsfs.states import MessageState, next_message_state
from smsfs.store import Freed, NewSlice, Order, Outcome, SetAside, Slice, Sorted, Store
from smsfs.store.claims import recipient_key
from smsfs.store.orders import Decision, decide

#: Slices that one commit sorts: it lasts some hundredths of a second, and others write after it.
SLICES = 10
#: What happens to the messages of a stopped slice, which count as held.
EVENTS: dict[Decision, str] = {"queued": "release", "cancelled": "cancel"}


def sort(store: Store, batch: int | None = None) -> int:
    """Sort all stopped slices, of one batch or of any; how many there were.

    Whoever ends in the midst leaves the rest, and others may sort at the same time.

    Raises:
        StoreUnavailable: some may have been sorted.
    """
    done = 0
    while stopped := store.orders.stopped(SLICES, batch):
        orders = {number: store.orders.of_batch(number) for number in {item.batch for item in stopped}}
        done += store.orders.sort([sorted_(item, orders[item.batch], store.now()) for item in stopped])
    return done


def sorted_(slice_: Slice, orders: Sequence[Order], now: float) -> Sorted:
    """What becomes of a stopped slice by all orders about its batch, oldest first."""
    upto = max((order.id for order in orders), default=0)
    try:
        messages = messages_of(slice_)
    except DamagedSlice as exc:
        return Sorted(slice_, slice_.orders, "split", aside=SetAside(str(exc), now))
    piles: dict[Decision, list[Message]] = {"queued": [], "held": [], "cancelled": []}
    for message in messages:
        piles[decide(orders, message.row, message.recipient)].append(message)
    for decision, event in EVENTS.items():
        if piles[decision]:
            next_message_state(MessageState.HELD, event)
    if len(piles["queued"]) == len(messages):
        return Sorted(slice_, upto, "let_go")
    if len(piles["held"]) == len(messages):
        return Sorted(slice_, upto, "hold")
    return _split(slice_, upto, orders, piles, now)


def _split(
    slice_: Slice, upto: int, orders: Sequence[Order], piles: dict[Decision, list[Message]], now: float
) -> Sorted:
    ended = piles["cancelled"]
    return Sorted(
        slice_,
        upto,
        "split",
        queued=_some(slice_, piles["queued"], upto),
        held=_some(slice_, piles["held"], upto),
        outcomes=[_cancelled(slice_, message, orders, now) for message in ended],
        freed=[Freed(message.row, recipient_key(message.recipient)) for message in ended],
    )


def _some(slice_: Slice, messages: list[Message], upto: int) -> NewSlice | None:
    """A slice with some messages of another, which may be sent when and where that might have been."""
    if not messages:
        return None
    return evolve(later(slice_, messages, slice_.not_before, slice_.chain), orders=upto)


def _cancelled(slice_: Slice, message: Message, orders: Sequence[Order], now: float) -> Outcome:
    by = next(
        item for item in orders if item.action == "cancel" and item.means(message.row, message.recipient)
    )
    return Outcome(message.row, "cancel", now, reason=cancelled_by(by.audit), attempt=slice_.attempt)


def cancelled_by(entry: int) -> str:
    """The reason of a message that an operator cancelled, by the number of the record of that."""
    return f"an operator cancelled it before it left: entry {entry} of smsfs log"
