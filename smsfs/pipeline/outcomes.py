"""What is recorded of a backend's answers, and what all that was recorded of a message comes to."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from attrs import frozen
from msgspec.structs import replace

from smsfs.backends import Accepted, Rejected, Unknown
from smsfs.sms.message import Message
from smsfs.states import SENT_STATES, MessageState, fold
from smsfs.store import Outcome

#: What receipts say; each is of one part, known by its carrier id.
RECEIPTS = frozenset({"delivered", "undelivered", "receipt_expired"})
OF_PARTS = RECEIPTS | {"part", "alias", "spare", "passing"}
#: What records an id of the carrier's.
_IDS = ("accepted", "part", "alias", "spare")
#: The carrier has, or may have, the attempt of which one of these was recorded.
TAKEN = frozenset({"accepted", "no_answer"})


def of_answer(
    what: Accepted | Rejected | Unknown, message: Message, at: float, attempt: int, *, traceable: bool
) -> list[Outcome]:
    """The outcomes of one answer, which belong into one commit.

    Args:
        what: the answer.
        message: what was handed to the backend.
        at: the store's time.
        attempt: of the message, from 1.
        traceable: receipts and replies may come for it: its recipient is recorded, and so are the carrier's
            ids for parts, each as an outcome ``part``.
    """
    row, recipient = message.row, int(message.recipient) if traceable else None
    if isinstance(what, Accepted) and not (what.more or what.aliases or what.spare):
        return [accepted(what, message, at, attempt, traceable=traceable)]

    def part(carrier_id: str, event: str = "part") -> Outcome:
        return Outcome(row, event, at, carrier_id, attempt=attempt, recipient=recipient)

    if isinstance(what, Accepted):
        [first] = of_answer(
            Accepted(what.id, what.parts, price=what.price), message, at, attempt, traceable=traceable
        )
        further = [("part", what.more), ("alias", what.aliases), ("spare", what.spare)]
        named = [part(carrier_id, event) for event, ids in further for carrier_id in ids]
        return [first, *named] if traceable else [first]
    taken = [part(carrier_id) for carrier_id in what.ids] if traceable else []
    if isinstance(what, Rejected):
        asked = recipient if taken else None
        refused = Outcome(
            row, "refused", at, code=what.code, reason=what.reason, attempt=attempt, recipient=asked
        )
        return [*taken, refused]
    ids = what.requests or message.parts
    lost = Outcome(row, "no_answer", at, "", "", what.reason, parts=ids, attempt=attempt, recipient=recipient)
    return [*taken, lost]


def accepted(what: Accepted, message: Message, at: float, attempt: int, *, traceable: bool) -> Outcome:
    """The one outcome of a message that was accepted under one id, or none; otherwise as above."""
    recipient, price = int(message.recipient) if traceable else None, what.price or None
    return Outcome(message.row, "accepted", at, what.id, "", "", what.parts, attempt, recipient, None, price)


@frozen
class Fate:
    """What became of a message.

    Attributes:
        state: folded from everything recorded about it.
        last: the outcome that led to this state; None while there is none.
        carrier_id: under which the carrier knows it, or its first part; empty when it does not.
        doubled: it was sent again after an attempt of unknown fate.
    """

    state: MessageState
    last: Outcome | None
    carrier_id: str
    doubled: bool


def fate(outcomes: Sequence[Outcome], *, claimed: bool, held: bool = False) -> Fate:
    """What became of a message.

    Args:
        outcomes: all of them, oldest first.
        claimed: it is with a backend now.
        held: an operator holds it.
    """
    own = [outcome for outcome in outcomes if outcome.event not in OF_PARTS]
    events = [event for outcome in own for event in ("claim", outcome.event)]
    now = ["claim"] * claimed + ["hold"] * held
    state = fold(MessageState.QUEUED, [*events, *now])
    last = own[-1] if own else None
    for word in _words(outcomes):
        after = fold(state, [word.event])
        if after is not state:
            state, last = after, word
    if last and state in SENT_STATES:
        last = _with_last_word(last, outcomes)
    ids = [outcome.carrier_id for outcome in own if outcome.carrier_id]
    parts = [outcome.carrier_id for outcome in outcomes if outcome.event in OF_PARTS]
    doubled = any(outcome.event == "resend" for outcome in own)
    return Fate(state, last, next(iter([*reversed(ids), *parts]), ""), doubled)


def _words(outcomes: Sequence[Outcome]) -> Iterator[Outcome]:
    """What receipts say of the message: of any attempt that it arrived, of the last one that it did not."""
    if not any(outcome.event in RECEIPTS for outcome in outcomes):
        return
    attempts: dict[int, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        attempts[outcome.attempt].append(outcome)
    latest = max((number for number, own in attempts.items() if _taken(own)), default=0)
    for number, own in attempts.items():
        word = _word(own) if _taken(own) else None
        if word and (word.event == "delivered" or number == latest):
            yield word


def _taken(attempt: Iterable[Outcome]) -> bool:
    return any(outcome.event in TAKEN for outcome in attempt)


def _with_last_word(last: Outcome, outcomes: Sequence[Outcome]) -> Outcome:
    """What the carrier said last of a message that is on its way, in place of nothing."""
    words = [item for item in outcomes if item.event == "passing" and item.attempt == last.attempt]
    if not words:
        return last
    return replace(last, code=words[-1].code, reason=words[-1].reason, done=words[-1].done)


def _word(attempt: Sequence[Outcome]) -> Outcome | None:
    """What receipts say of one attempt: the first bad word, or the last good one once every part has one.

    The first word of a part counts, and of a message of which the carrier speaks as a whole. Where an attempt
    has no answer, or one without an id, it says how many ids there are: some are known only from their
    receipts, or not at all.
    """
    ids = {event: {item.carrier_id for item in attempt if item.event == event} for event in _IDS}
    whole = ids["alias"] | ids["accepted"] if ids["alias"] else ids["alias"]
    words: dict[str, Outcome] = {}
    for outcome in attempt:
        if outcome.event in RECEIPTS and outcome.carrier_id not in ids["spare"]:
            words.setdefault(outcome.carrier_id, outcome)
    bad = next((word for word in words.values() if word.event != "delivered"), None)
    first = next((word for word in words.values() if word.carrier_id in whole), None)
    if first or bad:
        return first or bad
    parts = (ids["accepted"] | ids["part"] | {*words}) - {""}
    complete = words and len(words) >= max(_expected(attempt), len(parts))
    return list(words.values())[-1] if complete else None


def _expected(attempt: Sequence[Outcome]) -> int:
    """How many ids there are, as far as the answer says: it may lack some."""
    counts = [
        item.parts
        for item in attempt
        if (item.event, item.carrier_id) in {("no_answer", ""), ("accepted", "")}
    ]
    return max(counts, default=0)
