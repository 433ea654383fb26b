"""Result files: their text, their pace, when they are final, and one that cannot be written."""

import csv
import errno
import io
from itertools import islice

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from smsfs.errors import DiskFull, StoreUnavailable
from smsfs.pipeline.reports.messages import MessageStatus
from smsfs.pipeline.reports.results import (
    HEADER,
    RECEIPT_SECONDS,
    REPORTS,
    ResultWriter,
    Tally,
    paths,
    pause,
    table,
)
from smsfs.sms.message import Message
from smsfs.states import FileState
from smsfs.states import MessageState as M
from smsfs.store import Batch, LeaseLostError, Outcome, SliceReport
from tests.support.store_suite.inbound import came, receipt

pytestmark = pytest.mark.logs("result_failed", "stale_write")

AT, TAKEN_AT = 1_700_000_000.0, "2023-11-14T22:13:20Z"
DAY = 86_400
BATCH = Batch(7, 1, 1, "a", "a", frozenset(), "accepted", AT, AT, 0, 1, (), 0, AT)


def status(state=M.SUBMITTED, last=None, submitted=None, row=1, userref="", **fields):
    """One message and what became of it."""
    message = Message(row, "4512345678", **{"text": "hello", "userref": userref, "parts": 2, **fields})
    return MessageStatus(BATCH, message, state, False, last, last.carrier_id if last else "", submitted)


def rows(*statuses):
    """The rows of the file, as a reader of CSV sees them."""
    text = b"".join(table(statuses, Tally())).decode()
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))


def test_a_row_tells_what_became_of_a_message():
    """A program that reads the file would take one value for another."""
    taken = Outcome(1, "accepted", AT, "c-1", recipient=4512345678)
    arrived = Outcome(1, "delivered", AT + 61, "c-1", code="000", reason="DELIVRD")
    names = [
        "row",
        "msisdn",
        "userref",
        "parts",
        "state",
        "carrier id",
        "code",
        "reason",
        "submitted",
        "done",
    ]
    done = "2023-11-14T22:14:21Z"
    assert rows(status(M.DELIVERED, arrived, AT, userref="a"), status(M.QUEUED, row=2)) == [
        [*names, "characters"],
        ["1", "4512345678", "a", "2", "delivered", "c-1", "000", "DELIVRD", TAKEN_AT, done, ""],
        ["2", "4512345678", "", "2", "queued", "", "", "", "", "", ""],
    ]
    assert rows(status(last=taken, submitted=AT))[1][8:10] == [TAKEN_AT, ""]
    assert rows(status(last=replace(taken, recipient=None)))[1][9] == TAKEN_AT


def test_prices_are_columns_of_their_own():
    """A program that knows the file as it was would stumble over what it costs, or nobody could add it up."""
    told = evolve(status(M.DELIVERED), price="0.0075 EUR")
    text = b"".join(table([told, status()], Tally(), prices=True)).decode()
    found = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    assert [row[11:] for row in found] == [["price", "currency"], ["0.0075", "EUR"], ["", ""]]
    assert len(rows(told)[0]) == len(rows(told)[1]) == 11


def test_a_row_names_the_characters_that_cost():
    """A customer who pays for two SMS would search in vain for the quote that doubled the price."""
    costly = status(text="\u201cHi\u201d " + "x" * 80, encoding="ucs2")
    assert rows(costly)[1][10] == "U+201C at 1, U+201D at 4: 2 SMS, 1 without"


@given(userref=st.text(st.characters(exclude_categories=["Cs"])), reason=st.text(st.sampled_from('",\r\n x')))
def test_any_text_comes_back(userref, reason):
    """A reference with a comma, a quote or a line break would shift every cell behind it."""
    (_, row) = rows(status(M.REJECTED, Outcome(1, "refused", AT, code="1,1", reason=reason), userref=userref))
    assert (row[2], row[6], row[7]) == (userref, "1,1", reason)


def test_memory_is_bounded():
    """The file of a large batch would be held in memory whole."""
    many = (status(row=row, userref="x" * 1000) for row in range(1, 2001))
    blocks = [len(block) for block in table(many, Tally())]
    assert sum(blocks) > 2_000_000
    assert max(blocks) < 300_000


@pytest.mark.parametrize(("took", "wait"), [(0.0, 2.0), (0.1, 2.0), (0.2, 4.0), (3.0, 60.0)])
def test_pace(took, wait):
    """Writing result files would take the processor from sending."""
    assert pause(took) == pytest.approx(wait)


SETTLED = [M.DELIVERED, M.UNDELIVERED, M.REJECTED, M.EXPIRED, M.UNKNOWN, M.CANCELLED]
TAKEN = Outcome(1, "accepted", AT, "c-1")


@pytest.mark.parametrize(
    ("statuses", "final_at"),
    [
        ([status(state, TAKEN) for state in SETTLED], 0),
        ([status(M.SUBMITTED, TAKEN)], 0),
        ([status(M.SUBMITTED, replace(TAKEN, recipient=4512345678))], AT + RECEIPT_SECONDS),
        ([status(M.QUEUED), status(M.DELIVERED, TAKEN)], None),
        ([status(M.SUBMITTING)], None),
    ],
    ids=["settled", "no receipts", "receipts", "queued", "submitting"],
)
def test_final(statuses, final_at):
    """A file would be called final while it changes, or never be."""
    tally = Tally()
    for item in statuses:
        tally.add(item)
    moments = [0.0, AT, AT + RECEIPT_SECONDS - 1, AT + RECEIPT_SECONDS, 1e12]
    assert [tally.is_final(AT, now) for now in moments] == [
        final_at is not None and now >= final_at for now in moments
    ]


def test_names():
    """A client would not know which file a result is of, or two would have one name."""
    batch = evolve(BATCH, stem="Send/list.csv")
    assert list(islice(paths(batch), 2)) == [
        "results/list.csv.20231114T221320.csv",
        "results/list.csv.20231114T221321.csv",
    ]
    (name,) = islice(paths(evolve(BATCH, stem="é" * 127)), 1)
    assert len(name.removeprefix("results/").encode()) <= 255


# -- on a store ---------------------------------------------------------------------------------------


@pytest.fixture
def writer(house):
    """The writer of result files, which leads."""
    assert house.store.lead(house.owner, REPORTS)
    return ResultWriter(house.store, house.owner, lambda: 0.0)


@pytest.fixture
def shown(house):
    """Reads the result files: names and states, and the rows of the only one."""

    def shown():
        (file,) = house.store.files.view().listing(house.account.id, "results")
        text = house.store.contents.read(file.content, 0, 1_000_000).decode()
        return file, list(csv.DictReader(io.StringIO(text, newline="")))

    return shown


def _send(house, slice_, event="accepted", *, done=True, **more):
    outcomes = [Outcome(row, event, house.store.now(), f"c{row}", **more) for row in (1, 2)]
    house.store.queue.record(house.owner, [SliceReport(slice_, outcomes, done=done)])


def test_the_file_follows_the_messages(house, clock, writer, shown, events):
    """A client would read that its messages wait when they have left, or never that all is done."""
    house.accept(2, "list.csv", results=True)
    assert writer.step()
    file, found = shown()
    assert (file.path, file.state) == ("results/list.csv.20231114T221320.csv", FileState.PROCESSING)
    assert [row["state"] for row in found] == ["queued", "queued"]
    assert list(found[0]) == list(HEADER)
    slice_ = house.store.queue.claim_slice(house.owner, "out", clock(), oldest=True)
    _send(house, slice_)
    assert not writer.step()
    assert writer.next_time() == clock.now + 2
    clock.now += 2
    assert writer.step()
    file, found = shown()
    assert [(row["state"], row["carrier id"]) for row in found] == [("submitted", "c1"), ("submitted", "c2")]
    assert (file.state, file.mtime) == (FileState.SUCCESS, clock.now)
    assert writer.next_time() is None
    assert [event["event"] for event in events if "result" in event["event"]] == ["result_final"]


def test_the_last_receipt_makes_it_due_at_once(house, clock, writer, shown):
    """A program that waits for the end of a large file would wait minutes longer than its messages."""
    house.accept(2, results=True)
    slice_ = house.store.queue.claim_slice(house.owner, "out", clock(), oldest=True)
    _send(house, slice_, recipient=4512345678)
    assert writer.step()
    came(house.store, receipt("c1"), receipt("c1"))
    assert not writer.step()
    assert writer.next_time() == clock.now + 2
    came(house.store, receipt("c2"))
    assert writer.step()
    file, found = shown()
    assert (file.state, {row["state"] for row in found}) == (FileState.SUCCESS, {"delivered"})


@pytest.mark.parametrize(
    ("statuses", "missing"),
    [
        ([status(M.QUEUED)] * 3, 9),
        ([status(M.QUEUED), status(M.SUBMITTED, TAKEN)], 1),
        ([status(M.QUEUED), status(M.SUBMITTED, replace(TAKEN, recipient=4512345678))], 5),
        ([status(M.QUEUED), status(M.DELIVERED, TAKEN)], 3),
        ([status(M.SUBMITTED, replace(TAKEN, recipient=4512345678)), status(M.REJECTED, TAKEN)], 2),
    ],
    ids=["nothing known", "no receipts", "receipts", "a receipt came", "refused"],
)
def test_what_is_missing(statuses, missing):
    """A file would be written again and again before its end, or long after it."""
    tally = Tally()
    for item in statuses:
        tally.add(item)
    assert tally.missing == missing


def test_earlier_versions_go_after_a_while(house, clock, writer, shown):
    """Whoever has a version open could not read it to its end, or the disk would fill with versions."""
    house.accept(2, results=True)
    assert writer.step()
    first = shown()[0].content
    _send(house, house.store.queue.claim_slice(house.owner, "out", clock(), oldest=True))
    clock.now += 2
    assert writer.step()
    assert house.store.contents.size(first)
    clock.now += 1799
    assert not writer.step()
    assert house.store.contents.size(first)
    clock.now += 1
    assert not writer.step()
    assert house.store.contents.orphans(1e12) == []


def test_accounts_without_results_have_none(house, writer):
    """Files would appear in the folders of accounts that did not ask for them."""
    house.accept(2, "early")
    house.set(results=True)
    assert not writer.step()
    house.submit(b"msisdn,message\n12,x\n", "bad")
    assert house.intake().step()
    assert not writer.step()
    assert house.store.files.view().listing(house.account.id, "results") == []


@pytest.mark.parametrize("error", [DiskFull("The server's disk is full."), KeyError("x")])
def test_one_that_fails_is_tried_again(house, clock, writer, shown, monkeypatch, events, error):
    """A full disk would end result files for ever, or one broken batch those of all accounts."""
    house.accept(2, "broken", results=True)
    house.accept(2, "good", results=True)

    def fail(*_):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(ResultWriter, "_fill", fail)
        assert writer.step()
    assert [event["event"] for event in events if "result" in event["event"]] == ["result_failed"]
    assert house.store.contents.orphans(1e12) == []
    assert writer.step()
    assert shown()[0].name.startswith("good")
    clock.now += 60
    assert writer.step()
    assert len(house.store.files.view().listing(house.account.id, "results")) == 2


def test_store_that_is_away_ends_the_writer(house, writer, monkeypatch):
    """A lost connection would count as a fault of the batch."""
    house.accept(2, results=True)

    def away(*_):
        raise StoreUnavailable("The database does not answer.")

    monkeypatch.setattr(ResultWriter, "_fill", away)
    with pytest.raises(StoreUnavailable) as caught:
        writer.step()
    assert caught.value.errno == errno.EAGAIN


def test_a_commit_whose_answer_was_lost_leaves_a_whole_file(house, writer, monkeypatch):
    """A client would find a result file whose bytes are gone."""
    show = house.store.results.show

    def cut_off(*arguments):
        show(*arguments)
        raise StoreUnavailable("The database went away.")

    house.accept(2, results=True)
    monkeypatch.setattr(house.store.results, "show", cut_off)
    with pytest.raises(StoreUnavailable):
        writer.step()
    assert len(house.store.files.view().listing(house.account.id, "results")) == 1
    assert house.store.contents.missing() == []


def test_an_account_that_is_removed_meanwhile_leaves_nothing(house, clock, writer, monkeypatch):
    """The numbers and texts of a removed account would stay in a file that nobody knows of."""
    fill = ResultWriter._fill

    def overtaken(*given):
        size = fill(*given)
        house.store.contents.delete(house.store.accounts.remove(house.account.id))
        return size

    house.accept(2, results=True)
    slice_ = house.store.queue.claim_slice(house.owner, "out", clock(), oldest=True)
    _send(house, slice_)
    monkeypatch.setattr(ResultWriter, "_fill", overtaken)
    assert writer.step()
    assert house.store.contents.orphans(1e12) == []
    assert not writer.step()


def test_writer_without_its_lease_does_nothing(house, writer, monkeypatch):
    """A host that was out of touch would write while its successor does."""
    house.accept(2, results=True)
    monkeypatch.setattr(house.store, "holds", lambda _: False)
    with pytest.raises(LeaseLostError):
        writer.step()


def test_stale_leader_is_told_so(house, elsewhere, writer, events):
    """Two hosts would write one file by turns."""
    house.accept(2, results=True)
    stale = ResultWriter(elsewhere.store, elsewhere.owner)
    assert stale.step()
    assert [event["event"] for event in events if event["log_level"] == "warning"] == ["stale_write"]
    assert house.store.contents.orphans(1e12) == []
    assert writer.step()


def test_receipts_that_never_come_are_not_waited_for_for_ever(house, clock, writer, shown):
    """A result file could never be deleted."""
    house.accept(2, results=True, validity_seconds=DAY)
    slice_ = house.store.queue.claim_slice(house.owner, "out", clock(), oldest=True)
    _send(house, slice_, recipient=4512345678)
    assert writer.step()
    assert shown()[0].state is FileState.PROCESSING
    clock.now += 4 * DAY - 1
    assert not writer.step()
    assert writer.next_time() == clock.now + 1
    clock.now += 1
    assert writer.step()
    assert shown()[0].state is FileState.SUCCESS
