"""Who may connect: how many at a time, and after how long again when too many logins failed."""

import ipaddress
from collections import deque
from math import inf

from attrs import define, field

#: Addresses remembered at most; beyond it those unseen for longest are forgotten.
MAX_ADDRESSES = 10_000
_IPV6_NETWORK = 64


def key_of(peer: str) -> str:
    """What of a peer's address counts as one: an IPv4 address, or the /64 of an IPv6 one."""
    try:
        address = ipaddress.ip_address(peer.partition("%")[0])
    except ValueError:
        return peer
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, _IPV6_NETWORK), strict=False))


@define
class _Record:
    connections: int = 0
    failures: deque[float] = field(factory=deque)
    banned_until: float = -inf


@define
class AddressLimits:
    """Connections and failed logins by address. Times are seconds of any steady clock.

    Attributes:
        max_connections: of all addresses together.
        max_per_address: of one address.
        ban_after: failures that ban.
        ban_window: seconds within which they do.
        ban_time: seconds that a ban lasts.
    """

    max_connections: int
    max_per_address: int
    ban_after: int
    ban_window: float
    ban_time: float
    _total: int = field(init=False, default=0)
    _records: dict[str, _Record] = field(init=False, factory=dict)

    def connect(self, peer: str, now: float) -> str | None:
        """Count a new connection, or say why it is refused: then it is not counted."""
        record = self._record(peer)
        if now < record.banned_until:
            return "banned"
        if self._total >= self.max_connections:
            return "too many connections"
        if record.connections >= self.max_per_address:
            return "too many connections from this address"
        self._total += 1
        record.connections += 1
        return None

    def is_full(self, peer: str | None = None) -> bool:
        """Whether an address, or without one all together, has as many connections as it may."""
        if peer is None:
            return self._total >= self.max_connections
        return self._record(peer).connections >= self.max_per_address

    @property
    def total(self) -> int:
        """Connections of all addresses."""
        return self._total

    @property
    def most(self) -> int:
        """Connections of the address that has the most."""
        return max((record.connections for record in self._records.values()), default=0)

    def disconnect(self, peer: str) -> None:
        """A connection that was counted has ended."""
        self._total -= 1
        self._record(peer).connections -= 1

    def is_banned(self, peer: str, now: float) -> bool:
        """Whether the address is banned."""
        return now < self._record(peer).banned_until

    def fail(self, peer: str, now: float) -> bool:
        """Count a failed login; whether the address is banned from now on."""
        record = self._record(peer)
        record.failures.append(now)
        while record.failures[0] <= now - self.ban_window:
            record.failures.popleft()
        if len(record.failures) < self.ban_after:
            return False
        record.failures.clear()
        record.banned_until = now + self.ban_time
        return True

    def ban(self, peer: str, until: float) -> None:
        """Turn an address away until then, because of what others know about it."""
        record = self._record(peer)
        record.failures.clear()
        record.banned_until = until

    def lift(self, peer: str) -> None:
        """It is not banned, whatever is known here; failures still count."""
        self._record(peer).banned_until = -inf

    def banned(self, now: float) -> list[str]:
        """The addresses that are banned, as ``key_of`` gives them."""
        return [key for key, record in self._records.items() if now < record.banned_until]

    def _record(self, peer: str) -> _Record:
        key = key_of(peer)
        record = self._records.pop(key, None) or _Record()
        self._records[key] = record  # the one last seen stands last
        if len(self._records) > MAX_ADDRESSES:
            self._forget()
        return record

    def _forget(self) -> None:
        idle = (key for key, record in self._records.items() if not record.connections)
        self._records.pop(next(idle))
