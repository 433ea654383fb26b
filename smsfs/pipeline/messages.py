"""What became of each message: slices and outcomes, folded."""

from collections import defaultdict
from collections.abc import Container, Iterable, Iterator

from attrs import frozen

from smsfs.pipeline.dispatch import messages_of
from smsfs.pipeline.outcomes import fate
from smsfs.sms.message import Message
from smsfs.states import MessageState
from smsfs.store import Batch, Outcome, Slice, Store

#: States that are some carrier's, or the clock's, final word.
DONE = frozenset(
    {
        MessageState.DELIVERED,
        MessageState.UNDELIVERED,
        MessageState.REJECTED,
        MessageState.EXPIRED,
        MessageState.CANCELLED,
    }
)


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

    @property
    def done(self) -> float | None:
        """When the final word came, by the store's clock; None while there is none."""
        return self.last.at if self.last and self.state in DONE else None


def statuses(store: Store, batch: Batch) -> Iterator[MessageStatus]:
    """Every message of an accepted batch in the order of its rows, a few slices in memory at a time."""
    again = [item for item in store.queue.slices(batch.id) if item.again and item.state == "claimed"]
    for group in _groups(item for item in store.queue.slices(batch.id) if not item.again):
        yield from _of_group(store, batch, group, again)


def _groups(slices: Iterable[Slice]) -> Iterator[list[Slice]]:
    """Slices whose rows lie between each other's: those of one chunk of intake, at most."""
    group: list[Slice] = []
    last = 0
    for slice_ in slices:
        if group and slice_.first_row > last:
            yield group
            group = []
        group.append(slice_)
        last = max(last, slice_.last_row)
    if group:
        yield group


def _of_group(store: Store, batch: Batch, group: list[Slice], again: list[Slice]) -> Iterator[MessageStatus]:
    first, last = group[0].first_row, max(slice_.last_row for slice_ in group)
    outcomes: dict[int, list[Outcome]] = defaultdict(list)
    for outcome in store.queue.outcomes(batch.id, first, last):
        outcomes[outcome.row].append(outcome)
    near = [other for other in again if other.first_row <= last and other.last_row >= first]
    claimed = _claimed_rows([*group, *near])
    messages = [message for slice_ in group for message in messages_of(slice_)]
    for message in sorted(messages, key=lambda message: message.row):
        yield _status(batch, message, outcomes[message.row], claimed=message.row in claimed)


def _claimed_rows(slices: list[Slice]) -> set[int]:
    return {message.row for slice_ in slices if slice_.state == "claimed" for message in messages_of(slice_)}


def _status(batch: Batch, message: Message, outcomes: list[Outcome], *, claimed: bool) -> MessageStatus:
    found = fate(outcomes, claimed=claimed)
    taken = next((item.at for item in reversed(outcomes) if item.event == "accepted"), None)
    return MessageStatus(batch, message, found.state, found.doubled, found.last, found.carrier_id, taken)


def statuses_in(
    store: Store, batch: Batch, slice_: Slice, rows: Container[int], *, claimed: bool
) -> Iterator[MessageStatus]:
    """Some messages of one slice.

    Args:
        store: where they are.
        batch: theirs.
        slice_: of the batch.
        rows: which messages.
        claimed: what is not answered yet is with a backend now.
    """
    outcomes: dict[int, list[Outcome]] = defaultdict(list)
    for outcome in store.queue.outcomes(batch.id, slice_.first_row, slice_.last_row):
        outcomes[outcome.row].append(outcome)
    for message in messages_of(slice_):
        if message.row in rows:
            yield _status(batch, message, outcomes[message.row], claimed=claimed)
