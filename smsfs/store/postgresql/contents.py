"""File contents in the database: pieces of 256 KiB, so that hosts need share nothing else."""

import io
from collections.abc import Iterable
from typing import Any
from uuid import uuid4

from smsfs.errors import NotAllowed, StoreUnavailable
from smsfs.store import File
from smsfs.store.postgresql.database import Database, PostgresConnection
from smsfs.store.sql.files import file_from

PIECE = 256 * 1024


class PieceWriter:
    """A content open for reading and writing; the piece being written to is kept until another is.

    A piece is committed without waiting for the disk, so a crash of the database may take it back while
    this process lives on. The content is then older than this writer left it, and its upload has failed.
    """

    def __init__(self, database: Database, content: str, size: int, writer: int | None) -> None:
        self._database = database
        self._content = content
        self._writer = writer
        self._size = size
        self._changed = 0.0
        self._number = -1
        self._piece = bytearray()
        self._dirty = False

    def write(self, offset: int, data: bytes) -> int:
        """Write all of ``data`` at ``offset``."""
        view, done = memoryview(data), 0
        while done < len(view):
            number, start = divmod(offset + done, PIECE)
            self._take(number)
            part = view[done : done + PIECE - start]
            self._piece.extend(bytes(max(0, start - len(self._piece))))
            self._piece[start : start + len(part)] = part
            self._dirty = True
            done += len(part)
            self._size = max(self._size, offset + done)
        return done

    def _take(self, number: int) -> None:
        if number != self._number:
            self._flush()
            first = number * PIECE
            known = (
                _read(self._database, self._content, first, PIECE, self._size) if first < self._size else b""
            )
            self._piece, self._number = bytearray(known), number

    def _flush(self, *, durable: bool = False) -> None:
        with self._database.write() as connection:
            if not durable:
                connection.plain.execute(
                    "SET LOCAL synchronous_commit = off"
                )  # the last commit waits for all
            changed = self._store(connection) if self._may_write(connection) else self._changed
        self._changed, self._dirty = changed, False

    def _store(self, connection: PostgresConnection) -> float:
        if self._dirty:
            values = {"content": self._content, "number": self._number, "data": bytes(self._piece)}
            connection.change("piece_put", **values)
        row = connection.one("content_resize", content=self._content, size=self._size)
        return float(row["changed"]) if row else self._changed

    def _may_write(self, connection: PostgresConnection) -> bool:
        """Whether this upload goes on: another may have taken its place, or the file was removed."""
        held = self._writer is None or connection.one("writer_hold", writer=self._writer)
        row = connection.one("content_get", content=self._content)
        if row and not held:
            why = "another of its name began meanwhile, or the server was out of touch"
            raise NotAllowed(f"The server lost this upload: {why}; upload the file again.")
        if row and row["changed"] < self._changed:
            raise StoreUnavailable("The database lost a part of this upload; upload the file again.")
        return bool(held)

    def read(self, offset: int, size: int) -> bytes:
        """Up to ``size`` bytes from ``offset``."""
        if self._dirty:
            self._flush()
        return _read(self._database, self._content, offset, size, self._size)

    def truncate(self, size: int) -> None:
        """Cut or extend to ``size`` bytes."""
        if size < self._size:
            number, start = divmod(size, PIECE)
            self._take(number)
            del self._piece[start:]
            self._dirty, self._size = True, size
            with self._database.write() as connection:
                if self._may_write(connection):
                    connection.change("piece_drop", content=self._content, first=number)
        self._size = size
        self._flush()

    def size(self) -> int:
        """How many bytes there are."""
        return self._size

    def sync(self) -> None:
        """Everything written, to stable storage."""
        self._flush(durable=True)

    def close(self) -> None:
        """Let go, of what was not flushed as well."""
        self._piece.clear()


class PieceReader(io.RawIOBase):
    """A content open for reading."""

    def __init__(self, database: Database, content: str) -> None:
        super().__init__()
        self._database = database
        self._content = content
        self._position = 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Where the next read begins."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Set where the next read begins."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position}
        start = base[whence] if whence in base else _size(self._database, self._content)
        self._position = max(0, start + offset)
        return self._position

    def readinto(self, buffer: Any) -> int:
        """Read some bytes."""
        data = _read(self._database, self._content, self._position, len(buffer), None)
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)


class PieceContents:
    """Contents as pieces in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self) -> str:
        """A new empty content, in a commit of its own: without a file it will be found as an orphan."""
        content = uuid4().hex
        with self._database.write() as connection:
            connection.change("content_add", content=content)
        return content

    def open_write(self, content: str, writer: int | None = None) -> PieceWriter:
        """Open for reading and writing."""
        return PieceWriter(self._database, content, self.size(content), writer)

    def open_read(self, content: str) -> io.RawIOBase:
        """Open for reading."""
        return PieceReader(self._database, content)

    def read(self, content: str, offset: int, size: int) -> bytes:
        """Up to ``size`` bytes from ``offset``."""
        return _read(self._database, content, offset, size, None)

    def size(self, content: str) -> int:
        """How many bytes there are."""
        return _size(self._database, content)

    def delete(self, contents: Iterable[str]) -> None:
        """Remove the contents."""
        names = list(contents)
        if names:
            with self._database.write() as connection:
                connection.change("content_drop", contents=names)

    def orphans(self, older_than: float) -> list[str]:
        """Contents that no file has."""
        with self._database.reading() as connection:
            return [row["id"] for row in connection.all("content_orphans", older_than=older_than)]

    def missing(self) -> list[File]:
        """Files without their content."""
        with self._database.reading() as connection:
            return [file_from(row) for row in connection.all("content_missing")]


def _size(database: Database, content: str) -> int:
    with database.reading() as connection:
        return _size_in(connection, content)


def _size_in(connection: PostgresConnection, content: str) -> int:
    row = connection.one("content_get", content=content)
    if row is None:
        raise StoreUnavailable(
            "The bytes of this file are missing; the operator can find out with smsfs fsck."
        )
    size: int = row["size"]
    return size


def _read(database: Database, content: str, offset: int, size: int, whole: int | None) -> bytes:
    """Some bytes of a content of ``whole`` bytes, as many as the store says if None; gaps are zeros."""
    with database.reading() as connection:
        end = min(offset + size, _size_in(connection, content) if whole is None else whole)
        if end <= offset:
            return b""
        first, last = offset // PIECE, (end - 1) // PIECE
        pieces = connection.all("piece_get", content=content, first=first, last=last)
    data = bytearray((last - first + 1) * PIECE)
    for piece in pieces:
        start = (piece["number"] - first) * PIECE
        data[start : start + len(piece["data"])] = piece["data"]
    return bytes(data[offset - first * PIECE : end - first * PIECE])
