"""Replies shown as files: once, whatever happens in between."""

import errno

import pytest

from smsfs.dialects.registry import dialect
from smsfs.dialects.smstools import SmsTools
from smsfs.errors import StoreUnavailable
from smsfs.pipeline.dispatch.arrivals import stops
from smsfs.pipeline.reports.replies import FAILED_SECONDS, LOOK_SECONDS, MOST_AT_ONCE, ReplyWriter
from smsfs.pipeline.reports.results import REPORTS
from smsfs.store import NewReplyPart, Outcome, SliceReport
from smsfs.store.sql.inbound import SqlInbound

pytestmark = pytest.mark.logs("reply_not_shown", "stale_write")

NUMBER = 4512345678
NAMES = ("smstools",)


@pytest.fixture
def tools(house, clock):
    """An account whose message has left, as a house of its own that leads."""
    made = house.store.accounts.add("tools", "smstools", {"optouts": True}, clock.now)
    tools = type(house)(house.store, made)
    assert house.store.lead(tools.owner, REPORTS)
    tools.submit(b"To: %d\n\nComing?\n" % NUMBER, "ask")
    assert tools.intake().step()
    held = tools.store.queue.claim_slice(tools.owner, "out", clock.now, oldest=True)
    taken = [Outcome(1, "accepted", clock.now, "c1", attempt=1, recipient=NUMBER)]
    assert tools.store.queue.record(tools.owner, [SliceReport(held, taken, done=True)]) == []
    return tools


@pytest.fixture
def writer(tools):
    """Who shows replies."""
    return ReplyWriter(tools.store, tools.owner, NAMES, dialect)


def answer(house, *texts):
    """The recipient writes back."""
    parts = [NewReplyPart("out", str(NUMBER), "2929", text, house.store.now()) for text in texts]
    assert len(house.store.inbound.receive([], parts, stops).replies) == len(texts)


def incoming(house):
    """What the client finds, in order."""
    files = house.store.files.view().listing(house.account.id, "incoming")
    read = house.store.contents.read
    return {file.name: read(file.content, 0, file.size).partition(b"\n\n")[2].decode() for file in files}


def test_a_reply_is_shown_and_does_not_come_again(tools, writer, clock):
    """A program would act twice on one answer, or never hear of it."""
    answer(tools, "Yes")
    assert writer.step()
    assert list(incoming(tools).values()) == ["Yes"]
    (name,) = incoming(tools)
    with tools.store.files.change(tools.account.id) as files:
        files.remove(files.find(tools.account.id, f"incoming/{name}").id)
    clock.now += LOOK_SECONDS
    again = ReplyWriter(tools.store, tools.owner, NAMES, dialect)
    assert not any(each.step() for each in (writer, again))
    answer(tools, "No")
    clock.now += LOOK_SECONDS
    assert writer.step()
    assert list(incoming(tools).values()) == ["No"]


def test_a_stop_word_opts_out_and_is_shown(tools, writer):
    """A program would not see why the next text is refused, or a person go on getting them."""
    answer(tools, "STOP")
    assert writer.step()
    assert list(incoming(tools).values()) == ["STOP"]
    assert [item.msisdn for item in tools.store.optouts.all(tools.account.id)] == [str(NUMBER)]


def test_other_dialects_show_nothing(tools, house):
    """Programs of other systems would find files that they take for uploads."""
    answer(tools, "Yes")
    assert not ReplyWriter(house.store, tools.owner, (), dialect).step()
    assert incoming(tools) == {}


@pytest.mark.parametrize("after", [False, True], ids=["before the commit", "after the commit"])
def test_a_process_that_dies_shows_a_reply_once(tools, writer, monkeypatch, after):
    """A reply would be lost, or be shown twice, by a host that is killed."""
    show = SqlInbound.show

    def die(*arguments):
        if after:
            assert show(*arguments)
        raise StoreUnavailable("The database went away.")

    answer(tools, "Yes")
    with monkeypatch.context() as patch:
        patch.setattr(SqlInbound, "show", die)
        with pytest.raises(StoreUnavailable):
            writer.step()
    assert list(incoming(tools).values()) == ["Yes"] * after
    successor = ReplyWriter(tools.store, tools.owner, NAMES, dialect)
    assert successor.step() is not after
    assert list(incoming(tools).values()) == ["Yes"]
    assert tools.store.contents.missing() == []
    assert len(tools.store.contents.orphans(1e12)) == (not after), "the sweep takes them after a day"


def test_half_a_transaction_shows_nothing(tools, writer, clock, monkeypatch):
    """A reply would count as shown whose file was never there."""
    with monkeypatch.context() as patch:
        patch.setattr("smsfs.store.sql.inbound.add_report", lambda *_: 1 / 0)
        answer(tools, "Yes")
        assert writer.step()
    assert incoming(tools) == {}
    clock.now += FAILED_SECONDS
    assert writer.step()
    assert list(incoming(tools).values()) == ["Yes"]


def test_a_full_disk_leaves_nothing_behind_and_shows_the_reply_later(
    tools, writer, clock, monkeypatch, events
):
    """Each attempt would leave an empty content on the disk that is full, or the reply be lost."""

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    answer(tools, "Yes")
    with monkeypatch.context() as patch:
        patch.setattr("smsfs.store.contents.fill", full)
        assert writer.step()
    assert tools.store.contents.orphans(1e12) == []
    (event,) = [event for event in events if event["event"] == "reply_not_shown"]
    assert "No space left" in event["reason"]
    clock.now += FAILED_SECONDS
    assert writer.step()
    assert list(incoming(tools).values()) == ["Yes"]


def test_of_two_hosts_one_shows_them(tools, writer, elsewhere, events):
    """Both hosts of a pair would show a reply."""
    answer(tools, "Yes")
    assert ReplyWriter(elsewhere.store, elsewhere.owner, NAMES, dialect).step()
    assert incoming(tools) == {}
    assert [event["event"] for event in events if event["log_level"] == "warning"] == ["stale_write"]
    assert writer.step()
    assert list(incoming(tools).values()) == ["Yes"]
    assert tools.store.contents.orphans(1e12) == []


def test_a_reply_that_fails_holds_up_no_other_and_is_tried_again(tools, clock, events):
    """One odd text would keep every later one from its program."""

    class Fragile(SmsTools):
        broken = True

        def reply(self, reply, settings):
            if self.broken and reply.text == "odd":
                raise KeyError("x")
            return super().reply(reply, settings)

    rules = Fragile()
    writer = ReplyWriter(tools.store, tools.owner, NAMES, lambda _: rules)
    answer(tools, "odd", "even")
    assert writer.step()
    assert list(incoming(tools).values()) == ["even"]
    assert [event["log_level"] for event in events if event["event"] == "reply_not_shown"] == ["error"]
    rules.broken = False
    assert not writer.step()
    clock.now += FAILED_SECONDS
    assert writer.step()
    assert sorted(incoming(tools).values()) == ["even", "odd"]


def test_a_name_that_is_taken_gets_the_time(tools, writer):
    """A reply would never be shown, or replace a file."""
    answer(tools, "Yes")
    (reply,) = tools.store.inbound.unshown("smstools", 0, 1)
    with tools.store.files.change(tools.account.id) as files:
        files.add(tools.account.id, f"incoming/out.{reply.id:06}", tools.store.contents.create(), 0.0)
    assert writer.step()
    assert sorted(incoming(tools).values()) == ["", "Yes"]


def test_many_replies_are_shown_over_several_steps(tools, writer):
    """The rest of what a leader does would wait for an hour of replies, or the last of them be left."""
    answer(tools, *(f"text {number}" for number in range(MOST_AT_ONCE + 1)))
    assert writer.step()
    assert len(incoming(tools)) == MOST_AT_ONCE
    assert writer.step()
    assert len(set(incoming(tools).values())) == MOST_AT_ONCE + 1


def test_what_a_dialect_does_not_show_is_done_with(tools, clock):
    """An account that begins to show replies would be flooded with those of the last months."""

    class Silent(SmsTools):
        def reply(self, *_):
            return None

    answer(tools, "Yes")
    assert ReplyWriter(tools.store, tools.owner, NAMES, lambda _: Silent()).step()
    clock.now += LOOK_SECONDS
    assert not ReplyWriter(tools.store, tools.owner, NAMES, dialect).step()
    assert incoming(tools) == {}
