"""Backends that operators paused."""

import asyncio

import pytest

from smsfs.control.acting import Operator
from smsfs.control.backends import pause_backend, resume_backend
from tests.support.scripted import ScriptedCarrier

ALICE = Operator("alice", "command on gateway1")


@pytest.mark.logs("backend_state")
def test_nothing_goes_to_a_paused_backend(house, run, until, gone_round, settled):
    """An operator who paused a carrier would see messages go there, after a restart at least."""
    number, carrier = house.accept(2), ScriptedCarrier()
    pause_backend(house.store, ALICE, "out", "paused", "their maintenance")

    async def scenario(dispatcher, task):
        await gone_round(dispatcher)
        assert carrier.sent == []
        (state,) = [item for item in house.store.routing.states() if item.backend == "out"]
        assert (state.state, state.reason) == ("down", "paused by alice: their maintenance")
        assert await asyncio.to_thread(resume_backend, house.store, ALICE, "out")
        await until(lambda: task.done() or settled(number)())

    run(carrier, scenario=scenario)
    assert sorted(carrier.sent) == [1, 2]


@pytest.mark.logs("backend_state")
@pytest.mark.parametrize(("mode", "leaves"), [("paused", False), ("draining", True)])
def test_what_was_claimed_leaves_while_it_drains_only(house, run, until, mode, leaves):
    """Messages would be stuck in a backend that drains, or leave by one that is paused."""
    asked = []

    class Asking(ScriptedCarrier):
        async def submit(self, envelopes, answer, may_send):
            asked.append(may_send)
            await super().submit(envelopes, answer, may_send)

    number, carrier = house.accept(1), Asking()

    async def scenario(_dispatcher, task):
        await until(lambda: task.done() or asked)
        await asyncio.to_thread(pause_backend, house.store, ALICE, "out", mode, "")
        await until(lambda: task.done() or any(item.state == "down" for item in house.store.routing.states()))
        assert asked[0]() is leaves
        carrier.gate.set()
        await until(lambda: task.done() or house.states(number) == {1: "submitted"})

    carrier.gate.clear()
    run(carrier, scenario=scenario)


def test_a_pause_is_recorded(house):
    """Nobody could tell who paused a carrier, and why."""
    pause_backend(house.store, ALICE, "out", "paused", "why")
    pause_backend(house.store, ALICE, "out", "draining", "")
    assert [str(item) for item in house.store.routing.pauses()] == ["draining by alice"]
    assert resume_backend(house.store, ALICE, "out")
    assert resume_backend(house.store, ALICE, "out") is None
    entries = house.store.audit.entries()
    assert [entry.verb for entry in entries] == ["backend resume", "backend drain", "backend pause"]
    assert [entry.result for entry in entries] == ["resumed", "draining", "paused"]
    assert entries[2].options == '{"reason":"why"}'
