"""Files that are open through a mount, each under the number by which the kernel knows it."""

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import structlog
from attrs import define

from smsfs.errors import BadHandle
from smsfs.frontends.fuse.killed import was_killed

if TYPE_CHECKING:
    from smsfs.filesystem import OpenFile

log = structlog.get_logger()


@define
class Handle:
    """A file that a program has open.

    Attributes:
        file: the file.
        path: the path under which it was opened.
        unsynced: something was written since it was last brought to stable storage.
        changed: something was written since it was opened.
        killed: a program that had it open was killed.
    """

    file: "OpenFile"
    path: str
    unsynced: bool = False
    changed: bool = False
    killed: bool = False

    def change(self) -> None:
        """Something is about to be written."""
        self.unsynced = self.changed = True

    def sync(self) -> None:
        """Bring what was written to stable storage."""
        if self.unsynced:
            self.file.sync()
            self.unsynced = False


class OpenFiles:
    """The open files of a mount.

    Args:
        numbers: gives a new handle its number.
        caller: returns the task whose request is being answered.
    """

    def __init__(self, numbers: Iterator[int], caller: Callable[[], int]) -> None:
        self._numbers = numbers
        self._caller = caller
        self._handles: dict[int, Handle] = {}

    def __len__(self) -> int:
        return len(self._handles)

    def add(self, file: "OpenFile", path: str, flags: int) -> int:
        """Keep a file that was opened; the number of its handle."""
        number = next(self._numbers)
        handle = self._handles[number] = Handle(file, path)
        if flags & (os.O_CREAT | os.O_TRUNC):
            handle.change()
        return number

    def find(self, number: int | None) -> Handle | None:
        """The handle, if there is one."""
        return None if number is None else self._handles.get(number)

    def get(self, number: int) -> Handle:
        """The handle.

        Raises:
            BadHandle: it was closed.
        """
        try:
            return self._handles[number]
        except KeyError:
            raise BadHandle("This file is not open any more; open it again.") from None

    def write(self, number: int, offset: int, data: bytes) -> int:
        """Write all of ``data``; the number of bytes."""
        handle = self.get(number)
        handle.change()
        return handle.file.write(offset, data)

    def truncate(self, number: int, size: int) -> None:
        """Set the size of a file."""
        handle = self.get(number)
        handle.file.truncate(size)
        handle.change()

    def flush(self, number: int) -> None:
        """Put what was written on stable storage, and see whether the program that closes was killed."""
        handle = self.get(number)
        handle.killed = handle.killed or (handle.changed and was_killed(self._caller()))
        handle.sync()

    def release(self, number: int, path: str) -> None:
        """Close a file; if a program that wrote it was killed, what arrived stays a cut upload."""
        handle = self._handles.pop(number)
        if handle.killed:
            log.warning("writer_killed", path=path)
            handle.file.abandon()
        else:
            handle.file.close()

    def abandon(self) -> None:
        """The mount ends: what is open is cut off."""
        for handle in self._handles.values():
            if handle.changed:
                log.warning("transfer_cut", path=handle.path)
            with contextlib.suppress(OSError):
                handle.file.abandon()
        self._handles.clear()
