"""The record of what operators did."""

from typing import Protocol

from attrs import frozen


@frozen
class NewEntry:
    """One thing that an operator does.

    Attributes:
        at: when, in seconds since the epoch by the store's clock.
        who: the operator.
        origin: how and from where, such as ``"command on gateway1"``.
        verb: such as ``"file cancel"``.
        target: what it is done to, such as ``"batch 12 of shop: a.csv"``.
        options: how, as JSON.
        result: what came of it; None while that is not known.
    """

    at: float
    who: str
    origin: str
    verb: str
    target: str
    options: str = "{}"
    result: str | None = None


@frozen
class Entry(NewEntry):
    """One that was recorded."""

    id: int = 0


class Audit(Protocol):
    """The record. What it tells of is committed together with it."""

    def add(self, entry: NewEntry) -> int:
        """Record something by itself; its number."""

    def conclude(self, entry: int, result: str) -> None:
        """Add what came of it."""

    def entries(self, before: int | None = None, limit: int = 200) -> list[Entry]:
        """Some of the record, newest first, from the one before a number."""
