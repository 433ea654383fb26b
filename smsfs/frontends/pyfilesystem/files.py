"""Open files: a raw one, and layers for buffers and text that notify it when an upload was cut off."""

import io
import warnings
from typing import TYPE_CHECKING, Any, cast

from smsfs.frontends.pyfilesystem.translate import ask

if TYPE_CHECKING:
    from types import TracebackType

    from fs.base import FS
    from fs.mode import Mode

    from smsfs.filesystem import OpenFile

CHUNK_SIZE = 1024 * 1024


class SmsfsFile(io.RawIOBase):
    """A file of smsfs, open and unbuffered.

    Args:
        owner: the filesystem, which lives at least as long.
        handle: the open file.
        path: as the caller gave it.
        mode: how it was opened.
    """

    def __init__(self, owner: "FS", handle: "OpenFile", path: str, mode: "Mode") -> None:
        self.name = path
        self.mode = mode.to_platform_bin()
        self._owner = owner
        self._handle = handle
        self._mode = mode
        self._position = 0
        self._cut = False
        if mode.appending:
            self.seek(0, io.SEEK_END)

    def readable(self) -> bool:
        """Whether it was opened for reading."""
        return self._mode.reading

    def writable(self) -> bool:
        """Whether it was opened for writing."""
        return self._mode.writing

    def seekable(self) -> bool:
        """It always is."""
        return True

    def _require(self, what: str, *, allowed: bool) -> None:
        if self.closed:
            raise ValueError(f"{self.name} is closed.")
        if not allowed:
            raise io.UnsupportedOperation(f"{self.name} was not opened for {what}.")

    def _size(self) -> int:
        return ask(self.name, self._handle.stat).size

    def readinto(self, buffer: Any) -> int:
        """Read into ``buffer``; how many bytes that was, 0 at the end."""
        self._require("reading", allowed=self.readable())
        view = memoryview(buffer).cast("B")
        data = ask(self.name, self._handle.read, self._position, len(view))
        view[: len(data)] = data
        self._position += len(data)
        return len(data)

    def readall(self) -> bytes:
        """The rest of the file."""
        return b"".join(iter(lambda: self.read(CHUNK_SIZE), b""))

    def write(self, data: Any) -> int:
        """Write all of ``data``, at the end when appending."""
        self._require("writing", allowed=self.writable())
        content = memoryview(data).tobytes()
        if self._mode.appending and content:
            self._position = self._size()
        written = ask(self.name, self._handle.write, self._position, content)
        self._position += written
        return written

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move; the new position."""
        self._require("seeking", allowed=True)
        starts = {io.SEEK_SET: lambda: 0, io.SEEK_CUR: lambda: self._position, io.SEEK_END: self._size}
        if whence not in starts:
            raise ValueError(f"whence is 0, 1 or 2, not {whence}.")
        position = starts[whence]() + offset
        if position < 0:
            raise ValueError(f"{self.name} has no bytes before its first.")
        self._position = position
        return position

    def truncate(self, size: int | None = None) -> int:
        """Cut or extend to ``size`` bytes, the position by default."""
        self._require("writing", allowed=self.writable())
        size = self._position if size is None else size
        ask(self.name, self._handle.truncate, size)
        return size

    def cut(self) -> None:
        """What is written is not whole: closing leaves a draft that cannot be submitted."""
        self._cut = True

    def forgotten(self) -> None:
        """The program that opened it has let go of it without closing it."""
        self.cut()
        if self.writable():
            sentence = f"{self.name} was never closed, so its upload counts as cut off."
            warnings.warn(sentence, ResourceWarning, stacklevel=3, source=self)

    def close(self) -> None:
        """The upload is complete and durable when this returns."""
        if not self.closed:
            super().close()
            ask(self.name, self._handle.abandon if self._cut else self._handle.close)

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: "TracebackType | None"
    ) -> None:
        if kind is not None:
            self.cut()
        super().__exit__(kind, exc, trace)

    def __del__(self) -> None:
        if not self.closed:
            self.forgotten()
        super().__del__()


class Layer:
    """What a buffer or a text layer passes on to the file below, which sees no more of it than a close."""

    file: SmsfsFile
    closed: bool

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: "TracebackType | None"
    ) -> None:
        if kind is not None:
            self.file.cut()
        super().__exit__(kind, exc, trace)  # type: ignore[misc]

    def __del__(self) -> None:
        try:
            if not self.closed:
                self.file.forgotten()
        except ValueError:  # detached: the file has another owner now
            return
        super().__del__()  # type: ignore[misc]


class BufferedReader(Layer, io.BufferedReader):
    """A buffer to read through."""


class BufferedWriter(Layer, io.BufferedWriter):
    """A buffer to write through."""


class BufferedRandom(Layer, io.BufferedRandom):
    """A buffer to read and write through."""


class TextFile(Layer, io.TextIOWrapper):
    """Text, over one of the buffers."""

    mode = ""


def buffered(file: SmsfsFile, size: int) -> "BufferedReader | BufferedWriter | BufferedRandom":
    """A buffer of ``size`` bytes over a file, as its mode asks for."""
    if file.readable() and file.writable():
        kind: Any = BufferedRandom
    else:
        kind = BufferedReader if file.readable() else BufferedWriter
    layer = kind(file, size)
    layer.file = file
    return cast("BufferedReader | BufferedWriter | BufferedRandom", layer)
