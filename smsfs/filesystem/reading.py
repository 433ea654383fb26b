"""Files open for reading."""

import errno
import io
import os
import threading
from typing import TYPE_CHECKING

from smsfs.errors import BadHandle
from smsfs.filesystem.openfile import OpenFile
from smsfs.states import FileState

if TYPE_CHECKING:
    from collections.abc import Callable

    from smsfs.filesystem.entry import Entry
    from smsfs.store import Contents, File

#: From here on, file systems may refuse an offset that no file of theirs reaches; to a reader it is the end.
FAR = 2**40


class Reader(OpenFile):
    """A file open for reading: its content, then its tail."""

    def __init__(
        self,
        contents: "Contents",
        file: "File",
        entry: "Callable[[], Entry]",
        check: "Callable[[], None]" = lambda: None,
    ) -> None:
        self._stream = contents.open_read(file.content)
        self._file = file
        self._entry = entry
        self._check = check
        self._lock = threading.Lock()

    def read(self, offset: int, size: int) -> bytes:
        """Up to ``size`` bytes from ``offset``."""
        self._check()
        with self._lock:
            if self._stream.closed:
                raise BadHandle("The file is closed.")
            if self._file.state is FileState.DRAFT:
                return self._read(offset, size)
            head = self._read(offset, min(size, max(0, self._file.size - offset)))
            start = max(0, offset - self._file.size)
            behind = self._file.size - offset - len(head) <= 0
            return head + (self._file.tail[start : start + size - len(head)] if behind else b"")

    def send(self, target: int, offset: int, size: int) -> int:
        """Send content that is a plain file; what is behind it, and the end, are to be read."""
        self._check()
        with self._lock:
            if self._stream.closed or not isinstance(self._stream, io.FileIO):
                return 0
            if self._file.state is not FileState.DRAFT:
                size = min(size, self._file.size - offset)
            return _passed_on(target, self._stream, offset, size) if size > 0 and offset < FAR else 0

    def _read(self, offset: int, size: int) -> bytes:
        if size <= 0 or (offset >= FAR and offset >= self._stream.seek(0, io.SEEK_END)):
            return b""
        self._stream.seek(offset)
        return self._stream.read(size) or b""

    def stat(self) -> "Entry":
        """As it is now."""
        return self._entry()

    def close(self) -> None:
        """Let go."""
        with self._lock:
            self._stream.close()
        self._give_back()


def _passed_on(target: int, stream: io.FileIO, offset: int, size: int) -> int:
    try:
        return os.sendfile(target, stream.fileno(), offset, size)
    except OSError as exc:
        if exc.errno in (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):  # not on every file system
            return 0
        raise
