"""What a session has open: each file and folder under the handle that the client got for it."""

import structlog
from attrs import define, frozen

from smsfs.errors import BadHandle, TooManyOpen
from smsfs.filesystem import OpenFile, OpenFolder
from smsfs.frontends.sftp import wire
from smsfs.frontends.sftp.wire import Reader

MAX_HANDLES = 100


@frozen
class File:
    """An open file."""

    path: str
    open_file: OpenFile


@define
class Folder:
    """An open folder, and whether some of it has been read."""

    path: str
    folder: OpenFolder
    begun: bool = False


class Handles:
    """The open files and folders of one session.

    Args:
        log: of the session.
    """

    def __init__(self, log: structlog.stdlib.BoundLogger) -> None:
        self.log = log
        self._handles: dict[bytes, File | Folder] = {}
        self._opened = 0

    @property
    def has_files(self) -> bool:
        """Whether a transfer may be under way; may be asked by any thread."""
        return any(isinstance(handle, File) for handle in list(self._handles.values()))

    def require_room(self) -> None:
        """Refuse to open one more than a session may have.

        Raises:
            TooManyOpen: it has that many.
        """
        if len(self._handles) >= MAX_HANDLES:
            raise TooManyOpen(f"{MAX_HANDLES} files are open in this session; close one before the next.")

    def add(self, handle: File | Folder) -> bytes:
        """Keep what was opened; its handle, as a string of the protocol."""
        self._opened += 1
        name = b"%d" % self._opened
        self._handles[name] = handle
        return wire.string(name)

    def file(self, request: Reader) -> OpenFile:
        """The open file that a request is about.

        Raises:
            BadHandle: there is none.
        """
        handle = self._handles.get(request.string())
        if not isinstance(handle, File):
            raise BadHandle("Invalid handle: the file was closed, or never opened.")
        return handle.open_file

    def folder(self, request: Reader) -> Folder:
        """The open folder that a request is about.

        Raises:
            BadHandle: there is none.
        """
        handle = self._handles.get(request.string())
        if not isinstance(handle, Folder):
            raise BadHandle("Invalid handle: the folder was closed, or never opened.")
        return handle

    def close(self, request: Reader) -> None:
        """Close what a request is about.

        Raises:
            BadHandle: it is not open.
            OSError: the file cannot be kept; it is abandoned.
        """
        handle = self._handles.pop(request.string(), None)
        if handle is None:
            raise BadHandle("Invalid handle: the file was closed, or never opened.")
        if isinstance(handle, Folder):
            handle.folder.close()
            return
        try:
            handle.open_file.close()
        except OSError:
            self._abandon(handle)
            raise

    def cut(self) -> None:
        """The session is over: abandon what is still open. What arrived stays a draft."""
        while self._handles:
            _, handle = self._handles.popitem()
            if isinstance(handle, File):
                self.log.warning("transfer_cut", file=handle.path)
                self._abandon(handle)
            else:
                handle.folder.close()

    def _abandon(self, handle: File) -> None:
        try:
            handle.open_file.abandon()
        except OSError as exc:
            self.log.warning("abandon_failed", file=handle.path, reason=str(exc))
        except Exception:
            self.log.exception("abandon_failed", file=handle.path)
