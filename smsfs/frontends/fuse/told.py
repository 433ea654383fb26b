"""What a listing has told of files, for the question about each of them that follows.

``ls -l`` lists a folder and then asks about each name in it, up to three times. What was listed is the
answer, for as long as nothing at all was changed since.
"""

from collections.abc import Callable, Iterable

from smsfs.filesystem import Entry, Filesystem
from smsfs.frontends.fuse.access import Attributes

#: So many files are remembered, the last that were listed.
MOST = 20_000


class Told:
    """What was told.

    Args:
        stamp: gives a number that is another one after any change, or None if there is none.
    """

    def __init__(self, stamp: Callable[[], int | None]) -> None:
        self._ask = stamp
        self._stamp: int | None = None
        self._known: dict[str, Attributes] = {}

    def stamp(self) -> int | None:
        """To be asked for before a listing is read."""
        return self._ask()

    def keep(self, folder: str, listed: Iterable[tuple[Entry, Attributes]], stamp: int | None) -> None:
        """Remember a part of a listing; not the files that may grow without anything being told of that."""
        if stamp is None:
            return
        if stamp != self._stamp or len(self._known) > MOST:
            self._known.clear()
        self._stamp = stamp
        prefix = folder.rstrip("/")
        for entry, attributes in listed:
            if not (entry.unsure or entry.is_folder):
                self._known[f"{prefix}/{entry.name}"] = attributes

    def find(self, path: str) -> Attributes | None:
        """What was told of a file, if that is still so."""
        found = self._known.get(path)
        if found is not None and self._ask() == self._stamp:
            return found
        return None


def told_by(filesystem: object) -> Told:
    """What a filesystem has told."""
    return Told(filesystem.stamp if isinstance(filesystem, Filesystem) else lambda: None)
