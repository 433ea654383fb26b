"""One SSH channel of the sftp subsystem: bytes to packets, packets to a thread, replies back.

From the packet to its reply there is no coroutine: each would be woken twice for every request.
"""

import asyncio
import contextvars
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Protocol

import asyncssh
import structlog
from attrs import frozen

from smsfs.frontends.sftp.protocol import REPLY_BYTES, SftpSession
from smsfs.frontends.sftp.wire import ProtocolError, Splitter
from smsfs.frontends.turns import Done

#: Requests waiting to be executed, in bytes, above which no more are read from the client.
MAX_QUEUED = 4 * 2**20
#: What a request that waits costs beside its bytes.
PACKET_COST = 64
#: Replies waiting for the client's window, in bytes: above the first the session pauses, below the other
#: it goes on. The gap keeps a download flowing while a thread reads the next part.
WRITE_LIMITS = (2**20, 2**18)

#: Sessions of one account, at a time, that get large buffers; the others get small ones, so that all that a
#: client can have the server hold is bounded.
LARGE_BUFFERS = 8

_ONLY_SFTP = b"This server speaks only SFTP; there are no commands and no shell.\n"


@frozen
class Room:
    """What a session may have the server hold for it, in bytes.

    Attributes:
        window: sent by the client and not looked at.
        queued: requests waiting to be executed.
        replies: made in one go.
        writes: replies waiting, above which the session pauses, and below which it goes on.
    """

    window: int = 2 * 2**20
    queued: int = MAX_QUEUED
    replies: int = REPLY_BYTES
    writes: tuple[int, int] = WRITE_LIMITS


_SMALL = Room(2**18, 2**18, 2**16, (2**17, 2**15))


def room_of(sessions: int) -> Room:
    """The room of the newest session of an account that has so many."""
    return Room() if sessions <= LARGE_BUFFERS else _SMALL


class Owner(Protocol):
    """The connection that a channel belongs to."""

    @property
    def writable(self) -> bool:
        """False while the network takes no more bytes."""

    def run(self, function: Callable[..., Any], *args: Any) -> Awaitable[Any]:
        """Call a function that blocks, in a thread."""

    def tell(self, done: Done, function: Callable[..., Any], *args: Any) -> None:
        """The same; ``done`` is called with its answer, or with what it raised."""

    def spawn(self, task: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run a task that the server waits for when it stops."""

    def active(self) -> None:
        """A request has arrived or was answered."""

    def ended(self, channel: "SftpChannel") -> None:
        """The channel is closed, and its session has let go of everything."""


class SftpChannel(asyncssh.SSHServerSession[bytes]):
    """Feeds an ``SftpSession`` and keeps what waits, in either direction, within bounds."""

    def __init__(
        self, owner: Owner, session: SftpSession, log: structlog.stdlib.BoundLogger, room: Room
    ) -> None:
        self.session = session
        self._room = room
        self._owner = owner
        self._log = log
        self._splitter = Splitter()
        self._queue: deque[bytes] = deque()
        self._queued = 0
        self._batch: deque[bytes] = deque()  # what is executed now, and how much of what is queued that is
        self._taken = 0
        self._executing = False
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._is_sftp = False
        self._channel_writable = True
        self._ended = False
        self._lost = False
        self._task: asyncio.Task[None] | None = None

    @property
    def busy(self) -> bool:
        """Whether a request is being executed or a file is open."""
        return bool(self._queued) or self.session.has_open_files

    # What asyncssh calls

    def connection_made(self, chan: "asyncssh.SSHServerChannel[bytes]") -> None:
        """The channel is open."""
        self._chan = chan
        chan.set_write_buffer_limits(*self._room.writes)

    def subsystem_requested(self, subsystem: str) -> bool:
        """Accept the sftp subsystem, and no other."""
        self._is_sftp = subsystem == "sftp"
        return self._is_sftp

    def exec_requested(self, command: str) -> bool:  # noqa: ARG002 - asyncssh's interface
        """Accept a command, only to answer it at once with a sentence: clients probe, and wait."""
        return True

    def shell_requested(self) -> bool:
        """Accept a shell for the same answer."""
        return True

    def session_started(self) -> None:
        """The kind of session is known."""
        if self._is_sftp:
            self._context = contextvars.copy_context()
            bind = structlog.contextvars.bind_contextvars
            self._context.run(bind, **structlog.get_context(self._log))
            self._task = self._context.run(self._owner.spawn, self._serve())
        else:
            self._chan.write_stderr(_ONLY_SFTP)
            self._chan.exit(1)

    def data_received(self, data: bytes, datatype: int | None) -> None:  # noqa: ARG002 - asyncssh's interface
        """Queue the packets that are complete."""
        if not self._is_sftp or self._ended:
            return
        self._owner.active()
        packets = self._splitter.feed(data)
        self._queue.extend(packets)
        self._queued += sum(map(len, packets)) + PACKET_COST * len(packets)
        if self._splitter.error:
            self._ended = True
        if self._queued > self._room.queued:
            self._chan.pause_reading()
        self._step()

    def eof_received(self) -> bool:
        """The client is done; what it sent is still answered."""
        self._ended = True
        self._step()
        return True

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncssh's interface
        """The channel is closed. Without an EOF before it, what was not begun is dropped."""
        self._lost = True
        self._step()
        if self._task is None:
            self._owner.ended(self)

    def pause_writing(self) -> None:
        """The client's window is full."""
        self._channel_writable = False

    def resume_writing(self) -> None:
        """The client's window has room."""
        self._channel_writable = True
        self._step()

    # The session

    def wake(self) -> None:
        """Look again whether replies can be written."""
        self._step()

    @property
    def _waits(self) -> bool:
        """Whether requests are being executed, or replies cannot be written yet."""
        can_reply = self._lost or (self._channel_writable and self._owner.writable)
        return self._executing or not can_reply

    def _step(self) -> None:
        """Execute what has come, unless that has to wait; or come to the end."""
        if self._task is None or self._over.done() or self._waits:
            return
        if not self._batch:
            self._take_batch()
            if self._executing:  # more came when reading was resumed
                return
        if self._batch and not self._dropped:
            self._executing = True
            self._context.run(self._owner.tell, self._executed, self.session.handle, self._batch)
        elif self._ended or self._lost:
            self._over.set_result(None)

    def _take_batch(self) -> None:
        """The requests before are answered: let as many more come, and execute what did meanwhile."""
        self._queued -= self._taken
        self._batch, self._queue = self._queue, deque()
        taken, self._taken = self._taken, self._queued
        if taken and not self._chan.is_closing():
            self._chan.resume_reading()

    @property
    def _dropped(self) -> bool:
        return self._lost and not self._ended

    def _executed(self, replies: bytes, error: BaseException | None) -> None:
        """Some requests of the batch were executed."""
        self._executing = False
        if error is None:
            try:
                self._owner.active()
                if not self._chan.is_closing():
                    self._chan.write(replies)
                self._step()
            except Exception as exc:  # noqa: BLE001 -- the session's task meets it
                error = exc
        if error and not self._over.done():
            self._over.set_exception(error)

    async def _serve(self) -> None:
        try:
            self._step()
            await self._over
            error = self._splitter.error
        except ProtocolError as exc:
            error = str(exc)
        finally:
            self._is_sftp = False  # nothing more is read
            await self._owner.run(self.session.cut)
            self._owner.ended(self)
        if error:
            self._log.warning("protocol_error", reason=error)
        if not self._chan.is_closing():
            self._chan.exit(1 if error else 0)
