"""File contents in the database: pieces of 256 KiB, so that hosts need share nothing else."""

import io
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from smsfs.errors import NotAllowed, StoreUnavailable
from smsfs.store import File
from smsfs.store.postgresql.connection import PostgresConnection
from smsfs.store.postgresql.database import Database
from smsfs.store.sql import Row
from smsfs.store.sql.file_view import file_from

PIECE = 256 * 1024
#: So many that no content has as many; what asks for more asks for the rest.
MOST_PIECES = 2**31 - 1
MISSING = "The bytes of this file are missing; the operator can find out with smsfs fsck."


class PieceWriter:
    """A content open for reading and writing; the piece being written to is kept until another is.

    A piece is committed without waiting for the disk, so a crash of the database may take it back while
    this process lives on. The content is then older than this writer left it, and its upload has failed.
    Bytes that another writer of the same content has committed meanwhile stay, but where this one wrote.
    """

    def __init__(self, database: Database, content: str, known: Row | None, writer: int | None) -> None:
        self._database = database
        self._content = content
        self._writer = writer
        self._size: int = known["size"] if known else 0
        self._changed: float | None = known["changed"] if known else None  # of a new one not known yet
        self._number = -1
        self._piece = bytearray()
        self._edits: list[tuple[int, int]] = []

    def write(self, offset: int, data: bytes) -> int:
        """Write all of ``data`` at ``offset``."""
        view, done = memoryview(data), 0
        while done < len(view):
            number, start = divmod(offset + done, PIECE)
            self._take(number)
            part = view[done : done + PIECE - start]
            _put(self._piece, start, part)
            self._note_edit(start, start + len(part))
            done += len(part)
            self._size = max(self._size, offset + done)
        return done

    def append(self, data: bytes) -> int:
        """Write all of ``data`` at the end, in one commit, so that no other writer moves that meanwhile."""
        if self._edits:
            self._flush()
        with self._writing() as (connection, row):
            if row is None:
                return len(data)
            number, start = divmod(row["size"], PIECE)
            piece = bytearray(_piece(connection, self._content, number))
            _put(piece, start, data)
            for first in range(0, len(piece), PIECE):
                part = bytes(piece[first : first + PIECE])
                connection.change(
                    "piece_put", content=self._content, number=number + first // PIECE, data=part
                )
            resized = self._resize(connection, row["size"] + len(data))
        resized()
        self._number = -1
        return len(data)

    def _note_edit(self, start: int, end: int) -> None:
        if self._edits and self._edits[-1][1] == start:
            start = self._edits.pop()[0]
        self._edits.append((start, end))

    def _take(self, number: int) -> None:
        if number != self._number:
            if self._edits:
                self._flush()
            first = number * PIECE
            known = (
                _read(self._database, self._content, first, PIECE, self._size) if first < self._size else b""
            )
            self._piece, self._number = bytearray(known), number

    def _flush(self, *, durable: bool = False) -> None:
        with self._writing(durable=durable) as (connection, row):
            if row is None:
                return
            size = self._size
            if row["changed"] != self._changed and (self._changed is not None or row["size"]):
                size = self._merge(connection, row["size"])
            if self._edits:
                values = {"content": self._content, "number": self._number, "data": bytes(self._piece)}
                connection.later("piece_put", **values)
            resized = self._resize(connection, size)
        resized()
        self._edits.clear()

    def _merge(self, connection: PostgresConnection, size: int) -> int:
        """Put the bytes of this writer over what another has committed; the size of both together."""
        if not self._edits:
            self._number = -1
            return size
        piece = bytearray(_piece(connection, self._content, self._number))
        for start, end in self._edits:
            _put(piece, start, self._piece[start:end])
        self._piece = piece
        return max(size, self._number * PIECE + max(end for _, end in self._edits))

    def _resize(self, connection: PostgresConnection, size: int) -> Callable[[], None]:
        """Note the size; gives what is to be called once that is committed."""
        answer = connection.later("content_resize", content=self._content, size=size)

        def resized() -> None:
            row = answer()
            self._size = size
            self._changed = float(row["changed"]) if row else self._changed

        return resized

    @contextmanager
    def _writing(self, *, durable: bool = False) -> Iterator[tuple[PostgresConnection, Row | None]]:
        """A transaction that is alone on the content, and the content; None if writing to it has no effect.

        Without ``durable`` it does not wait for the disk: the last commit waits for all before it.
        """
        with self._database.write() as connection:
            if not durable:
                connection.later("content_unsynced")
            yield connection, self._content_held(connection)

    def _content_held(self, connection: PostgresConnection) -> Row | None:
        """The content, if this upload goes on: another may have taken its place, or the file was removed."""
        holds = None if self._writer is None else connection.later("writer_hold", writer=self._writer)
        row = connection.one("content_hold", content=self._content)
        held = holds is None or holds()
        if row and not held:
            why = "another of its name began meanwhile, or the server was out of touch"
            raise NotAllowed(f"The server lost this upload: {why}; upload the file again.")
        if row and self._changed is not None and row["changed"] < self._changed:
            raise StoreUnavailable("The database lost a part of this upload; upload the file again.")
        return row if held else None

    def read(self, offset: int, size: int) -> bytes:
        """Up to ``size`` bytes from ``offset``."""
        if self._edits:
            self._flush()
        return _read(self._database, self._content, offset, size, None)

    def truncate(self, size: int) -> None:
        """Cut or extend to ``size`` bytes."""
        if self._changed is None and size == self._size == 0:
            return
        if self._edits:
            self._flush()
        with self._writing() as (connection, row):
            if row is None:
                return
            if size < row["size"]:
                number, start = divmod(size, PIECE)
                connection.later("piece_drop", content=self._content, first=number + bool(start))
                connection.later("piece_cut", content=self._content, number=number, size=start)
            resized = self._resize(connection, size)
        resized()
        self._number = -1

    def size(self) -> int:
        """How many bytes there are, as far as this writer knows."""
        return self._size

    def sync(self) -> None:
        """Everything written, to stable storage."""
        self._flush(durable=True)

    def close(self) -> None:
        """Let go, of what was not flushed as well."""
        self._piece.clear()


def _put(piece: bytearray, start: int, data: "bytes | bytearray | memoryview") -> None:
    """Set bytes of a piece, with zeros before them where it was shorter."""
    piece.extend(bytes(max(0, start - len(piece))))
    piece[start : start + len(data)] = data


def _piece(connection: PostgresConnection, content: str, number: int) -> bytes:
    rows = connection.all("piece_get", content=content, first=number, last=number)
    return bytes(rows[0]["data"]) if rows else b""


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
        if self._database.is_changing():  # a part of that
            with self._database.reading() as connection:
                connection.later("content_add", content=content)
        else:
            with self._database.write() as connection:
                connection.change("content_add", content=content)
        return content

    def open_write(self, content: str, writer: int | None = None, *, new: bool = False) -> PieceWriter:
        """Open for reading and writing."""
        known = None
        if not new:
            with self._database.reading() as connection:
                known = _content(connection, content)
        return PieceWriter(self._database, content, known, writer)

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
    size: int = _content(connection, content)["size"]
    return size


def _content(connection: PostgresConnection, content: str) -> Row:
    row = connection.one("content_get", content=content)
    if row is None:
        raise StoreUnavailable(MISSING)
    return row


def _read(database: Database, content: str, offset: int, size: int, whole: int | None) -> bytes:
    """Some bytes of a content of ``whole`` bytes, as many as the store says if None; gaps are zeros."""
    if size <= 0 or (whole is not None and whole <= offset):
        return b""
    first, last = offset // PIECE, (offset + size - 1) // PIECE
    with database.reading() as connection:
        rows = connection.all("content_read", content=content, first=first, last=min(last, MOST_PIECES))
    if not rows:
        raise StoreUnavailable(MISSING)
    end = min(offset + size, rows[0]["size"] if whole is None else whole)
    if end <= offset:
        return b""
    last, pieces = (end - 1) // PIECE, [row for row in rows if row["data"] is not None]
    data = bytearray((last - first + 1) * PIECE)
    for piece in (piece for piece in pieces if piece["number"] <= last):
        start = (piece["number"] - first) * PIECE
        data[start : start + len(piece["data"])] = piece["data"]
    return bytes(data[offset - first * PIECE : end - first * PIECE])
