"""Extensions that show how much there is room for."""

from attrs import frozen

from smsfs.filesystem import Filesystem
from smsfs.frontends.sftp import wire
from smsfs.frontends.sftp.files import MAX_READ
from smsfs.frontends.sftp.handles import MAX_HANDLES, Handles
from smsfs.frontends.sftp.wire import U64, Answer, Reader, Reply

#: READ and WRITE lengths announced, in bytes: OpenSSH's own, a packet of 256 KiB less its header.
ANNOUNCED_LENGTH = MAX_READ - 1024

_BLOCK = 4096
_NO_SETUID = 2


@frozen(eq=False)
class SpaceRequests:
    """Answers them.

    Attributes:
        filesystem: whose space it is.
        handles: what is open.
    """

    filesystem: Filesystem
    handles: Handles

    @property
    def extensions(self) -> dict[bytes, Answer]:
        """What answers which extension."""
        return {
            b"statvfs@openssh.com": self._statvfs,
            b"fstatvfs@openssh.com": self._fstatvfs,
            b"limits@openssh.com": self._limits,
        }

    def _statvfs(self, number: int, request: Reader) -> bytes:
        self.filesystem.stat(request.path())
        return self._space(number)

    def _fstatvfs(self, number: int, request: Reader) -> bytes:
        self.handles.file(request)
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


def _extended_reply(number: int, *fields: int) -> bytes:
    return wire.reply(Reply.EXTENDED_REPLY, number, b"".join(map(U64.pack, fields)))
