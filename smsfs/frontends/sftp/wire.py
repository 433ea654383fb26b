"""The bytes of SFTP version 3: packets, attributes and listing lines.

Source: draft-ietf-secsh-filexfer-02, and OpenSSH's PROTOCOL file for the extensions. Every number is
big-endian; a string is its length as 32 bits and its bytes.
"""

import errno
import struct
from collections import deque
from collections.abc import Callable
from enum import IntEnum
from typing import TYPE_CHECKING

from attrs import frozen

from smsfs.frontends.ls_format import columns, full_mode
from smsfs.sms.quoting import tamed

if TYPE_CHECKING:
    from smsfs.filesystem import Entry

#: A packet's greatest length in bytes: 1 MiB of data and what may stand around it.
MAX_PACKET = 2**20 + 1024

U32 = struct.Struct(">I")
U64 = struct.Struct(">Q")
_HEADER = struct.Struct(">IBI")
_ATTRIBUTES = struct.Struct(">IQIIIII")
_PERMISSION_BITS = 0o7777


class Request(IntEnum):
    """What a client may ask (the SSH_FXP_ numbers)."""

    INIT = 1
    OPEN = 3
    CLOSE = 4
    READ = 5
    WRITE = 6
    LSTAT = 7
    FSTAT = 8
    SETSTAT = 9
    FSETSTAT = 10
    OPENDIR = 11
    READDIR = 12
    REMOVE = 13
    MKDIR = 14
    RMDIR = 15
    REALPATH = 16
    STAT = 17
    RENAME = 18
    READLINK = 19
    SYMLINK = 20
    EXTENDED = 200


class Reply(IntEnum):
    """What the server may answer (the SSH_FXP_ numbers)."""

    VERSION = 2
    STATUS = 101
    HANDLE = 102
    DATA = 103
    NAME = 104
    ATTRS = 105
    EXTENDED_REPLY = 201


class Status(IntEnum):
    """The outcome of a request (the SSH_FX_ numbers of version 3)."""

    OK = 0
    EOF = 1
    NO_SUCH_FILE = 2
    PERMISSION_DENIED = 3
    FAILURE = 4
    BAD_MESSAGE = 5
    OP_UNSUPPORTED = 8


class OpenFlag(IntEnum):
    """How a file is opened (the SSH_FXF_ bits)."""

    READ = 0x01
    WRITE = 0x02
    APPEND = 0x04
    CREAT = 0x08
    TRUNC = 0x10
    EXCL = 0x20


class AttributeFlag(IntEnum):
    """Which attributes follow (the SSH_FILEXFER_ATTR_ bits)."""

    SIZE = 0x01
    UIDGID = 0x02
    PERMISSIONS = 0x04
    ACMODTIME = 0x08
    EXTENDED = 0x80000000


_ALL_ATTRIBUTES = (
    AttributeFlag.SIZE | AttributeFlag.UIDGID | AttributeFlag.PERMISSIONS | AttributeFlag.ACMODTIME
)

#: errno -> status, for those that are not FAILURE. Clients are written against OpenSSH's choices, but
#: its BAD_MESSAGE for a bad name reads as a broken protocol, so a bad name is FAILURE with its sentence.
STATUS_OF_ERRNO = {
    errno.ENOENT: Status.NO_SUCH_FILE,
    errno.ENOTDIR: Status.NO_SUCH_FILE,
    errno.EACCES: Status.PERMISSION_DENIED,
    errno.EPERM: Status.PERMISSION_DENIED,
    errno.EROFS: Status.PERMISSION_DENIED,
}


class ProtocolError(Exception):
    """The bytes are not SFTP; the session cannot go on."""


class Malformed(Exception):
    """One request is cut short; it is answered and the session goes on."""


class Splitter:
    """Bytes in chunks of any size in, complete packets without their length out.

    Attributes:
        error: why no packet can follow those given out so far; None while all is well.
    """

    def __init__(self) -> None:
        self._rest = bytearray()
        self.error: str | None = None

    def feed(self, data: bytes) -> deque[bytes]:
        """The packets that ``data`` completes, in order; none any more after an error."""
        packets: deque[bytes] = deque()
        if self.error is None:
            self._rest += data
        while self.error is None and len(self._rest) >= U32.size:
            length = U32.unpack_from(self._rest)[0]
            if not 0 < length <= MAX_PACKET:
                self.error = f"a packet of {length} bytes"
                self._rest.clear()
                break
            end = U32.size + length
            if len(self._rest) < end:
                break
            packets.append(bytes(memoryview(self._rest)[U32.size : end]))
            del self._rest[:end]
        return packets


class Reader:
    """The fields of one packet, taken in order. What follows the last one taken is ignored."""

    def __init__(self, packet: bytes, offset: int = 0) -> None:
        self._packet = packet
        self._offset = offset

    def _take(self, size: int) -> int:
        start = self._offset
        if start + size > len(self._packet):
            raise Malformed
        self._offset = start + size
        return start

    def u32(self) -> int:
        """A number of 32 bits."""
        return int(U32.unpack_from(self._packet, self._take(4))[0])

    def u64(self) -> int:
        """A number of 64 bits."""
        return int(U64.unpack_from(self._packet, self._take(8))[0])

    def string(self) -> bytes:
        """A string's bytes."""
        size = self.u32()
        start = self._take(size)
        return self._packet[start : start + size]

    def path(self) -> str:
        """A path; the empty one means the folder a session starts in."""
        return self.string().decode("utf-8", "surrogateescape") or "."

    def attributes(self) -> "Attributes":
        """File attributes; extended pairs are passed over."""
        flags = self.u32()
        size = self.u64() if flags & AttributeFlag.SIZE else None
        owner = (self.u32(), self.u32()) if flags & AttributeFlag.UIDGID else None
        mode = self.u32() & _PERMISSION_BITS if flags & AttributeFlag.PERMISSIONS else None
        times = (self.u32(), self.u32()) if flags & AttributeFlag.ACMODTIME else None
        if flags & AttributeFlag.EXTENDED:
            for _ in range(self.u32()):
                self.string()
                self.string()
        return Attributes(size, owner, mode, None if times is None else times[1])


@frozen
class Attributes:
    """What a client wants changed; None for what it left out.

    Attributes:
        size: bytes.
        owner: uid and gid.
        mode: permission bits without the file type.
        mtime: seconds since the epoch.
    """

    size: int | None
    owner: tuple[int, int] | None
    mode: int | None
    mtime: int | None


#: Answers a request, given its number and what follows that; the reply is a whole packet.
Answer = Callable[[int, Reader], bytes]


def string(data: bytes) -> bytes:
    """A string with its length before it."""
    return U32.pack(len(data)) + data


def reply(kind: Reply, request_id: int, payload: bytes) -> bytes:
    """A whole packet, its length included."""
    return _HEADER.pack(5 + len(payload), kind, request_id) + payload


def status(request_id: int, code: Status, message: str = "") -> bytes:
    """A STATUS packet; the message is what the person at the client reads."""
    text = tamed(message).encode("utf-8", "replace")
    return reply(Reply.STATUS, request_id, U32.pack(code) + string(text) + string(b"en"))


def attributes(entry: "Entry", owner: tuple[int, int]) -> bytes:
    """An entry's attributes, all of them: clients take a missing one for zero or fail."""
    size, mtime = entry.size, min(max(int(entry.mtime), 0), 2**32 - 1)
    return _ATTRIBUTES.pack(
        _ALL_ATTRIBUTES, size, *owner, full_mode(entry.mode, entry.is_folder), mtime, mtime
    )


def listed(entry: "Entry", name: str, account: str, owner: tuple[int, int], now: float) -> bytes:
    """One name of a READDIR reply: the name, its line as ``ls -l`` prints it, and its attributes."""
    raw = name.encode("utf-8", "surrogateescape")
    line = f"{columns(entry, account, now)}{tamed(name)}".encode("utf-8", "replace")
    return string(raw) + string(line) + attributes(entry, owner)
