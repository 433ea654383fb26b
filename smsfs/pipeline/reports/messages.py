"""What became of each message: slices and outcomes, folded."""

from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence

from attrs import evolve, frozen

from smsfs.pipeline.outcomes import fate
from smsfs.pipeline.prices import price_of
from smsfs.pipeline.slices import DamagedSlice, messages_of
from smsfs.sms.message import Message
from smsfs.states import (
    ENDED_STATES,
    LEAVING_STATES,
    MessageState,
    SliceState,
    next_message_state,
)
from smsfs.store import Aside, Batch, Outcome, Slice, Span, Store

#: Whether somebody wants to see a message.
Wants = Callable[[Message], bool]

#: The messages of slices in these states are held.
HELD = frozenset({SliceState.STOPPED, SliceState.HELD})


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
        price: what it cost, a decimal number and perhaps a currency behind a blank; empty if nobody told it.
    """

    batch: Batch
    message: Message
    state: MessageState
    doubled: bool
    last: Outcome | None
    carrier_id: str
    submitted: float | None
    price: str = ""

    @property
    def done(self) -> float | None:
        """When the final word came, by the store's clock; None while there is none."""
        return self.last.at if self.last and self.state in ENDED_STATES else None


def statuses(
    store: Store, batch: Batch, spans: Sequence[Span] | None = None, wants: Wants | None = None
) -> Iterator[MessageStatus]:
    """Every message of an accepted batch in the order of its rows, a few slices in memory at a time.

    Messages that cannot be read appear with their rows only, without recipient and text.

    Args:
        store: where they are.
        batch: theirs.
        spans: in which slices, by their first rows; None: in all.
        wants: which messages; None: all.
    """
    asides = store.trouble.asides(batch.id)
    again = [item for item in store.search.retried(batch.id) if _matters(item, asides)]
    for group in _groups(store.search.spans(batch.id) if spans is None else spans):
        # Some may be gone since.
        slices = [slice_ for span in group if (slice_ := store.feed.slice(span.slice))]
        if slices:
            yield from _of_group(store, batch, slices, again, asides, wants)


def _matters(slice_: Slice, asides: Sequence[Aside]) -> bool:
    """Whether a slice that is tried again bears on what is shown: its messages are not in doubt, else."""
    now = slice_.state is SliceState.CLAIMED or slice_.state in HELD
    return now or (bool(asides) and slice_.state is SliceState.QUEUED)


def _groups(slices: Iterable[Span]) -> Iterator[list[Span]]:
    """Slices whose rows lie between each other's: those of one chunk of intake, at most."""
    group: list[Span] = []
    last = 0
    for slice_ in slices:
        if group and slice_.first_row > last:
            yield group
            group = []
        group.append(slice_)
        last = max(last, slice_.last_row)
    if group:
        yield group


def _of_group(
    store: Store,
    batch: Batch,
    group: list[Slice],
    again: list[Slice],
    asides: Sequence[Aside],
    wants: Wants | None,
) -> Iterator[MessageStatus]:
    first, last = group[0].first_row, max(slice_.last_row for slice_ in group)
    outcomes: dict[int, list[Outcome]] = defaultdict(list)
    for outcome in store.queue.outcomes(batch.id, first, last):
        outcomes[outcome.row].append(outcome)
    near = [other for other in again if other.first_row <= last and other.last_row >= first]
    read = {slice_.id: _read(slice_) for slice_ in [*group, *near]}
    some = [*group, *near]
    claimed = _claimed(some, read, outcomes)
    held = _rows(read[slice_.id] for slice_ in some if slice_.state in HELD)
    waiting = _rows(read[slice_.id] for slice_ in some if slice_.state is not SliceState.DONE)
    for message in filter(wants, _messages(group, read, outcomes)):
        now = {"claimed": message.row in claimed, "held": message.row in held}
        status = _status(batch, message, outcomes[message.row], **now)
        yield status if message.row in waiting else _given_up(status, asides)


def _read(slice_: Slice) -> list[Message] | None:
    """The messages of a slice; None if they cannot be read."""
    try:
        return messages_of(slice_)
    except DamagedSlice:
        return None


def _rows(messages: Iterable[list[Message] | None]) -> set[int]:
    return {message.row for some in messages for message in some or ()}


def _claimed(
    slices: Iterable[Slice],
    read: Mapping[int, list[Message] | None],
    outcomes: Mapping[int, list[Outcome]],
) -> set[int]:
    """The rows that are with a backend, but for those called back: they are in another slice already."""
    rows = set[int]()
    for slice_ in slices:
        if slice_.state is SliceState.CLAIMED:
            rows |= {row for row in _rows([read[slice_.id]]) if not _is_back(slice_, outcomes.get(row, ()))}
    return rows


def _is_back(slice_: Slice, outcomes: Iterable[Outcome]) -> bool:
    return any(item.event == "not_now" and item.attempt == slice_.attempt for item in outcomes)


def _messages(
    group: list[Slice], read: Mapping[int, list[Message] | None], outcomes: Mapping[int, list[Outcome]]
) -> list[Message]:
    """The messages of some slices, by row; of those that cannot be read, what is known without."""
    found = [message for slice_ in group for message in read[slice_.id] or ()]
    rows = {message.row for message in found}
    for slice_ in group:
        if read[slice_.id] is None:
            blanks = _blanks(slice_, rows, outcomes)
            rows |= {message.row for message in blanks}
            found += blanks
    return sorted(found, key=lambda message: message.row)


def _blanks(slice_: Slice, others: Container[int], outcomes: Mapping[int, list[Outcome]]) -> list[Message]:
    """The rows of a slice whose messages cannot be read: those that are no other's.

    Where a file's bad rows lie between, they cannot be told apart, but for those that something became of.
    """
    free = [row for row in range(slice_.first_row, slice_.last_row + 1) if row not in others]
    likely = sorted(free, key=lambda row: not outcomes.get(row))[: slice_.size]
    return [Message(row, "", "") for row in likely]


def _given_up(status: MessageStatus, asides: Sequence[Aside]) -> MessageStatus:
    """A message that would wait for ever, for it was set aside, is one that is never sent."""
    if status.state not in LEAVING_STATES:
        return status
    row = status.message.row
    for aside in asides:
        if aside.first_row <= row <= aside.last_row:
            return _settled(status, aside)
    return status


def _settled(status: MessageStatus, aside: Aside) -> MessageStatus:
    what = "it may have left" if aside.in_doubt else "nothing was sent"
    reason = f"the server's record of this message is damaged, and {what}: {aside.reason}"
    event = "no_answer" if aside.in_doubt else "refused"
    last = Outcome(status.message.row, event, aside.at, reason=reason)
    state = next_message_state(MessageState.SUBMITTING, event)  # it was claimed when that was found
    return evolve(status, state=state, last=last)


def _status(
    batch: Batch, message: Message, outcomes: list[Outcome], *, claimed: bool, held: bool
) -> MessageStatus:
    found = fate(outcomes, claimed=claimed, held=held)
    taken = next((item.at for item in reversed(outcomes) if item.event == "accepted"), None)
    return MessageStatus(
        batch, message, found.state, found.doubled, found.last, found.carrier_id, taken, price_of(outcomes)
    )


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
    messages = _read(slice_)
    for message in _blanks(slice_, (), outcomes) if messages is None else messages:
        if message.row in rows:
            held = slice_.state in HELD
            yield _status(batch, message, outcomes[message.row], claimed=claimed, held=held)
