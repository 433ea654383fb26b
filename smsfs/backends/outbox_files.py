"""The outbox's files over time: one for each day if wanted, and no more of messages that are forgotten."""

import fcntl
import os
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import count, islice
from pathlib import Path

import msgspec
from attrs import frozen

#: The fields of a line that identify people, or whose message it was.
PERSONAL = ("account", "file", "recipient", "sender", "text", "userref")
LINES_AT_ONCE = 500
#: More would be before the calendar begins.
MOST_DAYS = 100_000

_ID = re.compile(rb'\{"id":"((\d+)-[^"]*)"')


@frozen
class OutboxFiles:
    """The file that is written to, and those of days before beside it, such as ``outbox-2026-11-30.jsonl``.

    Attributes:
        path: the file that is written to.
        keep_days: the files of days longer ago are deleted; 0: one file for ever.
        ours: no other store's messages are in it; else it is unknown which batches are meant.
    """

    path: Path
    keep_days: int = 0
    ours: bool = True

    def open(self) -> int:
        """Open the file; where it is new, its name is on stable storage too.

        Raises:
            OSError: it cannot be.
        """
        flags = os.O_RDWR | os.O_APPEND | os.O_NONBLOCK
        try:
            return os.open(self.path, flags)
        except FileNotFoundError:
            descriptor = os.open(self.path, flags | os.O_CREAT, 0o600)
            _sync(self.path.parent)
            return descriptor

    def is_current(self, descriptor: int) -> bool:
        """Whether an open file is the one of this name still. The caller locked it."""
        try:
            there = self.path.stat()
        except FileNotFoundError:
            return False
        mine = os.fstat(descriptor)
        return (there.st_ino, there.st_dev) == (mine.st_ino, mine.st_dev)

    def end_day(self, descriptor: int, now: float) -> bool:
        """Move a file away that was last written to on a day before; whether it was. The caller locked it."""
        about = os.fstat(descriptor)
        day = datetime.fromtimestamp(about.st_mtime, UTC).date()
        if not self.keep_days or not about.st_size or day >= datetime.fromtimestamp(now, UTC).date():
            return False
        cut_torn_line(descriptor)
        self.path.rename(self._free(day))
        _sync(self.path.parent)
        self.delete_old(now)
        return True

    def _free(self, day: date) -> Path:
        """The name of a day's file; where the clock went back there may be several."""
        names = (self._named(day, f".{number}" if number else "") for number in count())
        return next(path for path in names if not path.exists())

    def _named(self, day: date, more: str) -> Path:
        return self.path.with_name(f"{self.path.stem}-{day.isoformat()}{more}{self.path.suffix}")

    def delete_old(self, now: float) -> int:
        """Delete what is past its days; how many files."""
        if not self.keep_days:
            return 0
        first = datetime.fromtimestamp(now, UTC).date() - timedelta(days=min(self.keep_days, MOST_DAYS))
        old = [path for day, path in self._days() if day < first]
        for path in old:
            path.unlink(missing_ok=True)
        return len(old)

    def _days(self) -> Iterator[tuple[date, Path]]:
        parts = map(re.escape, (self.path.stem, self.path.suffix))
        name = re.compile(r"{}-(\d{{4}}-\d\d-\d\d)(?:\.\d+)?{}".format(*parts))
        for path in sorted(self.path.parent.iterdir()) if self.path.parent.is_dir() else ():
            found = name.fullmatch(path.name)
            if found:
                yield date.fromisoformat(found[1]), path

    def tidy(self, now: float) -> None:
        """End a day after which nothing was sent, and delete what is past its days.

        Raises:
            OSError: a file cannot be.
        """
        self.delete_old(now)
        if not self.keep_days or not self.path.is_file():
            return
        descriptor = os.open(self.path, os.O_RDWR)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if self.is_current(descriptor):
                self.end_day(descriptor, now)
        finally:
            os.close(descriptor)

    def forget(self, forgotten: Callable[[set[int]], set[int]]) -> int:
        """Empty the lines of forgotten batches where they stand, for those who go on reading from a place.

        Args:
            forgotten: which of some batches are forgotten.

        Returns:
            How many lines were.

        Raises:
            OSError: a file cannot be written.
        """
        files = [path for _, path in self._days()] if self.ours else []
        if self.ours and self.path.is_file():
            files.append(self.path)
        return sum(_forget(path, forgotten) for path in files)


def cut_torn_line(descriptor: int) -> None:
    """Cut off what a crash left of a line: its message was never accepted."""
    end = size = os.fstat(descriptor).st_size
    while end and os.pread(descriptor, 1, end - 1) != b"\n":
        block = os.pread(descriptor, min(65536, end), max(0, end - 65536))
        end = max(0, end - 65536) + block.rfind(b"\n") + 1
    if end != size:
        os.ftruncate(descriptor, end)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _forget(path: Path, forgotten: Callable[[set[int]], set[int]]) -> int:
    descriptor = os.open(path, os.O_RDWR)
    try:
        gone = forgotten({number for _, number, _ in _lines(path)})
        if not gone:
            return 0
        found = ((place, line) for place, number, line in _lines(path) if number in gone)
        done = 0
        while some := list(islice(found, LINES_AT_ONCE)):
            done += _overwrite(descriptor, some)
        os.fsync(descriptor)
        return done
    finally:
        os.close(descriptor)


def _lines(path: Path) -> Iterator[tuple[int, int, bytes]]:
    """Each whole line with a message in it: where it begins, its batch, and itself."""
    place = 0
    with path.open("rb") as stream:
        for line in stream:
            found = _ID.match(line)
            if found and line.endswith(b"\n"):
                yield place, int(found[2]), line
            place += len(line)


def _overwrite(descriptor: int, lines: Iterable[tuple[int, bytes]]) -> int:
    """Empty some lines; the file's time stays that of its last message, by which its day is known."""
    done = 0
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        about = os.fstat(descriptor)
        for place, line in lines:
            empty = _emptied(line)
            if empty != line:
                os.pwrite(descriptor, empty, place)
                done += 1
        if done:
            os.utime(descriptor, ns=(about.st_atime_ns, about.st_mtime_ns))
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)
    return done


def _emptied(line: bytes) -> bytes:
    """A line of the same length that identifies nobody."""
    try:
        fields = msgspec.json.decode(line, type=dict[str, str | int])
    except msgspec.MsgspecError:  # a power cut came as it was emptied before
        fields = {"id": (_ID.match(line) or [b"", b""])[1].decode()}
    fields |= dict.fromkeys(fields.keys() & set(PERSONAL), "")
    return msgspec.json.encode(fields).ljust(len(line) - 1) + b"\n"
