"""From queued messages to a backend, and what became of them to the store."""

import asyncio
import threading
from collections import defaultdict

import pytest

from smsfs.backends import Accepted, Rejected, Throttled, Unknown
from smsfs.errors import StoreUnavailable
from smsfs.pipeline import dispatch
from smsfs.pipeline.dispatch import Dispatcher, Route, backoff
from smsfs.store.sql.queue import SqlQueue

WAIT_SECONDS = 30.0
OK = Accepted("id", 1)


class Carrier:
    """A carrier that follows a script: for each row the answers to its attempts, then ``Accepted``."""

    slices = 2

    def __init__(self, script=None, *, idempotent=False):
        self.script = defaultdict(list, {row: list(answers) for row, answers in (script or {}).items()})
        self.idempotent = idempotent
        self.sent = []
        self.envelopes = []
        self.together = self.most_together = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.calls = []

    async def start(self):
        """Remember that it was called."""
        self.calls.append("start")

    def finish(self):
        """Remember that it was called."""
        self.calls.append("finish")

    async def stop(self):
        """Remember that it was called."""
        self.calls.append("stop")

    async def submit(self, envelopes, answer, _may_send):
        """Answer each message as the script says."""
        self.together += 1
        self.most_together = max(self.most_together, self.together)
        try:
            self.sent += [envelope.message.row for envelope in envelopes]
            self.envelopes += envelopes
            await self.gate.wait()
            for envelope in envelopes:
                answers = self.script[envelope.message.row]
                what = answers.pop(0) if answers else OK
                if isinstance(what, Exception):
                    raise what
                if what is not None:
                    answer(envelope, what)
        finally:
            self.together -= 1


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Let idle moments be short, so that a test waits for little."""
    monkeypatch.setattr(dispatch, "RECOVER_SECONDS", 0.02)
    monkeypatch.setattr(dispatch, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(dispatch, "FLUSH_SECONDS", 0.01)


async def until(condition):
    """Wait for a condition."""
    async with asyncio.timeout(WAIT_SECONDS):
        while not condition():  # noqa: ASYNC110 -- threads and a database bring it about
            await asyncio.sleep(0.005)


@pytest.fixture
def run(house):
    """Run a dispatcher on some routes until a condition holds, or while a scenario lasts."""

    def run(*carriers, until_=None, scenario=None, on_unknown="resend", place=None):
        where = place or house

        async def main():
            names = ["out", "two"]
            routes = [
                Route(name, carrier, on_unknown) for name, carrier in zip(names, carriers, strict=False)
            ]
            dispatcher = Dispatcher(where.store, where.owner, routes)
            task = asyncio.create_task(dispatcher.run())
            if scenario:
                await scenario(dispatcher, task)
            else:
                await until(lambda: task.done() or until_())
            dispatcher.stop()
            await asyncio.wait_for(task, WAIT_SECONDS)

        asyncio.run(main())

    return run


@pytest.fixture
def settled(house):
    """Tells whether all messages of a batch are in one of some states."""

    def settled(number, *states):
        return lambda: set(house.states(number).values()) <= set(states or ("submitted",))

    return settled


def outcomes(house, number):
    """The events of each row, oldest first."""
    events = defaultdict(list)
    for outcome in house.store.queue.outcomes(number, 0, 1_000_000):
        events[outcome.row].append(outcome.event)
    return dict(events)


def test_every_message_leaves_once(house, run, settled):
    """Messages would stay behind, or leave twice."""
    number = house.accept(1200)
    carrier = Carrier()
    run(carrier, until_=settled(number))
    assert sorted(carrier.sent) == list(range(1, 1201))
    assert set(house.states(number).values()) == {"submitted"}
    assert house.doubled(number) == []
    assert house.store.queue.backlog() == {}
    assert carrier.calls == ["start", "finish", "stop"]


def test_envelope_tells_what_the_backend_needs(house, run, settled):
    """A backend could not tell a repeated message from a new one, or whose it is."""
    number = house.accept(2)
    carrier = Carrier()
    run(carrier, until_=settled(number))
    first, second = carrier.envelopes
    assert (first.key, second.key) == (f"{number}-1", f"{number}-2")
    assert (first.account, first.file, first.attempt) == ("shop", "a.20231114T221320.success", 1)
    assert (first.submitted, first.message.recipient) == (house.batch(number).submitted, "4500000000")


def test_four_answers_are_recorded(house, run, clock, settled):
    """What the carrier said about a message would be lost or mixed up with another's."""
    number = house.accept(4)
    carrier = Carrier(
        {
            1: [Accepted("c1", 3)],
            2: [Rejected("11", "no such number")],
            3: [Throttled(0)],
            4: [Unknown("lost")],
        }
    )

    async def scenario(dispatcher, task):
        del dispatcher, task
        await until(lambda: len(outcomes(house, number)) == 4)
        clock.now += 10
        await until(settled(number, "submitted", "rejected"))

    run(carrier, scenario=scenario)
    assert house.states(number) == {1: "submitted", 2: "rejected", 3: "submitted", 4: "submitted"}
    assert outcomes(house, number) == {
        1: ["accepted"],
        2: ["refused"],
        3: ["not_now", "accepted"],
        4: ["no_answer", "resend", "accepted"],
    }
    assert house.doubled(number) == [4]
    accepted, refused = house.store.queue.outcomes(number, 1, 2)
    assert (accepted.carrier_id, accepted.parts) == ("c1", 3)
    assert (refused.code, refused.reason) == ("11", "no such number")
    again = [envelope for envelope in carrier.envelopes if envelope.message.row == 4]
    assert [(envelope.key, envelope.attempt) for envelope in again] == [
        (f"{number}-4", 1),
        (f"{number}-4", 2),
    ]


def test_unknown_is_held_where_the_operator_says_so(house, run, settled):
    """A message of unknown fate would be sent again against the operator's will."""
    number = house.accept(2)
    carrier = Carrier({1: [Unknown("lost")]})
    run(carrier, until_=settled(number, "submitted", "unknown"), on_unknown="hold")
    assert house.states(number) == {1: "unknown", 2: "submitted"}
    assert (carrier.sent, house.doubled(number)) == ([1, 2], [])
    assert house.store.queue.backlog() == {}


def test_backend_that_knows_keys_is_always_asked_again(house, run, clock, settled):
    """A message would be held although asking again could not double it."""
    number = house.accept(1)
    carrier = Carrier({1: [Unknown("lost")]}, idempotent=True)

    async def scenario(dispatcher, task):
        del dispatcher, task
        await until(lambda: outcomes(house, number))
        clock.now += 10
        await until(settled(number))

    run(carrier, scenario=scenario, on_unknown="hold")
    assert len({envelope.key for envelope in carrier.envelopes}) == 1
    assert carrier.sent == [1, 1]


@pytest.mark.parametrize("failure", [None, RuntimeError("broke")], ids=["silence", "exception"])
def test_messages_without_an_answer_are_unknown(house, run, settled, events, failure):
    """Messages that the carrier may have would count as sent, or hang for ever."""
    number = house.accept(3)
    carrier = Carrier({2: [failure], 3: [None]})
    run(carrier, until_=settled(number, "submitted", "unknown"), on_unknown="hold")
    assert house.states(number) == {1: "submitted", 2: "unknown", 3: "unknown"}
    (outcome,) = house.store.queue.outcomes(number, 2, 2)
    assert outcome.reason == ("the backend failed: broke" if failure else "the backend gave no answer")
    assert ("backend_failed" in [event["event"] for event in events]) == bool(failure)


def test_second_answer_changes_nothing(house, run, settled):
    """A carrier that answers twice would have a message sent and rejected."""
    number = house.accept(1)

    class Twice(Carrier):
        async def submit(self, envelopes, answer, _may_send):
            """Two answers, and a late one."""
            answer(envelopes[0], Accepted("first", 1))
            answer(envelopes[0], Rejected("1", "second"))
            asyncio.get_running_loop().call_later(0.02, answer, envelopes[0], Throttled(0))

    async def scenario(dispatcher, task):
        del dispatcher, task
        await until(settled(number))
        await asyncio.sleep(0.05)

    run(Twice(), scenario=scenario)
    assert outcomes(house, number) == {1: ["accepted"]}
    assert house.store.queue.backlog() == {}


def test_answers_are_stored_before_the_slice_is_through(house, run):
    """A crash in a slow slice would send again what was answered long ago."""
    number = house.accept(3)

    class Slow(Carrier):
        async def submit(self, envelopes, answer, _may_send):
            """Answer one, then wait."""
            answer(envelopes[0], OK)
            await self.gate.wait()
            for envelope in envelopes[1:]:
                answer(envelope, OK)

    carrier = Slow()

    async def scenario(dispatcher, task):
        del dispatcher, task
        carrier.gate.clear()
        await until(lambda: outcomes(house, number))
        assert house.states(number) == {1: "submitted", 2: "submitting", 3: "submitting"}
        carrier.gate.set()
        await until(lambda: set(house.states(number).values()) == {"submitted"})

    run(carrier, scenario=scenario)


def test_throttling_pauses_the_whole_backend(house, run, clock):
    """A carrier that said "not now" would be flooded on, and block the account."""
    first = house.accept(1)
    carrier = Carrier({1: [Throttled(100)]})

    async def scenario(dispatcher, task):
        del dispatcher, task
        await until(lambda: outcomes(house, first))
        second = house.accept(1, "b")
        await asyncio.sleep(0.1)
        assert (carrier.sent, house.states(second)) == ([1], {1: "queued"})
        clock.now += 99
        await asyncio.sleep(0.1)
        assert carrier.sent == [1]
        clock.now += 1
        await until(lambda: house.states(first) == house.states(second) == {1: "submitted"})

    run(carrier, scenario=scenario)
    assert house.doubled(first) == []


def test_other_backends_go_on_while_one_is_throttled(house, run, settled):
    """One busy carrier would stop all others."""
    first = house.accept(1)
    second = house.accept(1, "b", backend="two")
    slow = Carrier({1: [Throttled(1000)]})
    run(slow, Carrier(), until_=lambda: outcomes(house, first) and settled(second)())
    assert house.states(first) == {1: "queued"}


def test_waits_grow_to_a_ceiling():
    """A carrier in trouble would be asked without pause, or a message wait for ever."""
    waits = [backoff(attempt) for attempt in range(1, 20)]
    assert waits[:4] == [5, 10, 20, 40]
    assert max(waits) == waits[-1] == 900
    assert waits == sorted(waits)
    assert backoff(10_000) == 900


def test_message_past_its_validity_is_never_sent(house, run, clock, settled):
    """After a long outage customers would get messages about yesterday."""
    number = house.accept(3, validity_seconds=100)
    clock.now += 100
    carrier = Carrier()
    run(carrier, until_=settled(number, "expired"))
    assert (carrier.sent, house.states(number)) == ([], {1: "expired", 2: "expired", 3: "expired"})


def test_retries_end_with_the_validity(house, run, clock):
    """A message that no carrier takes would be tried for ever."""
    number = house.accept(1, validity_seconds=30)
    carrier = Carrier({1: [Throttled(0)] * 50})

    def expired():
        clock.now += 0.2
        return house.states(number) == {1: "expired"}

    run(carrier, until_=expired)
    assert outcomes(house, number)[1][-1] == "too_late"
    assert 2 <= len(carrier.sent) <= 4


def test_slices_in_flight_are_bounded(house, run, settled):
    """A large backlog would be claimed whole, and memory run out."""
    number = house.accept(3000)
    carrier = Carrier()

    async def scenario(dispatcher, task):
        del task
        carrier.gate.clear()
        await until(lambda: carrier.together == 2)
        await asyncio.sleep(0.05)
        assert len(dispatcher._held) == 2
        carrier.gate.set()
        await until(settled(number))

    run(carrier, scenario=scenario)
    assert carrier.most_together == 2


def test_small_file_passes_a_large_one(house, run, settled):
    """One customer's large file would hold up everyone's small ones."""
    large = house.accept(4000, "large")
    small = house.accept(1, "small")
    carrier = Carrier()
    run(carrier, until_=lambda: settled(large)() and settled(small)())
    places = [
        number for number, envelope in enumerate(carrier.envelopes) if envelope.file.startswith("small")
    ]
    assert places[0] < 2000


def test_stop_waits_for_what_is_out(house, run, settled):
    """A restart would leave messages of unknown fate behind, to be sent twice."""
    number = house.accept(2000)
    carrier = Carrier()

    async def scenario(dispatcher, task):
        carrier.gate.clear()
        await until(lambda: carrier.together == 2)
        dispatcher.stop()
        await asyncio.sleep(0.05)
        assert not task.done()
        carrier.gate.set()

    run(carrier, scenario=scenario)
    states = list(house.states(number).values())
    assert (states.count("submitted"), states.count("queued")) == (1000, 1000)
    assert house.store.queue.abandoned(list) == []
    assert settled(number, "submitted", "queued")()


@pytest.mark.parametrize("stopping", [False, True])
def test_answers_survive_a_store_that_is_away(house, run, settled, monkeypatch, stopping):
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
    carrier = Carrier()

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

    def changed(timeout):
        if failures:
            raise StoreUnavailable("The store is away.")
        return real_changed(timeout)

    monkeypatch.setattr(house.store.queue, "claim_slice", claim)
    monkeypatch.setattr(house.store, "changed", changed)
    run(Carrier(), until_=settled(number))
    assert failures == []


def test_failure_of_one_sender_loses_no_answer(house, run, monkeypatch):
    """An error of ours in one slice would have the answered messages of another sent again."""
    number = house.accept(1000)
    carrier = Carrier()
    seen = []

    def envelope(_, slice_, message):
        if slice_.seq and not seen:
            seen.append(slice_.id)
            raise RuntimeError("ours")
        return dispatch.Envelope(
            f"{slice_.batch}-{message.row}", slice_.account, slice_.path, slice_.submitted, 1, message
        )

    monkeypatch.setattr(Dispatcher, "_envelope", envelope)
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
    report = dispatch.SliceReport(
        slice_, [dispatch.Outcome(2, "accepted", house.store.now(), "c2", attempt=1)]
    )
    assert elsewhere.store.queue.record(elsewhere.owner, [report]) == []
    elsewhere.store.close()
    carrier = Carrier(idempotent=idempotent)
    run(carrier, until_=settled(number, "submitted", "unknown"), on_unknown=on_unknown)
    left = "submitted" if resent else "unknown"
    assert house.states(number) == {1: left, 2: "submitted", 3: left}
    assert sorted(carrier.sent) == ([1, 3] if resent else [])
    assert house.doubled(number) == ([1, 3] if resent else [])
    assert outcomes(house, number)[2] == ["accepted"]
    first = house.store.queue.outcomes(number, 1, 1)[0]
    assert (first.event, first.reason) == ("no_answer", "the server stopped before the answer was stored")


def test_dispatcher_that_dies_while_another_runs_is_noticed(house, elsewhere, run, settled):
    """What one of two dispatchers held would wait for the next restart."""
    number = house.accept(2)

    async def scenario(dispatcher, task):
        del dispatcher, task
        elsewhere.store.close()
        await until(settled(number))

    claimed = elsewhere.store.queue.claim_slice(elsewhere.owner, "out", house.store.now(), oldest=True)
    assert claimed is not None
    run(Carrier(), scenario=scenario)
    assert house.doubled(number) == [1, 2]


def test_live_dispatcher_keeps_its_slices(house, elsewhere, run):
    """Two dispatchers would send the same messages."""
    number = house.accept(2)
    assert elsewhere.store.queue.claim_slice(elsewhere.owner, "out", house.store.now(), oldest=True)
    carrier = Carrier()

    async def scenario(dispatcher, task):
        del dispatcher, task
        await asyncio.sleep(0.2)

    run(carrier, scenario=scenario)
    assert (carrier.sent, house.states(number)) == ([], {1: "submitting", 2: "submitting"})


def test_stale_dispatcher_stores_nothing(house, elsewhere, run, events):
    """A dispatcher whose slice was taken over would add its answers to those of the next."""
    number = house.accept(1)
    carrier = Carrier()

    async def scenario(dispatcher, task):
        del dispatcher, task
        carrier.gate.clear()
        await until(lambda: carrier.together == 1)
        ((owner, slice_),) = house.store.queue.abandoned(list)
        assert elsewhere.store.queue.take_over(slice_, owner, elsewhere.owner) == set()
        carrier.gate.set()
        await until(lambda: [event for event in events if event["event"] == "stale_write"])

    run(carrier, scenario=scenario)
    assert outcomes(house, number) == {}


def test_messages_of_an_unknown_backend_wait(house, run, settled):
    """Messages for a backend that was left out of the configuration would go to another, or be dropped."""
    stray = house.accept(1, backend="gone")
    number = house.accept(1, "b", backend="")
    run(Carrier(), until_=settled(number))
    assert house.states(stray) == {1: "queued"}
    assert house.store.queue.backlog() == {"gone": 1}


def test_new_messages_are_sent_at_once(elsewhere, run, settled):
    """Messages would wait for a poll, or until the next restart."""
    carrier = Carrier()

    async def scenario(dispatcher, task):
        del dispatcher, task
        await asyncio.sleep(0.05)
        number = await asyncio.to_thread(elsewhere.accept, 1)
        await until(settled(number))

    run(carrier, scenario=scenario)
    assert carrier.sent == [1]
