"""Verbs about the messages of a file: hold, release, cancel.

An order is one commit (``smsfs/store/orders.py``). From then on, nothing that it concerns leaves but what a
dispatcher had handed to a carrier's connection before. Dispatchers say when they have called back the rest,
on this host and on others; what has no answer then is on its way, and is told as that.
"""

from collections import Counter
from collections.abc import Iterable, Iterator

from attrs import field, frozen

from smsfs.control.acting import Operator
from smsfs.pipeline.reports.messages import MessageStatus, statuses
from smsfs.pipeline.slices import DamagedSlice, messages_of
from smsfs.pipeline.sorting import cancelled_by, sort
from smsfs.sms.message import Message
from smsfs.states import LEAVING_STATES, BatchState, MessageState
from smsfs.store import Batch, Holding, NewOrder, Store
from smsfs.store.orders import LAST_ROW, Action

#: What is sent again unless other states are named.
USUAL = frozenset(
    {MessageState.UNDELIVERED, MessageState.REJECTED, MessageState.EXPIRED, MessageState.UNKNOWN}
)
#: What can be: a carrier may have had some of these.
POSSIBLE = frozenset(MessageState) - LEAVING_STATES

#: What a message is that an action was done to.
DONE: dict[Action, str] = {"cancel": "cancelled", "hold": "held", "release": "released"}
#: The kind of process that hands messages to carriers.
DISPATCH = "dispatch"
EVERY_ROW = ((1, LAST_ROW),)


@frozen
class Selection:
    """Which messages of a file.

    Attributes:
        rows: first and last rows of the parts of the file that are meant; empty: all of it.
        recipient: their MSISDN, digits only; empty: any.
    """

    rows: tuple[tuple[int, int], ...] = ()
    recipient: str = ""

    def has(self, message: Message) -> bool:
        """Whether a message is one of them."""
        inside = any(first <= message.row <= last for first, last in self.rows or EVERY_ROW)
        return inside and self.recipient in ("", message.recipient)

    def of(self, store: Store, batch: Batch) -> Iterator[MessageStatus]:
        """Those of a batch, in the order of their rows."""
        return (item for item in statuses(store, batch) if self.has(item.message))

    def orders(self, batch: int, action: Action) -> list[NewOrder]:
        """The orders that mean them."""
        recipient = int(self.recipient) if self.recipient else None
        return [NewOrder(batch, action, *rows, recipient) for rows in self.rows or EVERY_ROW]

    def shown(self) -> dict[str, str | None]:
        """As the record has it."""
        rows = ",".join(f"{first}-{last}" if last > first else str(first) for first, last in self.rows)
        return {"rows": rows or None, "to": self.recipient or None}


@frozen
class Answer:
    """What a verb did, or would do, to the messages that were named, each of which is counted once.

    Attributes:
        action: the verb.
        entry: the number of its record; None where nothing was done.
        unread: the file is not read yet: it is done to its messages as soon as they are known.
        done: messages that are now as they were ordered to be, or would be.
        in_doubt: of those that were cancelled, the ones that may have left before, with no answer to tell.
        on_the_way: with a carrier's connection: they may still leave.
        before: messages that it does not concern any more, by their state.
    """

    action: Action
    entry: int | None
    unread: bool = False
    done: int = 0
    in_doubt: int = 0
    on_the_way: int = 0
    before: Counter[str] = field(factory=Counter)

    @property
    def messages(self) -> int:
        """How many there are."""
        return self.done + self.on_the_way + self.before.total()

    @property
    def left(self) -> int:
        """How many had left: a carrier has them, or may have them."""
        return sum(self.before[state] for state in ("submitted", "delivered", "undelivered", "unknown"))


def foresee(store: Store, batch: Batch, action: Action, which: Selection) -> Answer:
    """What a verb would do at present."""
    wanted = {"cancel": ("queued", "held"), "hold": ("queued",), "release": ("held",)}[action]
    found = Counter(str(item.state) for item in which.of(store, batch))
    done = sum(found.pop(state, 0) for state in wanted)
    on_the_way = found.pop("submitting", 0) if action != "release" else 0
    return Answer(action, None, _is_unread(batch), done, 0, on_the_way, found)


def order(
    store: Store, operator: Operator, batch: Batch, action: Action, which: Selection, waits: Iterable[None]
) -> Answer:
    """Hold, release or cancel messages of a batch, and find out what that came to.

    Args:
        store: where they are.
        operator: who orders it.
        batch: theirs.
        action: the verb.
        which: of its messages.
        waits: waits a moment at each step, for dispatchers to do their part; its end is that of the patience.

    Raises:
        StoreUnavailable: if it is not known whether it was ordered, the log tells.
    """
    held = _count(store, batch, which, MessageState.HELD) if action == "release" else 0
    entry = operator.entry(store.now(), f"file {action}", target_of(store, batch), **which.shown())
    number = store.orders.give(which.orders(batch.id, action), entry)
    _settle(store, batch, which, waits)
    answer = _answer(store, batch, action, which, number)
    if action == "release":
        answer = _released(answer, held - answer.before["held"])
    store.audit.conclude(number, told(answer))
    return answer


def target_of(store: Store, batch: Batch) -> str:
    """A batch as the record names it."""
    account = store.accounts.get(batch.account)
    return f"batch {batch.id} of {account.name if account else '?'}: {batch.path}"


def told(answer: Answer) -> str:
    """What a verb did, as a clause."""
    done = DONE[answer.action]
    if answer.unread:
        return f"not read yet: its messages are {done} as soon as it is"
    parts = [f"{answer.done} of {answer.messages} {done}"]
    if answer.in_doubt:
        parts.append(f"{answer.in_doubt} of these may have left before, with no answer")
    if answer.on_the_way:
        parts.append(f"{answer.on_the_way} on their way, which may still leave")
    parts += [f"{count} {state} before" for state, count in sorted(answer.before.items())]
    return ", ".join(parts)


def _is_unread(batch: Batch) -> bool:
    return batch.state in (BatchState.PENDING, BatchState.READING)


def _count(store: Store, batch: Batch, which: Selection, state: MessageState) -> int:
    return sum(item.state is state for item in which.of(store, batch))


def _released(answer: Answer, released: int) -> Answer:
    """Messages that were released wait, are on their way, or have left since."""
    before = +Counter({state: count for state, count in answer.before.items() if state == "held"})
    others = answer.messages - before.total() - released
    return Answer(
        answer.action, answer.entry, answer.unread, released, before=before + Counter({"not held": others})
    )


def _answer(store: Store, batch: Batch, action: Action, which: Selection, entry: int) -> Answer:
    now = store.feed.batch(batch.id) or batch
    done = in_doubt = on_the_way = 0
    before: Counter[str] = Counter()
    for item in which.of(store, now):
        if _is_done(item, action, entry):
            done += 1
            in_doubt += item.doubled and action == "cancel"
        elif action != "release" and item.state in (MessageState.SUBMITTING, MessageState.QUEUED):
            on_the_way += 1
        else:
            before[str(item.state)] += 1
    return Answer(action, entry, _is_unread(now), done, in_doubt, on_the_way, before)


def _is_done(item: MessageStatus, action: Action, entry: int) -> bool:
    """Whether it is as ordered; what is held still when all was cancelled is so in a moment."""
    by = item.last.reason if item.last else ""
    is_cancelled = item.state is MessageState.CANCELLED and by == cancelled_by(entry)
    return action != "release" and (item.state is MessageState.HELD or (action == "cancel" and is_cancelled))


def _settle(store: Store, batch: Batch, which: Selection, waits: Iterable[None]) -> None:
    """Sort what waits, until dispatchers have called back what they had, and carriers answered the rest."""
    sort(store, batch.id)
    newest = max(order.id for order in store.orders.of_batch(batch.id))
    for _ in waits:
        holdings = store.orders.holdings(batch.id)
        alive = store.alive()
        known = [item for item in holdings if item.owner in alive]
        if not any(kind == DISPATCH for kind in alive.values()) and not known:
            break
        if all(_is_through(store, item, which, newest) for item in holdings):
            break
        sort(store, batch.id)
    sort(store, batch.id)


def _is_through(store: Store, holding: Holding, which: Selection, newest: int) -> bool:
    """Whether everything is known of the messages that are meant and were claimed together."""
    slice_ = store.feed.slice(holding.slice)
    if slice_ is None:
        return True
    try:
        rows = {message.row for message in messages_of(slice_) if which.has(message)}
    except DamagedSlice:
        return True
    if not rows:
        return True
    outcomes = store.queue.outcomes(slice_.batch, min(rows), max(rows))
    answered = {item.row for item in outcomes if item.attempt == holding.attempt}
    return (holding.seen or 0) >= newest and rows <= answered
