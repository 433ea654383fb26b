"""The durable truth, and the interface to it that every engine implements.

An engine is a ``Store``: accounts, files, the queue and file contents. Whatever a method changes is on
stable storage when it returns, unless its description says otherwise. Methods are safe to call from
several threads and processes; each is one transaction, and ``Files.change`` opens one for several steps.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from smsfs.store.accounts import Accounts
from smsfs.store.bans import Bans
from smsfs.store.claims import Claims, Notices
from smsfs.store.contents import Contents, ContentWriter
from smsfs.store.daily import Daily
from smsfs.store.inbound import Inbound, Optouts, Stops
from smsfs.store.queue import Queue
from smsfs.store.records import (
    Account,
    Arrived,
    BackendState,
    Batch,
    CreditUsedUpError,
    File,
    Host,
    Lane,
    LeaseLostError,
    MatchedReceipt,
    NewFile,
    NewNotice,
    NewReceipt,
    NewReplyPart,
    News,
    NewSlice,
    Notice,
    Optout,
    Outcome,
    Owner,
    Reply,
    Result,
    ResultVersion,
    SetAside,
    Slice,
    SliceReport,
    StaleOwnerError,
    Verdict,
)
from smsfs.store.results import Results
from smsfs.store.routing import Routing
from smsfs.store.soundness import Soundness
from smsfs.store.trouble import Aside, Trouble, WorkerState
from smsfs.store.waits import Waits

__all__ = [
    "Account",
    "Accounts",
    "Arrived",
    "Aside",
    "BackendState",
    "Bans",
    "Batch",
    "Claims",
    "ContentWriter",
    "Contents",
    "CreditUsedUpError",
    "Daily",
    "Feed",
    "File",
    "FileChange",
    "FileView",
    "Files",
    "Host",
    "Inbound",
    "Lane",
    "LeaseLostError",
    "MatchedReceipt",
    "NewFile",
    "NewNotice",
    "NewReceipt",
    "NewReplyPart",
    "NewSlice",
    "News",
    "Notice",
    "Notices",
    "Optout",
    "Optouts",
    "Outcome",
    "Owner",
    "Queue",
    "Reply",
    "Result",
    "ResultVersion",
    "Results",
    "Routing",
    "SetAside",
    "Slice",
    "SliceReport",
    "StaleOwnerError",
    "Stops",
    "Store",
    "Trouble",
    "Verdict",
    "Waits",
    "WorkerState",
]


class FileView(Protocol):
    """The files of accounts, as one moment has them."""

    def find(self, account: int, path: str) -> File | None:
        """The file at ``path``; aliases are not files."""

    def get(self, file: int) -> File | None:
        """The file with this id."""

    def listing(self, account: int, folder: str) -> list[File]:
        """The files directly in a folder, by name, but for consumed ones."""

    def page(self, account: int, folder: str, after: str, limit: int) -> list[File]:
        """Of these at most ``limit`` whose names come after ``after``, in the order of the names' bytes."""

    def alias(self, account: int, path: str, now: float) -> File | None:
        """The file submitted under ``path``, while that name answers; a draft made of it since is another."""

    def usage(self, account: int) -> tuple[int, int]:
        """Number of files, and their bytes."""


class FileChange(FileView, Protocol):
    """One transaction on the files of one account; alone on it until it ends."""

    def account(self, account: int) -> Account | None:
        """The account with this id; who may use it does not change until the transaction ends."""

    def add(self, account: int, path: str, content: str, mtime: float) -> File:
        """A new, empty draft."""

    def renew(self, file: int, content: str, mtime: float) -> File:
        """Give a draft another content, empty yet, and no writers: those who had it open have lost it.

        The old content is theirs until they end, for they may still write to it.
        """

    def move(self, file: int, path: str) -> None:
        """Give a file another path, which must be free."""

    def remove(self, file: int) -> None:
        """Forget a file; its content is the caller's to delete once the transaction is committed."""

    def resize(self, file: int, size: int, mtime: float) -> None:
        """Note a file's size."""

    def set_times(self, file: int, mtime: float) -> None:
        """Note a file's time of modification."""

    def reopen(self, file: int, path: str) -> None:
        """Make a rejected file a draft again, without its tail."""

    def add_writer(self, file: int, owner: Owner) -> int:
        """Note that ``owner`` has the file open for writing."""

    def end_writer(
        self, writer: int, size: int, mtime: float, *, cut: bool, wrote: bool = True
    ) -> File | None:
        """Note that a writer is through.

        Args:
            writer: the number it was given.
            size: of the file now.
            mtime: of the file now.
            cut: it ended without the file being complete.
            wrote: it changed the file; if it did, and began after an earlier cut, that is made good.

        Returns:
            The file; None when it is gone.
        """

    def cut_writer(self, writer: int) -> None:
        """Note that a writer ended without its file being complete."""

    def submit(self, file: File, path: str, stem: str, flags: Iterable[str], at: float, now: float) -> int:
        """Hand a draft or a mended rejected file over: new state, new path, a batch to be read now.

        Args:
            file: what to hand over.
            path: its new path.
            stem: what its later paths are made from.
            flags: what its name says about its content.
            at: the time its names carry, which may lie ahead when they are taken.
            now: the time it is.

        Returns:
            The id of the batch.
        """

    def add_alias(self, account: int, path: str, file: int, until: float) -> None:
        """Let ``path`` answer for a file."""


class Files(Protocol):
    """Access to files."""

    def view(self) -> FileView:
        """To read from."""

    def change(self, account: int, *, synced: bool = True) -> AbstractContextManager[FileChange]:
        """To write to: committed at the end of the block, rolled back by an exception.

        Without ``synced`` it is on stable storage only with the next change that is synced, if a power cut
        ends all who saw it: for what nobody is told who outlives that.
        """

    def all(self, account: int | None = None) -> Iterator[File]:
        """Every file, by account and path, consumed ones too."""

    def expire(self, finished_before: Mapping[int, float], limit: int) -> list[str]:
        """Forget files that finished before an account's time; their contents, for the caller to delete."""


class Feed(Protocol):
    """What is new, for those who watch. Of several hosts' outcomes one may appear after a later one."""

    def newest(self) -> int:
        """The number of the newest outcome; 0 when there is none."""

    def outcomes(self, first: int, last: int, limit: int) -> list[News]:
        """Outcomes with numbers from ``first`` to ``last``, in order."""

    def accepted(self, since: float) -> list[tuple[int, float]]:
        """Batches that were accepted since then: number and time, in order of time."""

    def claimed(self) -> list[tuple[int, int]]:
        """Slices that are with a backend: number and attempt."""

    def batch(self, batch: int) -> Batch | None:
        """The batch with this number."""

    def slice(self, slice_: int) -> Slice | None:
        """The slice with this number."""


class Store(Soundness, Protocol):
    """One engine's store."""

    accounts: Accounts
    bans: Bans
    files: Files
    queue: Queue
    claims: Claims
    notices: Notices
    daily: Daily
    results: Results
    routing: Routing
    inbound: Inbound
    optouts: Optouts
    feed: Feed
    trouble: Trouble
    waits: Waits
    contents: Contents

    def now(self) -> float:
        """Seconds since the epoch by the store's own clock."""

    def register(self, kind: str, name: str = "") -> Owner:
        """Make this process known; it counts as alive until it ends, in whatever way.

        Args:
            kind: what it does.
            name: by which whoever started it may tell that it has ended.
        """

    def holds(self, owner: Owner) -> bool:
        """Whether this process may still act as ``owner``: nobody can have taken over from it yet."""

    def current(self, owner: Owner) -> Owner:
        """``owner`` while it is held, else the same kind of owner under a new term."""

    def lead(self, owner: Owner, what: str) -> bool:
        """Whether ``owner`` is the one process, of all hosts, that does some work.

        It becomes that if nobody is, or the one that was is dead; it stays it until it dies.
        """

    def hosts(self) -> list[Host]:
        """Every process there is, or was a moment ago."""

    def alive(self) -> dict[int, str]:
        """The processes that run: the kind of each by its id."""

    def settle(self, ended: str = "") -> int:
        """Put right what dead processes left: files they wrote are cut, batches they read are pending.

        Args:
            ended: the name of a process that has surely ended, however alive it seems.

        Returns:
            How many processes were found dead.
        """

    def changed(self, timeout: float) -> bool:
        """Wait until something was committed by anyone else, at most ``timeout`` seconds."""

    def close(self) -> None:
        """Let go of everything; owners registered here are dead from now on."""
