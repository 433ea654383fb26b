"""One SFTP session: packets in, replies out, calls to the filesystem between. No sockets, no event loop."""

import os
import secrets
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

import structlog
from attrs import define, field, frozen

from smsfs.errors import BadHandle, BadRequest, Exists, Missing, NotFolder, Refusal, TooManyOpen
from smsfs.filesystem.openfile import MAX_OFFSET
from smsfs.frontends.counters import Counters
from smsfs.frontends.ls_format import one_word
from smsfs.frontends.sftp import wire
from smsfs.frontends.sftp.wire import (
    U32,
    U64,
    OpenFlag,
    ProtocolError,
    Reader,
    Reply,
    Request,
    Status,
)

if TYPE_CHECKING:
    from smsfs.filesystem import Entry, Filesystem, OpenFile, OpenFolder

#: The greatest READ answered, in bytes; a client asking for more gets this much and asks on.
MAX_READ = 256 * 1024
#: READ and WRITE lengths announced, in bytes: OpenSSH's own, a packet of 256 KiB less its header.
ANNOUNCED_LENGTH = MAX_READ - 1024
MAX_HANDLES = 100
NAMES_PER_REPLY = 128
#: One call of ``handle`` stops after this many bytes of replies, or requests, so that replies never pile up
#: and a client that is gone is soon noticed.
REPLY_BYTES = 2**20
REQUESTS_PER_CALL = 256

_VERSION = 3
_BLOCK = 4096
_NO_SETUID = 2
_EXTENSIONS = {
    b"posix-rename@openssh.com": b"1",
    b"statvfs@openssh.com": b"2",
    b"fstatvfs@openssh.com": b"2",
    b"fsync@openssh.com": b"1",
    b"lsetstat@openssh.com": b"1",
    b"limits@openssh.com": b"1",
}
_OPEN_FLAGS = {
    OpenFlag.APPEND: os.O_APPEND,
    OpenFlag.CREAT: os.O_CREAT,
    OpenFlag.TRUNC: os.O_TRUNC,
    OpenFlag.EXCL: os.O_EXCL,
}


@frozen
class _File:
    path: str
    open_file: "OpenFile"


@define
class _Folder:
    path: str
    folder: "OpenFolder"
    begun: bool = False


@define(eq=False)
class SftpSession:
    """Executes the requests of one client, strictly in order.

    Not thread-safe: one call at a time. The calls block as long as the filesystem does.

    Attributes:
        filesystem: what the requests act on.
        account: the owner's name in listings.
        owner: the uid and gid shown for every file.
        log: bound to account and peer.
        clock: the time in seconds since the epoch, for the dates of listings.
        reply_bytes: one call of ``handle`` stops after this many.
    """

    filesystem: "Filesystem"
    account: str = field(default="smsfs", converter=one_word)
    owner: tuple[int, int] = (0, 0)
    log: structlog.stdlib.BoundLogger = field(factory=structlog.get_logger)
    clock: Callable[[], float] = time.time
    reply_bytes: int = REPLY_BYTES
    counters: Counters = field(init=False, factory=Counters)
    _handles: dict[bytes, _File | _Folder] = field(init=False, factory=dict)
    _opened: int = field(init=False, default=0)
    _initialised: bool = field(init=False, default=False)

    @property
    def has_open_files(self) -> bool:
        """Whether a transfer may be under way."""
        return any(isinstance(handle, _File) for handle in list(self._handles.values()))

    def handle(self, packets: deque[bytes]) -> bytes:
        """Execute packets from the left and remove them, until none is left or enough are done.

        Raises:
            ProtocolError: a packet cannot be answered; the session has to end.
        """
        replies: list[bytes] = []
        size = 0
        while packets and size < self.reply_bytes and len(replies) < REQUESTS_PER_CALL:
            answer = self._answer(packets.popleft())
            replies.append(answer)
            size += len(answer)
        return b"".join(replies)

    def cut(self) -> None:
        """The session is over: abandon what is still open. What arrived stays a draft."""
        while self._handles:
            _, handle = self._handles.popitem()
            if isinstance(handle, _File):
                self.log.warning("transfer_cut", file=handle.path)
                self._abandon(handle)
            else:
                handle.folder.close()

    def _abandon(self, handle: _File) -> None:
        try:
            handle.open_file.abandon()
        except OSError as exc:
            self.log.warning("abandon_failed", file=handle.path, reason=str(exc))
        except Exception:
            self.log.exception("abandon_failed", file=handle.path)

    def _answer(self, packet: bytes) -> bytes:
        if not self._initialised:
            return self._init(packet)
        if len(packet) < 1 + U32.size:
            raise ProtocolError(f"a request of {len(packet)} bytes")
        self.counters.requests += 1
        number = U32.unpack_from(packet, 1)[0]
        method = self._METHODS.get(packet[0])
        if method is None:
            return wire.status(number, Status.OP_UNSUPPORTED, f"Request {packet[0]} is not part of SFTP 3.")
        try:
            return method(self, number, Reader(packet, 5))
        except wire.Malformed:
            return wire.status(number, Status.BAD_MESSAGE, "The request is cut short.")
        except Refusal as refusal:
            return self._refused(number, packet[0], refusal)
        except Exception as error:  # noqa: BLE001 - whatever failed, the client gets a reply and no internals
            return self._failed(number, packet[0], error)

    def _init(self, packet: bytes) -> bytes:
        if packet[0] != Request.INIT or len(packet) < 1 + U32.size:
            raise ProtocolError("the first packet is not INIT")
        self._initialised = True
        pairs = b"".join(wire.string(name) + wire.string(value) for name, value in _EXTENSIONS.items())
        return wire.reply(Reply.VERSION, _VERSION, pairs)

    def _refused(self, number: int, request: int, refusal: Refusal) -> bytes:
        if not isinstance(refusal, Missing):
            self.log.info("refused", request=Request(request).name, sentence=refusal.sentence)
        code = wire.STATUS_OF_ERRNO.get(refusal.errno or 0, Status.FAILURE)
        return wire.status(number, code, refusal.sentence)

    def _failed(self, number: int, request: int, error: Exception) -> bytes:
        reference = secrets.token_hex(4)
        self.log.error("request_failed", request=Request(request).name, reference=reference, exc_info=error)
        code = wire.STATUS_OF_ERRNO.get(getattr(error, "errno", None) or 0, Status.FAILURE)
        what = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else "Internal error"
        return wire.status(
            number, code, f"{what}; the operator's log has the details (reference {reference})."
        )

    # Handles

    def _add(self, handle: _File | _Folder) -> bytes:
        self._opened += 1
        name = b"%d" % self._opened
        self._handles[name] = handle
        return wire.string(name)

    def _room(self) -> None:
        if len(self._handles) >= MAX_HANDLES:
            raise TooManyOpen(f"{MAX_HANDLES} files are open in this session; close one before the next.")

    def _file(self, request: Reader) -> "OpenFile":
        handle = self._handles.get(request.string())
        if not isinstance(handle, _File):
            raise BadHandle("Invalid handle: the file was closed, or never opened.")
        return handle.open_file

    def _open(self, number: int, request: Reader) -> bytes:
        path, wanted = request.path(), request.u32()
        request.attributes()  # a mode that comes with an upload is accepted without effect
        access = {OpenFlag.WRITE: os.O_WRONLY, OpenFlag.WRITE | OpenFlag.READ: os.O_RDWR}
        flags = access.get(wanted & (OpenFlag.READ | OpenFlag.WRITE), os.O_RDONLY)
        for bit, flag in _OPEN_FLAGS.items():
            flags |= flag if wanted & bit else 0
        self._room()
        handle = _File(path, self.filesystem.open(path, flags))
        return wire.reply(Reply.HANDLE, number, self._add(handle))

    def _close(self, number: int, request: Reader) -> bytes:
        handle = self._handles.pop(request.string(), None)
        if handle is None:
            raise BadHandle("Invalid handle: the file was closed, or never opened.")
        if isinstance(handle, _Folder):
            handle.folder.close()
            return wire.status(number, Status.OK)
        try:
            handle.open_file.close()
        except OSError:
            self._abandon(handle)
            raise
        return wire.status(number, Status.OK)

    def _read(self, number: int, request: Reader) -> bytes:
        open_file, offset, length = self._file(request), request.u64(), request.u32()
        data = open_file.read(offset, min(length, MAX_READ))
        if not data:
            return wire.status(number, Status.EOF, "End of file")
        self.counters.bytes_out += len(data)
        return wire.reply(Reply.DATA, number, wire.string(data))

    def _write(self, number: int, request: Reader) -> bytes:
        open_file, offset, data = self._file(request), request.u64(), request.string()
        open_file.write(_position(offset), data)
        self.counters.bytes_in += len(data)
        return wire.status(number, Status.OK)

    def _fsync(self, number: int, request: Reader) -> bytes:
        self._file(request).sync()
        return wire.status(number, Status.OK)

    # Attributes

    def _attributes(self, number: int, entry: "Entry") -> bytes:
        return wire.reply(Reply.ATTRS, number, wire.attributes(entry, self.owner))

    def _stat(self, number: int, request: Reader) -> bytes:
        return self._attributes(number, self.filesystem.stat(request.path()))

    def _fstat(self, number: int, request: Reader) -> bytes:
        return self._attributes(number, self._file(request).stat())

    def _setstat(self, number: int, request: Reader) -> bytes:
        path, wanted = request.path(), request.attributes()
        if wanted.size is not None:
            self.filesystem.truncate(path, _position(wanted.size))
        if wanted.owner is not None and wanted.owner != self.owner:
            self.filesystem.chown(path, *self._changed(wanted.owner))
        if wanted.mtime is not None:  # a mode beside it is `cp -p` at work, and has no effect
            self.filesystem.set_times(path, wanted.mtime)
        elif wanted.mode is not None:
            self.filesystem.chmod(path, wanted.mode)
        return wire.status(number, Status.OK)

    def _changed(self, owner: tuple[int, int]) -> tuple[int, int]:
        uid, gid = (
            -1 if wanted == shown else wanted for wanted, shown in zip(owner, self.owner, strict=True)
        )
        return uid, gid

    def _fsetstat(self, number: int, request: Reader) -> bytes:
        open_file, wanted = self._file(request), request.attributes()
        if wanted.size is not None:
            open_file.truncate(_position(wanted.size))
        if wanted.mtime is not None:
            open_file.set_times(wanted.mtime)
        elif wanted.mode is not None:
            open_file.chmod(wanted.mode)
        return wire.status(number, Status.OK)

    # Folders and names

    def _opendir(self, number: int, request: Reader) -> bytes:
        path = request.path()
        self._room()
        try:
            folder = _Folder(path, self.filesystem.open_folder(path))
        except NotFolder as refusal:  # clients would take it for "no such file"
            raise BadRequest(refusal.sentence) from refusal
        return wire.reply(Reply.HANDLE, number, self._add(folder))

    def _readdir(self, number: int, request: Reader) -> bytes:
        handle = self._handles.get(request.string())
        if not isinstance(handle, _Folder):
            raise BadHandle("Invalid handle: the folder was closed, or never opened.")
        entries = self._next(handle)
        if not entries:
            return wire.status(number, Status.EOF, "End of folder")
        now = self.clock()
        names = (wire.listed(entry, name, self.account, self.owner, now) for name, entry in entries)
        return wire.reply(Reply.NAME, number, U32.pack(len(entries)) + b"".join(names))

    def _next(self, handle: _Folder) -> list[tuple[str, "Entry"]]:
        links: list[tuple[str, Entry]] = []
        if not handle.begun:
            own = self.filesystem.stat(handle.path)
            links = [(".", own), ("..", own)]
        entries = handle.folder.read(NAMES_PER_REPLY - len(links))
        handle.begun = True
        return links + [(entry.name, entry) for entry in entries]

    def _realpath(self, number: int, request: Reader) -> bytes:
        name = wire.string(self.filesystem.normal(request.path()).encode("utf-8", "surrogateescape"))
        return wire.reply(Reply.NAME, number, U32.pack(1) + name + name + U32.pack(0))

    def _remove(self, number: int, request: Reader) -> bytes:
        self.filesystem.remove(request.path())
        return wire.status(number, Status.OK)

    def _rename(self, number: int, request: Reader) -> bytes:
        self.filesystem.rename(request.path(), request.path(), replace=False)
        return wire.status(number, Status.OK)

    def _posix_rename(self, number: int, request: Reader) -> bytes:
        self.filesystem.rename(request.path(), request.path(), replace=True)
        return wire.status(number, Status.OK)

    def _mkdir(self, _number: int, request: Reader) -> bytes:
        path = request.path()
        try:
            self.filesystem.stat(path)
        except FileNotFoundError:
            self.filesystem.refuse_folder_change("mkdir")
        # `put -r` goes on into a folder that exists, and only when it hears exactly this
        raise Exists(f"{path} exists already.")

    def _rmdir(self, _number: int, request: Reader) -> bytes:
        request.path()
        self.filesystem.refuse_folder_change("rmdir")

    def _symlink(self, _number: int, request: Reader) -> bytes:
        request.path()
        self.filesystem.refuse_folder_change("symlink")

    def _readlink(self, _number: int, request: Reader) -> bytes:
        path = request.path()
        self.filesystem.stat(path)
        raise BadRequest(f"{path} is no symbolic link; there are none here.")

    # Extensions

    def _extended(self, number: int, request: Reader) -> bytes:
        name = request.string()
        method = self._EXTENDED_METHODS.get(name)
        if method is None:
            what = name.decode("utf-8", "replace")
            return wire.status(number, Status.OP_UNSUPPORTED, f"The extension {what} is not supported.")
        return method(self, number, request)

    def _statvfs(self, number: int, request: Reader) -> bytes:
        self.filesystem.stat(request.path())
        return self._space(number)

    def _fstatvfs(self, number: int, request: Reader) -> bytes:
        self._file(request)
        return self._space(number)

    def _space(self, number: int) -> bytes:
        usage = self.filesystem.usage()
        blocks, files = usage.max_bytes // _BLOCK, usage.max_files
        free = max(0, usage.max_bytes - usage.bytes) // _BLOCK
        free_files = max(0, files - usage.files)
        fields = (_BLOCK, _BLOCK, blocks, free, free, files, free_files, free_files, 0, _NO_SETUID)
        return _extended_reply(number, *fields, usage.max_name)

    def _limits(self, number: int, _request: Reader) -> bytes:
        return _extended_reply(number, MAX_READ, ANNOUNCED_LENGTH, ANNOUNCED_LENGTH, MAX_HANDLES)

    # The two tables of what is answered

    _METHODS: ClassVar[dict[int, "_Method"]] = {
        Request.OPEN: _open,
        Request.CLOSE: _close,
        Request.READ: _read,
        Request.WRITE: _write,
        Request.LSTAT: _stat,
        Request.FSTAT: _fstat,
        Request.SETSTAT: _setstat,
        Request.FSETSTAT: _fsetstat,
        Request.OPENDIR: _opendir,
        Request.READDIR: _readdir,
        Request.REMOVE: _remove,
        Request.MKDIR: _mkdir,
        Request.RMDIR: _rmdir,
        Request.REALPATH: _realpath,
        Request.STAT: _stat,
        Request.RENAME: _rename,
        Request.READLINK: _readlink,
        Request.SYMLINK: _symlink,
        Request.EXTENDED: _extended,
    }
    _EXTENDED_METHODS: ClassVar[dict[bytes, "_Method"]] = {
        b"posix-rename@openssh.com": _posix_rename,
        b"statvfs@openssh.com": _statvfs,
        b"fstatvfs@openssh.com": _fstatvfs,
        b"fsync@openssh.com": _fsync,
        b"lsetstat@openssh.com": _setstat,
        b"limits@openssh.com": _limits,
    }


def _extended_reply(number: int, *fields: int) -> bytes:
    return wire.reply(Reply.EXTENDED_REPLY, number, b"".join(map(U64.pack, fields)))


def _position(offset: int) -> int:
    """An offset or size that a file can have.

    Raises:
        BadRequest: it has more than 63 bits.
    """
    if offset > MAX_OFFSET:
        raise BadRequest(f"No file reaches to byte {offset}.")
    return offset


_Method = Callable[[SftpSession, int, Reader], bytes]
