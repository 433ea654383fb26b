"""File contents of a single host: plain files beside the database."""

import errno
import fcntl
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import RawIOBase
from pathlib import Path
from uuid import uuid4

from smsfs.errors import DiskFull, ReadOnly, StoreUnavailable
from smsfs.store import File
from smsfs.store.durable import make_file, make_folder, sync_entered
from smsfs.store.sql.file_view import file_from
from smsfs.store.sqlite.database import Database


@contextmanager
def on_disk() -> Iterator[None]:
    """Tell a full disk, and a system without descriptors, from what is wrong with the server."""
    try:
        yield
    except OSError as exc:
        if exc.errno in (errno.EMFILE, errno.ENFILE):
            raise StoreUnavailable("The server has too many files open; try again later.") from exc
        if exc.errno == errno.EROFS:
            raise ReadOnly("The server's filesystem is read-only; nothing can be stored now.") from exc
        if exc.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise DiskFull("The server's disk is full; try again later.") from exc


def _pread(descriptor: int, size: int, offset: int) -> bytes:
    """Some bytes; none beyond the end, also where the system would refuse the offset."""
    return os.pread(descriptor, size, offset) if offset < os.fstat(descriptor).st_size else b""


class PlainWriter:
    """A content open for reading and writing."""

    def __init__(self, path: Path, folder: Path) -> None:
        # A power cut may have left the row of a draft without its file: it is uploaded again.
        with on_disk():
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        self._folder = folder

    def write(self, offset: int, data: bytes) -> int:
        """Write all of ``data`` at ``offset``."""
        view, done = memoryview(data), 0
        with on_disk():
            while done < len(view):
                done += os.pwrite(self._descriptor, view[done:], offset + done)
        return done

    def append(self, data: bytes) -> int:
        """Write all of ``data`` at the end, which no other appender of any process moves meanwhile."""
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        try:
            return self.write(self.size(), data)
        finally:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def read(self, offset: int, size: int) -> bytes:
        """Up to ``size`` bytes from ``offset``."""
        return _pread(self._descriptor, size, offset)

    def truncate(self, size: int) -> None:
        """Cut or extend to ``size`` bytes."""
        with on_disk():
            os.ftruncate(self._descriptor, size)

    def size(self) -> int:
        """How many bytes there are."""
        return os.fstat(self._descriptor).st_size

    def sync(self) -> None:
        """The bytes and the folder entry to stable storage."""
        with on_disk():
            sync_entered(self._descriptor, self._folder)

    def close(self) -> None:
        """Let go of the descriptor."""
        os.close(self._descriptor)


class PlainContents:
    """Contents as files of one folder."""

    def __init__(self, folder: Path, database: Database) -> None:
        self._folder = folder
        self._database = database
        make_folder(folder)

    def _path(self, content: str) -> Path:
        return self._folder / content

    def create(self) -> str:
        """A new empty file."""
        content = uuid4().hex
        with on_disk():
            os.close(make_file(self._path(content)))
        return content

    def open_write(self, content: str, writer: int | None = None, *, new: bool = False) -> PlainWriter:
        """Open for reading and writing; who is alive, the kernel knows."""
        del writer, new
        return PlainWriter(self._path(content), self._folder)

    def open_read(self, content: str) -> RawIOBase:
        """Open for reading."""
        with on_disk():
            return self._path(content).open("rb", buffering=0)

    def read(self, content: str, offset: int, size: int) -> bytes:
        """Up to ``size`` bytes from ``offset``."""
        with self._path(content).open("rb", buffering=0) as stream:
            return _pread(stream.fileno(), size, offset)

    def size(self, content: str) -> int:
        """How many bytes there are.

        Raises:
            StoreUnavailable: the bytes are gone.
        """
        try:
            return self._path(content).stat().st_size
        except FileNotFoundError:
            raise StoreUnavailable(
                "The bytes of this file are missing; the operator can find out with smsfs fsck."
            ) from None

    def delete(self, contents: Iterable[str]) -> None:
        """Remove the files; one that cannot be removed holds up no other, and is for the sweep of orphans."""
        for content in contents:
            try:
                self._path(content).unlink(missing_ok=True)
            except OSError as exc:
                from structlog import get_logger  # noqa: PLC0415 -- commands that list log nothing

                get_logger().warning("content_not_deleted", content=content, reason=exc.strerror)

    def orphans(self, older_than: float) -> list[str]:
        """Files that no row has; young ones may belong to an upload that is just beginning."""
        old = {entry.name for entry in os.scandir(self._folder) if entry.stat().st_mtime < older_than}
        with self._database.reading() as connection:
            return sorted(old - {row["content"] for row in connection.all("file_contents")})

    def missing(self) -> list[File]:
        """Rows without their file."""
        with self._database.reading() as connection:
            rows = connection.all("file_all", account=None)
        return [file_from(row) for row in rows if not self._path(row["content"]).exists()]
