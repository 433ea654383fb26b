"""What became of each message, told from slices and outcomes."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smsfs.control.find import Wanted
from smsfs.control.search import Search
from smsfs.pipeline.reports.messages import _groups, statuses
from smsfs.pipeline.slices import encoded, later, messages_of
from smsfs.sms.message import Message
from smsfs.states import MessageState as M
from smsfs.store import NewSlice, Outcome, SliceReport, Verdict

ROWS = 4
FAR = 1e12


def _batch(house):
    """An accepted batch of a few rows in two slices."""
    house.set(duplicate_seconds=0)
    batch = house.submit(b"x")
    claimed = house.store.queue.claim_batch(house.owner, FAR)
    assert claimed.id == batch
    slices = []
    for seq in range(2):
        rows = [Message(row, "4512345678", "x") for row in (2 * seq + 1, 2 * seq + 2)]
        slices.append(NewSlice(seq, rows[0].row, rows[-1].row, 2, encoded(rows), f"b{batch}", 0.0, FAR))
    house.store.queue.stage(batch, house.owner, slices)
    house.store.queue.accept(batch, house.owner, Verdict(f"s{batch}.success", 1.0, ROWS))
    return batch


#: What happens to each message of a claimed slice: event of the model, outcomes, state, is it tried again.
FATES = {
    "accepted": (["accepted"], M.SUBMITTED, False),
    "refused": (["refused"], M.REJECTED, False),
    "held": (["no_answer"], M.UNKNOWN, False),
    "not_now": (["not_now"], M.QUEUED, True),
    "resent": (["no_answer", "resend"], M.QUEUED, True),
    "too_late": (["too_late"], M.EXPIRED, False),
    "delivered": (["accepted", "delivered"], M.DELIVERED, False),
}
STEPS = st.lists(st.lists(st.sampled_from(sorted(FATES)), min_size=2, max_size=2), max_size=6)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, partly=st.booleans())
def test_every_row_has_one_state(house, steps, partly):
    """A message would be listed twice or not at all, or in a state that it is not in."""
    batch = _batch(house)
    expected, doubled = dict.fromkeys(range(1, ROWS + 1), M.QUEUED), set()
    for fates in steps:
        slice_ = house.store.queue.claim_slice(house.owner, f"b{batch}", FAR, oldest=True)
        if slice_ is None:
            break
        _happen(house, slice_, fates, expected, doubled)
    last = house.store.queue.claim_slice(house.owner, f"b{batch}", FAR, oldest=False) if partly else None
    if last:
        rows = [message.row for message in messages_of(last)]
        house.store.queue.record(house.owner, [SliceReport(last, [Outcome(rows[0], "accepted", 1.0)])])
        expected.update(dict.fromkeys(rows[1:], M.SUBMITTING) | {rows[0]: M.SUBMITTED})
    told = list(statuses(house.store, house.batch(batch)))
    for state in M:
        found = Search(Wanted(house.store), states={state}, to="4512345678").found()
        rows = [item.message.row for item in found if item.batch.id == batch]
        assert rows == [item.message.row for item in told if item.state is state]
    assert [item.message.row for item in told] == list(range(1, ROWS + 1))
    assert {item.message.row: item.state for item in told} == expected
    assert {item.message.row for item in told if item.doubled} == doubled


def _happen(house, slice_, fates, expected, doubled):
    """Each message of a claimed slice meets a fate."""
    outcomes, again = [], []
    for message, fate in zip(messages_of(slice_), fates, strict=False):
        events, state, retried = FATES[fate]
        outcomes += [Outcome(message.row, event, 1.0) for event in events]
        expected[message.row] = state
        if retried:
            again.append(message)
        if fate == "resent":
            doubled.add(message.row)
    next_ = [later(slice_, again, 0.0)] if again else []
    assert (
        house.store.queue.record(house.owner, [SliceReport(slice_, outcomes, done=True, later=next_)]) == []
    )


def test_carrier_id_and_last_outcome_are_told(house):
    """An operator could not ask the carrier about a message, or see why it was refused."""
    batch = _batch(house)
    slice_ = house.store.queue.claim_slice(house.owner, f"b{batch}", FAR, oldest=True)
    outcomes = [
        Outcome(1, "accepted", 1.0, carrier_id="c1", parts=2),
        Outcome(1, "delivered", 2.0, carrier_id="c1"),
        Outcome(2, "refused", 1.0, code="11", reason="no such number"),
    ]
    house.store.queue.record(house.owner, [SliceReport(slice_, outcomes, done=True)])
    first, second, third, _ = statuses(house.store, house.batch(batch))
    assert (first.state, first.carrier_id, first.last.event) == (M.DELIVERED, "c1", "delivered")
    assert (second.state, second.last.code, second.last.reason) == (M.REJECTED, "11", "no such number")
    assert (third.state, third.last, third.carrier_id) == (M.QUEUED, None, "")
    assert first.batch == house.batch(batch)


def test_rows_of_interleaved_slices_are_in_order(house, clock):
    """The list of a file's messages, and its result file, would not be in the order of its rows."""
    house.set(backend="45=two out")
    rows = range(12_000)
    number = house.submit(b"msisdn,message\n" + b"".join(b"4%d%08d,x\n" % (5 + row % 2, row) for row in rows))
    assert house.intake().step()
    slice_ = house.store.queue.claim_slice(house.owner, "two", clock(), oldest=True)
    outcome = Outcome(messages_of(slice_)[7].row, "accepted", clock())
    house.store.queue.record(house.owner, [SliceReport(slice_, [outcome])])
    told = house.states(number)
    assert list(told) == [row + 1 for row in rows]
    assert [row for row, state in told.items() if state == "submitted"] == [15]
    assert [row for row, state in told.items() if state == "submitting"] == [
        *range(1, 15, 2),
        *range(17, 1001, 2),
    ]
    assert max(len(group) for group in _groups(house.store.queue.slices(number))) == 2


def test_rejected_and_unread_files_have_no_messages(house):
    """Rows that were never accepted would be listed as messages."""
    pending = house.submit(b"msisdn,message\nnobody,x\n")
    assert list(statuses(house.store, house.batch(pending))) == []
    assert house.intake().step()
    assert list(statuses(house.store, house.batch(pending))) == []
