"""Open files: what they have in common, and drafts open for writing."""

import threading
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Protocol, TypeVar

from attrs import evolve

from smsfs.errors import BadHandle, BadRequest, FileTooBig, QuotaFull

if TYPE_CHECKING:
    from collections.abc import Callable

    from smsfs.filesystem.entry import Entry
    from smsfs.filesystem.handles import Slot
    from smsfs.store import ContentWriter, File, FileChange

#: The greatest offset that protocols know, in bytes.
MAX_OFFSET = 2**63 - 1
T = TypeVar("T")
F = TypeVar("F", bound="OpenFile")


class OpenFile(ABC):
    """A file that a client has open.

    Attributes:
        slot: its place among the open files of its account, given back when it is closed.
    """

    slot: "Slot | None" = None

    def _give_back(self) -> None:
        if self.slot:
            self.slot.release()

    @abstractmethod
    def read(self, offset: int, size: int) -> bytes:
        """Up to ``size`` bytes from ``offset``; none at the end."""

    def send(self, target: int, offset: int, size: int) -> int:
        """Send up to ``size`` bytes from ``offset`` to a socket, past this process; 0 if they are to be read.

        Args:
            target: the descriptor of a socket that does not block.
            offset: of the first byte.
            size: how many at most.

        Raises:
            BlockingIOError: the socket takes no byte now.
            OSError: of the socket, or of the file.
        """
        del target, offset, size
        return 0

    @abstractmethod
    def stat(self) -> "Entry":
        """As it is now."""

    def write(self, offset: int, data: bytes) -> int:
        """Write ``data`` at ``offset``; the number of bytes."""
        del offset, data
        raise BadHandle("The file is open for reading only.")

    def truncate(self, size: int) -> None:
        """Cut or extend to ``size`` bytes."""
        del size
        raise BadHandle("The file is open for reading only.")

    def set_times(self, mtime: float) -> None:
        """Set the time of modification; without effect on a file open for reading."""
        del mtime

    def chmod(self, mode: int) -> None:
        """Accept a mode that rides along with an upload, without effect."""
        del mode

    def sync(self) -> None:
        """Bring what was written to stable storage."""
        return

    def seal(self) -> bool:
        """All was written; that is on stable storage when this returns, and would outlive this process.

        The file stays open, so that nobody hands it over: ``close`` and ``Filesystem.rename`` end it as it
        is, and ``abandon`` tells that it was not whole after all.

        Returns:
            Whether that was done. If not, ``close`` is the only way to tell the client that it is safe:
            there is nothing to write, or the file is handed over when it is closed.
        """
        return False

    @abstractmethod
    def close(self) -> None:
        """The client has finished; what it wrote is complete, and durable when this returns."""

    def abandon(self) -> None:
        """The connection was cut: what arrived stays a draft that is not submitted."""
        self.close()


def in_slot(slot: "Slot", open_it: "Callable[[], F]") -> "F":
    """Open a file that has a place among the open ones, and gives it back when it is closed."""
    try:
        file = open_it()
    except BaseException:
        slot.release()
        raise
    file.slot = slot
    return file


class Room(Protocol):
    """What a draft needs of the others with which it shares the account's room."""

    def reserve(self, draft: "Draft", size: int) -> None:
        """Let a draft grow to ``size`` bytes.

        Raises:
            QuotaFull: the account has no room left.
        """


class Host(Protocol):
    """What a draft needs of its filesystem."""

    def now(self) -> float:
        """Seconds since the epoch."""

    def check_right(self) -> None:
        """Check that the account may still be used.

        Raises:
            NotAllowed: it may not.
        """

    def draft_entry(self, draft: "Draft") -> "Entry":
        """A draft as it is while it is written."""

    def draft_synced(self, draft: "Draft") -> None:
        """The bytes of a new file are on stable storage, and the file is to be."""

    def draft_sealed(self, draft: "Draft", size: int, mtime: float) -> bool:
        """A writer has all of its file; False if that is noted only when it is closed."""

    def draft_ended(self, draft: "Draft") -> None:
        """A sealed writer was ended along with another change."""

    def draft_closed(self, draft: "Draft", size: int, mtime: float | None, *, cut: bool) -> None:
        """A writer has finished."""


class Draft(OpenFile):
    """A draft open for writing.

    Args:
        host: the filesystem it belongs to.
        file: as it was when it was opened.
        writer: the store's number for this opening.
        content: its bytes.
        limit: how many bytes a file may have.
        others: the drafts with which it shares the account's room.
        new: whether the file was made for this, and may not be on stable storage yet.

    Attributes:
        noted: the file's bytes as the store knows them.
        reserved: how many it may grow to before the account's room is looked at again.
        sealed: whether all of it is noted as whole already.
        appends: every write goes to the end of the file as it is then, whatever offset the client names.
    """

    def __init__(
        self,
        host: Host,
        file: "File",
        writer: int,
        content: "ContentWriter",
        limit: int,
        others: Room,
        *,
        new: bool,
    ) -> None:
        self.file = file
        self.writer = writer
        self.noted = self.reserved = file.size
        self.appends = False
        self._host = host
        self._content = content
        self._limit = limit
        self._others = others
        self._new = new
        self._mtime: float | None = None
        self._dirty = False
        self._unsynced = False
        self._failed = False
        self.sealed = False
        self._closed = False
        self._lock = threading.Lock()

    @property
    def wrote(self) -> bool:
        """Whether anything was written or cut away."""
        return self._dirty

    @property
    def grown(self) -> int:
        """Bytes that it takes of the account's room, beside those noted."""
        return max(0, self.reserved - self.noted)

    def _check(self, end: int) -> None:
        if self._closed or self.sealed:
            raise BadHandle("The file is closed.")
        self._host.check_right()
        if end > self._limit:
            self._failed = True
            raise FileTooBig(f"A file may have {self._limit} bytes at most; split it into smaller ones.")
        if end > self.reserved:
            try:
                self._others.reserve(self, end)
            except QuotaFull:
                self._failed = True
                raise

    def read(self, offset: int, size: int) -> bytes:
        """Up to ``size`` bytes from ``offset``."""
        with self._lock:
            self._check(0)
            return self._content.read(offset, size)

    def write(self, offset: int, data: bytes) -> int:
        """Write ``data`` at ``offset``, or at the end of a file opened to append to."""
        with self._lock:
            if self.appends:
                self._check(self._content.size() + len(data))
                return self._change(lambda: self._content.append(data))
            self._check(offset + len(data))
            return self._change(lambda: self._content.write(offset, data))

    def truncate(self, size: int) -> None:
        """Cut or extend to ``size`` bytes."""
        if size < 0:
            raise BadRequest("A file cannot have fewer than no bytes.")
        with self._lock:
            self._check(size)
            self._change(lambda: self._content.truncate(size))

    def _change(self, step: "Callable[[], T]") -> "T":
        """Change the content; a failure leaves the upload incomplete."""
        self._dirty, self._unsynced, self._mtime = True, True, None
        try:
            return step()
        except OSError:
            self._failed = True
            raise

    def stat(self) -> "Entry":
        """As it is now; a file that was removed meanwhile is still measured."""
        with self._lock:
            self._check(0)
            size = self._content.size()
        return evolve(self._host.draft_entry(self), size=size)

    def set_times(self, mtime: float) -> None:
        """The time of modification that closing leaves, unless more is written."""
        self._mtime = mtime

    def sync(self) -> None:
        """Bring what was written to stable storage."""
        with self._lock:
            self._check(0)
            self._sync()
            if self._new:
                self._host.draft_synced(self)
                self._new = False

    def _sync(self) -> None:
        """Bring the bytes to stable storage, unless they are there: a program may sync before it closes."""
        if not self._unsynced:
            return
        try:
            self._content.sync()
        except BaseException:  # a second sync would succeed all the same, without the bytes
            self._failed = True
            raise
        self._unsynced = False

    def seal(self) -> bool:
        """The upload is complete, though it stays open."""
        with self._lock:
            if self._closed or self._failed or not self._dirty:
                return False
            self._sync()
            self._mtime = self._host.now() if self._mtime is None else self._mtime
            self.sealed = self._host.draft_sealed(self, self._content.size(), self._mtime)
            return self.sealed

    def end_with(self, files: "FileChange") -> None:
        """End a sealed draft in the transaction of another change; ``ended`` follows its commit."""
        files.drop_writer(self.writer)

    def ended(self) -> None:
        """The transaction that ended this sealed draft is committed."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self._content.close()
        self._give_back()
        self._host.draft_ended(self)

    def close(self) -> None:
        """The upload is complete, unless something of it could not be written."""
        self._end(cut=self._failed)

    def abandon(self) -> None:
        """The connection was cut."""
        self._end(cut=True)

    def _end(self, *, cut: bool) -> None:
        with self._lock:
            if self._closed:
                return
            self._closed = True
        try:
            self._sync()
        except BaseException:  # whatever it is, the bytes may not be on stable storage
            cut = True
            raise
        finally:
            size = self._content.size()
            self._content.close()
            self._give_back()
            mtime = self._host.now() if self._mtime is None and self._dirty else self._mtime
            self._host.draft_closed(self, size, mtime, cut=cut)
