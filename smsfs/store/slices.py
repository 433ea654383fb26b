"""Stored messages, and what becomes of them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol

from attrs import field, frozen
from msgspec import Struct

from smsfs.states import SliceState
from smsfs.store.processes import Process


@frozen
class NewSlice:
    """Messages to store.

    Attributes:
        seq: its place in its batch, from 0.
        first_row: the lowest row of its messages.
        last_row: the highest; rows between them may be other slices'.
        size: how many messages.
        messages: their encoded list.
        backend: that is to send them; empty for messages that are never sent.
        not_before: when they are due, in seconds since the epoch.
        expires: when it is too late to send them, in seconds since the epoch.
        attempt: how often they were tried before.
        again: they are in an earlier slice of the batch too.
        refused: outcomes of messages that are never sent.
        numbers: by which slices with messages to a number are found: four bytes of each recipient; empty in
            one that is tried again.
        chain: names of all backends that may send them, with commas between; empty if ``backend`` alone may.
        orders: the number of the last operator's order that they were sorted by.
    """

    seq: int
    first_row: int
    last_row: int
    size: int
    messages: bytes
    backend: str
    not_before: float
    expires: float
    attempt: int = 0
    again: bool = False
    refused: Sequence["Outcome"] = ()
    chain: str = ""
    numbers: bytes = field(default=b"", repr=False)
    orders: int = 0


@frozen
class Slice:
    """Stored messages of one batch, the unit of claim and retry.

    Attributes are those of ``NewSlice``, and these:

    Attributes:
        id: its number.
        batch: the number of its batch.
        account: the name of the batch's account.
        path: of the batch.
        submitted: when the batch was, in seconds since the epoch.
        state: where it is.
        attempt: how often it was claimed, this time included.
        more: of one that was just claimed, whether others of its account may be due too.
    """

    id: int
    batch: int
    account: str
    path: str
    submitted: float
    seq: int
    first_row: int
    last_row: int
    size: int
    again: bool
    state: SliceState
    backend: str
    not_before: float
    expires: float
    attempt: int
    messages: bytes = field(repr=False)
    chain: str = ""
    orders: int = 0
    more: bool = True


class Outcome(Struct, frozen=True, gc=False):
    """One thing that became of one message.

    Attributes:
        row: of the message.
        event: of ``states.MESSAGE_TRANSITIONS``.
        at: when it was learnt, in seconds since the epoch by the store's clock.
        carrier_id: under which the carrier knows the message, or a part of it.
        code: the carrier's code for the reason.
        reason: for people.
        parts: SMS it took; of an attempt without an answer, those it would take.
        attempt: from 1.
        recipient: MSISDN as a number, where a receipt or reply may come for this outcome.
        done: of a receipt: when, in seconds since the epoch by the carrier's clock.
        price: that the carrier tells, a decimal number and perhaps a currency behind a blank.
    """

    row: int
    event: str
    at: float
    carrier_id: str = ""
    code: str = ""
    reason: str = ""
    parts: int = 0
    attempt: int = 0
    recipient: int | None = None
    done: float | None = None
    price: str | None = None


@frozen
class SetAside:
    """Why and when, by the store's clock, a slice was set aside; ``in_doubt``: its messages may have left."""

    reason: str
    at: float
    in_doubt: bool = False


class Freed(NamedTuple):
    """A key that a row which is given up has claimed."""

    row: int
    key: str


@frozen
class SliceReport:
    """What a worker has learnt about a slice that it holds.

    Attributes:
        slice: the claimed slice.
        outcomes: to append.
        done: every message of it has its outcome; the slice leaves the worker's hands.
        later: slices with the messages to try again, stored in the same commit.
        freed: keys to free, unless a carrier has the message, or may have it.
        aside: why it is set aside, for its messages cannot be read; None: they can.
    """

    slice: Slice
    outcomes: Sequence[Outcome]
    done: bool = False
    later: Sequence[NewSlice] = ()
    freed: Sequence[Freed] = ()
    aside: SetAside | None = None


class Abandoned(NamedTuple):
    """A claimed slice, and the term of the dead process that claimed it."""

    owner: int
    slice: Slice


class Slices(Protocol):
    """Messages on the way out.

    Every write names the owner that claimed; a write of any other raises ``StaleOwnerError``.
    """

    def principals(self, backend: str, now: float) -> list[int]:
        """The accounts that have a slice for a backend which is due; connectors count as their account."""

    def claim_slice(
        self, owner: Process, backend: str, now: float, *, oldest: bool, principal: int | None = None
    ) -> Slice | None:
        """Take a slice to send: the one that waits longest, or the earliest part of any file.

        Args:
            owner: who takes it.
            backend: that is to send it.
            now: the time it is.
            oldest: which of the two.
            principal: whose; None: anybody's.
        """

    def claim_overdue(self, owner: Process, now: float) -> Slice | None:
        """Take the slice of any backend whose time has been over for longest."""

    def release_slice(self, slice_: Slice, owner: Process) -> None:
        """Give back a claimed slice from which nothing was sent; stopped, if an order came meanwhile."""

    def record(self, owner: Process, reports: Sequence[SliceReport], *, synced: bool = True) -> list[Slice]:
        """Append what was learnt, for all reports in one commit.

        Args:
            owner: who reports.
            reports: what.
            synced: on stable storage when this returns. Otherwise with the owner's next commit.

        Returns:
            The slices that are no longer this owner's; nothing was written about them.
        """

    def abandoned(self, alive: Callable[[], Iterable[int]]) -> list[Abandoned]:
        """Claimed slices of dead processes.

        Args:
            alive: the terms of those that live; asked after the slices were read, so that one which has just
                begun is not taken for dead.
        """

    def take_over(self, slice_: Slice, dead: int, owner: Process) -> set[int] | None:
        """Make a dead owner's slice this owner's.

        Returns:
            The rows that have an outcome of this attempt already; None when another was quicker.
        """

    def next_time(self, backend: str) -> float | None:
        """When the next queued slice of a backend is due; None when there is none."""

    def slices(self, batch: int) -> Iterator[Slice]:
        """The slices of a batch in order, those tried again among them."""

    def outcomes(self, batch: int, first_row: int, last_row: int) -> list[Outcome]:
        """What was appended about messages, oldest first."""

    def backlog(self) -> dict[str, int]:
        """Messages queued or with a worker, by backend."""
