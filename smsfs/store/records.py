"""What is kept in a store, and what is told to it."""

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import field, frozen

from smsfs.errors import Cause, StoreUnavailable
from smsfs.states import FileState


class StaleOwnerError(Exception):
    """A write by a process whose claim has gone to another: nothing was changed."""


class CreditUsedUpError(Exception):
    """The account may not send as many SMS: nothing was changed. Its text says how many it may."""


class LeaseLostError(StoreUnavailable):
    """This process was out of touch for so long that another may have taken over from it."""


@frozen
class Account:
    """One customer: a login, a folder, its rules. ``parent`` is the account that a connector belongs to."""

    id: int
    name: str
    dialect: str
    password: str | None = field(repr=False)
    disabled: bool
    settings: Mapping[str, Any]
    created: float
    parent: int | None = None


@frozen
class Owner:
    """A running process; ``id`` is its term."""

    id: int
    kind: str


@frozen
class Host:
    """A process as every host sees it; times are the store's.

    Attributes:
        host: its host's name.
        kind: what it does there.
        term: its number; of two, the larger came later.
        version: of smsfs.
        since: when it started.
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


@frozen
class File:
    """A file of an account as the store has it.

    ``size`` counts the client's bytes, ``tail`` what is shown behind them; ``writers`` are the processes
    (ids of owners) that have it open for writing.
    """

    id: int
    account: int
    folder: str
    name: str
    state: FileState
    content: str
    size: int
    tail: bytes
    mtime: float
    cut: bool
    writers: tuple[int, ...] = ()

    @property
    def path(self) -> str:
        """Relative to the account."""
        return f"{self.folder}/{self.name}" if self.folder else self.name


@frozen
class Batch:
    """A submitted file on its way to messages, or arrived there."""

    id: int
    account: int
    file: int | None
    path: str
    stem: str
    flags: frozenset[str]
    state: str
    submitted: float
    not_before: float
    failures: int
    messages: int
    causes: tuple[Cause, ...]
    cause_count: int
    finished: float | None


@frozen
class NewSlice:
    """Messages to store: ``messages`` is their encoded list, rows ``first_row`` to ``last_row``.

    ``refused`` are the outcomes of messages that are never sent; a slice of those has the backend ``""``.
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


@frozen
class Slice:
    """Stored messages of one batch, the unit of claim and retry."""

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
    state: str
    backend: str
    not_before: float
    expires: float
    attempt: int
    messages: bytes = field(repr=False)


@frozen
class Outcome:
    """One thing that became of one message: ``event`` is of ``states.MESSAGE_TRANSITIONS``."""

    row: int
    event: str
    at: float
    carrier_id: str = ""
    code: str = ""
    reason: str = ""
    parts: int = 0
    attempt: int = 0


@frozen
class SliceReport:
    """What a worker has learnt about a slice it holds.

    Attributes:
        slice: the claimed slice.
        outcomes: to append.
        done: every message of it has its outcome; the slice leaves the worker's hands.
        later: slices with the messages to try again, stored in the same commit.
    """

    slice: Slice
    outcomes: Sequence[Outcome]
    done: bool = False
    later: Sequence[NewSlice] = ()


@frozen
class NewFile:
    """A file that smsfs writes for the client: its path, its bytes in the store's contents, their number."""

    path: str
    content: str
    size: int


@frozen
class NewNotice:
    """An e-mail to send about a batch.

    Attributes:
        kind: ``"verdict"``: how reading ended; ``"window"``: what was not sent by the end of its time.
        address: to whom.
        due: when.
    """

    kind: str
    address: str
    due: float


@frozen
class Notice:
    """An e-mail that is to be sent; ``failures`` is how often it could not be."""

    id: int
    account: int
    batch: int
    kind: str
    address: str
    failures: int


@frozen
class Verdict:
    """How reading a file ended.

    Attributes:
        path: the file's new path.
        at: when.
        messages: how many were accepted.
        size: bytes of the file that are the client's own.
        tail: bytes to show behind them.
        digest: hash of the client's bytes; None when they were not all read.
        causes: the first causes.
        cause_count: how many there were.
        state: of the file now; what ``Queue.accept`` makes of it unless it says otherwise.
        cost: SMS that the account is charged for, if its credit is limited.
        reports: files that appear beside it.
        notices: e-mails to send about it.
    """

    path: str
    at: float
    messages: int = 0
    size: int = 0
    tail: bytes = b""
    digest: bytes | None = None
    causes: Sequence[Cause] = ()
    cause_count: int = 0
    state: FileState = FileState.SUCCESS
    cost: int = 0
    reports: Sequence[NewFile] = ()
    notices: Sequence[NewNotice] = ()
