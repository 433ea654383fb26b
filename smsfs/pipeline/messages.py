"""What became of each message: slices and outcomes, folded."""

from collections import defaultdict
from collections.abc import Iterator

from attrs import frozen

from smsfs.pipeline.dispatch import messages_of
from smsfs.pipeline.outcomes import fate
from smsfs.sms.message import Message
from smsfs.states import MessageState
from smsfs.store import Batch, Outcome, Slice, Store


@frozen
class MessageStatus:
    """One message and its state.

    Attributes:
        batch: the batch it belongs to.
        message: the message.
        state: folded from everything recorded about it.
        doubled: it was sent again after an attempt of unknown fate.
        last: the outcome that led to this state; None while there is none.
        carrier_id: under which the carrier knows it, or its first part; empty when it does not.
        submitted: when the carrier took it, the last time that it did; None when it did not.
    """

    batch: Batch
    message: Message
    state: MessageState
    doubled: bool
    last: Outcome | None
    carrier_id: str
    submitted: float | None


def statuses(store: Store, batch: Batch) -> Iterator[MessageStatus]:
    """Every message of an accepted batch in the order of its rows, a slice in memory at a time."""
    again = [slice_ for slice_ in store.queue.slices(batch.id) if slice_.again and slice_.state == "claimed"]
    for slice_ in store.queue.slices(batch.id):
        if not slice_.again:
            yield from _of_slice(store, batch, slice_, again)


def _of_slice(store: Store, batch: Batch, slice_: Slice, again: list[Slice]) -> Iterator[MessageStatus]:
    outcomes: dict[int, list[Outcome]] = defaultdict(list)
    for outcome in store.queue.outcomes(batch.id, slice_.first_row, slice_.last_row):
        outcomes[outcome.row].append(outcome)
    claimed = _claimed_rows([slice_, *(other for other in again if _overlap(slice_, other))])
    for message in messages_of(slice_):
        yield _status(batch, message, outcomes[message.row], claimed=message.row in claimed)


def _overlap(one: Slice, other: Slice) -> bool:
    return other.first_row <= one.last_row and other.last_row >= one.first_row


def _claimed_rows(slices: list[Slice]) -> set[int]:
    return {message.row for slice_ in slices if slice_.state == "claimed" for message in messages_of(slice_)}


def _status(batch: Batch, message: Message, outcomes: list[Outcome], *, claimed: bool) -> MessageStatus:
    found = fate(outcomes, claimed=claimed)
    taken = next((item.at for item in reversed(outcomes) if item.event == "accepted"), None)
    return MessageStatus(batch, message, found.state, found.doubled, found.last, found.carrier_id, taken)
