"""Folders that are open through a mount: the offsets by which the kernel reads on, and their names."""

from collections import OrderedDict
from typing import TYPE_CHECKING, Protocol

from smsfs.filesystem import Filesystem, OpenFolder
from smsfs.filesystem.folder import behind

if TYPE_CHECKING:
    from smsfs.filesystem import Entry

#: Entries given to the kernel at a time; its buffer of 4 KiB holds about as many names of 40 characters.
PAGE = 64
#: Offsets whose names are kept: the kernel goes back by what did not fit into a program's buffer.
KEPT = 256
_DOTS = (".", "..")


class Lists(Protocol):
    """A filesystem that cannot give a folder by pages."""

    def listdir(self, path: str) -> "list[Entry]":
        """What a folder holds."""


def open_folder(filesystem: Filesystem | Lists, path: str) -> "FolderHandle":
    """Open a folder; without pages, all of it is looked at for each part."""
    if isinstance(filesystem, Filesystem):
        return FolderHandle(filesystem.open_folder(path))
    return FolderHandle(OpenFolder(lambda after, limit: behind(filesystem.listdir(path), after, limit)))


class FolderHandle:
    """A folder that a program has open.

    An offset counts the entries before it. The names behind the last ones are kept; where an earlier one is
    asked for, as after seekdir(3), the folder is read from its beginning up to there.

    Args:
        folder: read at the kernel's pace.
    """

    def __init__(self, folder: OpenFolder) -> None:
        self._folder = folder
        self._names: OrderedDict[int, str] = OrderedDict()

    def entries(self, offset: int) -> "list[tuple[str, Entry | None, int]]":
        """Name, entry and next offset of what comes behind an offset; of ``.`` and ``..`` no entry."""
        dots = [(name, None, place) for place, name in enumerate(_DOTS, 1) if place > offset]
        place = max(offset, len(_DOTS))
        self._go_to(place)
        found: list[tuple[str, Entry | None, int]] = [*dots]
        for entry in self._folder.read(PAGE):
            place += 1
            self._keep(place, entry.name)
            found.append((entry.name, entry, place))
        return found

    def _keep(self, place: int, name: str) -> None:
        self._names[place] = name
        self._names.move_to_end(place)
        while len(self._names) > KEPT:
            self._names.popitem(last=False)

    def _go_to(self, place: int) -> None:
        self._folder.after = self._names.get(place, "")
        left = place - len(_DOTS)
        while left > 0 and place not in self._names:
            skipped = self._folder.read(min(left, PAGE))
            if not skipped:
                return
            left -= len(skipped)

    def close(self) -> None:
        """Let go."""
        self._folder.close()
