"""Who runs next where only so many calls run at a time."""

import asyncio
import threading

import pytest

from smsfs.frontends.turns import Calls, ThreadTurns, Turns
from tests.support.server import wait_for

CROWD = 200


def test_accounts_take_turns():
    """The sessions of one account would keep another's waiting, one behind the other."""
    turns = Turns(2)
    assert [turns.take("greedy", number) for number in range(6)] == [True, True, False, False, False, False]
    assert not turns.take("honest", "first")
    assert not turns.take("honest", "second")
    served = [turns.give() for _ in range(8)]
    assert served == [2, "first", 3, "second", 4, 5, None, None]
    assert [turns.take("late", number) for number in range(3)] == [True, True, False]


def test_a_crowd_of_one_account_does_not_keep_another_waiting():
    """One account with many sessions at work would have all others wait for each of its requests."""

    async def scenario():
        calls, gate, order = Calls(1, "test"), threading.Event(), []  # two threads note theirs in any order
        tasks = [
            calls.run("greedy", lambda number=number: (gate.wait(60), order.append(number)))
            for number in range(CROWD)
        ]
        await asyncio.sleep(0)
        honest = calls.run("honest", order.append, "honest")
        await asyncio.sleep(0)
        gate.set()
        await asyncio.wait_for(asyncio.gather(honest, *tasks), 60)
        await asyncio.to_thread(calls.shutdown)
        return order

    order = asyncio.run(scenario())
    assert len(order) == CROWD + 1
    assert order.index("honest") <= 2


def test_a_call_that_is_given_up_leaves_its_place():
    """The server would stand still after so many connections were lost while they waited."""

    async def scenario():
        calls, gate = Calls(1, "test"), threading.Event()
        first = calls.run("one", gate.wait, 60)
        await asyncio.sleep(0)
        waiting = [calls.run("one", int) for _ in range(5)]
        await asyncio.sleep(0)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        gate.set()
        assert await first
        with pytest.raises(ZeroDivisionError):
            await calls.run("one", lambda: 1 // 0)
        assert await asyncio.wait_for(calls.run("two", lambda: 7), 60) == 7
        await asyncio.to_thread(calls.shutdown)

    asyncio.run(scenario())


def test_threads_take_turns():
    """Over FTP, one account with many sessions would have all others wait."""
    turns, gate, order = ThreadTurns(1), threading.Event(), []

    def call(account):
        with turns.turn(account):
            gate.wait(60)
            order.append(account)

    def waiting():
        return sum(map(len, turns._turns._waiting.values()))

    threads = []
    for number, account in enumerate(["greedy"] * 20 + ["honest"]):
        threads.append(threading.Thread(target=call, args=[account]))
        threads[-1].start()
        wait_for(lambda number=number: waiting() == number, "the thread to wait")
    gate.set()
    for thread in threads:
        thread.join(60)
    assert len(order) == 21
    assert order.index("honest") <= 2
