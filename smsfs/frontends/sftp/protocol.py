"""One SFTP session: packets in, replies out, calls to the filesystem between. No sockets, no event loop."""

import os
import secrets
import time
from collections import deque
from collections.abc import Callable

import structlog
from attrs import define, field

from smsfs.errors import Missing, Refusal
from smsfs.filesystem import Filesystem
from smsfs.frontends.counters import Counters
from smsfs.frontends.ls_format import one_word
from smsfs.frontends.sftp import wire
from smsfs.frontends.sftp.files import FileRequests
from smsfs.frontends.sftp.folders import FolderRequests
from smsfs.frontends.sftp.handles import Handles
from smsfs.frontends.sftp.paths import PathRequests
from smsfs.frontends.sftp.space import SpaceRequests
from smsfs.frontends.sftp.wire import U32, Answer, ProtocolError, Reader, Reply, Request, Status

#: One call of ``handle`` stops after this many bytes of replies, or requests, so that replies never pile up
#: and a client that is gone is soon noticed.
REPLY_BYTES = 2**20
REQUESTS_PER_CALL = 256
#: The extensions that are announced, with their versions.
EXTENSIONS = {
    b"posix-rename@openssh.com": b"1",
    b"statvfs@openssh.com": b"2",
    b"fstatvfs@openssh.com": b"2",
    b"fsync@openssh.com": b"1",
    b"lsetstat@openssh.com": b"1",
    b"limits@openssh.com": b"1",
}

_VERSION = 3


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
        answers: what answers which request.
        extensions: what answers which extension.
    """

    filesystem: Filesystem
    account: str = field(default="smsfs", converter=one_word)
    owner: tuple[int, int] = (0, 0)
    log: structlog.stdlib.BoundLogger = field(factory=structlog.get_logger)
    clock: Callable[[], float] = time.time
    reply_bytes: int = REPLY_BYTES
    counters: Counters = field(init=False, factory=Counters)
    answers: dict[int, Answer] = field(init=False)
    extensions: dict[bytes, Answer] = field(init=False)
    _handles: Handles = field(init=False)
    _initialised: bool = field(init=False, default=False)

    def __attrs_post_init__(self) -> None:
        self._handles = handles = Handles(self.log)
        files = FileRequests(self.filesystem, handles, self.owner, self.counters)
        paths = PathRequests(self.filesystem, self.owner)
        folders = FolderRequests(self.filesystem, handles, self.account, self.owner, self.clock)
        space = SpaceRequests(self.filesystem, handles)
        extended: dict[int, Answer] = {Request.EXTENDED: self._extended}
        self.answers = {**files.answers, **paths.answers, **folders.answers, **extended}
        self.extensions = {**files.extensions, **paths.extensions, **space.extensions}

    @property
    def has_open_files(self) -> bool:
        """Whether a transfer may be under way."""
        return self._handles.has_files

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
        self._handles.cut()

    def _answer(self, packet: bytes) -> bytes:
        if not self._initialised:
            return self._init(packet)
        if len(packet) < 1 + U32.size:
            raise ProtocolError(f"a request of {len(packet)} bytes")
        self.counters.requests += 1
        number = U32.unpack_from(packet, 1)[0]
        answer = self.answers.get(packet[0])
        if answer is None:
            return wire.status(number, Status.OP_UNSUPPORTED, f"Request {packet[0]} is not part of SFTP 3.")
        try:
            return answer(number, Reader(packet, 5))
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
        pairs = b"".join(wire.string(name) + wire.string(value) for name, value in EXTENSIONS.items())
        return wire.reply(Reply.VERSION, _VERSION, pairs)

    def _extended(self, number: int, request: Reader) -> bytes:
        name = request.string()
        answer = self.extensions.get(name)
        if answer is None:
            what = name.decode("utf-8", "replace")
            return wire.status(number, Status.OP_UNSUPPORTED, f"The extension {what} is not supported.")
        return answer(number, request)

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
