"""Messages go to the next backend when theirs is down, and a backend in trouble is left alone."""

import pytest

from smsfs.backends import Accepted, Rejected, Throttled, Unknown
from smsfs.pipeline.dispatch.failover import Move, moves
from smsfs.store import BackendState
from tests.support.scripted import ScriptedCarrier

pytestmark = pytest.mark.logs(
    "backend_failed", "backend_state", "rerouted", "taken_over", "unknown_after_crash"
)

BOTH = {"backend": "out,two"}


def down(reason="cannot connect"):
    """A carrier that is away: it wants nothing, and says why."""
    carrier = ScriptedCarrier()
    carrier.down, carrier.slices = reason, 0
    return carrier


def up_again(carrier):
    """It is back."""
    carrier.down, carrier.slices = "", 2


def state(backend, word, owner=1):
    """What a process says of a backend."""
    return BackendState(backend, word, "", 0.0, 0.0, owner)


def shown(house):
    """The states in the store, by backend."""
    return {item.backend: item.state for item in house.store.routing.states()}


@pytest.mark.parametrize(
    ("states", "target"),
    [
        ([("one", "down"), ("two", "up")], "two"),
        ([("one", "open"), ("two", "up")], "two"),
        ([("one", "half-open"), ("two", "up")], None),
        ([("one", "up"), ("two", "up")], None),
        ([("one", "down"), ("one", "up"), ("two", "up")], None),
        ([("one", "down"), ("one", "down"), ("two", "down"), ("two", "up")], "two"),
        ([("one", "down"), ("two", "half-open"), ("three", "up")], "three"),
        ([("one", "down"), ("two", "open"), ("three", "down")], None),
        ([("two", "up"), ("three", "up")], "two"),
        ([], None),
    ],
)
def test_what_is_moved(states, target):
    """Messages would leave a backend that a host can use, or go to one that none can."""
    told = [state(backend, word, owner) for owner, (backend, word) in enumerate(states)]
    expected = [Move("one", "one,two,three", target)] if target else []
    assert moves([("one", "one,two,three")], told) == expected


def test_moves_back_to_the_preferred_one():
    """When the second backend goes down, messages would wait although the first is back."""
    told = [state("one", "up"), state("two", "down")]
    assert moves([("two", "one,two")], told) == [Move("two", "one,two", "one")]


def test_messages_leave_by_the_next_backend(house, run, settled):
    """Messages would wait for a carrier that is away although another one could send them."""
    number = house.accept(1200, **BOTH)
    first, second = down(), ScriptedCarrier()
    run(first, second, until_=settled(number))
    assert (first.sent, sorted(second.sent)) == ([], list(range(1, 1201)))
    assert house.doubled(number) == []


def test_messages_without_a_chain_wait(house, run, settled):
    """Messages would leave by a carrier that their account must not use."""
    number, other = house.accept(1, backend="out"), house.accept(1, "b", backend="two")
    first = down()
    run(first, ScriptedCarrier(), until_=settled(other))
    assert house.states(number) == {1: "queued"}


def test_messages_come_back_when_the_next_one_fails(house, run, settled, until):
    """Messages that were moved once would be stuck with the second carrier."""
    number = house.accept(1, **BOTH)
    first, second = down(), down()

    async def scenario(dispatcher, task):
        del dispatcher, task
        second.down = ""
        await until(lambda: house.store.queue.backlog() == {"two": 1})
        second.down = "it went away"
        up_again(first)
        await until(settled(number))

    run(first, second, scenario=scenario)
    assert (first.sent, second.sent) == ([1], [])


def test_not_now_may_leave_by_the_next_backend_at_once(house, run, settled, until):
    """A message that a carrier put off, and which then went away, would wait for minutes."""
    number = house.accept(1, **BOTH)
    first, second = ScriptedCarrier({1: [Throttled(1000)]}), ScriptedCarrier()

    async def scenario(dispatcher, task):
        del dispatcher, task
        await until(lambda: house.events(number))
        first.down, first.slices = "it went away", 0
        await until(settled(number))

    run(first, second, scenario=scenario)
    assert (first.sent, second.sent) == ([1], [1])
    assert house.events(number)[1][-2:] == ["not_now", "accepted"]


def test_unknown_stays_with_its_backend(house, run, clock, until, gone_round):
    """A message that one carrier may have would be sent by another, and its recipient get it twice."""
    number = house.accept(3, **BOTH)
    first = ScriptedCarrier({1: [Unknown("lost")], 2: [Throttled(0)]})
    second = ScriptedCarrier()

    async def scenario(dispatcher, task):
        del task
        await until(lambda: len(house.events(number)) == 3)
        first.down, first.slices = "it went away", 0
        await until(lambda: house.states(number)[2] == "submitted")
        clock.now += 60
        await gone_round(dispatcher)
        assert (second.sent, house.states(number)[1]) == ([2], "queued")
        up_again(first)
        await until(lambda: house.states(number)[1] == "submitted")

    run(first, second, scenario=scenario)
    assert (first.sent, second.sent) == ([1, 2, 3, 1], [2])
    assert house.doubled(number) == [1]


def test_what_a_dead_dispatcher_held_stays_with_its_backend(
    house, elsewhere, run, settled, clock, until, gone_round
):
    """After a crash messages that one carrier may have would be sent by another."""
    number = house.accept(2, **BOTH)
    assert elsewhere.store.queue.claim_slice(elsewhere.owner, "out", house.store.now(), oldest=True)
    elsewhere.store.close()
    first, second = down(), ScriptedCarrier()

    async def scenario(dispatcher, task):
        del task
        await until(lambda: len(house.events(number)) == 2)
        clock.now += 60
        await gone_round(dispatcher)
        assert second.sent == []
        up_again(first)
        await until(settled(number))

    run(first, second, scenario=scenario)
    assert (first.sent, second.sent) == ([1, 2], [])


def test_a_backend_that_another_host_can_use_keeps_its_messages(house, elsewhere, run, until, gone_round):
    """One host with a broken line would take all messages from the carrier that the other host can reach."""
    number = house.accept(1, **BOTH)
    elsewhere.store.routing.report(elsewhere.owner, [state("out", "up")])

    async def scenario(dispatcher, task):
        del task
        await until(lambda: len(shown(house)) == 2)
        await gone_round(dispatcher)
        assert house.store.queue.backlog() == {"out": 1}
        elsewhere.store.close()
        await until(lambda: house.states(number) == {1: "submitted"})

    run(down(), ScriptedCarrier(), scenario=scenario)


def test_states_are_told_and_logged(house, run, until, events):
    """An operator would not see that a carrier is away, or since when and why."""
    first = ScriptedCarrier()

    async def scenario(dispatcher, task):
        del dispatcher, task
        await until(lambda: shown(house) == {"out": "up"})
        first.down = "cannot connect: Connection refused"
        await until(lambda: shown(house) == {"out": "down"})
        (told,) = house.store.routing.states()
        assert (told.reason, told.since, told.owner) == (first.down, house.store.now(), house.owner.id)
        first.down = ""
        await until(lambda: shown(house) == {"out": "up"})

    run(first, scenario=scenario)
    logged = [event for event in events if event["event"] == "backend_state"]
    assert [(item["backend"], item["state"]) for item in logged] == [("out", "down"), ("out", "up")]


class Silent(ScriptedCarrier):
    """A carrier that swallows what it gets, a slice each second."""

    slices = 1

    def __init__(self, clock):
        super().__init__()
        self.clock = clock

    async def submit(self, envelopes, answer, may_send):
        """Answer nothing for a second."""
        del answer, may_send
        self.envelopes += envelopes
        self.clock.now += 1


def test_backend_that_answers_nothing_is_left_alone(house, run, clock, until, events, gone_round):
    """A whole backlog would be of unknown fate because the carrier swallows what it gets."""
    number = house.accept(2000)
    carrier = Silent(clock)

    async def scenario(dispatcher, task):
        del task
        await until(lambda: shown(house).get("out") == "open")
        await gone_round(dispatcher)
        assert len(set(carrier.sent)) == len(carrier.sent) < 2000

    run(carrier, scenario=scenario)
    (told,) = [event for event in events if event["event"] == "backend_state"]
    assert told["reason"].endswith("the last: the backend gave no answer")
    assert list(house.states(number).values()).count("queued") == 2000


class Broken(ScriptedCarrier):
    """A carrier that raises an error while it is broken."""

    broken = True

    async def submit(self, envelopes, answer, may_send):
        """Fail, or answer."""
        self.calls.append(f"submit {len(envelopes)}")
        if self.broken:
            raise RuntimeError("broke")
        await super().submit(envelopes, answer, may_send)

    @property
    def given(self):
        """How many messages it was given, each time."""
        return [int(call.split()[1]) for call in self.calls if call.startswith("submit")]


def test_one_message_probes_before_the_rest_follow(house, run, clock, settled, until, gone_round):
    """A carrier that is still broken would be given hundreds of messages at each try."""
    number = house.accept(6000)
    carrier = Broken()

    async def scenario(dispatcher, task):
        del task
        breaker = dispatcher._gates["out"].breaker
        await until(lambda: shown(house).get("out") == "open")
        assert carrier.given == [500] * 10
        clock.now += 29.9
        await gone_round(dispatcher)
        assert carrier.given == [500] * 10
        clock.now += 0.1
        await until(lambda: breaker._pause == 60)
        assert carrier.given == [500] * 10 + [1]
        carrier.broken = False
        clock.now += 60
        await until(lambda: shown(house).get("out") == "up")
        clock.now += 900
        await until(settled(number))

    run(carrier, scenario=scenario)
    assert carrier.given[10:13] == [1, 1, 499]
    assert len(carrier.sent) == 6000
    assert not any("not_now" in events for events in house.events(number).values()), "only tries are recorded"


@pytest.mark.parametrize("answer", [Accepted("id", 1), Rejected("1", "no")], ids=["accepted", "rejected"])
def test_any_word_of_the_carrier_closes_it(house, run, clock, settled, until, answer):
    """A carrier that works would be left alone since the one message that probed was a bad one."""
    number = house.accept(5002)
    carrier = Broken({row: [answer] for row in range(1, 5003)})

    async def scenario(dispatcher, task):
        del dispatcher, task
        await until(lambda: shown(house).get("out") == "open")
        carrier.broken = False
        clock.now += 30
        await until(lambda: shown(house).get("out") == "up")
        clock.now += 900
        await until(settled(number, "submitted", "rejected"))

    run(carrier, scenario=scenario)


def test_not_now_to_a_probe_is_no_answer(house, run, clock, until, gone_round):
    """A carrier that has no room would be given everything, or be left alone for ever."""
    house.accept(5100)
    carrier = Broken({row: [Throttled(0)] for row in range(1, 5101)})

    async def scenario(dispatcher, task):
        del task
        await until(lambda: shown(house).get("out") == "open")
        carrier.broken = False
        clock.now += 30
        await until(lambda: shown(house).get("out") == "half-open" and len(carrier.sent) == 1)
        await gone_round(dispatcher)
        assert len(carrier.sent) == 1
        carrier.script.clear()
        clock.now += 60
        await until(lambda: shown(house).get("out") == "up")

    run(carrier, scenario=scenario)
    assert carrier.given[10:12] == [1, 1]


def test_open_breaker_sends_by_the_next_backend(house, run, clock, until, gone_round):
    """Messages would wait for half a minute and more although another carrier could send them."""
    number = house.accept(6000, **BOTH)
    second = ScriptedCarrier()

    async def scenario(dispatcher, task):
        del task
        await until(lambda: len(second.sent) == 1000)
        clock.now += 10
        await gone_round(dispatcher)

    run(Broken(), second, scenario=scenario)
    states = list(house.states(number).values())
    assert states.count("submitted") == 1000
    assert len(house.doubled(number)) == 5000
    assert not set(second.sent) & set(house.doubled(number))


def test_what_is_in_a_backends_line_comes_back_when_it_opens(house, run, until):
    """Hundreds of messages that a backend holds would follow those that had no answer."""
    house.accept(1)
    asked = []

    class Asks(ScriptedCarrier):
        async def submit(self, envelopes, answer, may_send):
            """Ask before and after the breaker opened."""
            self.envelopes += envelopes
            asked.append(may_send())
            await self.gate.wait()
            asked.append(may_send())
            answer(envelopes[0], Throttled(0))

    carrier = Asks()

    async def scenario(dispatcher, task):
        del task
        carrier.gate.clear()
        await until(lambda: carrier.sent)
        for _ in range(10):
            dispatcher._gates["out"].failed("broke", probe=False)
        carrier.gate.set()
        await until(lambda: len(asked) == 2)

    run(carrier, scenario=scenario)
    assert asked == [True, False]
