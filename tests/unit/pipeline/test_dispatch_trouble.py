"""Dispatch when it stops, fails or dies, and when the store is away."""

import asyncio
import threading

import pytest
from attrs import evolve

from smsfs.errors import StoreUnavailable
from smsfs.pipeline.dispatch.sender import Sender
from smsfs.store import LeaseLostError, Outcome, SliceReport
from smsfs.store.sql.queue import SqlQueue
from tests.support.scripted import ScriptedCarrier

pytestmark = pytest.mark.logs(
    "claim_given_back", "stale_write", "store_unavailable", "taken_over", "unknown_after_crash"
)

#: So often a dispatcher asks for its lease until each task that asks now and then has done so.
LAPSED_LOOKS = 20
#: Of a task that asks hardly ever.
LONG = 1000.0


def test_stop_waits_for_what_is_out(house, run, settled, until, gone_round):
    """A restart would leave messages of unknown fate behind, to be sent twice."""
    number = house.accept(2000)
    carrier = ScriptedCarrier()

    async def scenario(dispatcher, task):
        carrier.gate.clear()
        await until(lambda: carrier.together == 2)
        dispatcher.stop()
        await gone_round(dispatcher, feeds=False)
        assert not task.done()
        carrier.gate.set()

    run(carrier, scenario=scenario)
    states = list(house.states(number).values())
    assert (states.count("submitted"), states.count("queued")) == (1000, 1000)
    assert house.store.queue.abandoned(list) == []
    assert settled(number, "submitted", "queued")()


@pytest.mark.parametrize("stopping", [False, True])
def test_answers_survive_a_store_that_is_away(house, run, settled, monkeypatch, stopping, until):
    """Answers that could not be stored for a while would be forgotten, and their messages sent again."""
    number = house.accept(600)
    away, tried = threading.Event(), threading.Event()
    real = SqlQueue.record

    def record(self, owner, reports):
        if away.is_set():
            tried.set()
            raise StoreUnavailable("The store is away.")
        return real(self, owner, reports)

    monkeypatch.setattr(SqlQueue, "record", record)
    carrier = ScriptedCarrier()

    async def scenario(dispatcher, task):
        away.set()
        await until(lambda: tried.is_set() and len(carrier.sent) == 600)
        if stopping:
            dispatcher.stop()
        tried.clear()
        await until(tried.is_set)
        assert not task.done()
        away.clear()
        if not stopping:
            await until(settled(number))

    run(carrier, scenario=scenario)
    assert set(house.states(number).values()) == {"submitted"}
    assert house.doubled(number) == []
    assert sorted(carrier.sent) == list(range(1, 601))


def test_store_that_is_away_for_a_claim_stops_nothing(house, run, settled, monkeypatch):
    """A busy moment of the store would end the dispatcher."""
    number = house.accept(1)
    failures = [StoreUnavailable("The store is away.")] * 3
    real_claim, real_changed = house.store.queue.claim_slice, house.store.changed

    def claim(*arguments, **options):
        if failures:
            raise failures.pop()
        return real_claim(*arguments, **options)

    def changed(timeout, about):
        if failures:
            raise StoreUnavailable("The store is away.")
        return real_changed(timeout, about)

    monkeypatch.setattr(house.store.queue, "claim_slice", claim)
    monkeypatch.setattr(house.store, "changed", changed)
    run(ScriptedCarrier(), until_=settled(number))
    assert failures == []


@pytest.fixture
def committed(monkeypatch):
    """Has a store's call, once, do its work and say that it could not: the connection broke at the commit."""

    def committed(queue, name):
        real, left = getattr(queue, name), [1]

        def call(*arguments, **options):
            done = real(*arguments, **options)
            if done is not None and left:
                left.pop()
                raise StoreUnavailable("The database does not answer now.")
            return done

        monkeypatch.setattr(queue, name, call)
        return left

    return committed


def test_a_claim_that_was_committed_unheard_is_given_back(house, run, settled, committed):
    """After a failover of the database, some messages would wait until the server is started again."""
    number = house.accept(1200)
    broken = committed(house.store.queue, "claim_slice")
    carrier = ScriptedCarrier()
    run(carrier, until_=settled(number))
    assert broken == []
    assert sorted(carrier.sent) == list(range(1, 1201))
    assert house.doubled(number) == []
    assert [item.attempt for item in house.store.queue.outcomes(number, 0, 2000)] == [1] * 1200


@pytest.mark.parametrize("call", ["take_over", "record"])
def test_what_was_taken_over_unheard_is_sent(house, elsewhere, run, settled, until, committed, call):
    """Messages of a host that died would wait for ever, if the database failed over with it."""
    number = house.accept(2)
    assert elsewhere.store.queue.claim_slice(elsewhere.owner, "out", house.store.now(), oldest=True)
    broken = committed(house.store.queue, call)
    carrier = ScriptedCarrier()

    async def scenario(dispatcher, task):
        del dispatcher, task
        await until(lambda: carrier.calls)
        elsewhere.store.close()
        await until(settled(number))

    run(carrier, scenario=scenario)
    assert broken == []
    assert sorted(carrier.sent) == [1, 2]
    assert house.doubled(number) == [1, 2]


def test_failure_of_one_sender_loses_no_answer(house, run, monkeypatch):
    """An error of ours in one slice would have the answered messages of another sent again."""
    number = house.accept(1000)
    carrier = ScriptedCarrier()
    seen, real = [], Sender._envelopes

    def envelopes(sender, slice_, messages):
        if slice_.seq and not seen:
            seen.append(slice_.id)
            raise RuntimeError("ours")
        return real(sender, slice_, messages)

    monkeypatch.setattr(Sender, "_envelopes", envelopes)
    with pytest.raises(RuntimeError, match="ours"):
        run(carrier, until_=lambda: False)
    states = house.states(number)
    assert {states[row] for row in carrier.sent} <= {"submitted"}


@pytest.mark.parametrize(
    ("on_unknown", "idempotent", "resent"),
    [("resend", False, True), ("hold", False, False), ("hold", True, True)],
)
def test_what_a_dead_dispatcher_held_is_unknown(
    house, elsewhere, run, settled, on_unknown, idempotent, resent
):
    """After a crash messages would be lost, or sent again without a record that they may be doubled."""
    number = house.accept(3)
    slice_ = elsewhere.store.queue.claim_slice(elsewhere.owner, "out", house.store.now(), oldest=True)
    report = SliceReport(slice_, [Outcome(2, "accepted", house.store.now(), "c2", attempt=1)])
    assert elsewhere.store.queue.record(elsewhere.owner, [report]) == []
    elsewhere.store.close()
    carrier = ScriptedCarrier(idempotent=idempotent)
    run(carrier, until_=settled(number, "submitted", "unknown"), on_unknown=on_unknown)
    left = "submitted" if resent else "unknown"
    assert house.states(number) == {1: left, 2: "submitted", 3: left}
    assert sorted(carrier.sent) == ([1, 3] if resent else [])
    assert house.doubled(number) == ([1, 3] if resent else [])
    assert house.events(number)[2] == ["accepted"]
    first = house.store.queue.outcomes(number, 1, 1)[0]
    assert (first.event, first.reason) == ("no_answer", "the server stopped before the answer was stored")


def test_dispatcher_that_dies_while_another_runs_is_noticed(house, elsewhere, run, settled, until):
    """What one of two dispatchers held would wait for the next restart."""
    number = house.accept(2)

    async def scenario(dispatcher, task):
        del dispatcher, task
        elsewhere.store.close()
        await until(settled(number))

    claimed = elsewhere.store.queue.claim_slice(elsewhere.owner, "out", house.store.now(), oldest=True)
    assert claimed is not None
    run(ScriptedCarrier(), scenario=scenario)
    assert house.doubled(number) == [1, 2]


def test_live_dispatcher_keeps_its_slices(house, elsewhere, run, gone_round):
    """Two dispatchers would send the same messages."""
    number = house.accept(2)
    assert elsewhere.store.queue.claim_slice(elsewhere.owner, "out", house.store.now(), oldest=True)
    carrier = ScriptedCarrier()

    async def scenario(dispatcher, task):
        del task
        await gone_round(dispatcher)

    run(carrier, scenario=scenario)
    assert (carrier.sent, house.states(number)) == ([], {1: "submitting", 2: "submitting"})


def test_stale_dispatcher_stores_nothing(house, elsewhere, run, events, until):
    """A dispatcher whose slice was taken over would add its answers to those of the next."""
    number = house.accept(1)
    carrier = ScriptedCarrier()

    async def scenario(dispatcher, task):
        del dispatcher, task
        carrier.gate.clear()
        await until(lambda: carrier.together == 1)
        ((owner, slice_),) = house.store.queue.abandoned(list)
        assert elsewhere.store.queue.take_over(slice_, owner, elsewhere.owner) == set()
        carrier.gate.set()
        await until(lambda: [event for event in events if event["event"] == "stale_write"])

    run(carrier, scenario=scenario)
    assert house.events(number) == {}


def test_messages_of_an_unknown_backend_wait(house, run, settled):
    """Messages for a backend that was left out of the configuration would go to another, or be dropped."""
    stray = house.accept(1, backend="gone")
    number = house.accept(1, "b", backend="")
    run(ScriptedCarrier(), until_=settled(number))
    assert house.states(stray) == {1: "queued"}
    assert house.store.queue.backlog() == {"gone": 1}


def test_new_messages_are_sent_at_once(elsewhere, run, settled, until, gone_round):
    """Messages would wait for a poll, or until the next restart."""
    carrier = ScriptedCarrier()

    async def scenario(dispatcher, task):
        del task
        await gone_round(dispatcher)
        number = await asyncio.to_thread(elsewhere.accept, 1)
        await until(settled(number))

    run(carrier, scenario=scenario)
    assert carrier.sent == [1]


def test_a_moment_without_a_lease_ends_every_task(house, run, settled, until, pace, monkeypatch):
    """A host that was slow for a moment would live on, keep its lease, and send nothing more."""
    number = house.accept(1)
    real, asked, lapsed = house.store.holds, [], threading.Event()

    def holds(owner):
        if lapsed.is_set():
            asked.append(owner)
            return False
        return real(owner)

    monkeypatch.setattr(house.store, "holds", holds)

    async def scenario(dispatcher, task):
        del dispatcher
        await until(settled(number))
        lapsed.set()
        await until(lambda: task.done() or len(asked) > LAPSED_LOOKS)
        lapsed.clear()
        await until(task.done)

    with pytest.raises(LeaseLostError):
        run(ScriptedCarrier(), scenario=scenario, pace=evolve(pace, overdue=LONG))
