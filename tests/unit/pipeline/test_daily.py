"""Daily reports: what is in them, when they are made, by whom, and for how long they are kept."""

import csv
import io
import tracemalloc
from datetime import UTC, date, datetime

import pytest

from smsfs.dialects.naxai.reports import DAILY, RECEIVED_COLUMNS, STATUS_COLUMNS
from smsfs.dialects.registry import dialect
from smsfs.errors import StoreUnavailable
from smsfs.pipeline.dispatch.arrivals import stops
from smsfs.pipeline.reports.daily import DailyReporter, received_report, status_report
from smsfs.pipeline.reports.results import REPORTS
from smsfs.pipeline.reports.retention import sweep
from smsfs.states import FileState
from smsfs.store import NewReceipt, NewReplyPart, Outcome, SliceReport
from smsfs.store.sql.daily import SqlDaily

pytestmark = pytest.mark.logs("daily_report_failed", "stale_write")

DAY = 86_400
FRIDAY, SATURDAY = date(2026, 11, 20), date(2026, 11, 21)
LIST = b"phone,name\n4512345601,Ada\n4512345602,Bo\n4512345603," + b"x" * 200 + b"\n"


def at(day, hour, minute=0):
    """A moment of November 2026, UTC, in seconds since the epoch."""
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC).timestamp()


@pytest.fixture
def leads(house, clock):
    """A connector, made on Friday morning, as a house of its own."""
    clock.now = at(20, 9)
    settings = {"template": "Hi {{ name }}", "max_parts": 1, "duplicate_seconds": 0}
    made = house.store.accounts.add("leads", "naxai", settings, clock.now, parent=house.account.id)
    connector = type(house)(house.store, made)
    assert house.store.lead(connector.owner, REPORTS)
    return connector


@pytest.fixture
def reporter(leads):
    """Who makes reports, and leads."""
    return DailyReporter(leads.store, leads.owner, dialect)


def send(leads):
    """A file of three rows, one of them too long, of which two have left; its batch's number."""
    number = leads.submit(LIST, "list.csv")
    assert leads.intake().step()
    held = leads.store.queue.claim_slice(leads.owner, "out", leads.store.now(), oldest=True)
    now = leads.store.now()
    taken = [
        Outcome(row, "accepted", now, f"c{row}", attempt=1, recipient=4512345600 + row) for row in (1, 2)
    ]
    leads.store.queue.record(leads.owner, [SliceReport(held, taken, done=True)])
    return number


def receipt(leads, row, event="delivered", code="", reason=""):
    """A receipt for a row comes in."""
    told = NewReceipt("out", f"c{row}", 4512345600 + row, event, leads.store.now(), code, reason)
    assert leads.store.inbound.receive([told], [], stops).matched


def names(house):
    """What the client sees in the root."""
    return [file.name for file in house.store.files.view().listing(house.account.id, "")]


def rows(blocks):
    """The rows of a report, the first one too."""
    text = blocks.decode() if isinstance(blocks, bytes) else b"".join(blocks).decode()
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))


def made(house, name):
    """The rows of a report that the client reads."""
    file = house.store.files.view().find(house.account.id, name)
    assert file.state is FileState.SUCCESS
    return rows(house.store.contents.read(file.content, 0, 1_000_000))


def test_each_message_is_told_on_the_day_of_its_final_word(leads, reporter, clock):
    """A message would be in no report, in two, or in one before it is known what became of it."""
    clock.now = at(20, 22)
    number = send(leads)
    clock.now = at(20, 23, 59)
    receipt(leads, 1)
    clock.now = at(21, 0, 1)
    receipt(leads, 2, "undelivered", "901", "UNDELIV")
    clock.now = at(21, 2)
    assert reporter.step()
    assert made(leads, "status_2026-11-20.csv") == [
        list(STATUS_COLUMNS),
        [
            *("leads", f"{number}", f"{number}-1", "4512345601"),
            *("2026-11-20T22:00:00Z", "2026-11-20T23:59:00Z", "200", "200-delivered"),
        ],
        ["leads", f"{number}", f"{number}-3", "4512345603", "", "", "802", "802-message-parts-exceeded"],
    ]
    clock.now = at(22, 2)
    assert reporter.step()
    assert [row[2:] for row in made(leads, "status_2026-11-21.csv")[1:]] == [
        [f"{number}-2", "4512345602", "2026-11-20T22:00:00Z", "", "343", "343-unknown-dlr (901 UNDELIV)"]
    ]


def test_replies_are_told_with_what_they_answer(leads, reporter, clock):
    """A customer would not learn who wrote back, or to what."""
    number = send(leads)
    clock.now = at(20, 23)
    for sender, text in (("4512345602", "Ja, tak"), ("4599999999", "Who are you?")):
        leads.store.inbound.receive([], [NewReplyPart("out", sender, "2929", text, clock.now)], stops)
    clock.now = at(21, 2)
    assert reporter.step()
    (reply, _) = leads.store.inbound.replies()
    ids = [str(number), str(reply.id), f"{number}-2"]
    assert made(leads, "received_2026-11-20.csv") == [
        list(RECEIVED_COLUMNS),
        ["leads", *ids, "4512345602", "Ja, tak", "2026-11-20T23:00:00Z"],
    ]


def test_what_was_known_too_late_is_told_the_next_day(leads, reporter, clock):
    """A receipt, or half of a reply, matched only after its day was reported would be in no report."""
    clock.now = at(20, 23)
    number = send(leads)
    early = NewReceipt("out", "late", 4512345602, "delivered", clock.now)
    half = NewReplyPart("out", "4512345601", "2929", "Half of", clock.now, reference=7, part=1, total=2)
    leads.store.inbound.receive([early], [half], stops)
    clock.now = at(21, 2)
    assert reporter.step()
    again = leads.submit(b"phone,name\n4512345602,Bo\n", "again.csv")
    assert leads.intake().step()
    held = leads.store.queue.claim_slice(leads.owner, "out", clock.now, oldest=True)
    taken = Outcome(1, "accepted", clock.now, "late", attempt=1, recipient=4512345602)
    leads.store.queue.record(leads.owner, [SliceReport(held, [taken], done=True)])
    clock.now = at(21, 23, 30)
    assert leads.store.inbound.match(clock.now, 10, stops).matched
    clock.now = at(22, 2)
    assert reporter.step()
    assert [row[2] for row in made(leads, "status_2026-11-21.csv")[1:]] == [f"{again}-1"]
    (_, reply) = made(leads, "received_2026-11-21.csv")
    assert (reply[1], reply[3]) == (str(number), f"{number}-1")


def test_reports_come_once_from_two_o_clock_on(leads, reporter, clock, house, events):
    """A program that fetches yesterday's report by five would find none; or one for each host and start."""
    clock.now = at(21, 1, 59)
    assert not reporter.step()
    clock.now = at(21, 2)
    assert reporter.step()
    assert names(leads) == ["received_2026-11-20.csv", "status_2026-11-20.csv"]
    assert names(house) == [], "an account of another dialect"
    again = DailyReporter(leads.store, leads.owner, dialect)
    assert not any(each.step() for each in (reporter, again) for _ in range(3))
    with leads.store.files.change(leads.account.id) as files:
        files.remove(files.find(leads.account.id, "status_2026-11-20.csv").id)
    assert not again.step()
    assert [event["event"] for event in events if "daily" in event["event"]] == ["daily_reports"]


def test_of_two_hosts_one_makes_them(leads, reporter, elsewhere, clock, events):
    """Both hosts of a pair would make a day's report at the same moment."""
    clock.now = at(21, 2)
    stale = DailyReporter(elsewhere.store, elsewhere.owner, dialect)
    assert stale.step()
    assert names(leads) == []
    assert [event["event"] for event in events if event["log_level"] == "warning"] == ["stale_write"]
    assert reporter.step()
    assert len(names(leads)) == 2
    assert leads.store.contents.orphans(1e12) == []


def test_days_that_were_missed_are_made_up_for(leads, reporter, clock):
    """After a weekend without power, Friday's and Saturday's messages would be in no report."""
    send(leads)
    clock.now = at(23, 7)
    assert [reporter.step() for _ in range(4)] == [True, True, True, False]
    assert names(leads) == [
        f"{kind}_2026-11-{day}.csv" for kind in ("received", "status") for day in (20, 21, 22)
    ]
    assert len(made(leads, "status_2026-11-20.csv")) == 2
    assert len(made(leads, "status_2026-11-21.csv")) == 1


def test_reports_are_kept_for_thirty_days(leads, reporter, clock):
    """A report would be gone early, stay for ever, or come back."""
    clock.now = at(21, 2)
    assert reporter.step()
    clock.now += 30 * DAY
    sweep(leads.store, dialect)
    assert len(names(leads)) == 2
    clock.now += 1
    sweep(leads.store, dialect)
    assert names(leads) == []
    for _ in range(40):
        reporter.step()
    assert not {"status_2026-11-20.csv", "received_2026-11-20.csv"} & set(names(leads))


def test_a_report_that_fails_is_tried_again(leads, reporter, clock, monkeypatch, events):
    """One broken connector would end the reports of all, or leave bytes on the disk each time."""
    clock.now = at(21, 2)

    def fail(*_):
        raise KeyError("x")

    with monkeypatch.context() as patch:
        patch.setattr(SqlDaily, "publish", fail)
        assert reporter.step()
        assert not reporter.step()
    assert leads.store.contents.orphans(1e12) == []
    assert [event["event"] for event in events if "daily" in event["event"]] == ["daily_report_failed"]
    clock.now += 60
    assert reporter.step()
    assert len(names(leads)) == 2


def test_a_store_that_is_away_ends_the_reporter(reporter, clock, monkeypatch):
    """A lost connection would count as a fault of the report."""
    clock.now = at(21, 2)

    def away(*_):
        raise StoreUnavailable("The database does not answer.")

    monkeypatch.setattr(SqlDaily, "publish", away)
    with pytest.raises(StoreUnavailable):
        reporter.step()


def test_a_commit_whose_answer_was_lost_leaves_whole_reports(leads, reporter, clock, monkeypatch):
    """A customer's system would find a day's report whose bytes are gone."""
    publish = SqlDaily.publish

    def cut_off(*arguments):
        publish(*arguments)
        raise StoreUnavailable("The database went away.")

    send(leads)
    clock.now = at(21, 3)
    monkeypatch.setattr(SqlDaily, "publish", cut_off)
    with pytest.raises(StoreUnavailable):
        reporter.step()
    assert len(names(leads)) == 2
    assert leads.store.contents.missing() == []


def test_memory_is_bounded(leads, clock):
    """The report on a large file would be held in memory whole."""
    clock.now = at(20, 12)
    leads.submit(b"phone,name\n" + b"".join(b"45%08d,%s\n" % (row, b"x" * 161) for row in range(20_000)))
    assert leads.intake().step()
    tracemalloc.start()
    size = sum(map(len, status_report(leads.store, DAILY, leads.account, FRIDAY)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert size > 1_000_000
    assert peak < 40_000_000
    assert rows(received_report(leads.store, DAILY, leads.account, SATURDAY))[1:] == []
