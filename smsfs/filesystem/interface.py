"""What frontends call, and what they get back.

Methods are synchronous, safe to call from several threads, and may wait for the disk. Paths are as clients
send them, absolute or not; they are resolved lexically and never leave the account. Whatever is refused is
a ``Refusal``: an errno and a sentence.
"""

from abc import ABC, abstractmethod
from functools import partial
from typing import NoReturn

from smsfs.errors import BadRequest, NameTooLong, NotAllowed, NotFolder
from smsfs.filesystem.entry import Entry, Usage
from smsfs.filesystem.folder import OpenFolder, behind
from smsfs.filesystem.handles import Slot
from smsfs.filesystem.openfile import OpenFile
from smsfs.names import MAX_NAME

FOLDER_MODE = 0o755


class Filesystem(ABC):
    """What frontends call."""

    @abstractmethod
    def stat(self, path: str) -> Entry:
        """The file or folder at ``path``; the name a file was submitted under answers for a while.

        Raises:
            Missing: there is no file or folder.
        """

    @abstractmethod
    def listdir(self, path: str) -> list[Entry]:
        """What a folder holds, without ``.`` and ``..``."""

    def page(self, path: str, after: str, limit: int) -> list[Entry]:
        """What a folder holds after the name ``after``; here all of the folder is read for it.

        Args:
            path: the folder.
            after: a name, of an entry or not; ``""`` for the beginning.
            limit: how many entries at most; they are ordered by the bytes of their names.

        Returns:
            The entries; none at the end of the folder.
        """
        return behind(self.listdir(path), after, limit)

    def names(self, path: str, after: str, limit: int) -> list[str]:
        """The names of such a page; a folder may know them for less."""
        return [entry.name for entry in self.page(path, after, limit)]

    def hold_folder(self, path: str) -> Slot | None:
        """Count a folder as open.

        Raises:
            TooManyOpen: the account has as many open as it may.
        """
        del path
        return None

    def open_folder(self, path: str) -> OpenFolder:
        """Open a folder to be read by pages.

        Raises:
            Missing, NotFolder: there is no such folder.
            TooManyOpen: the account has too many open.
        """
        if not self.stat(path).is_folder:
            raise NotFolder(f"{path} is a file, not a folder.")
        return OpenFolder(partial(self.page, path), self.hold_folder(path))

    @abstractmethod
    def open(self, path: str, flags: int) -> OpenFile:
        """Open a file; ``flags`` are of ``os.O_*``."""

    @abstractmethod
    def rename(self, old: str, new: str, *, replace: bool, ends: OpenFile | None = None) -> None:
        """Rename a file, which may submit it.

        Args:
            old: its path.
            new: the path that it gets.
            replace: whether it may take the place of a draft.
            ends: a file that ``seal`` was called of: it is closed in the same commit, if that is made.
        """

    @abstractmethod
    def remove(self, path: str) -> None:
        """Delete a file."""

    @abstractmethod
    def set_times(self, path: str, mtime: float) -> None:
        """Set a draft's time of modification; accepted without effect elsewhere."""

    @abstractmethod
    def truncate(self, path: str, size: int) -> None:
        """Cut or extend a draft."""

    @abstractmethod
    def chmod(self, path: str, mode: int) -> None:
        """Accept the mode shown, or any on a file being written; refuse others unless they are ignored."""

    @abstractmethod
    def chown(self, path: str, uid: int, gid: int) -> None:
        """As ``chmod``; -1 leaves an id as it is."""

    @abstractmethod
    def usage(self) -> Usage:
        """For statvfs."""

    def stamp(self) -> int | None:
        """A number that is another one after any change; None where to ask for it takes long."""
        return None

    def refuse_folder_change(self, what: str) -> NoReturn:
        """Refuse mkdir, rmdir, symlink and link."""
        raise NotAllowed(f"Folders are fixed here: {what} is not allowed.")

    def normal(self, path: str) -> str:
        """The absolute form of a path, by its text alone."""
        return "/" + "/".join(parts_of(path))


def parts_of(path: str) -> list[str]:
    """The names along a path, with ``.`` and ``..`` resolved; ``..`` of the root is the root."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    return parts


def relative(path: str) -> str:
    """A client's path relative to the account, without a leading slash; ``""`` for the root.

    Raises:
        BadRequest: the name is not UTF-8 or holds a NUL.
        NameTooLong: a name has over 255 bytes.
    """
    if "\0" in path:
        raise BadRequest("A file name cannot hold a NUL character.")
    parts = parts_of(path)
    for part in parts:
        try:
            size = len(part.encode())
        except UnicodeEncodeError:
            raise BadRequest("The file name is not UTF-8; set the client's character set to UTF-8.") from None
        if size > MAX_NAME:
            raise NameTooLong(f"The file name has {size} bytes; at most {MAX_NAME} are allowed.")
    return "/".join(parts)
