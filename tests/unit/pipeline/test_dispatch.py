"""From queued messages to a backend, and what became of them to the store."""

import pytest

from smsfs.backends import Accepted, Rejected, Throttled, Unknown
from smsfs.pipeline.dispatch.pace import Pace
from tests.support.scripted import OK, ScriptedCarrier

pytestmark = pytest.mark.logs("backend_failed", "backend_state", "too_late")


def test_every_message_leaves_once(house, run, settled):
    """Messages would stay behind, or leave twice."""
    number = house.accept(1200)
    carrier = ScriptedCarrier()
    run(carrier, until_=settled(number))
    assert sorted(carrier.sent) == list(range(1, 1201))
    assert set(house.states(number).values()) == {"submitted"}
    assert house.doubled(number) == []
    assert house.store.queue.backlog() == {}
    assert carrier.calls == ["start", "finish", "stop"]


def test_envelope_tells_what_the_backend_needs(house, run, settled):
    """A backend could not tell a repeated message from a new one, or whose it is."""
    number = house.accept(2)
    carrier = ScriptedCarrier()
    run(carrier, until_=settled(number))
    first, second = carrier.envelopes
    assert (first.key, second.key) == (f"{number}-1", f"{number}-2")
    assert (first.account, first.file, first.attempt) == ("shop", "a.20231114T221320.success", 1)
    assert (first.submitted, first.message.recipient) == (house.batch(number).submitted, "4500000000")


def test_four_answers_are_recorded(house, run, clock, settled, until):
    """What the carrier said about a message would be lost or mixed up with another's."""
    number = house.accept(4)
    carrier = ScriptedCarrier(
        {
            1: [Accepted("c1", 3)],
            2: [Rejected("11", "no such number")],
            3: [Throttled(0)],
            4: [Unknown("lost")],
        }
    )

    async def scenario(dispatcher, task):
        del dispatcher, task
        await until(lambda: len(house.events(number)) == 4)
        clock.now += 10
        await until(settled(number, "submitted", "rejected"))

    run(carrier, scenario=scenario)
    assert house.states(number) == {1: "submitted", 2: "rejected", 3: "submitted", 4: "submitted"}
    assert house.events(number) == {
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
    carrier = ScriptedCarrier({1: [Unknown("lost")]})
    run(carrier, until_=settled(number, "submitted", "unknown"), on_unknown="hold")
    assert house.states(number) == {1: "unknown", 2: "submitted"}
    assert (carrier.sent, house.doubled(number)) == ([1, 2], [])
    assert house.store.queue.backlog() == {}


def test_backend_that_knows_keys_is_always_asked_again(house, run, clock, settled, until):
    """A message would be held although asking again could not double it."""
    number = house.accept(1)
    carrier = ScriptedCarrier({1: [Unknown("lost")]}, idempotent=True)

    async def scenario(dispatcher, task):
        del dispatcher, task
        await until(lambda: house.events(number))
        clock.now += 10
        await until(settled(number))

    run(carrier, scenario=scenario, on_unknown="hold")
    assert len({envelope.key for envelope in carrier.envelopes}) == 1
    assert carrier.sent == [1, 1]


@pytest.mark.parametrize("failure", [None, RuntimeError("broke")], ids=["silence", "exception"])
def test_messages_without_an_answer_are_unknown(house, run, settled, events, failure):
    """Messages that the carrier may have would count as sent, or hang for ever."""
    number = house.accept(3)
    carrier = ScriptedCarrier({2: [failure], 3: [None]})
    run(carrier, until_=settled(number, "submitted", "unknown"), on_unknown="hold")
    assert house.states(number) == {1: "submitted", 2: "unknown", 3: "unknown"}
    (outcome,) = house.store.queue.outcomes(number, 2, 2)
    assert outcome.reason == ("the backend failed: broke" if failure else "the backend gave no answer")
    assert ("backend_failed" in [event["event"] for event in events]) == bool(failure)


def test_second_answer_changes_nothing(house, run, settled, until):
    """A carrier that answers twice would have a message sent and rejected."""
    number = house.accept(1)

    class Twice(ScriptedCarrier):
        async def submit(self, envelopes, answer, _may_send):
            """Two answers at once."""
            answer(envelopes[0], Accepted("first", 1))
            answer(envelopes[0], Rejected("1", "second"))
            self.late = lambda: answer(envelopes[0], Throttled(0))

    carrier = Twice()

    async def scenario(dispatcher, task):
        del dispatcher, task
        await until(settled(number))
        carrier.late()

    run(carrier, scenario=scenario)
    assert house.events(number) == {1: ["accepted"]}
    assert house.store.queue.backlog() == {}


def test_answers_are_stored_before_the_slice_is_through(house, run, until):
    """A crash in a slow slice would send again what was answered long ago."""
    number = house.accept(3)

    class Slow(ScriptedCarrier):
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
        await until(lambda: house.events(number))
        assert house.states(number) == {1: "submitted", 2: "submitting", 3: "submitting"}
        carrier.gate.set()
        await until(lambda: set(house.states(number).values()) == {"submitted"})

    run(carrier, scenario=scenario)


def test_throttling_pauses_the_whole_backend(house, run, clock, until, gone_round):
    """A carrier that said "not now" would be flooded on, and block the account."""
    first = house.accept(1)
    carrier = ScriptedCarrier({1: [Throttled(100)]})

    async def scenario(dispatcher, task):
        del task
        await until(lambda: house.events(first))
        second = house.accept(1, "b")
        await gone_round(dispatcher)
        assert (carrier.sent, house.states(second)) == ([1], {1: "queued"})
        clock.now += 99
        await gone_round(dispatcher)
        assert carrier.sent == [1]
        clock.now += 1
        await until(lambda: house.states(first) == house.states(second) == {1: "submitted"})

    run(carrier, scenario=scenario)
    assert house.doubled(first) == []


def test_other_backends_go_on_while_one_is_throttled(house, run, settled):
    """One busy carrier would stop all others."""
    first = house.accept(1)
    second = house.accept(1, "b", backend="two")
    slow = ScriptedCarrier({1: [Throttled(1000)]})
    run(slow, ScriptedCarrier(), until_=lambda: house.events(first) and settled(second)())
    assert house.states(first) == {1: "queued"}


def test_waits_grow_to_a_ceiling():
    """A carrier in trouble would be asked without pause, or a message wait for ever."""
    waits = [Pace().after(attempt) for attempt in range(1, 20)]
    assert waits[:4] == [5, 10, 20, 40]
    assert max(waits) == waits[-1] == 900
    assert waits == sorted(waits)
    assert Pace().after(10_000) == 900


def test_message_past_its_validity_is_never_sent(house, run, clock, settled):
    """After a long outage customers would get messages about yesterday."""
    number = house.accept(3, validity_seconds=100)
    clock.now += 100
    carrier = ScriptedCarrier()
    run(carrier, until_=settled(number, "expired"))
    assert (carrier.sent, house.states(number)) == ([], {1: "expired", 2: "expired", 3: "expired"})
    reasons = {outcome.reason for outcome in house.store.queue.outcomes(number, 1, 3)}
    assert reasons == {"it had not left by 2023-11-14 22:15:00 UTC, the end of its validity"}


def test_expired_message_tells_what_kept_it(house, run, clock, settled):
    """A customer would be told that messages are too old, and nobody why they did not leave in time."""
    number = house.accept(1, validity_seconds=100)
    carrier = ScriptedCarrier()
    carrier.down = "cannot connect: Connection refused"
    clock.now += 100
    run(carrier, until_=settled(number, "expired"))
    (outcome,) = house.store.queue.outcomes(number, 1, 1)
    assert outcome.reason.endswith("the end of its validity; cannot connect: Connection refused")


def test_retries_end_with_the_validity(house, run, clock):
    """A message that no carrier takes would be tried for ever."""
    number = house.accept(1, validity_seconds=30)
    carrier = ScriptedCarrier({1: [Throttled(0)] * 50})

    def expired():
        clock.now += 0.2
        return house.states(number) == {1: "expired"}

    run(carrier, until_=expired)
    assert house.events(number)[1][-1] == "too_late"
    assert 2 <= len(carrier.sent) <= 4


def test_slices_in_flight_are_bounded(house, run, settled, until, gone_round):
    """A large backlog would be claimed whole, and memory run out."""
    number = house.accept(3000)
    carrier = ScriptedCarrier()

    async def scenario(dispatcher, task):
        del task
        carrier.gate.clear()
        await until(lambda: carrier.together == 2)
        await gone_round(dispatcher)
        assert len(dispatcher._recorder.held) == 2
        carrier.gate.set()
        await until(settled(number))

    run(carrier, scenario=scenario)
    assert carrier.most_together == 2


def test_small_file_passes_a_large_one(house, run, settled):
    """One customer's large file would hold up everyone's small ones."""
    large = house.accept(4000, "large")
    small = house.accept(1, "small")
    carrier = ScriptedCarrier()
    run(carrier, until_=lambda: settled(large)() and settled(small)())
    places = [
        number for number, envelope in enumerate(carrier.envelopes) if envelope.file.startswith("small")
    ]
    assert places[0] < 2000
