"""Receipts that are asked for."""

import threading

import attrs
import pytest

from smsfs.backends import Receipt
from smsfs.backends.http.asking import NotToldError
from smsfs.backends.http.bulksms import BulkSmsConfig
from smsfs.backends.http.gatewayapi import GatewayApiConfig
from smsfs.pipeline.dispatch.polling import Poll, start_polls
from smsfs.pipeline.reports.messages import statuses
from smsfs.secret import Secret
from smsfs.simulator.http import HttpSimulator, Message
from smsfs.simulator.http.own import Own
from smsfs.store import Outcome, SliceReport
from tests.support.http_carrier import on_a_thread
from tests.support.server import wait_for

CONFIG = GatewayApiConfig("gatewayapi", token=Secret("a"), poll_seconds=600, poll_hours=1)


class Carrier:
    """Says that what it is asked about has arrived.

    Attributes:
        asked: about which ids.
        fault: that it raises; None for none.
        knows: whether it says anything.
    """

    def __init__(self):
        self.asked, self.fault, self.knows = [], None, True

    def __call__(self, ids):
        """What became of some."""
        self.asked += ids
        if self.fault:
            raise self.fault
        return [Receipt(name, "", "delivered", "", "DELIVERED") for name in ids if self.knows]


@pytest.fixture
def carrier():
    """A carrier to be asked."""
    return Carrier()


@pytest.fixture
def poll(house, carrier):
    """Asks it."""
    return Poll(house.store, house.store.register("dispatch"), "out", CONFIG, carrier)


@pytest.fixture
def number(house, clock):
    """A batch of two messages that were taken just now."""
    batch = house.accept(2)
    owner = house.store.register("dispatch")
    slice_ = house.store.queue.claim_slice(owner, "out", clock(), oldest=True)
    taken = [Outcome(row, "accepted", clock(), f"c{row}", parts=1, attempt=1, recipient=45) for row in (1, 2)]
    house.store.queue.record(owner, [SliceReport(slice_, taken, done=True)])
    return batch


def rounds(poll, clock):
    """Go round once, and let the time until the next round pass."""
    while poll.step():
        pass
    clock.now += CONFIG.poll_seconds


def test_each_message_is_asked_about_until_it_is_known(house, clock, carrier, poll, number):
    """Messages would be shown as submitted for ever, or a provider be asked about each of them for ever."""
    rounds(poll, clock)
    assert carrier.asked == [], "it is too young"
    carrier.knows = False
    rounds(poll, clock)
    carrier.knows = True
    rounds(poll, clock)
    rounds(poll, clock)
    assert carrier.asked == ["c1", "c2"] * 2
    assert house.states(number) == {1: "delivered", 2: "delivered"}


def test_old_messages_are_not_asked_about(clock, carrier, poll, number):
    """Every question costs a request, and most numbers that are off stay off."""
    assert number
    clock.now += 3601
    rounds(poll, clock)
    assert carrier.asked == []


def test_what_is_not_stored_is_asked_again(house, clock, carrier, poll, number):
    """A receipt would be lost with the process that had it, for nobody asks about its message again."""
    clock.now += 120
    carrier.fault = NotToldError("it is away")
    with pytest.raises(NotToldError):
        poll.step()
    second = Poll(house.store, house.store.register("dispatch"), "out", CONFIG, carrier)
    assert not second.step(), "another process asks"
    carrier.fault = None
    rounds(poll, clock)
    assert carrier.asked == ["c1", "c2"] * 2
    assert set(house.states(number).values()) == {"delivered"}


def test_threads_ask_real_carriers(house, clock, number, tmp_path):
    """With poll_seconds in the configuration, nobody would ask all the same."""
    ended = threading.Event()
    clock.now += 120
    with on_a_thread(HttpSimulator(Own())) as simulator:
        simulator.messages += [
            Message(source="", destination="4520000001", text="", id=name) for name in ("c1", "c2")
        ]
        config = BulkSmsConfig(
            "bulksms", "id", url=simulator.url, token_secret=Secret("s"), poll_seconds=60, poll_rate=100
        )
        silent = attrs.evolve(config, poll_seconds=0)
        owner = house.store.register("dispatch")
        start_polls(house.store, owner, {"out": config, "two": silent}, tmp_path, ended)
        try:
            wait_for(lambda: set(house.states(number).values()) == {"delivered"}, "the receipts")
        finally:
            ended.set()
            wait_for(lambda: not any("poll" in item.name for item in threading.enumerate()), "the threads")
    (first, _) = statuses(house.store, house.batch(number))
    assert first.price == "1.5"
