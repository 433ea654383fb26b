"""Numbers that want no more messages."""

from collections.abc import Iterable, Iterator
from typing import Protocol

from attrs import frozen


@frozen
class Optout:
    """A number that wants no more messages of an account, since when, and what put it on the list."""

    msisdn: str
    since: float
    source: str


class Optouts(Protocol):
    """Numbers that want no more messages of an account."""

    def add(self, account: int, msisdns: Iterable[str], source: str, now: float) -> int:
        """Put numbers on the list; how many were not there."""

    def remove(self, account: int, msisdns: Iterable[str]) -> int:
        """Take numbers from the list; how many were there."""

    def all(self, account: int) -> Iterator[Optout]:
        """The list, by number."""

    def listed(self, account: int, msisdns: Iterable[str]) -> set[str]:
        """Those of some numbers that are on the list."""
