"""Addresses that may not log in for a while: the interface that every engine implements."""

from collections.abc import Collection
from typing import Protocol

from attrs import frozen


@frozen
class Ban:
    """An address that is turned away; times are the store's.

    Attributes:
        address: an IPv4 address, or the /64 of an IPv6 one.
        since: when that began.
        until: when it ends.
        reason: why, for the operator.
    """

    address: str
    since: float
    until: float
    reason: str


@frozen
class BanRules:
    """``after`` failed logins within ``window`` seconds ban an address for ``time`` seconds."""

    after: int
    window: float
    time: float


class Bans(Protocol):
    """Failed logins and bans, of every door of every host."""

    def fail(self, address: str, rules: BanRules, reason: str, now: float) -> Ban | None:
        """Count a failed login; the ban, if that was one too many.

        A power cut may undo it.
        """

    def several(self, addresses: Collection[str], now: float) -> dict[str, Ban]:
        """The bans of some addresses that last."""

    def all(self, now: float) -> list[Ban]:
        """Those that last, the one that ends last first."""

    def add(self, ban: Ban) -> None:
        """Turn an address away; in place of what was there for it."""

    def lift(self, address: str) -> bool:
        """Let an address log in, with no failures counted; whether it was banned."""
