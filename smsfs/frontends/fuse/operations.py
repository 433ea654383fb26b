"""The callbacks of a mount, as the bindings of libfuse call them."""

import itertools
import os
import stat
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from smsfs.errors import BadRequest, NotAllowed, NotPermitted
from smsfs.frontends.fuse.access import Access, Attributes
from smsfs.frontends.fuse.answers import answered
from smsfs.frontends.fuse.binding import MAX_BACKGROUND, MAX_WRITE
from smsfs.frontends.fuse.folders import FolderHandle, open_folder
from smsfs.frontends.fuse.open_files import OpenFiles
from smsfs.frontends.fuse.told import told_by

if TYPE_CHECKING:
    from smsfs.filesystem import Filesystem

BLOCK = 4096
#: Two values of ``tv_nsec`` in utimensat(2), which mfusepy hands on as if they were times.
UTIME_NOW, UTIME_OMIT = (1 << 30) - 1, (1 << 30) - 2
#: A flag of renameat2(2).
RENAME_NOREPLACE = 1
OPEN_FLAGS = os.O_ACCMODE | os.O_CREAT | os.O_EXCL | os.O_TRUNC | os.O_APPEND


def _folder(path: str, dots: str) -> str:
    """The folder itself, or the one above: C libraries pass over a name that comes without an inode."""
    return os.path.dirname(path) if dots == ".." else path  # noqa: PTH120 - a path in the mount


def _refused(change: str) -> Callable[..., None]:
    """A callback that refuses a change of folders."""

    def refuse(self: "Operations", _path: str, /, *_arguments: Any) -> None:
        """Refuse."""
        self._filesystem.refuse_folder_change(change)

    refuse.__name__ = change
    return answered(refuse)


class Operations:
    """The callbacks of a mount, named and called as the bindings do.

    Both bindings take *any* attribute named like a FUSE operation for a callback, so all others start with
    an underscore. Operations that are absent (extended attributes, locks) the kernel stops asking for.

    Args:
        filesystem: what is mounted.
        on_mounted: called once when the mount answers; must not touch it.
        caller: returns the task whose request is being answered.
        access: whose the files are, and their modes.
    """

    use_ns = True

    def __init__(
        self,
        filesystem: "Filesystem",
        on_mounted: Callable[[], None],
        caller: Callable[[], int],
        access: Access | None = None,
    ) -> None:
        self._filesystem = filesystem
        self._on_mounted = on_mounted
        self._numbers = itertools.count(1)
        self._files = OpenFiles(self._numbers, caller)
        self._folders: dict[int, FolderHandle] = {}
        self._access = access or Access()
        self._told = told_by(filesystem)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} with {len(self._files)} open files>"

    # The mount itself

    def init(self, _path: str) -> None:
        """Report that the mount answers (fusepy)."""
        self._on_mounted()

    def init_with_config(self, connection: Any, _config: Any) -> None:
        """Set what only the connection can, and report that the mount answers (mfusepy)."""
        connection.max_write = MAX_WRITE
        connection.max_background = MAX_BACKGROUND
        self._on_mounted()

    @answered
    def statfs(self, _path: str) -> Attributes:
        """Show the account's limits as those of a disk."""
        usage = self._filesystem.usage()
        free_blocks = max(0, usage.max_bytes - usage.bytes) // BLOCK
        free_files = max(0, usage.max_files - usage.files)
        blocks = {"f_bsize": BLOCK, "f_frsize": BLOCK, "f_blocks": usage.max_bytes // BLOCK}
        files = {"f_files": usage.max_files, "f_ffree": free_files, "f_favail": free_files}
        return blocks | files | {"f_bfree": free_blocks, "f_bavail": free_blocks, "f_namemax": usage.max_name}

    # Names

    @answered
    def getattr(self, path: str, number: int | None = None) -> Attributes:
        """What stat(2) shows, times in nanoseconds."""
        handle = self._files.find(number)
        if handle:
            return self._access.attributes(handle.file.stat())
        return self._told.find(path) or self._access.attributes(self._filesystem.stat(path))

    @answered
    def opendir(self, path: str) -> int:
        """Open a folder and give the number of its handle."""
        folder = open_folder(self._filesystem, path)
        number = next(self._numbers)
        self._folders[number] = folder
        return number

    @answered
    def releasedir(self, _path: str, number: int) -> None:
        """Close a folder."""
        self._folders.pop(number).close()

    @answered
    def readdir_with_offset(self, path: str, offset: int, number: int) -> list[tuple[str, Attributes, int]]:
        """Some names of a folder behind an offset, each with its kind, its inode and the next offset."""
        stamp = self._told.stamp()
        found = [
            (name, entry, self._access.attributes(entry or self._filesystem.stat(_folder(path, name))), place)
            for name, entry, place in self._folders[number].entries(offset)
        ]
        self._told.keep(path, ((entry, shown) for _, entry, shown, _ in found if entry), stamp)
        return [(name, shown, place) for name, _, shown, place in found]

    @answered
    def access(self, path: str, wanted: int) -> None:
        """Answer from the mode that is shown, so that editors know what is read-only."""
        entry = self._filesystem.stat(path)
        if wanted & ~(entry.mode >> 6):
            raise NotAllowed("The mode of this file does not allow that.")

    @answered
    def rename(self, old: str, new: str, flags: int = 0) -> None:
        """Rename, and replace unless a flag says otherwise; flags as in renameat2(2), libfuse 3 only."""
        if flags & ~RENAME_NOREPLACE:
            raise BadRequest("Files cannot be exchanged here; rename them one after the other.")
        try:
            self._filesystem.rename(old, new, replace=not flags)
        except BadRequest as refusal:  # of EINVAL, mv says "cannot move to a subdirectory of itself"
            raise NotPermitted(refusal.sentence) from refusal

    @answered
    def unlink(self, path: str) -> None:
        """Delete a file."""
        self._filesystem.remove(path)

    mkdir, rmdir, symlink, link = map(_refused, ("mkdir", "rmdir", "symlink", "link"))

    @answered
    def mknod(self, path: str, mode: int, _device: int) -> None:
        """Make an empty plain file; refuse pipes, sockets and devices."""
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
            self._filesystem.refuse_folder_change("mknod")
        self._filesystem.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL).close()

    # Attributes

    @answered
    def chmod(self, path: str, mode: int) -> None:
        """Leave it to the filesystem's rule, to which the mode that is shown means no change."""
        own, wanted = self._filesystem.stat(path).mode, stat.S_IMODE(mode)
        self._filesystem.chmod(path, own if wanted == self._access.mode(own) else wanted)

    @answered
    def chown(self, path: str, uid: int, gid: int) -> None:
        """Leave it to the filesystem's rule, to which the owner that is shown means no change."""
        shown = self._access
        self._filesystem.chown(path, -1 if uid == shown.uid else uid, -1 if gid == shown.gid else gid)

    @answered
    def utimens(self, path: str, times: tuple[int, int] | None = None) -> None:
        """Set the time of modification, the second of ``times`` in nanoseconds; None means now."""
        modified = UTIME_NOW if times is None else int(times[1])
        if modified == UTIME_OMIT:
            return
        self._filesystem.set_times(path, time.time() if modified == UTIME_NOW else modified / 1e9)

    @answered
    def truncate(self, path: str, size: int, number: int | None = None) -> None:
        """Set the size of a file, through the open file if it came with one."""
        if number is None:
            self._filesystem.truncate(path, size)
        else:
            self._files.truncate(number, size)

    # Open files

    @answered
    def open(self, path: str, flags: int) -> int:
        """Open a file and give the number of its handle."""
        return self._files.add(self._filesystem.open(path, flags & OPEN_FLAGS), path, flags)

    @answered
    def create(self, path: str, _mode: int, flags: int = os.O_RDWR) -> int:
        """Make a file and open it; fusepy does not pass the flags."""
        flags |= os.O_CREAT
        return self._files.add(self._filesystem.open(path, flags & OPEN_FLAGS), path, flags)

    @answered
    def read(self, _path: str, size: int, offset: int, number: int) -> bytes:
        """Bytes from ``offset``, fewer than ``size`` only at the end."""
        return self._files.get(number).file.read(offset, size)

    @answered
    def write(self, _path: str, data: bytes, offset: int, number: int) -> int:
        """Write all of ``data``."""
        return self._files.write(number, offset, data)

    @answered
    def flush(self, _path: str, number: int) -> None:
        """Put what was written on stable storage: one descriptor was closed, perhaps not the last.

        That close(2) waits for this answer; what ``release`` answers, nobody hears.
        """
        self._files.flush(number)

    @answered
    def fsync(self, _path: str, _data_only: int, number: int) -> None:
        """Put what was written on stable storage."""
        self._files.get(number).sync()

    @answered
    def release(self, path: str, number: int) -> None:
        """Close the file: no descriptor and no mapping of it is left; unless cut off, it is complete."""
        self._files.release(number, path)


class FusepyOperations(Operations):
    """The same callbacks for fusepy, which calls them by name, and asks for a whole folder at once."""

    @answered
    def readdir(self, path: str, _number: int) -> list[tuple[str, Attributes, int]]:
        """The names of a folder, without offsets."""
        dots = {name: self._filesystem.stat(_folder(path, name)) for name in (".", "..")}
        listed = {**dots, **{entry.name: entry for entry in self._filesystem.listdir(path)}}
        return [(name, self._access.attributes(entry), 0) for name, entry in listed.items()]

    def __call__(self, operation: str, *args: Any) -> Any:
        """Call an operation; mfusepy takes objects that can be called for a mistake."""
        return getattr(self, operation)(*args)
