"""Submissions of files, and how reading them ends."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Protocol

from attrs import frozen

from smsfs.errors import Cause
from smsfs.states import BatchState, FileState
from smsfs.store.files import File, NewFile
from smsfs.store.notices import NewNotice
from smsfs.store.processes import Process
from smsfs.store.slices import NewSlice


class CreditUsedUpError(Exception):
    """The account may not send as many SMS: nothing was changed. Its text says how many it may."""


@frozen
class Batch:
    """A submitted file on its way to messages, or arrived there.

    Attributes:
        id: its number.
        account: the number of its account.
        file: the number of its file; None once that is deleted.
        path: of the file, or what lists of messages call it.
        stem: what the file's paths are made from.
        flags: what the file's name says about its content.
        state: how far reading it is.
        submitted: when it was, in seconds since the epoch.
        not_before: when it is due to be read, in seconds since the epoch.
        failures: how often reading it failed.
        messages: how many were accepted.
        causes: why rows or the file were refused, the first of them.
        cause_count: how many causes there were.
        finished: when its verdict came, in seconds since the epoch; None before.
        crashes: how many readers died at it in a row.
        more: of one that was just claimed, whether others of its lane were due too.
        resends: the batch of which it sends rows again; None for any other.
    """

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
    more: bool = True
    resends: int | None = None


@frozen
class Lane:
    """Files that wait behind each other: of one account and all its connectors, and of about one size."""

    principal: int
    large: bool


@frozen
class Verdict:
    """How reading a file ended.

    Attributes:
        path: the file's new path; lists of messages keep the old one if nobody sees the new one.
        at: when, in seconds since the epoch.
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
        results: a result file shows what becomes of the messages.
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


class Batches(Protocol):
    """Submitted files on the way to messages.

    Every write names the owner that claimed; a write of any other raises ``StaleOwnerError``.
    """

    def lanes(self) -> dict[Lane, float]:
        """Those with a file to be read, and when the first of each is due, the earliest first."""

    def claim_batch(self, owner: Process, now: float, lane: Lane | None = None) -> Batch | None:
        """Take the next submitted file to read, of all or of one lane.

        What an earlier reader staged is dropped. A power cut may undo it together with its reader, as long as
        nothing came of that.
        """

    def stage(self, batch: int, owner: Process, slices: Sequence[NewSlice]) -> None:
        """Store messages that nobody sends before ``accept``, which brings them to stable storage too."""

    def accept(self, batch: int, owner: Process, verdict: Verdict, slices: Sequence[NewSlice] = ()) -> None:
        """The file's messages are to be sent: they are queued, and the account is charged.

        Args:
            batch: the file's.
            owner: who claimed it.
            verdict: how it went.
            slices: the last of its messages, which were not staged.

        Raises:
            CreditUsedUpError: it cannot be charged so much.
            Exists: the file's new path, or a report's, is taken.
        """

    def reject(self, batch: int, owner: Process, verdict: Verdict) -> None:
        """None of the messages is to be sent: staged ones are dropped, the file becomes ``rejected``.

        Raises:
            Exists: as for ``accept``.
        """

    def ignore(self, batch: int, owner: Process, verdict: Verdict) -> None:
        """The file is not one that this account sends: it is a draft again; the causes are kept."""

    def strays(self, dialect: str, after: int, limit: int) -> list[File]:
        """Drafts of a dialect's accounts that nobody writes to and about which nothing was noted yet.

        In the order of their numbers, from the one behind ``after``.
        """

    def note_stray(self, file: File, stem: str, verdict: Verdict) -> bool:
        """Note a batch that was never read, for a draft that will never be submitted as it is.

        Returns:
            False if the draft has changed since it was read; nothing was noted.

        Raises:
            Exists: the path of one of the reports is taken.
        """

    def retry_batch(self, batch: int, owner: Process, not_before: float, *, counts: bool = True) -> None:
        """Reading failed through no fault of the file: read it again later; ``counts``: count the failure."""

    def release_batch(self, batch: int, owner: Process) -> None:
        """Give a claimed batch back unread."""

    def crashed(self, batch: int, retry_at: float, *, surely: bool) -> None:
        """Note that a reader died while it worked on a file, even if another has the file by now.

        The second time in a row it counts as a failure to read it, and the file is not read before
        ``retry_at``; the first time too if it was ``surely`` the file that killed its reader.
        """

    def twin(self, batch: Batch, digest: bytes, since: float) -> Batch | None:
        """An earlier batch of the same account, stem and bytes, accepted after ``since``."""

    def batches(self, account: int | None = None, file: str | None = None, after: int = 0) -> Iterator[Batch]:
        """Batches, oldest first; with ``file`` those whose path that is, or whose stem is part of it.

        Only those with numbers above ``after``.
        """

    def expire(self, finished_before: Mapping[int, float], limit: int) -> int:
        """Forget batches that finished, with all their messages done, before an account's time."""

    def forgotten(self, batches: Collection[int]) -> set[int]:
        """Which of some numbers belong to batches that were deleted."""
