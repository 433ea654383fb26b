"""The files of an account, or of all, as a PyFilesystem2 filesystem."""
# ruff: noqa: FBT001, FBT002 - the booleans among the arguments are PyFilesystem2's

import errno
import io
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from itertools import chain, islice
from typing import IO, Any, BinaryIO, NoReturn, cast
from weakref import WeakSet

from fs import errors, tools
from fs.base import FS
from fs.enums import ResourceType
from fs.info import Info
from fs.mode import Mode, validate_open_mode
from fs.path import basename, dirname
from fs.permissions import Permissions
from fs.subfs import SubFS

from smsfs.errors import Refusal
from smsfs.filesystem import Entry, Filesystem, OpenFolder
from smsfs.filesystem.interface import relative
from smsfs.frontends.pyfilesystem.files import SmsfsFile, TextFile, buffered
from smsfs.frontends.pyfilesystem.translate import ask, fs_error, sentence

BUFFER_SIZE = 64 * 1024


class SmsfsFS(FS):
    """The files of an account, or of all, as a PyFilesystem2 filesystem. Safe to use from several threads.

    Args:
        filesystem: whose files they are.
        name: what ``str()`` shows, a URL without parameters.
        on_close: called once when it is closed.
    """

    _meta: dict[str, Any] = {  # noqa: RUF012 - read only, and an instance variable in the base class
        "case_insensitive": False,
        "invalid_path_chars": "\0",
        "network": False,
        "read_only": False,
        "supports_mtime": True,
        "supports_rename": False,  # means os.rename on system paths; move() is one rename nevertheless
        "thread_safe": True,
        "unicode_paths": True,
        "virtual": False,
    }

    def __init__(
        self, filesystem: Filesystem, name: str = "smsfs://", on_close: Callable[[], None] = lambda: None
    ) -> None:
        super().__init__()
        self._filesystem = filesystem
        self._name = name
        self._on_close = on_close
        self._files: WeakSet[SmsfsFile] = WeakSet()

    def __repr__(self) -> str:
        return f"SmsfsFS({self._name!r})"

    def __str__(self) -> str:
        return f"<{self._name}>"

    def close(self) -> None:
        """Let go of everything; files still open for writing are uploads cut off."""
        with self._lock:
            if self.isclosed() or not hasattr(self, "_files"):
                return
            super().close()
            try:
                for file in list(self._files):
                    file.cut()
                    file.close()
            finally:
                self._on_close()

    def validatepath(self, path: str) -> str:
        """The absolute form of a path.

        Raises:
            InvalidCharsInPath: it holds NUL or is no UTF-8.
            InvalidPath: a name in it is too long.
        """
        where = super().validatepath(path)
        try:
            relative(path)
        except Refusal as exc:
            kind = errors.InvalidCharsInPath if exc.errno == errno.EINVAL else errors.InvalidPath
            raise kind(path, msg=sentence(exc), exc=exc) from exc
        return where

    # -- looking ------------------------------------------------------------------------------------

    def getinfo(self, path: str, namespaces: Collection[str] | None = None) -> Info:
        """What is known of a file; the name it was submitted under answers for a while.

        Namespaces are ``basic``, ``details``, ``access``, and ``smsfs`` with the file's ``state``.
        """
        where = self.validatepath(path)
        return _info(ask(path, self._filesystem.stat, where), namespaces or ())

    def exists(self, path: str) -> bool:
        """Whether a file has this name; one that was submitted under it has another by now."""
        where = self.validatepath(path)
        try:
            is_folder = self.getinfo(path).is_dir
        except errors.ResourceNotFound:
            return False
        return bool(is_folder or basename(where) in self.listdir(dirname(where)))

    def listdir(self, path: str) -> list[str]:
        """The names in a folder."""
        return [entry.name for entry in self._listed(path)]

    def scandir(
        self, path: str, namespaces: Collection[str] | None = None, page: tuple[int, int] | None = None
    ) -> Iterator[Info]:
        """What ``getinfo`` returns for each file in a folder, which is read as the caller goes on."""
        infos = (_info(entry, namespaces or ()) for entry in self._listed(path))
        return islice(infos, *page) if page else infos

    def _listed(self, path: str) -> Iterator[Entry]:
        """The entries of a folder; an error is raised at once."""
        where = self.validatepath(path)
        folder = OpenFolder(lambda after, limit: ask(path, self._filesystem.page, where, after, limit))
        return chain(folder.read(), folder)

    # -- opening ------------------------------------------------------------------------------------

    def openbin(self, path: str, mode: str = "r", buffering: int = -1, **options: Any) -> BinaryIO:
        """Open a file, unbuffered.

        Raises:
            FileExpected, FileExists, ResourceNotFound, PermissionDenied: as its rules say.
        """
        del buffering, options
        parsed = Mode(mode)
        parsed.validate_bin()
        where = self.validatepath(path)
        with self._lock:
            handle = ask(path, self._filesystem.open, where, _flags(parsed))
            file = SmsfsFile(self, handle, path, parsed)
            self._files.add(file)
        return cast("BinaryIO", file)

    def open(
        self,
        path: str,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = "",
        **options: Any,
    ) -> IO[Any]:
        """Open a file, buffered unless ``buffering`` is 0, for text unless the mode has ``b``."""
        validate_open_mode(mode)
        file = cast("SmsfsFile", self.openbin(path, mode.replace("t", ""), **options))
        binary = "b" in mode
        if binary and not buffering:
            return cast("IO[Any]", file)
        layer = buffered(file, buffering if buffering > 1 else BUFFER_SIZE)
        if binary:
            return layer
        text = TextFile(layer, encoding or "utf-8", errors, newline, line_buffering=buffering == 1)
        text.file, text.mode = file, mode
        return text

    def upload(self, path: str, file: BinaryIO, chunk_size: int | None = None, **options: Any) -> None:
        """Write what ``file`` holds; other threads are not kept waiting for it."""
        with self.openbin(path, "wb", **options) as target:
            tools.copy_file_data(file, target, chunk_size=chunk_size)

    def download(self, path: str, file: BinaryIO, chunk_size: int | None = None, **options: Any) -> None:
        """Read into ``file``; other threads are not kept waiting for it."""
        with self.openbin(path, "rb", **options) as source:
            tools.copy_file_data(source, file, chunk_size=chunk_size)

    def writebytes(self, path: str, contents: bytes) -> None:
        """Write a whole file; interrupted, it is an upload cut off."""
        if not isinstance(contents, bytes):
            raise TypeError("contents must be bytes")
        self.upload(path, io.BytesIO(contents))

    def writetext(
        self,
        path: str,
        contents: str,
        encoding: str = "utf-8",
        errors: str | None = None,
        newline: str = "",
    ) -> None:
        """Write a whole file of text; interrupted, it is an upload cut off."""
        if not isinstance(contents, str):
            raise TypeError("contents must be str")
        with self.open(path, "wt", encoding=encoding, errors=errors, newline=newline) as file:
            file.write(contents)

    # -- changing -----------------------------------------------------------------------------------

    def move(
        self, src_path: str, dst_path: str, overwrite: bool = False, preserve_time: bool = False
    ) -> None:
        """Rename, which may submit; from one account to another, copy and remove.

        Raises:
            DestinationExists: the name is taken, by a draft when not to ``overwrite``.
        """
        source, target = self.validatepath(src_path), self.validatepath(dst_path)
        try:
            self._filesystem.rename(source, target, replace=overwrite)
        except FileExistsError as exc:
            raise errors.DestinationExists(dst_path, exc=exc, msg=sentence(exc)) from exc
        except OSError as exc:
            if exc.errno != errno.EXDEV:
                raise fs_error(src_path, exc) from exc
            super().move(source, target, overwrite, preserve_time)

    def remove(self, path: str) -> None:
        """Delete a draft or a finished file."""
        ask(path, self._filesystem.remove, self.validatepath(path))

    def makedir(self, path: str, permissions: Permissions | None = None, recreate: bool = False) -> SubFS[FS]:
        """Open a folder that is there already; new ones are refused.

        Raises:
            DirectoryExists: it is there, and not to ``recreate``.
            PermissionDenied: folders are fixed.
        """
        del permissions
        if not self.isdir(path):
            self._refuse(path, "mkdir")
        if not recreate:
            raise errors.DirectoryExists(path)
        return self.opendir(path)

    def removedir(self, path: str) -> None:
        """Refused: folders are fixed."""
        if self.validatepath(path) == "/":
            raise errors.RemoveRootError(path)
        if not self.getinfo(path).is_dir:
            raise errors.DirectoryExpected(path)
        self._refuse(path, "rmdir")

    def _refuse(self, path: str, what: str) -> NoReturn:
        ask(path, self._filesystem.refuse_folder_change, what)
        raise AssertionError("refused")

    def setinfo(self, path: str, info: Mapping[str, Mapping[str, Any]]) -> None:
        """Set the time of modification; permissions and owners are for the account's rules to refuse."""
        where = self.validatepath(path)
        ask(path, self._filesystem.stat, where)
        modified = info.get("details", {}).get("modified")
        access = info.get("access", {})
        if modified is not None:
            ask(path, self._filesystem.set_times, where, float(modified))
        if "permissions" in access:
            mode = Permissions(names=access["permissions"]).mode
            ask(path, self._filesystem.chmod, where, mode)
        if "uid" in access or "gid" in access:
            ask(path, self._filesystem.chown, where, access.get("uid", -1), access.get("gid", -1))


def _flags(mode: Mode) -> int:
    """The flags of ``os.open`` for a mode."""
    reads_too = os.O_RDWR if mode.reading else os.O_WRONLY
    flags = reads_too if mode.writing else os.O_RDONLY
    flags |= os.O_CREAT if mode.create else 0
    flags |= os.O_EXCL if mode.exclusive else 0
    flags |= os.O_TRUNC if mode.truncate else 0
    return flags | (os.O_APPEND if mode.appending else 0)


def _info(entry: Entry, namespaces: Iterable[str]) -> Info:
    raw: dict[str, dict[str, Any]] = {
        "basic": {"name": entry.name, "is_dir": entry.is_folder},
        "details": {
            "_write": ["modified"],
            "type": int(ResourceType.directory if entry.is_folder else ResourceType.file),
            "size": entry.size,
            "modified": entry.mtime,
        },
        "access": {"permissions": Permissions(mode=entry.mode).dump()},
        "smsfs": {"state": entry.state and str(entry.state)},
    }
    return Info({name: raw[name] for name in raw if name in {"basic", *namespaces}})
