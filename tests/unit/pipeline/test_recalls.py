"""What operators order about messages that a dispatcher has."""

import asyncio
import time
from functools import partial

import pytest

from smsfs.backends import Throttled, Unknown
from smsfs.control.acting import Operator
from smsfs.control.files import Selection, foresee, order, told
from smsfs.pipeline.sorting import sort
from smsfs.store import NewEntry, NewOrder
from smsfs.store.orders import LAST_ROW
from tests.support.scripted import OK, ScriptedCarrier

OPERATOR = Operator("alice", "command on gateway1")
ENTRY = NewEntry(0.0, "alice", "command on gateway1", "file cancel", "batch 1")


def waits(seconds=0.01, most=500):
    """As a command waits: for moments, and not for ever."""
    for _ in range(most):
        yield
        time.sleep(seconds)


@pytest.fixture
def verb(house):
    """Carry out a verb on a file."""

    def verb(number, action, rows=(), to="", patience=None):
        which = Selection(rows, to)
        return order(house.store, OPERATOR, house.batch(number), action, which, patience or waits())

    return verb


@pytest.fixture
def during(house, run, verb):
    """Carry out a verb on a file while a carrier has it, and answers nothing before that is done."""

    def during(number, carrier, action, until_, **which):
        answers = []

        async def scenario(dispatcher, task):
            del dispatcher
            await until_(lambda: task.done() or len(carrier.envelopes) > 0)
            answers.append(await asyncio.to_thread(partial(verb, number, action, **which)))
            carrier.gate.set()
            await until_(lambda: task.done() or not house.store.orders.holdings(number))

        carrier.gate.clear()
        run(carrier, scenario=scenario)
        return answers[0]

    return during


def test_what_waits_is_cancelled(house, run, verb, settled):
    """A file that was cancelled in time would be sent nevertheless."""
    number = house.accept(3)
    answer = verb(number, "cancel")
    assert (answer.done, answer.messages, answer.on_the_way, answer.left) == (3, 3, 0, 0)
    assert told(answer) == "3 of 3 cancelled"
    carrier, other = ScriptedCarrier(), house.accept(1, "b")
    run(carrier, until_=settled(other))
    assert {envelope.key for envelope in carrier.envelopes} == {f"{other}-1"}
    assert set(house.states(number).values()) == {"cancelled"}


def test_only_what_is_named_is_cancelled(house, run, verb, settled):
    """Other messages of the file would be lost, or a message would go to the number that was named."""
    number = house.accept(6)
    assert verb(number, "cancel", rows=((2, 3),)).done == 2
    assert verb(number, "cancel", to="4500000004").done == 1
    carrier = ScriptedCarrier()
    run(carrier, until_=settled(number, "submitted", "cancelled"))
    assert sorted(carrier.sent) == [1, 4, 6]


def test_what_a_dispatcher_has_is_called_back(house, during, until):
    """Hundreds of messages in the queue of a slow carrier would leave after the answer."""
    number, carrier = house.accept(4), ScriptedCarrier()
    answer = during(number, carrier, "cancel", until, rows=((2, 4),))
    assert (answer.done, answer.on_the_way) == (3, 0)
    assert house.states(number) == {1: "submitted", 2: "cancelled", 3: "cancelled", 4: "cancelled"}
    assert house.events(number)[2] == ["not_now", "cancel"]


def test_what_cannot_be_called_back_is_told_as_on_its_way(house, run, until, verb):
    """An operator would tell a customer that messages are cancelled which the carrier has already."""
    number, carrier, answers = house.accept(2), ScriptedCarrier(), []
    carrier.keeps = True

    async def scenario(_dispatcher, task):
        await until(lambda: task.done() or carrier.envelopes)
        cancel = partial(verb, number, "cancel", patience=waits(most=5))
        answers.append(await asyncio.to_thread(cancel))
        carrier.gate.set()
        await until(lambda: task.done() or set(house.states(number).values()) == {"submitted"})

    carrier.gate.clear()
    run(carrier, scenario=scenario)
    (answer,) = answers
    assert (answer.done, answer.on_the_way, answer.messages) == (0, 2, 2)
    assert told(answer) == "0 of 2 cancelled, 2 on their way, which may still leave"


def test_what_left_before_is_told_as_that(house, run, verb, settled):
    """The counts of the answer would not add up to the file."""
    number = house.accept(2)
    run(ScriptedCarrier(), until_=settled(number))
    answer = verb(number, "cancel")
    assert (answer.done, answer.left, answer.on_the_way) == (0, 2, 0)
    assert told(answer) == "0 of 2 cancelled, 2 submitted before"


@pytest.mark.parametrize("answer", [Throttled(0), Unknown("lost")])
def test_what_the_carrier_puts_off_after_the_order_does_not_leave(house, run, until, verb, answer):
    """A message that was on its way when it was cancelled would be tried again and again."""
    number, carrier = house.accept(1), ScriptedCarrier({1: [answer, OK]})
    carrier.keeps = True

    async def scenario(_dispatcher, task):
        await until(lambda: task.done() or carrier.envelopes)
        cancel = partial(verb, number, "cancel", patience=waits(most=5))
        assert (await asyncio.to_thread(cancel)).on_the_way == 1
        carrier.gate.set()
        await until(lambda: task.done() or house.states(number) == {1: "cancelled"})

    carrier.gate.clear()
    run(carrier, scenario=scenario)
    assert (len(carrier.sent), house.doubled(number)) == (1, [1] if isinstance(answer, Unknown) else [])


def test_what_is_held_leaves_when_it_is_released(house, run, verb, during, settled, until):
    """A held file would leave, or one that is released would wait for ever."""
    number, carrier = house.accept(3), ScriptedCarrier()
    held = during(number, carrier, "hold", until)
    assert (held.done, set(house.states(number).values())) == (3, {"held"})
    assert verb(number, "release", rows=((1, 2),)).done == 2
    run(ScriptedCarrier(), until_=settled(number, "submitted", "held"))
    assert house.states(number) == {1: "submitted", 2: "submitted", 3: "held"}
    assert told(verb(number, "release")) == "1 of 3 released, 2 not held before"
    run(ScriptedCarrier(), until_=settled(number))
    assert house.doubled(number) == []


def test_a_file_that_waits_to_be_read_is_held_as_soon_as_it_is(house, verb, table):
    """A file that was held before its messages were known would leave."""
    number = house.submit(table(2))
    answer = verb(number, "hold")
    assert (answer.unread, told(answer)) == (True, "not read yet: its messages are held as soon as it is")
    assert house.intake().step()
    sort(house.store)
    assert house.states(number) == {1: "held", 2: "held"}


@pytest.mark.logs("taken_over", "unknown_after_crash")
def test_what_a_dead_dispatcher_had_is_not_sent_again(house, elsewhere, run, verb):
    """After a crash in the midst of cancelling, messages would leave whose operator was told otherwise."""
    number = house.accept(2)
    assert elsewhere.store.queue.claim_slice(elsewhere.owner, "out", house.store.now(), oldest=True)
    elsewhere.store.close()
    answer = verb(number, "cancel", patience=waits(most=3))
    assert (answer.done, answer.on_the_way) == (0, 2)
    carrier = ScriptedCarrier()
    run(carrier, until_=lambda: set(house.states(number).values()) == {"cancelled"})
    assert (carrier.sent, house.doubled(number)) == ([], [1, 2])


def test_a_verb_that_dies_in_the_midst_is_carried_out(house, run, settled):
    """A file whose operator lost the connection while it was cancelled would wait, or leave."""
    number = house.accept(2)
    house.store.orders.give([NewOrder(number, "cancel", 1, LAST_ROW)], ENTRY)
    assert set(house.states(number).values()) == {"held"}
    carrier, other = ScriptedCarrier(), house.accept(1, "b")
    run(carrier, until_=lambda: settled(other)() and settled(number, "cancelled")())
    assert {envelope.key for envelope in carrier.envelopes} == {f"{other}-1"}


def test_a_verb_is_foreseen(house, verb):
    """An operator would cancel more than they meant, for nothing told them before."""
    number = house.accept(3)
    verb(number, "hold", rows=((3, 3),))
    assert foresee(house.store, house.batch(number), "cancel", Selection()).done == 3
    assert foresee(house.store, house.batch(number), "hold", Selection()).done == 2
    assert foresee(house.store, house.batch(number), "release", Selection(((2, 3),))).done == 1
    assert house.states(number) == {1: "queued", 2: "queued", 3: "held"}


def test_what_was_done_is_recorded(house, verb):
    """Nobody could tell who stopped a campaign, and how much of it."""
    number = house.accept(2)
    answer = verb(number, "cancel", rows=((1, 1),), to="4500000000")
    (entry,) = house.store.audit.entries()
    assert (entry.id, entry.who, entry.verb) == (answer.entry, "alice", "file cancel")
    assert entry.target.startswith(f"batch {number} of shop: a.")
    assert (entry.options, entry.result) == ('{"rows":"1","to":"4500000000"}', "1 of 1 cancelled")
