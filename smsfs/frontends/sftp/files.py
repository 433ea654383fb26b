"""Requests about open files."""

import os

from attrs import frozen

from smsfs.errors import BadRequest
from smsfs.filesystem import Filesystem
from smsfs.filesystem.openfile import MAX_OFFSET
from smsfs.frontends.counters import Counters
from smsfs.frontends.sftp import wire
from smsfs.frontends.sftp.handles import File, Handles
from smsfs.frontends.sftp.wire import Answer, OpenFlag, Reader, Reply, Request, Status

#: The greatest READ answered, in bytes; a client asking for more gets this much and asks on.
MAX_READ = 256 * 1024

_OPEN_FLAGS = {
    OpenFlag.APPEND: os.O_APPEND,
    OpenFlag.CREAT: os.O_CREAT,
    OpenFlag.TRUNC: os.O_TRUNC,
    OpenFlag.EXCL: os.O_EXCL,
}


@frozen(eq=False)
class FileRequests:
    """Answers them.

    Attributes:
        filesystem: what the requests act on.
        handles: what is open.
        owner: the uid and gid shown for every file.
        counters: of the session.
    """

    filesystem: Filesystem
    handles: Handles
    owner: tuple[int, int]
    counters: Counters

    @property
    def answers(self) -> dict[int, Answer]:
        """What answers which request."""
        return {
            Request.OPEN: self._open,
            Request.CLOSE: self._close,
            Request.READ: self._read,
            Request.WRITE: self._write,
            Request.FSTAT: self._fstat,
            Request.FSETSTAT: self._fsetstat,
        }

    @property
    def extensions(self) -> dict[bytes, Answer]:
        """What answers which extension."""
        return {b"fsync@openssh.com": self._fsync}

    def _open(self, number: int, request: Reader) -> bytes:
        path, wanted = request.path(), request.u32()
        request.attributes()  # a mode that comes with an upload is accepted without effect
        access = {OpenFlag.WRITE: os.O_WRONLY, OpenFlag.WRITE | OpenFlag.READ: os.O_RDWR}
        flags = access.get(wanted & (OpenFlag.READ | OpenFlag.WRITE), os.O_RDONLY)
        for bit, flag in _OPEN_FLAGS.items():
            flags |= flag if wanted & bit else 0
        self.handles.require_room()
        handle = File(path, self.filesystem.open(path, flags))
        return wire.reply(Reply.HANDLE, number, self.handles.add(handle))

    def _close(self, number: int, request: Reader) -> bytes:
        self.handles.close(request)
        return wire.status(number, Status.OK)

    def _read(self, number: int, request: Reader) -> bytes:
        open_file, offset, length = self.handles.file(request), request.u64(), request.u32()
        data = open_file.read(offset, min(length, MAX_READ))
        if not data:
            return wire.status(number, Status.EOF, "End of file")
        self.counters.bytes_out += len(data)
        return wire.reply(Reply.DATA, number, wire.string(data))

    def _write(self, number: int, request: Reader) -> bytes:
        open_file, offset, data = self.handles.file(request), request.u64(), request.string()
        open_file.write(position(offset), data)
        self.counters.bytes_in += len(data)
        return wire.status(number, Status.OK)

    def _fsync(self, number: int, request: Reader) -> bytes:
        self.handles.file(request).sync()
        return wire.status(number, Status.OK)

    def _fstat(self, number: int, request: Reader) -> bytes:
        entry = self.handles.file(request).stat()
        return wire.reply(Reply.ATTRS, number, wire.attributes(entry, self.owner))

    def _fsetstat(self, number: int, request: Reader) -> bytes:
        open_file, wanted = self.handles.file(request), request.attributes()
        if wanted.size is not None:
            open_file.truncate(position(wanted.size))
        if wanted.mtime is not None:
            open_file.set_times(wanted.mtime)
        elif wanted.mode is not None:
            open_file.chmod(wanted.mode)
        return wire.status(number, Status.OK)


def position(offset: int) -> int:
    """An offset or size that a file can have.

    Raises:
        BadRequest: it has more than 63 bits.
    """
    if offset > MAX_OFFSET:
        raise BadRequest(f"No file reaches to byte {offset}.")
    return offset
