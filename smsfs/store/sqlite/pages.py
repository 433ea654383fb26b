"""The pages of a database file, read without SQLite: what is left of a store that SQLite gives up on.

Source: sqlite.org/fileformat2.html. Only what is needed to find rows: leaf pages, overflow chains, records,
the list of free pages, and the write-ahead log up to its last commit.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from attrs import frozen

TABLE_LEAF, TABLE_INNER, INDEX_LEAF, INDEX_INNER = 0x0D, 0x05, 0x0A, 0x02
#: By their kind, how many bytes of a page's head come before the places of its cells.
HEAD = {TABLE_LEAF: 8, INDEX_LEAF: 8, TABLE_INNER: 12, INDEX_INNER: 12}

MAGIC = b"SQLite format 3\0"
_FILE_HEAD = 100
_WAL_HEAD, _FRAME_HEAD = 32, 24
_DEFAULT_PAGE = 4096
_SMALLEST, _LARGEST = 512, 65_536
_VARINT_BYTES = 9
_LARGEST_RECORD = 1 << 30


class BrokenError(Exception):
    """A page or a record is not what it should be."""


@frozen
class Cell:
    """A row: its number, None in an index, and the values of its columns as they are stored."""

    rowid: int | None
    values: list[Any]


class Pages:
    """The pages of a file with those of its log laid over them.

    Args:
        path: the database; it is only read.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        head = self._file.read(_FILE_HEAD)
        if not head.startswith(MAGIC) or len(head) < _FILE_HEAD:  # it says nothing of the pages behind it
            head = bytes(_FILE_HEAD)
        self.size = _page_size(int.from_bytes(head[16:18], "big"))
        self.usable = self.size - (head[20] if head[20] < 64 else 0)  # noqa: PLR2004 - more was never reserved
        self._has_map = head[52:56] != bytes(4)
        log = path.with_name(f"{path.name}-wal")
        self._log: BinaryIO | None = log.open("rb") if log.exists() else None
        self._newer = _committed(self._log, self.size) if self._log else {}
        self._file.seek(0, 2)
        self.count = max([self._file.tell() // self.size, *self._newer])

    def close(self) -> None:
        """Close the files."""
        self._file.close()
        if self._log:
            self._log.close()

    def get(self, number: int) -> bytes:
        """A page, counted from 1.

        Raises:
            BrokenError: there is none, or it cannot be read.
        """
        if not 1 <= number <= self.count:
            raise BrokenError(f"there is no page {number}")
        stream, place = (self._log, self._newer[number]) if number in self._newer else (None, 0)
        stream, place = (stream, place) if stream else (self._file, (number - 1) * self.size)
        try:
            stream.seek(place)
            data = stream.read(self.size)
        except OSError as exc:
            raise BrokenError(f"page {number} cannot be read: {exc.strerror}") from exc
        if len(data) < self.size:
            raise BrokenError(f"page {number} is cut off")
        return data

    def kind(self, number: int) -> int:
        """What a page seems to be, as its first byte says; 0 when it is no page with rows."""
        if self._has_map and number >= 2 and (number - 2) % (self.usable // 5 + 1) == 0:  # noqa: PLR2004 - by the format
            return 0
        try:
            page = self.get(number)
        except BrokenError:
            return 0
        found = page[_start(number)]
        return found if found in HEAD else 0

    def free(self) -> set[int]:
        """The pages that belong to nothing, as far as the list of them can be read."""
        found: set[int] = set()
        try:
            trunk = int.from_bytes(self.get(1)[32:36], "big")
            while trunk and trunk not in found:
                found.add(trunk)
                page = self.get(trunk)
                following, count = struct.unpack(">II", page[:8])
                count = min(count, self.usable // 4 - 2)
                found.update(struct.unpack(f">{count}I", page[8 : 8 + 4 * count]))
                trunk = following
        except BrokenError:
            pass
        return found

    def children(self, number: int) -> list[int]:
        """The pages below an inner page."""
        page = self.get(number)
        start = _start(number)
        below = [int.from_bytes(page[place : place + 4], "big") for place in _places(page, start)]
        return [*below, int.from_bytes(page[start + 8 : start + 12], "big")]

    def cells(self, number: int) -> Iterator[Cell | None]:
        """The rows on a page; None for each that cannot be read.

        Raises:
            BrokenError: the page cannot be read.
        """
        page = self.get(number)
        start = _start(number)
        kind = page[start]
        for place in _places(page, start):
            try:
                yield self._cell(page, kind, place)
            except (BrokenError, IndexError, struct.error, UnicodeDecodeError):
                yield None

    def _cell(self, page: bytes, kind: int, place: int) -> Cell:
        at = place + 4 if kind == INDEX_INNER else place
        length, at = _varint(page, at)
        rowid = None
        if kind == TABLE_LEAF:
            rowid, at = _varint(page, at)
            rowid = rowid - (1 << 64) if rowid >= 1 << 63 else rowid
        return Cell(rowid, _values(self._payload(page, at, length, is_table=kind == TABLE_LEAF)))

    def _payload(self, page: bytes, at: int, length: int, *, is_table: bool) -> bytes:
        """The bytes of a record, with those on the pages that it runs over to."""
        if length > _LARGEST_RECORD:
            raise BrokenError("a record is longer than any that was stored")
        most = self.usable - 35 if is_table else (self.usable - 12) * 64 // 255 - 23
        if length <= most:
            return _exactly(page, at, length)
        least = (self.usable - 12) * 32 // 255 - 23
        here = least + (length - least) % (self.usable - 4)
        here = here if here <= most else least
        parts = [_exactly(page, at, here)]
        left, following = length - here, int.from_bytes(_exactly(page, at + here, 4), "big")
        while left > 0:
            more = self.get(following)
            parts.append(more[4 : 4 + min(left, self.usable - 4)])
            left -= len(parts[-1])
            following = int.from_bytes(more[:4], "big")
        return b"".join(parts)


def _page_size(told: int) -> int:
    size = _LARGEST if told == 1 else told
    return size if _SMALLEST <= size <= _LARGEST and size & (size - 1) == 0 else _DEFAULT_PAGE


def _start(number: int) -> int:
    """Where a page's own head begins: the first page bears the file's before it."""
    return _FILE_HEAD if number == 1 else 0


def _committed(log: BinaryIO, page_size: int) -> dict[int, int]:
    """Where in the log the newest committed version of each page begins."""
    head = log.read(_WAL_HEAD)
    found: dict[int, int] = {}
    waiting: dict[int, int] = {}
    if len(head) < _WAL_HEAD or int.from_bytes(head[8:12], "big") != page_size:
        return found
    place = _WAL_HEAD
    while len(frame := log.read(_FRAME_HEAD)) == _FRAME_HEAD and frame[8:16] == head[16:24]:
        number, pages = struct.unpack(">II", frame[:8])
        waiting[number] = place + _FRAME_HEAD
        place += _FRAME_HEAD + page_size
        log.seek(place)
        if pages:  # the last frame of a commit
            found |= waiting
            waiting.clear()
    return found


def _places(page: bytes, start: int) -> list[int]:
    """Where on a page its cells begin."""
    head = HEAD.get(page[start])
    count = int.from_bytes(page[start + 3 : start + 5], "big")
    if head is None or start + head + 2 * count > len(page):
        raise BrokenError("a page has no rows, or more than fit on it")
    return list(struct.unpack_from(f">{count}H", page, start + head))


def _exactly(page: bytes, at: int, length: int) -> bytes:
    data = page[at : at + length]
    if len(data) < length:
        raise BrokenError("a record runs over the end of its page")
    return data


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of one to nine bytes, and where it ends."""
    number = 0
    for position in range(at, at + _VARINT_BYTES - 1):
        number = number << 7 | data[position] & 0x7F
        if data[position] < 0x80:  # noqa: PLR2004 - the bit that says that another byte follows
            return number, position + 1
    return number << 8 | data[at + _VARINT_BYTES - 1], at + _VARINT_BYTES


#: Serial type -> bytes, for those that are not counted.
_LENGTHS = {0: 0, 1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8, 7: 8, 8: 0, 9: 0}
_REAL, _ZERO, _ONE, _FIRST_COUNTED = 7, 8, 9, 12


def _values(record: bytes) -> list[Any]:
    """The values of a record."""
    end, at = _varint(record, 0)
    kinds = []
    while at < end:
        kind, at = _varint(record, at)
        kinds.append(kind)
    values = []
    for kind in kinds:
        if kind not in _LENGTHS and kind < _FIRST_COUNTED:
            raise BrokenError("a value is of no kind that there is")
        length = _LENGTHS.get(kind, (kind - _FIRST_COUNTED) // 2)
        values.append(_value(kind, _exactly(record, at, length)))
        at += length
    return values


def _value(kind: int, data: bytes) -> Any:
    if kind == 0:
        return None
    if kind in (_ZERO, _ONE):
        return kind - _ZERO
    if kind == _REAL:
        return struct.unpack(">d", data)[0]
    if kind < _REAL:
        return int.from_bytes(data, "big", signed=True)
    return data if kind % 2 == 0 else data.decode()
