"""Clients' files, and the files that smsfs writes for them."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from attrs import frozen

from smsfs.errors import Cause
from smsfs.states import FileState
from smsfs.store.accounts import Account
from smsfs.store.processes import Process


@frozen
class File:
    """A file of an account as the store has it.

    Attributes:
        id: its number.
        account: the number of its account.
        folder: where it is, relative to the account; empty for the account's own folder.
        name: within that.
        state: who owns it.
        content: the name of its bytes in the store's contents.
        size: the client's bytes.
        tail: what is shown behind them.
        mtime: its time of modification, in seconds since the epoch.
        cut: a writer ended before the file was complete.
        writers: the terms of the processes that have it open for writing.
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
class NewFile:
    """A file that smsfs writes for the client.

    Attributes:
        path: relative to the account.
        content: the name of its bytes in the store's contents.
        size: how many bytes.
    """

    path: str
    content: str
    size: int


class Listed(NamedTuple):
    """A file as it stands in a listing, where only so much of it is needed.

    Attributes:
        id: its number.
        name: within the folder.
        state: who owns it.
        content: the name of its bytes in the store's contents.
        size: the client's bytes.
        tail: how many bytes are shown behind them.
        mtime: its time of modification, in seconds since the epoch.
        unsure: whether ``size`` may be out of date: somebody writes to it, or a writer ended too early.
    """

    id: int
    name: str
    state: FileState
    content: str
    size: int
    tail: int
    mtime: float
    unsure: bool


class Overview(NamedTuple):
    """A file with its last submission, as people are shown it; what is of that is None where there is none.

    Attributes:
        account: the number of its account.
        path: relative to the account.
        state: who owns it.
        content: the name of its bytes in the store's contents.
        size: the client's bytes, out of date while it is written, and where it was cut.
        cut: a writer ended before the file was complete.
        written: somebody has it open for writing.
        mtime: its time of modification, in seconds since the epoch.
        batch: the path of its last batch.
        submitted: when that was, in seconds since the epoch.
        messages: how many were accepted.
        cause_count: how many causes there were to refuse rows or the file.
        cause: the first of them.
    """

    account: int
    path: str
    state: FileState
    content: str
    size: int
    cut: bool
    written: bool
    mtime: float
    batch: str | None
    submitted: float | None
    messages: int | None
    cause_count: int | None
    cause: Cause | None


class Stored(NamedTuple):
    """What an account stores: how many files, and their bytes."""

    files: int
    size: int


class FileView(Protocol):
    """The files of accounts, as one moment has them."""

    def find(self, account: int, path: str) -> File | None:
        """The file at ``path``; aliases are not files."""

    def get(self, file: int) -> File | None:
        """The file with this id."""

    def listing(self, account: int, folder: str) -> list[File]:
        """The files directly in a folder, by name, but for consumed ones."""

    def page(self, account: int, folder: str, after: str, limit: int) -> list[Listed]:
        """Of these at most ``limit`` whose names come after ``after``, in the order of the names' bytes."""

    def names(self, account: int, folder: str, after: str, limit: int) -> list[str]:
        """The names of such a page."""

    def known(self, account: int, path: str, now: float) -> File | None:
        """The file at ``path``, or else the one that was submitted under it, as ``alias`` gives it."""

    def taken(self, account: int, paths: Iterable[str]) -> bool:
        """Whether there is a file at one of these paths."""

    def alias(self, account: int, path: str, now: float) -> File | None:
        """The file submitted under ``path``, while that name answers; a draft made of it since is another."""

    def usage(self, account: int) -> Stored:
        """What an account stores."""


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

    def add_writer(self, file: int, owner: Process) -> int:
        """Note that ``owner`` has the file open for writing."""

    def begin(
        self, account: int, path: str, content: str, mtime: float, owner: Process
    ) -> Callable[[], tuple[File, int]]:
        """A new, empty draft that ``owner`` has open for writing.

        Returns:
            What tells the file and the writer's number, at the latest after the commit.
        """

    def end_writer(
        self, writer: int, size: int, mtime: float | None, *, cut: bool, wrote: bool = True
    ) -> File | None:
        """Note that a writer is through.

        Args:
            writer: the number it was given.
            size: of the file now.
            mtime: of the file now; None leaves it as it is.
            cut: it ended without the file being complete.
            wrote: it changed the file; if it did, and began after an earlier cut, that is made good.

        Returns:
            The file; None when it is gone.
        """

    def seal_writer(self, writer: int, size: int, mtime: float) -> bool:
        """Note that a writer's file is whole, though it stays open: if its process dies, it is not cut.

        Returns:
            Whether there is such a writer.
        """

    def drop_writer(self, writer: int) -> None:
        """A sealed writer is through."""

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

    def hand_over(
        self, file: File, path: str, stem: str, flags: Iterable[str], at: float, now: float
    ) -> Callable[[], int]:
        """As ``submit``.

        Returns:
            What tells the id of the batch, at the latest after the commit. It raises
            ``IllegalTransitionError`` if the file was none to be submitted; then nothing was.
        """

    def add_alias(self, account: int, path: str, file: int, until: float) -> None:
        """Let ``path`` answer for a file."""


class Files(Protocol):
    """Access to files."""

    def view(self) -> FileView:
        """To read from."""

    def change(
        self, account: int, *, synced: bool = True, paths: Iterable[str] = ()
    ) -> AbstractContextManager[FileChange]:
        """To write to: committed at the end of the block, rolled back by an exception.

        The files at ``paths`` will be looked for, and are read along with what is read anyway.

        Without ``synced`` it is on stable storage only with the next change that is synced, if a power cut
        ends all who saw it: for what nobody is told who outlives that.
        """

    def all(self, account: int | None = None) -> Iterator[File]:
        """Every file, by account and path, consumed ones too."""

    def overview(self, account: int) -> Iterator[Overview]:
        """Every file of an account with its last submission, by path, consumed ones too, some at a time."""

    def expire(self, finished_before: Mapping[int, float], limit: int) -> list[str]:
        """Forget files that finished before an account's time; their contents, for the caller to delete."""
