"""Connections that have not logged in: how many may wait, and which has to make room for the next.

A client that only connects and says nothing must not keep others out. So a newcomer is let in and one
that waits is dropped: in the network with the most of them, at the address with the most, the one whose login
has made no progress for longest. Once half the places are taken, idle ones are dropped by chance already
(random early drop).
"""

import ipaddress
import random
from collections import Counter
from collections.abc import Callable, Iterable

from attrs import define, frozen

from smsfs.frontends.limits import AddressLimits, key_of

#: Seconds without a step of its login after which a connection may have to go before its door is crowded.
PATIENCE = 1.0
#: Steps that count: a client cannot look busy for ever.
MOST_STEPS = 8
#: So many may wait at any door.
FEW = 10
_IPV4_NETWORK = 24


def network_of(peer: str) -> str:
    """The network of a peer: the /24 of an IPv4 address, or the /64 of an IPv6 one."""
    key = key_of(peer)
    try:
        return str(ipaddress.ip_network((ipaddress.IPv4Address(key), _IPV4_NETWORK), strict=False))
    except ValueError:
        return key


@frozen
class SharedLimits:
    """What accounts, and connections without a login, may take of one listener.

    Attributes:
        connections_per_account: that have logged in.
        sessions_per_account: SFTP sessions open at a time, on all connections of an account.
        waiting: connections that have not logged in, of all addresses.
        waiting_per_network: of those, of one IPv4 /24 or one IPv6 /64.
    """

    connections_per_account: int = 200
    sessions_per_account: int = 200
    waiting: int = 250
    waiting_per_network: int = 100


@define(eq=False)
class Ticket:
    """A connection that was let in.

    Attributes:
        peer: its address.
        address: what counts as that address.
        network: what counts as its network.
        moved: when its login last made progress.
        steps: how often it did.
        account: whose login it is, once it is.
    """

    peer: str
    address: str
    network: str
    moved: float
    drop: Callable[[], None]
    steps: int = 0
    account: str | None = None

    def step(self, now: float) -> None:
        """Its login made progress."""
        if self.steps < MOST_STEPS:
            self.steps += 1
            self.moved = now


class Doorway:
    """The connections of one listener that wait for their login. For one thread; times are of a steady clock.

    Args:
        limits: counts the connections of all and of each address, and knows who is banned.
        shared: how many may wait, but no more than half of all connections, and how many of one network, but
            no fewer than one address may have.
        draw: a random number from 0 to 1.
    """

    def __init__(
        self,
        limits: AddressLimits,
        shared: SharedLimits,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._limits = limits
        self._most = min(shared.waiting, max(FEW, limits.max_connections // 2))
        self._most_of_network = max(shared.waiting_per_network, limits.max_per_address)
        self._draw = draw
        self._waiting: set[Ticket] = set()
        self._gone: set[Ticket] = set()
        self._networks: Counter[str] = Counter()
        self._addresses: Counter[str] = Counter()

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def enter(self, peer: str, now: float, drop: Callable[[], None]) -> "Ticket | str":
        """Let a connection in, perhaps in place of another.

        Args:
            peer: its address.
            now: the time.
            drop: closes it; called when it has to make room, and ``leave`` may follow.

        Returns:
            The reason where it is refused.
        """
        if not self._limits.is_banned(peer, now):
            self._make_room(peer, now)
        reason = self._limits.connect(peer, now)
        if reason:
            return reason
        ticket = Ticket(peer, key_of(peer), network_of(peer), now, drop)
        self._waiting.add(ticket)
        self._networks[ticket.network] += 1
        self._addresses[ticket.address] += 1
        return ticket

    def logged_in(self, ticket: Ticket, account: str) -> None:
        """It waits no longer."""
        ticket.account = account
        self._wait_no_longer(ticket)

    def leave(self, ticket: Ticket) -> None:
        """It has ended."""
        if ticket in self._gone:
            self._gone.discard(ticket)
        else:
            self._wait_no_longer(ticket)
            self._limits.disconnect(ticket.peer)

    def _wait_no_longer(self, ticket: Ticket) -> None:
        if ticket in self._waiting:
            self._waiting.discard(ticket)
            for counter, key in ((self._networks, ticket.network), (self._addresses, ticket.address)):
                counter[key] -= 1
                if not counter[key]:
                    del counter[key]

    def _make_room(self, peer: str, now: float) -> None:
        network, address = network_of(peer), key_of(peer)
        idle = [ticket for ticket in self._waiting if now - ticket.moved >= PATIENCE]
        if self._networks[network] >= self._most_of_network:
            self._drop_of(ticket for ticket in self._waiting if ticket.network == network)
        elif len(self._waiting) >= self._most:
            self._drop_of(self._waiting)
        elif self._limits.is_full(peer):
            self._drop_of(ticket for ticket in idle if ticket.address == address)
        elif self._limits.is_full() or self._draw() < self._chance():
            self._drop_of(idle)

    def _chance(self) -> float:
        half = self._most / 2
        return (len(self._waiting) - half) / max(1.0, half)

    def _drop_of(self, tickets: Iterable[Ticket]) -> None:
        """Drop the one of these, if there is any, whose kind takes the most room."""
        victim = min(tickets, key=self._order, default=None)
        if victim:
            self.leave(victim)
            self._gone.add(victim)
            victim.drop()

    def _order(self, ticket: Ticket) -> tuple[int, int, float]:
        return -self._networks[ticket.network], -self._addresses[ticket.address], ticket.moved
