"""The processes that work on a store, and what they are refused."""

from attrs import frozen

from smsfs.errors import StoreUnavailable


class StaleOwnerError(Exception):
    """A write by a process whose claim has gone to another: nothing was changed."""


class LeaseLostError(StoreUnavailable):
    """This process was out of touch for so long that another may have taken over from it."""

    def __init__(self) -> None:
        super().__init__("This process was out of touch with the store; it goes on under a new term.")


@frozen
class Process:
    """This process, or another that runs: what holds files, batches and slices. ``id`` is its term."""

    id: int
    kind: str


@frozen
class ProcessInfo:
    """A process as every host sees it; times are the store's.

    Attributes:
        host: its host's name.
        kind: what it does there.
        term: its number; of two, the larger came later.
        version: of smsfs.
        since: when it started, in seconds since the epoch, as ``until``.
        until: when it counts as dead unless it gives another sign of life; None where the kernel knows.
        leases: slices, batches and open files it holds.
        alive: whether it counts as alive.
    """

    host: str
    kind: str
    term: int
    version: str
    since: float
    until: float | None
    leases: int
    alive: bool
