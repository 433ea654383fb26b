"""What is kept in a store, and what is told to it."""

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import field, frozen
from msgspec import Struct

from smsfs.errors import Cause, StoreUnavailable
from smsfs.states import BatchState, FileState, SliceState


class StaleOwnerError(Exception):
    """A write by a process whose claim has gone to another: nothing was changed."""


class CreditUsedUpError(Exception):
    """The account may not send as many SMS: nothing was changed. Its text says how many it may."""


class LeaseLostError(StoreUnavailable):
    """This process was out of touch for so long that another may have taken over from it."""


@frozen
class Account:
    """One customer: a login, a folder, its rules. ``parent`` is the account that a connector belongs to.

    A session goes on while ``closings`` and ``resets`` are what they were when it began: the first counts how
    often the account was disabled, the second how often its password or keys were changed or taken away.
    """

    id: int
    name: str
    dialect: str
    password: str | None = field(repr=False)
    disabled: bool
    settings: Mapping[str, Any]
    created: float
    parent: int | None = None
    closings: int = 0
    resets: int = 0

    @property
    def principal(self) -> int:
        """Whose credit and opt-out list it uses: its own, or those of the account it belongs to."""
        return self.parent or self.id


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
    state: BatchState
    submitted: float
    not_before: float
    failures: int
    messages: int
    causes: tuple[Cause, ...]
    cause_count: int
    finished: float | None
    crashes: int = 0


@frozen
class Lane:
    """Files that wait behind each other: of one account and all its connectors, and of about one size."""

    principal: int
    large: bool


@frozen
class NewSlice:
    """Messages to store: ``messages`` is their encoded list, rows ``first_row`` to ``last_row``.

    ``refused`` are the outcomes of messages that are never sent; a slice of those has the backend ``""``.
    ``chain`` has the names of all backends that may send them, commas between them; it is empty if
    ``backend`` alone may.
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
    state: SliceState
    backend: str
    not_before: float
    expires: float
    attempt: int
    messages: bytes = field(repr=False)
    chain: str = ""


@frozen
class BackendState:
    """How a backend fares, as one process sees it.

    Attributes:
        backend: its name.
        state: ``"up"``, ``"down"``, ``"open"`` (left alone after failures) or ``"half-open"`` (being probed).
        reason: a clause that says why it is not up.
        since: when it came into this state; seconds since the epoch, the store's clock, as ``at``.
        at: when this was last seen.
        owner: the process that says so.
    """

    backend: str
    state: str
    reason: str
    since: float
    at: float
    owner: int = 0


class Outcome(Struct, frozen=True, gc=False):
    """One thing that became of one message.

    Attributes:
        row: of the message.
        event: of ``states.MESSAGE_TRANSITIONS``.
        at: when it was learnt, by the store's clock.
        carrier_id: under which the carrier knows the message, or a part of it.
        code: the carrier's code for the reason.
        reason: for people.
        parts: SMS it took; of an attempt without an answer, those it would take.
        attempt: from 1.
        recipient: MSISDN as a number, where a receipt or reply may come for this outcome.
        done: of a receipt: when, by the carrier's clock.
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


@frozen
class SetAside:
    """Why and when, by the store's clock, a slice was set aside; ``in_doubt``: its messages may have left."""

    reason: str
    at: float
    in_doubt: bool = False


@frozen
class SliceReport:
    """What a worker has learnt about a slice it holds.

    Attributes:
        slice: the claimed slice.
        outcomes: to append.
        done: every message of it has its outcome; the slice leaves the worker's hands.
        later: slices with the messages to try again, stored in the same commit.
        freed: rows that are given up, and what each has claimed; freed unless a carrier has, or may have, it.
        aside: why it is set aside, for its messages cannot be read; None: they can.
    """

    slice: Slice
    outcomes: Sequence[Outcome]
    done: bool = False
    later: Sequence[NewSlice] = ()
    freed: Sequence[tuple[int, str]] = ()
    aside: SetAside | None = None


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
        path: the file's new path; lists of messages keep the old one if nobody sees the new one.
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
        results: what becomes of the messages is to be told in a result file.
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
    results: bool = False


@frozen
class Result:
    """A result file that is to be written anew.

    Attributes:
        batch: whose messages it tells of.
        file: the file as it is now; None when there is none yet.
        changes: how much had become of the messages when this was asked.
        expires: when the last of them is too late to be sent.
    """

    batch: Batch
    file: int | None
    changes: int
    expires: float


@frozen
class ResultVersion:
    """What a result file shows from now on.

    Attributes:
        content: its bytes, on stable storage.
        size: how many they are.
        at: when they were written.
        final: nothing more will become of the messages.
        not_before: the next one waits until then, though there are changes.
        until: and is written then, though there are none.
    """

    content: str
    size: int
    at: float
    final: bool
    not_before: float
    until: float


@frozen
class NewReceipt:
    """A receipt as a carrier delivered it, of a message or one part of it.

    Attributes:
        backend: by which it came.
        carrier_id: the carrier's id for the message or part; empty if it could not be read.
        recipient: MSISDN as a number; None if the carrier does not say.
        event: of ``states.MESSAGE_TRANSITIONS``; empty if it could not be read.
        at: when it came, by the store's clock.
        code: the carrier's code for the reason.
        reason: its word.
        done: when, by the carrier's clock; None if it does not say.
        other: another id that it names, which counts if nobody knows the first; empty if it names none.
        reply: what it is if nobody knows its id: a message from a person that looks like a receipt.
    """

    backend: str
    carrier_id: str
    recipient: int | None
    event: str
    at: float
    code: str = ""
    reason: str = ""
    done: float | None = None
    other: str = ""
    reply: "NewReplyPart | None" = None

    @property
    def readable(self) -> bool:
        """Whether it says of what it is, and what became of that."""
        return bool(self.carrier_id and self.event)


@frozen
class MatchedReceipt:
    """A receipt, and the message that it is of."""

    receipt: NewReceipt
    account: str
    path: str
    row: int


@frozen
class NewReplyPart:
    """A message from a person, or a part of a long one; ``text`` may begin or end with half a character.

    Parts of one message share sender, recipient, reference and total; ``part`` counts from 1.
    """

    backend: str
    sender: str
    recipient: str
    text: str
    at: float
    reference: int = 0
    part: int = 1
    total: int = 1


@frozen
class Reply:
    """A message from a person.

    Attributes:
        id: its number.
        backend: by which it came.
        sender: who wrote it; digits where it is a number.
        recipient: the number or short code it was sent to.
        text: what was written.
        whole: every part of it came.
        at: when its last part came, by the store's clock; if that was over an hour before it was
            put together, when it was.
        account: name of the account that it is for; None where no message went to that number before.
        batch: with the last message that went there.
        path: of that batch's file; None once that is forgotten.
        row: of that message.
        stopped: it has put its sender on the account's opt-out list.
    """

    id: int
    backend: str
    sender: str
    recipient: str
    text: str
    whole: bool
    at: float
    account: str | None = None
    batch: int | None = None
    path: str | None = None
    row: int | None = None
    stopped: bool = False


@frozen
class Arrived:
    """What has come in: receipts with their messages, those kept without one, and replies.

    ``again`` is what came before, and is not stored a second time.
    """

    matched: Sequence[MatchedReceipt] = ()
    kept: Sequence[NewReceipt] = ()
    replies: Sequence[Reply] = ()
    again: Sequence[NewReceipt | NewReplyPart] = ()


@frozen
class Optout:
    """A number that wants no more messages of an account, since when, and what put it on the list."""

    msisdn: str
    since: float
    source: str


@frozen
class News:
    """That something became of a message: ``number`` is its outcome's, larger for later ones."""

    number: int
    batch: int
    slice: int
    row: int
