"""The FUSE frontend: an account, or all of them, as a folder of this host.

Runs on mfusepy (libfuse 3, the default) and on fusepy (libfuse 2). Callbacks come one at a time, in the order
in which the kernel queued them; so ``cp a.csv M/ && mv M/a.csv M/a.csv.ready`` always finds the upload
complete, though the kernel reports the last close of a file (``release``) without waiting for an answer.

FUSE shows a person the text of an errno and nothing else; the sentence of a refusal goes to the log, which a
mount in the foreground writes to its terminal.

The kernel closes the files of a program that was killed, by Ctrl-C too, as if it had closed them itself. At
``flush`` the mount looks how its caller is ending: what a killed one had open for writing is a cut upload,
also if a shell or another program that shared its descriptor goes on.
"""

import contextlib
import ctypes.util
import errno
import functools
import importlib
import itertools
import os
import shlex
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import structlog
from attrs import define

from smsfs.errors import BadHandle, BadRequest, ConfigurationError, NotAllowed, NotPermitted, Refusal
from smsfs.frontends.callers import was_killed
from smsfs.frontends.fuse_access import Access
from smsfs.frontends.fuse_folders import FolderHandle, open_folder
from smsfs.frontends.fuse_mountpoint import check_mountpoint
from smsfs.frontends.fuse_process import signals_left_to_libfuse, working_folder

if TYPE_CHECKING:
    from smsfs.filesystem import Entry, Filesystem, OpenFile

P = ParamSpec("P")
R = TypeVar("R")
Attributes = dict[str, int]

log = structlog.get_logger()

DEVICE = Path("/dev/fuse")

#: Bytes per write request; larger ones measured slower.
MAX_WRITE = 128 * 1024
#: Requests that nobody waits for, such as ``release``: past this number the kernel holds them back and lets
#: a later rename overtake them. Its own default is 12.
MAX_BACKGROUND = 4096
BLOCK = 4096
#: Two values of ``tv_nsec`` in utimensat(2), which mfusepy hands on as if they were times.
UTIME_NOW, UTIME_OMIT = (1 << 30) - 1, (1 << 30) - 2
#: A flag of renameat2(2).
RENAME_NOREPLACE = 1
#: What ``fuse_main`` of libfuse 3 returns when its loop was ended by a signal.
ENDED_BY_SIGNAL = 8
OPEN_FLAGS = os.O_ACCMODE | os.O_CREAT | os.O_EXCL | os.O_TRUNC | os.O_APPEND


def _answered(callback: Callable[Concatenate[Any, str, P], R]) -> Callable[Concatenate[Any, str, P], R]:
    """Let only an ``OSError`` with an errno out of a callback: the bindings make garbage of the rest."""

    @functools.wraps(callback)
    def answer(self: Any, path: str, /, *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return callback(self, path, *args, **kwargs)
        except Exception as error:
            number = _logged_errno(callback.__name__, path, error)
            raise OSError(number, os.strerror(number)) from error

    return answer


def _logged_errno(operation: str, path: str, error: Exception) -> int:
    number = error.errno if isinstance(error, OSError) else None
    if isinstance(error, Refusal):
        is_question = operation == "access" or (operation, number) == ("getattr", errno.ENOENT)
        tell = log.debug if is_question else log.info
        tell("refused", op=operation, path=path, reason=error.sentence)
    else:
        log.error("failed", op=operation, path=path, exc_info=error)
    return number or errno.EIO


def _folder(path: str, dots: str) -> str:
    """The folder itself, or the one above: C libraries pass over a name that comes without an inode."""
    return os.path.dirname(path) if dots == ".." else path  # noqa: PTH120 - a path in the mount


@define
class _Handle:
    file: "OpenFile"
    path: str
    unsynced: bool = False
    changed: bool = False
    killed: bool = False

    def change(self) -> None:
        self.unsynced = self.changed = True


class Operations:
    """The callbacks of a mount, named and called as the bindings do.

    Both bindings take *any* attribute named like a FUSE operation for a callback, so all others start with
    an underscore. Operations that are absent (extended attributes, locks) the kernel stops asking for.

    Args:
        filesystem: what is mounted.
        on_mounted: called once when the mount answers; must not touch it.
        caller: tells the task whose request is answered.
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
        self._caller = caller
        self._handles: dict[int, _Handle] = {}
        self._folders: dict[int, FolderHandle] = {}
        self._numbers = itertools.count(1)
        self._access = access or Access()
        self._uid, self._gid = self._access.uid, self._access.gid

    def __repr__(self) -> str:
        return f"<{type(self).__name__} with {len(self._handles)} open files>"

    # The mount itself

    def init(self, _path: str) -> None:
        """Tell that the mount answers (fusepy)."""
        self._on_mounted()

    def init_with_config(self, connection: Any, _config: Any) -> None:
        """Set what only the connection can, and tell that the mount answers (mfusepy)."""
        connection.max_write = MAX_WRITE
        connection.max_background = MAX_BACKGROUND
        self._on_mounted()

    def _abandon_open_files(self) -> None:
        for handle in self._handles.values():
            if handle.changed:
                log.warning("transfer_cut", path=handle.path)
            with contextlib.suppress(OSError):
                handle.file.abandon()
        self._handles.clear()

    @_answered
    def statfs(self, _path: str) -> Attributes:
        """Tell the account's limits as a disk's."""
        usage = self._filesystem.usage()
        free_blocks = max(0, usage.max_bytes - usage.bytes) // BLOCK
        free_files = max(0, usage.max_files - usage.files)
        blocks = {"f_bsize": BLOCK, "f_frsize": BLOCK, "f_blocks": usage.max_bytes // BLOCK}
        files = {"f_files": usage.max_files, "f_ffree": free_files, "f_favail": free_files}
        return blocks | files | {"f_bfree": free_blocks, "f_bavail": free_blocks, "f_namemax": usage.max_name}

    # Names

    @_answered
    def getattr(self, path: str, number: int | None = None) -> Attributes:
        """What stat(2) shows, times in nanoseconds."""
        handle = self._handles.get(number) if number is not None else None
        return self._attributes(handle.file.stat() if handle else self._filesystem.stat(path))

    def _attributes(self, entry: "Entry") -> Attributes:
        kind, links = (stat.S_IFDIR, 2) if entry.is_folder else (stat.S_IFREG, 1)
        modified = round(entry.mtime * 1e9)
        times = {"st_atime": modified, "st_mtime": modified, "st_ctime": modified}
        sizes = {"st_size": entry.size, "st_blocks": -(-entry.size // 512)}
        owner = {"st_uid": self._uid, "st_gid": self._gid}
        return (
            {"st_mode": kind | self._access.mode(entry.mode), "st_ino": entry.inode, "st_nlink": links}
            | sizes
            | owner
            | times
        )

    @_answered
    def opendir(self, path: str) -> int:
        """Open a folder and give the number of its handle."""
        folder = open_folder(self._filesystem, path)
        number = next(self._numbers)
        self._folders[number] = folder
        return number

    @_answered
    def releasedir(self, _path: str, number: int) -> None:
        """Close a folder."""
        self._folders.pop(number).close()

    @_answered
    def readdir_with_offset(self, path: str, offset: int, number: int) -> list[tuple[str, Attributes, int]]:
        """Some names of a folder behind an offset, each with its kind, its inode and the next offset."""
        return [
            (name, self._attributes(entry or self._filesystem.stat(_folder(path, name))), place)
            for name, entry, place in self._folders[number].entries(offset)
        ]

    @_answered
    def access(self, path: str, wanted: int) -> None:
        """Answer from the mode that is shown, so that editors know what is read-only."""
        entry = self._filesystem.stat(path)
        if wanted & ~(entry.mode >> 6):
            raise NotAllowed("The mode of this file does not allow that.")

    @_answered
    def rename(self, old: str, new: str, flags: int = 0) -> None:
        """Rename, and replace unless told otherwise; flags as in renameat2(2), libfuse 3 only."""
        if flags & ~RENAME_NOREPLACE:
            raise BadRequest("Files cannot be exchanged here; rename them one after the other.")
        try:
            self._filesystem.rename(old, new, replace=not flags)
        except BadRequest as refusal:  # of EINVAL, mv says "cannot move to a subdirectory of itself"
            raise NotPermitted(refusal.sentence) from refusal

    @_answered
    def unlink(self, path: str) -> None:
        """Delete a file."""
        self._filesystem.remove(path)

    @_answered
    def mkdir(self, _path: str, _mode: int) -> None:
        """Refuse."""
        self._filesystem.refuse_folder_change("mkdir")

    @_answered
    def rmdir(self, _path: str) -> None:
        """Refuse."""
        self._filesystem.refuse_folder_change("rmdir")

    @_answered
    def symlink(self, _path: str, _target: str) -> None:
        """Refuse."""
        self._filesystem.refuse_folder_change("symlink")

    @_answered
    def link(self, _path: str, _target: str) -> None:
        """Refuse."""
        self._filesystem.refuse_folder_change("link")

    @_answered
    def mknod(self, path: str, mode: int, _device: int) -> None:
        """Make an empty plain file; refuse pipes, sockets and devices."""
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
            self._filesystem.refuse_folder_change("mknod")
        self._filesystem.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL).close()

    # Attributes

    @_answered
    def chmod(self, path: str, mode: int) -> None:
        """Leave it to the filesystem's rule, to which the mode that is shown means no change."""
        own, wanted = self._filesystem.stat(path).mode, stat.S_IMODE(mode)
        self._filesystem.chmod(path, own if wanted == self._access.mode(own) else wanted)

    @_answered
    def chown(self, path: str, uid: int, gid: int) -> None:
        """Leave it to the filesystem's rule, to which the owner that is shown means no change."""
        self._filesystem.chown(path, -1 if uid == self._uid else uid, -1 if gid == self._gid else gid)

    @_answered
    def utimens(self, path: str, times: tuple[int, int] | None = None) -> None:
        """Set the time of modification, the second of ``times`` in nanoseconds; None means now."""
        modified = UTIME_NOW if times is None else int(times[1])
        if modified == UTIME_OMIT:
            return
        self._filesystem.set_times(path, time.time() if modified == UTIME_NOW else modified / 1e9)

    @_answered
    def truncate(self, path: str, size: int, number: int | None = None) -> None:
        """Set the size of a file, through the open file if it came with one."""
        if number is None:
            self._filesystem.truncate(path, size)
            return
        handle = self._open_file(number)
        handle.file.truncate(size)
        handle.change()

    # Open files

    @_answered
    def open(self, path: str, flags: int) -> int:
        """Open a file and give the number of its handle."""
        return self._open(path, flags)

    @_answered
    def create(self, path: str, _mode: int, flags: int = os.O_RDWR) -> int:
        """Make a file and open it; fusepy does not tell the flags."""
        return self._open(path, flags | os.O_CREAT)

    def _open(self, path: str, flags: int) -> int:
        file = self._filesystem.open(path, flags & OPEN_FLAGS)
        number = next(self._numbers)
        handle = self._handles[number] = _Handle(file, path)
        if flags & (os.O_CREAT | os.O_TRUNC):
            handle.change()
        return number

    def _open_file(self, number: int) -> _Handle:
        try:
            return self._handles[number]
        except KeyError:
            raise BadHandle("This file is not open any more; open it again.") from None

    @_answered
    def read(self, _path: str, size: int, offset: int, number: int) -> bytes:
        """Bytes from ``offset``, fewer than ``size`` only at the end."""
        return self._open_file(number).file.read(offset, size)

    @_answered
    def write(self, _path: str, data: bytes, offset: int, number: int) -> int:
        """Write all of ``data``."""
        handle = self._open_file(number)
        handle.change()
        return handle.file.write(offset, data)

    @_answered
    def flush(self, _path: str, number: int) -> None:
        """Put what was written on stable storage: one descriptor was closed, perhaps not the last.

        That close(2) waits for this answer; what ``release`` answers, nobody hears.
        """
        handle = self._open_file(number)
        handle.killed = handle.killed or (handle.changed and was_killed(self._caller()))
        self._sync(handle)

    @_answered
    def fsync(self, _path: str, _data_only: int, number: int) -> None:
        """Put what was written on stable storage."""
        self._sync(self._open_file(number))

    def _sync(self, handle: _Handle) -> None:
        if handle.unsynced:
            handle.file.sync()
            handle.unsynced = False

    @_answered
    def release(self, path: str, number: int) -> None:
        """Close the file: no descriptor and no mapping of it is left; unless cut off, it is complete."""
        handle = self._handles.pop(number)
        if handle.killed:
            log.warning("writer_killed", path=path)
            handle.file.abandon()
        else:
            handle.file.close()


class FusepyOperations(Operations):
    """The same callbacks for fusepy, which calls them by name, and asks for a whole folder at once."""

    @_answered
    def readdir(self, path: str, _number: int) -> list[tuple[str, Attributes, int]]:
        """The names of a folder, without offsets."""
        dots = {name: self._filesystem.stat(_folder(path, name)) for name in (".", "..")}
        listed = {**dots, **{entry.name: entry for entry in self._filesystem.listdir(path)}}
        return [(name, self._attributes(entry), 0) for name, entry in listed.items()]

    def __call__(self, operation: str, *args: Any) -> Any:
        """Call an operation; mfusepy takes objects that can be called for a mistake."""
        return getattr(self, operation)(*args)


def mount(
    filesystem: "Filesystem",
    mountpoint: str,
    *,
    on_ready: Callable[[], None],
    allow_other: bool = False,
    access: Access | None = None,
) -> None:
    """Mount a filesystem and serve it until it is unmounted, or SIGTERM, SIGINT or SIGHUP arrives.

    To be called from the main thread, where libfuse has its signals. A file that is open when a signal comes
    counts as cut off.

    Args:
        filesystem: one account or all of them.
        mountpoint: an empty folder.
        on_ready: called once when the mount answers; must not touch it.
        allow_other: let every user of this host in, to do what the modes allow; without it not even root
            gets in.
        access: that and more, in its place; else files belong to the one who mounts.

    Raises:
        ConfigurationError: this cannot be mounted here, for the reason that it tells.
    """
    access = access or Access(allow_other)
    access.check()
    check_mountpoint(Path(mountpoint))
    binding = _import_binding()
    operations_type = Operations if hasattr(binding, "fuse_version_major") else FusepyOperations
    with working_folder() as return_to_folder, signals_left_to_libfuse():

        def on_mounted() -> None:
            return_to_folder()
            on_ready()

        operations = operations_type(filesystem, on_mounted, lambda: binding.fuse_get_context()[2], access)
        try:
            _fuse_type(binding)(operations, mountpoint, **_options(binding), **access.options())
        except RuntimeError as error:
            _refuse_unless_signal(error, mountpoint)
        finally:
            operations._abandon_open_files()  # noqa: SLF001 - named so that no binding takes it for a callback


def _import_binding() -> Any:
    """Mfusepy on libfuse 3 if it is there, otherwise what there is.

    mfusepy by itself would prefer libfuse 2 to libfuse 3; it looks at the environment when it is imported.

    Raises:
        ConfigurationError: a part of FUSE is missing.
    """
    if not DEVICE.exists():
        raise ConfigurationError(
            "This host has no /dev/fuse: load the kernel's module with `modprobe fuse`, or give the "
            "container --device /dev/fuse and --cap-add SYS_ADMIN."
        )
    if not any(name.startswith("FUSE_LIBRARY_") for name in os.environ) and ctypes.util.find_library("fuse3"):
        os.environ["FUSE_LIBRARY_NAME"] = "fuse3"
    for name in ("mfusepy", "fuse"):
        with contextlib.suppress(ModuleNotFoundError):
            return _import_with_library(name)
    raise ConfigurationError(
        "The Python package mfusepy is missing; install it with: pip install 'smsfs[fuse]'"
    )


def _import_with_library(name: str) -> Any:
    try:
        binding = importlib.import_module(name)
    except (OSError, AttributeError) as error:
        raise ConfigurationError(
            f"{name} finds no libfuse that it can use ({error}); install it with: apt install fuse3"
        ) from error
    if not hasattr(binding, "FUSE"):
        raise ConfigurationError(
            "The module fuse that is installed is not fusepy; install mfusepy with: pip install 'smsfs[fuse]'"
        )
    return binding


def _fuse_type(binding: Any) -> Any:
    """The binding's FUSE class, made to hand on what mfusepy drops: rename's flags, truncate's handle."""

    class Fuse(binding.FUSE):  # type: ignore[misc]  # the binding has no types
        def rename_fuse_3(self, old: bytes, new: bytes, flags: int) -> Any:
            names = [name.decode(self.encoding, self.errors) for name in (old, new)]
            return self.operations.rename(*names, flags)

        def truncate_fuse_3(self, path: bytes | None, size: int, info: Any) -> Any:
            return self.ftruncate(path, size, info)

    return Fuse


def _options(binding: Any) -> dict[str, Any]:
    uncached = {"entry_timeout": 0, "attr_timeout": 0, "negative_timeout": 0}
    # hard_remove: a file deleted while open goes at once; else libfuse renames it to .fuse_hidden*, which
    # everybody sees, by a rename that not every state allows.
    names = {"hard_remove": True, "use_ino": True, "fsname": "smsfs", "subtype": "smsfs"}
    is_libfuse_2 = getattr(binding, "fuse_version_major", 2) == 2  # noqa: PLR2004 - libfuse 2
    libfuse_2 = {"big_writes": True, "max_write": MAX_WRITE, "max_background": MAX_BACKGROUND}
    version = libfuse_2 if is_libfuse_2 else {}
    return {"foreground": True, "nothreads": True} | uncached | names | version


def _refuse_unless_signal(error: RuntimeError, mountpoint: str) -> None:
    code = error.args[0]
    if code == ENDED_BY_SIGNAL:
        return
    if not isinstance(code, int):
        raise error
    raise ConfigurationError(
        f"{shlex.quote(mountpoint)} could not be mounted (code {code} of libfuse, whose own message above "
        "says why). Unless root mounts, --allow-other needs the line user_allow_other in /etc/fuse.conf."
    ) from error
