"""What is recorded of answers, and what outcomes come to when receipts are among them."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from smsfs.backends import Accepted, Rejected, Unknown
from smsfs.pipeline.outcomes import RECEIPTS, fate, of_answer
from smsfs.sms.message import Message
from smsfs.states import LEAVING_STATES
from smsfs.states import MessageState as M
from smsfs.store import Outcome

MESSAGE = Message(7, "4512345678", "x", parts=2)
PROGRESS = [M.QUEUED, M.SUBMITTING, M.UNKNOWN, M.SUBMITTED, M.REJECTED, M.EXPIRED, M.UNDELIVERED, M.DELIVERED]


def _recorded(what, attempt=1, *, traceable=True):
    return of_answer(what, MESSAGE, 5.0, attempt, traceable=traceable)


def _word(event, carrier_id, attempt=1, at=9.0):
    return Outcome(7, event, at, carrier_id, attempt=attempt)


def _state(*outcomes, claimed=False):
    return fate(outcomes, claimed=claimed).state


RESENT = [*_recorded(Unknown("lost")), Outcome(7, "resend", 5.0, attempt=1)]


def test_every_part_that_the_carrier_has_is_recorded():
    """The receipt of a part would find no message."""
    recorded = _recorded(Accepted("a", 3, ("b", "c")))
    assert [(item.event, item.carrier_id) for item in recorded] == [
        ("accepted", "a"),
        ("part", "b"),
        ("part", "c"),
    ]
    assert {item.recipient for item in recorded} == {4512345678}
    assert recorded[0].parts == 3
    refused = _recorded(Rejected("11", "no", ("a",)))
    assert [(item.event, item.carrier_id, item.code) for item in refused] == [
        ("part", "a", ""),
        ("refused", "", "11"),
    ]
    assert refused[-1].recipient == 4512345678, "who got a part may answer it"
    assert _recorded(Rejected("11", "no"))[-1].recipient is None
    lost = _recorded(Unknown("gone", ("a",)))
    assert [(item.event, item.carrier_id, item.recipient) for item in lost] == [
        ("part", "a", 4512345678),
        ("no_answer", "", 4512345678),
    ]


def test_one_receipt_for_all_parts():
    """At a carrier that reports once, a long message would never count as delivered, or lose that again."""
    for sent in (
        _recorded(Accepted("a", 3, aliases=("b", "c"))),
        _recorded(Accepted("a", 3, spare=("b", "c"))),
    ):
        assert _state(*sent) is M.SUBMITTED
        assert _state(*sent, _word("delivered", "a")) is M.DELIVERED
        assert _state(*sent, _word("undelivered", "a")) is M.UNDELIVERED
        assert _state(*sent, _word("delivered", "a"), _word("undelivered", "b")) is M.DELIVERED
    anyone = _recorded(Accepted("a", 3, aliases=("b", "c")))
    assert _state(*anyone, _word("delivered", "c")) is M.DELIVERED
    assert _state(*anyone, _word("receipt_expired", "b"), _word("undelivered", "a")) is M.EXPIRED
    first = _recorded(Accepted("a", 3, spare=("b", "c")))
    assert _state(*first, _word("delivered", "b"), _word("undelivered", "c")) is M.SUBMITTED


def test_ids_that_receipts_tell():
    """A message would count as delivered with its first part, or never, where a carrier gives no ids."""
    alone = _recorded(Accepted("", 1))
    assert _state(*alone, _word("part", "x"), _word("delivered", "x")) is M.DELIVERED
    several = _recorded(Accepted("", 3, ("b",)))
    words = [_word("delivered", "b"), _word("part", "x"), _word("delivered", "x")]
    assert _state(*several, *words) is M.SUBMITTED
    assert _state(*several, *words, _word("part", "y"), _word("delivered", "y")) is M.DELIVERED
    assert fate([*several, *words], claimed=False).carrier_id == "b"


def test_the_last_word_of_a_message_on_its_way():
    """Nobody could see that the carrier has a message in its queue, and says so."""
    sent = _recorded(Accepted("a", 2, ("b",)))
    words = [
        replace(_word("passing", "a"), reason="ACCEPTD"),
        replace(_word("passing", "b"), reason="ENROUTE"),
    ]
    told = fate([*sent, *words], claimed=False)
    assert (told.state, told.last.reason, told.last.at) == (M.SUBMITTED, "ENROUTE", 5.0)
    assert told.last.recipient == 4512345678, "its receipt is still awaited"
    bad = replace(_word("undelivered", "a"), reason="UNDELIV")
    assert fate([*sent, *words, bad, words[0]], claimed=False).last == bad
    again = [*RESENT, *_recorded(Accepted("c", 1), attempt=2)]
    assert fate([*again, words[0]], claimed=False).last.reason == "", "that was of an earlier attempt"
    assert fate([*_recorded(Unknown("lost")), words[1]], claimed=False).last.reason == "ENROUTE"


def test_where_no_receipt_comes_nothing_is_kept_for_it():
    """Every message through the outbox would cost two index entries that nobody ever reads."""
    for what in (Accepted("a", 2, ("b",)), Rejected("11", "no", ("a",)), Unknown("gone", ("a",))):
        (only,) = _recorded(what, traceable=False)
        assert only.recipient is None


def test_a_message_is_delivered_with_its_last_part():
    """A text of which half arrived would count as delivered, or one that arrived whole would not."""
    sent = _recorded(Accepted("a", 2, ("b",)))
    assert _state(*sent) is M.SUBMITTED
    assert _state(*sent, _word("delivered", "b")) is M.SUBMITTED
    assert _state(*sent, _word("delivered", "b"), _word("delivered", "b")) is M.SUBMITTED
    assert _state(*sent, _word("delivered", "b"), _word("delivered", "a")) is M.DELIVERED
    assert _state(*sent, _word("delivered", "b"), _word("undelivered", "a")) is M.UNDELIVERED
    assert _state(*sent, _word("receipt_expired", "b"), _word("delivered", "a")) is M.EXPIRED


def test_the_outcome_that_decided_is_shown():
    """The code of an undelivered part would be hidden behind the receipt of another."""
    sent = _recorded(Accepted("a", 2, ("b",)))
    bad = replace(_word("undelivered", "a"), code="27", reason="UNDELIV")
    told = fate([*sent, bad, _word("delivered", "b", at=11.0)], claimed=False)
    assert (told.last, told.carrier_id) == (bad, "a")
    assert fate([*sent, _word("delivered", "b")], claimed=False).last == sent[0]
    assert fate([], claimed=False).last is None


def test_half_a_message_is_not_delivered():
    """A message whose second part was refused would count as delivered once the first has arrived."""
    refused = _recorded(Rejected("11", "no", ("a",)))
    assert _state(*refused, _word("delivered", "a")) is M.REJECTED


def test_a_receipt_settles_an_unknown_fate():
    """What arrived would be listed as unknown, and be sent once more by hand."""
    held = _recorded(Unknown("lost"))
    learnt = [_word("part", "a"), _word("delivered", "a")]
    assert _state(*held, *learnt) is M.UNKNOWN, "its other part"
    assert _state(*held, *learnt, _word("part", "b"), _word("delivered", "b")) is M.DELIVERED
    assert _state(*held, _word("part", "a"), _word("undelivered", "a")) is M.UNDELIVERED
    assert _state(*held, _word("part", "a"), _word("receipt_expired", "a")) is M.EXPIRED
    assert fate([*held, *learnt], claimed=False).carrier_id == "a"


def test_one_receipt_settles_a_payload():
    """A long text that went as one request and arrived would be listed as unknown for ever."""
    held = _recorded(Unknown("lost", requests=1))
    assert _state(*held, _word("part", "a"), _word("delivered", "a")) is M.DELIVERED


def test_the_attempt_that_arrived_counts():
    """A message that arrived at the first attempt would be listed by what became of the second."""
    first = [_word("part", "a"), _word("delivered", "a"), _word("part", "b"), _word("delivered", "b")]
    second = _recorded(Accepted("c", 2, ("d",)), 2)
    assert _state(*RESENT, *first) is M.DELIVERED
    assert _state(*RESENT, *second, *first) is M.DELIVERED
    assert _state(*RESENT, *second, _word("undelivered", "c", 2), *first) is M.DELIVERED
    assert _state(*RESENT, *_recorded(Rejected("11", "no"), 2), *first) is M.DELIVERED


def test_an_attempt_that_failed_leaves_the_next_its_chance():
    """A message on its way for the second time would be listed as undelivered."""
    bad = [_word("part", "a"), _word("undelivered", "a")]
    assert _state(*RESENT, *bad) is M.QUEUED
    assert _state(*RESENT, *bad, claimed=True) is M.SUBMITTING
    second = _recorded(Accepted("c", 1), 2)
    assert _state(*RESENT, *second, *bad) is M.SUBMITTED
    assert _state(*RESENT, *bad, *second, _word("delivered", "c", 2)) is M.DELIVERED
    assert fate([*RESENT, *bad, *second], claimed=False).doubled


def _receipts(ids):
    one = st.tuples(st.sampled_from(sorted(RECEIPTS)), st.sampled_from(ids))
    return st.lists(one, max_size=8)


@given(data=st.data(), parts=st.integers(1, 3), events=_receipts(["p1", "p2", "p3"]))
def test_order_and_repetition_of_receipts_do_not_matter(data, parts, events):
    """What a customer reads would depend on which receipt came first, or came twice."""
    ids = [f"p{number}" for number in range(1, parts + 1)]
    said = {carrier_id: event for event, carrier_id in events if carrier_id in ids}
    words = [_word(event, carrier_id) for carrier_id, event in said.items()]
    sent = _recorded(Accepted(ids[0], parts, tuple(ids[1:])))
    shuffled = data.draw(st.permutations(words + data.draw(st.lists(st.sampled_from(words or sent)))))
    expected = {M.SUBMITTED}
    if "undelivered" in said.values() or "receipt_expired" in said.values():
        expected = {
            {"undelivered": M.UNDELIVERED, "receipt_expired": M.EXPIRED}[event]
            for event in said.values()
            if event != "delivered"
        }
    elif len(said) == parts:
        expected = {M.DELIVERED}
    assert _state(*sent, *shuffled) in expected


HISTORY = st.lists(
    st.one_of(
        st.sampled_from(["accepted", "refused", "held", "resent", "not_now"]),
        *[_receipts(["a1", "b1", "a2"])],
    ),
    max_size=6,
)


@given(steps=HISTORY)
def test_states_never_go_backward(steps):
    """A delivered message would be shown as on its way once more, by a late or repeated receipt."""
    outcomes, attempt, queued = [], 0, True
    for step in steps:
        before = _state(*outcomes)
        if isinstance(step, list):
            for event, carrier_id in step:
                outcomes.append(_word(event, carrier_id, int(carrier_id[1])))
                after = _state(*outcomes)
                assert PROGRESS.index(after) >= PROGRESS.index(before)
                before = after
        elif queued:
            attempt, queued = attempt + 1, step in ("resent", "not_now")
            outcomes += _happening(step, attempt)
            assert before is not M.DELIVERED or _state(*outcomes) is M.DELIVERED
    assert _state(*outcomes) in {*M} - LEAVING_STATES | {M.QUEUED}


def _happening(step, attempt):
    if step == "not_now":
        return [Outcome(7, "not_now", 5.0, attempt=attempt)]
    if step in ("held", "resent"):
        lost = _recorded(Unknown("lost", (f"b{attempt}",)), attempt)
        return lost + ([Outcome(7, "resend", 5.0, attempt=attempt)] if step == "resent" else [])
    what = Accepted(f"a{attempt}", 2, (f"b{attempt}",)) if step == "accepted" else Rejected("11", "no")
    return _recorded(what, attempt)
