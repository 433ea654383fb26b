"""Who has to go when too many wait that have not logged in."""

import pytest

from smsfs.frontends.doorway import MOST_STEPS, PATIENCE, Doorway, SharedLimits, Ticket, network_of
from smsfs.frontends.limits import AddressLimits
from smsfs.frontends.quiet import Quiet
from smsfs.frontends.shares import Shares


class House:
    """A doorway, and who was dropped."""

    def __init__(self, total=1000, each=20, draw=lambda: 1.0, **shared):
        self.limits = AddressLimits(total, each, ban_after=3, ban_window=600, ban_time=100)
        self.doorway = Doorway(self.limits, SharedLimits(**shared), draw)
        self.dropped = []

    def enter(self, peer, now=0.0):
        """A connection's ticket, or why there is none."""
        return self.doorway.enter(peer, now, lambda: self.dropped.append((peer, now)))


def test_silent_connections_keep_nobody_out():
    """500 connections from 25 addresses that say nothing would shut everybody out for half a minute."""
    house = House(total=500)
    for number in range(500):
        house.enter(f"10.0.{number % 25}.1", now=number / 1000)
    honest = house.enter("192.0.2.7", now=0.5)
    assert isinstance(honest, Ticket)
    for number in range(500):
        house.enter(f"10.0.{number % 25}.1", now=0.5 + number / 1000)
    assert ("192.0.2.7", 0.5) not in house.dropped
    assert house.doorway.waiting == 250
    house.doorway.logged_in(honest, "shop")
    assert house.doorway.waiting == 249


def test_the_crowd_goes_first_and_of_it_the_oldest():
    """A single client would be dropped for others that come in numbers."""
    house = House(waiting=4)
    alone = house.enter("192.0.2.7", now=0)
    for number in range(5):
        house.enter("10.0.0.1" if number else "10.0.0.2", now=1 + number)
    assert house.dropped == [("10.0.0.1", 2), ("10.0.0.1", 3)]
    assert isinstance(alone, Ticket)


def test_who_gets_on_stays():
    """A client on a slow line would be dropped in the midst of its login, for one that says nothing."""
    house = House(waiting=2)
    slow, silent = house.enter("10.0.0.1", now=0), house.enter("10.0.0.2", now=1)
    slow.step(2)
    house.enter("10.0.0.3", now=3)
    assert house.dropped == [(silent.peer, 1)]
    for now in range(3, 30):
        slow.step(now)
    assert slow.steps == MOST_STEPS
    assert slow.moved < 29


def test_a_network_can_have_only_so_many_wait():
    """A network of attackers would have all places of those who wait."""
    house = House(each=2, waiting_per_network=3)
    for number in range(5):
        house.enter(f"10.0.0.{number}", now=number)
    assert house.dropped == [("10.0.0.0", 0), ("10.0.0.1", 1)]
    assert isinstance(house.enter("10.0.1.1"), Ticket)


@pytest.mark.parametrize(
    ("options", "reason"),
    [({"each": 2}, "too many connections from this address"), ({"total": 2}, "too many connections")],
)
def test_full_is_full_for_a_moment_only(options, reason):
    """Who holds an address's places, or all, and says nothing, would keep an honest client out."""
    house = House(**options)
    tickets = [house.enter("10.0.0.1", now=0) for _ in range(2)]
    assert house.enter("10.0.0.1", now=PATIENCE / 2) == reason
    assert isinstance(house.enter("10.0.0.1", now=PATIENCE), Ticket)
    assert house.dropped == [("10.0.0.1", 0)]
    for ticket in tickets:
        house.doorway.leave(ticket)
    assert isinstance(house.enter("10.0.0.1", now=PATIENCE), Ticket)


def test_who_has_logged_in_stays():
    """A client at work would be cut off by newcomers."""
    house = House(total=2)
    for _ in range(2):
        house.doorway.logged_in(house.enter("10.0.0.1", now=0), "shop")
    assert house.enter("10.0.0.2", now=100) == "too many connections"
    assert house.dropped == []


def test_idle_ones_go_by_chance_before_it_is_full():
    """The door would be full at every moment of an attack."""
    house = House(waiting=10, draw=lambda: 0.3)
    for number in range(7):
        house.enter(f"10.{number}.0.1", now=0)
    assert house.dropped == []
    house.enter("10.9.0.1", now=PATIENCE)
    assert len(house.dropped) == 1


def test_banned_ones_make_nobody_go():
    """Who is banned could push honest clients out all the same."""
    house = House(waiting=1)
    house.enter("10.0.0.2", now=0)
    for _ in range(3):
        house.limits.fail("10.0.0.1", 0)
    assert house.enter("10.0.0.1", now=50) == "banned"
    assert house.dropped == []


def test_what_has_gone_is_counted_once():
    """The server would count wrong, and in the end let nobody in, or everybody."""
    house = House(total=3, waiting=2)
    tickets = [house.enter("10.0.0.1", now=number) for number in range(3)]
    for ticket in tickets:
        house.doorway.leave(ticket)
    assert house.doorway.waiting == 0
    assert not house.limits.is_full()
    assert [isinstance(house.enter("10.0.0.1", now=9), Ticket) for _ in range(2)] == [True, True]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.254", True),
        ("192.0.2.1", "192.0.3.1", False),
        ("::ffff:192.0.2.1", "192.0.2.9", True),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("unknown", "unknown", True),
    ],
)
def test_what_counts_as_one_network(one, other, same):
    """An attacker would get round the limit by the next address of its network."""
    assert (network_of(one) == network_of(other)) is same


def test_an_account_leaves_connections_to_others():
    """One account would hold all connections, and every other be refused."""
    shares = Shares(most=200, total=100)
    assert [shares.take("greedy") for _ in range(100)].count(True) == 80
    assert [shares.take("other") for _ in range(100)].count(True) == 16
    assert shares.take("honest")
    shares.give_back("greedy")
    assert Shares(most=2).take("one")
    few = Shares(most=2)
    assert [few.take("one") for _ in range(3)] == [True, True, False]
    assert few.take("two")


def test_a_flood_of_events_is_a_few_lines():
    """A flood of connections would fill the disk with the log of their refusal."""
    now, told = [0.0], []
    quiet = Quiet(every=10, clock=lambda: now[0])
    for _ in range(1000):
        quiet.tell(lambda event, **values: told.append((event, values)), "refused", "full", peer="x")
    now[0] = 10
    quiet.tell(lambda event, **values: told.append((event, values)), "refused", "full", peer="y")
    quiet.tell(lambda event, **values: told.append((event, values)), "refused", "banned")
    assert told == [
        ("refused", {"reason": "full", "peer": "x"}),
        ("refused", {"reason": "full", "peer": "y", "passed_over": 999}),
        ("refused", {"reason": "banned"}),
    ]
