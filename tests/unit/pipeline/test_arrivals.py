"""What carriers deliver, on its way through the dispatcher into the store."""

import asyncio

import pytest

from smsfs.backends import Accepted, Receipt, ReplyPart, Unknown
from smsfs.errors import StoreUnavailable
from smsfs.pipeline.dispatch import arrivals
from smsfs.pipeline.dispatch.arrivals import Arrivals, stops
from smsfs.pipeline.dispatch.pace import Pace
from smsfs.store.sql.queue import SqlQueue
from tests.support.scripted import ScriptedCarrier

pytestmark = pytest.mark.logs("receipt_unreadable")

FIRST = "4500000000"


@pytest.fixture(autouse=True)
def often(monkeypatch):
    """Match so often that a test waits for little."""
    monkeypatch.setattr(arrivals, "MATCH_SECONDS", 0.01)


@pytest.fixture
def deliver(run, until, settled):
    """Send a file's messages by a carrier that then delivers something; the carrier."""

    def deliver(number, script, *delivered, then="submitted"):
        carrier = ScriptedCarrier(script)

        async def scenario(_dispatcher, _task):
            await until(settled(number, "submitted", "unknown"))
            await carrier.receive(delivered)
            await until(settled(number, *then.split()))

        run(carrier, scenario=scenario, on_unknown="hold")
        return carrier

    return deliver


def test_receipts_come_to_their_messages(house, deliver, events):
    """A sender would never learn what became of a message."""
    number = house.accept(2)
    script = {1: [Accepted("a", 2, ("b",))], 2: [Accepted("c", 1)]}
    receipts = [Receipt("b", FIRST, "delivered"), Receipt("a", "", "delivered", done=5.0)]
    receipts.append(Receipt("c", "4500000001", "undelivered", "27", "UNDELIV"))
    deliver(number, script, *receipts, then="delivered undelivered")
    assert house.states(number) == {1: "delivered", 2: "undelivered"}
    (bad,) = [item for item in house.store.queue.outcomes(number, 2, 2) if item.event == "undelivered"]
    assert (bad.code, bad.reason, bad.carrier_id) == ("27", "UNDELIV", "c")
    told = [
        (event["file"], event["row"], event["outcome"]) for event in events if event["event"] == "receipt"
    ]
    path = house.batch(number).path
    assert told == [(path, 1, "delivered"), (path, 1, "delivered"), (path, 2, "undelivered")]


def test_receipts_that_overtake_the_answer_are_matched(house, run, until, settled, clock):
    """The receipt of a quick carrier would be lost, and its message stay submitted."""
    number = house.accept(1)
    carrier = ScriptedCarrier({1: [Accepted("a", 1)]})
    carrier.gate.clear()

    async def scenario(_dispatcher, _task):
        await until(lambda: carrier.envelopes)
        await carrier.receive([Receipt("a", FIRST, "delivered")])
        assert house.store.inbound.waiting() == 1
        carrier.gate.set()
        await until(settled(number, "submitted"))
        clock.now += 2
        await until(settled(number, "delivered"))

    run(carrier, scenario=scenario)
    assert house.store.inbound.waiting() == 0


class HalfWay(ScriptedCarrier):
    """Answers the first message at once, and the others once it may."""

    async def submit(self, envelopes, answer, may_send):
        """Answer one."""
        answer(envelopes[0], Accepted("a", 1))
        await super().submit(envelopes[1:], answer, may_send)


def test_receipts_right_behind_their_answers_are_matched_at_once(house, run, until):
    """Each receipt of a quick carrier would be stored twice, and its message settled a second late."""
    number = house.accept(2)
    carrier = HalfWay({2: [Accepted("b", 1)]})
    carrier.gate.clear()

    async def scenario(_dispatcher, _task):
        await until(lambda: carrier.envelopes)
        await carrier.receive([Receipt("a", FIRST, "delivered")])
        assert house.store.inbound.waiting() == 0
        assert house.states(number)[1] == "delivered"
        carrier.gate.set()

    run(carrier, scenario=scenario, pace=Pace(recover=0.02, poll=0.01, flush=1.0))
    assert house.states(number) == {1: "delivered", 2: "submitted"}


def test_receipts_are_stored_though_an_answer_cannot_be(house, run, until, monkeypatch):
    """A carrier would deliver receipts again and again, for a fault in another message's answer."""
    number = house.accept(1)
    carrier = ScriptedCarrier({1: [Accepted("a", 1)]})
    record, faults = SqlQueue.record, []

    def fails_once(self, *given, **how):
        if not faults:
            faults.append(given)
            raise ValueError("no store holds this")
        return record(self, *given, **how)

    async def scenario(_dispatcher, _task):
        await until(lambda: carrier.envelopes)
        await carrier.receive([Receipt("x", FIRST, "delivered")])
        assert house.store.inbound.waiting() == 1

    monkeypatch.setattr(SqlQueue, "record", fails_once)
    run(carrier, scenario=scenario, pace=Pace(recover=0.02, poll=0.01, flush=0.01))
    assert house.states(number) == {1: "submitted"}


def test_receipt_settles_a_message_of_unknown_fate(house, deliver, clock):
    """A message that arrived would stay unknown, and be sent once more by hand."""
    number = house.accept(2)
    deliver(number, {1: [Unknown("lost")]}, Receipt("x", FIRST, "delivered"), then="submitted unknown")
    clock.now += 61
    assert not Arrivals(house.store).match()
    assert house.states(number) == {1: "delivered", 2: "submitted"}


def test_carrier_keeps_what_cannot_be_stored(house, monkeypatch):
    """The carrier would be told that a receipt is stored, and forget it, while the disk was full."""

    def away(*_):
        raise StoreUnavailable("The store is away.")

    monkeypatch.setattr(house.store.inbound, "receive", away)
    with pytest.raises(StoreUnavailable):
        asyncio.run(Arrivals(house.store).of("out")([Receipt("a", FIRST, "delivered")]))


def test_matching_outlives_a_store_that_is_away(house, monkeypatch, until):
    """One moment without the database would end all sending."""
    tries = []

    def away(*_):
        tries.append(1)
        raise StoreUnavailable("The store is away.")

    async def main():
        monkeypatch.setattr(house.store.inbound, "match", away)
        matching = asyncio.create_task(Arrivals(house.store).match_always())
        await until(lambda: len(tries) > 1 or matching.done())
        assert not matching.done()
        matching.cancel()

    asyncio.run(main())


def test_unreadable_receipts_are_told(house, events):
    """An operator would not learn that a carrier writes receipts in a way that nobody reads."""
    asyncio.run(Arrivals(house.store).of("out")([Receipt("", FIRST, "", reason="?")]))
    (told,) = [event for event in events if event["event"] == "receipt_unreadable"]
    assert (told["backend"], told["log_level"]) == ("out", "warning")


@pytest.mark.parametrize("digits", ["", "BANK", "4" * 16, "٤٥"])
def test_what_is_no_number_is_stored_all_the_same(house, digits):
    """A carrier would deliver the same receipt for ever."""
    asyncio.run(Arrivals(house.store).of("out")([Receipt("a", digits, "delivered")]))
    assert house.store.inbound.waiting() == 1


def test_replies_and_opt_outs_are_stored_and_told(house, deliver, events):
    """An answer would be lost, or who wrote STOP would hear again."""
    number = house.accept(1, optouts=True)
    parts = [ReplyPart(FIRST, "29", "ti", 9, 2, 2), ReplyPart(FIRST, "29", "In ", 9, 1, 2)]
    deliver(number, {}, *parts, ReplyPart(FIRST, "29", " stop\n"))
    assert {(item.text, item.account, item.row) for item in house.store.inbound.replies()} == {
        ("In ti", "shop", 1),
        (" stop\n", "shop", 1),
    }
    assert house.store.optouts.listed(house.account.id, [FIRST]) == {FIRST}
    told = [event["event"] for event in events if event["event"] in ("reply", "opted_out")]
    assert sorted(told) == ["opted_out", "reply", "reply"]


@pytest.mark.parametrize(
    ("text", "settings", "stopped"),
    [
        ("STOP", {"optouts": True}, True),
        (" Unsubscribe\n", {"optouts": True}, True),
        ("stop it", {"optouts": True}, False),
        ("", {"optouts": True, "stop_words": ",STOP"}, False),
        ("AFMELD", {"optouts": True, "stop_words": "stop, Afmeld"}, True),
        ("STOP", {"optouts": True, "stop_words": "AFMELD"}, False),
        ("\ufeffStop!@", {"optouts": True}, True),
        ("opt-out", {"optouts": True}, True),
        ("STOP", {}, False),
    ],
)
def test_stop_words(house, text, settings, stopped):
    """A person who wants no more would go on being written to, or one who does would not."""
    house.set(**settings)
    assert stops(house.store.accounts.find("shop"), text) is stopped


def test_what_comes_again_is_told(house, deliver, events):
    """What was acknowledged and not stored would be seen by nobody."""
    number = house.accept(1)
    again = [Receipt("a", FIRST, "delivered"), ReplyPart(FIRST, "29", "Hi"), ReplyPart(FIRST, "29", "Hi")]
    deliver(number, {1: [Accepted("a", 1)]}, Receipt("a", FIRST, "delivered"), *again, then="delivered")
    told = {event["event"]: event for event in events}
    assert told["receipt_again"]["carrier_id"] == "a"
    assert told["reply_again"]["recipient"] == "29"


def test_what_looks_like_a_receipt(house, deliver):
    """A message would stay submitted, or what a person wrote be gone."""
    number = house.accept(1)
    words = "id:a stat:DELIVRD"
    ours = ReplyPart(FIRST, "29", words, receipt=Receipt("a", FIRST, "delivered", "", "DELIVRD"))
    other = ReplyPart(FIRST, "29", "id:b stat:DELIVRD", receipt=Receipt("b", FIRST, "delivered"))
    deliver(number, {1: [Accepted("a", 1)]}, ours, other, then="delivered")
    assert house.states(number) == {1: "delivered"}
    assert [item.text for item in house.store.inbound.replies()] == ["id:b stat:DELIVRD"]
