"""One SSH connection, as asyncssh calls it: its login, its channels, its idle time."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, Protocol, cast

import asyncssh
import structlog

from smsfs.frontends.doorway import Ticket
from smsfs.frontends.quiet import Quiet
from smsfs.frontends.sftp.channel import Room, SftpChannel, room_of
from smsfs.frontends.sftp.login import Gatekeeper, Login
from smsfs.frontends.sftp.protocol import SftpSession
from smsfs.frontends.shares import Shares
from smsfs.frontends.turns import Done
from smsfs.frontends.watch import Watcher

if TYPE_CHECKING:
    from smsfs.frontends.sftp.connection import Connection

#: While the server stops, a connection without an open file is closed after this many quiet seconds: a
#: client that has just uploaded gets the time to send its rename.
_QUIET = 1.0


class Host(Gatekeeper, Protocol):
    """The server that a connection belongs to."""

    log: structlog.stdlib.BoundLogger
    quiet: Quiet
    watcher: Watcher | None
    accounts: Shares
    channels: Shares

    def admit(self, client: "Client", peer: str) -> Ticket | str:
        """Take in a connection, or say why not."""

    def logged_in(self, ticket: Ticket, username: str) -> bool:
        """A connection has logged in; whether its account may have it."""

    def release(self, client: "Client", ticket: Ticket) -> None:
        """A connection that was taken in has ended."""

    def run(self, account: str, function: Callable[..., Any], *args: Any) -> Awaitable[Any]:
        """Call a function that blocks, in one of the server's threads, when it is the account's turn."""

    def tell(self, account: str, done: Done, function: Callable[..., Any], *args: Any) -> None:
        """The same; ``done`` is called with its answer, or with what it raised."""


class Client(asyncssh.SSHServer):
    """One connection: its login, its channels, its idle time."""

    def __init__(self, server: Host) -> None:
        self._server = server
        self._settings = server.settings
        self._loop = asyncio.get_running_loop()
        self._ticket: Ticket | None = None
        self._counted = False  # as one of its account's
        self._closing = False
        self._channels: set[SftpChannel] = set()
        self._sessions = 0
        self._last_active = self._loop.time()
        self._idle_timer: asyncio.TimerHandle | None = None
        self._leave: Callable[[], None] = lambda: None
        self.log = server.log

    # The connection

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        """A client has connected."""
        self._conn = cast("Connection", conn)
        self._conn.on_writable = self._wake_channels
        self._peer = str((conn.get_extra_info("peername") or ("unknown",))[0])
        self.log = self.log.bind(peer=self._peer, stranger=True)
        admitted = self._server.admit(self, self._peer)
        if isinstance(admitted, Ticket):
            self._ticket = admitted
        else:
            self._server.quiet.tell(self.log.info, "connection_refused", admitted)
            conn.abort()
        self._login = Login(self._server, self._ticket, self._peer, self.log, self.close)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is over."""
        if self._idle_timer:
            self._idle_timer.cancel()
        self._leave()
        if self._ticket is None:
            return
        self._login.ended()
        if self._counted:
            self._server.accounts.give_back(self._username)
        self._server.release(self, self._ticket)
        self.log.debug("connection_lost", reason=str(exc) if exc else None)

    @property
    def writable(self) -> bool:
        """False while the network takes no more bytes."""
        return self._conn.writable

    def _wake_channels(self) -> None:
        for channel in self._channels:
            channel.wake()

    def close(self, why: str, code: int = asyncssh.DISC_BY_APPLICATION) -> None:
        """End the connection; the client reads the reason, the first if there are several."""
        if not self._closing:
            self._closing = True
            self._conn.disconnect(code, why)

    def drop(self) -> None:
        """Make room for another connection."""
        self._server.quiet.tell(self.log.info, "connection_dropped", "others wait that have not logged in")
        self._conn.abort()

    def finished(self) -> bool:
        """Whether nothing is under way and nothing was a moment ago."""
        quiet = self._loop.time() - self._last_active
        return not any(channel.busy for channel in self._channels) and quiet >= _QUIET

    # The login

    def begin_auth(self, username: str) -> bool:
        """The client names an account; a login is always required."""
        del username
        self._login.step()
        return True

    def password_auth_supported(self) -> bool:
        """Accept passwords."""
        return True

    def public_key_auth_supported(self) -> bool:
        """Accept keys."""
        return True

    async def validate_password(self, username: str, password: str) -> bool:
        """Whether the password is right."""
        return await self._login.password(username, password)

    async def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        """Whether the key is one of the account's."""
        return await self._login.key(username, key)

    def auth_completed(self) -> None:
        """The client is logged in."""
        self._login.succeeded = True
        self._username = self._conn.get_extra_info("username")
        self.log = self.log.bind(account=self._username)
        if self._ticket and not self._server.logged_in(self._ticket, self._username):
            self._server.quiet.tell(
                self.log.warning, "connection_refused", "too many connections of this account"
            )
            self._login.count("busy")
            self.close("This account has too many connections; close some.")
            return
        self._counted = True
        self._login.count("ok")
        self.log.info("login", client=self._conn.get_extra_info("client_version"))
        self.log = self.log.unbind("stranger")
        self.active()
        self._check_idle()
        if self._server.watcher:
            self._leave = self._login.context.run(self._server.watcher.enter, self._shut_out)

    def _shut_out(self, why: str) -> None:
        self.log.warning("shut_out", reason=why)
        self.close(why)

    # Channels

    def session_requested(self) -> Any:
        """Open a channel, unless there are too many."""
        if self._server.stopping or self._sessions >= self._settings.max_sessions:
            self.log.info("session_refused", sessions=self._sessions)
            return False
        if not self._counted or not self._server.channels.take(self._username):
            self._server.quiet.tell(self.log.warning, "session_refused", "too many sessions of this account")
            return False
        self._sessions += 1
        room = room_of(self._server.channels.held(self._username))
        return self._conn.create_server_channel(None, "strict", room.window), self._new_session(room)

    async def _new_session(self, room: Room) -> SftpChannel:
        try:
            question = self._server.authenticator.filesystem(self._username)
            filesystem = await self._loop.create_task(question, context=self._login.context)
        except Exception as exc:
            self._end_session()
            if isinstance(exc, OSError):
                self.log.warning("session_failed", reason=str(exc))
            else:
                self.log.exception("session_failed")
            sentence = getattr(exc, "sentence", "The server cannot open your files for now; try again later.")
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_RESOURCE_SHORTAGE, sentence) from exc
        session = SftpSession(filesystem, self._username, log=self.log, reply_bytes=room.replies)
        channel = SftpChannel(self, session, self.log, room)
        self._channels.add(channel)
        return channel

    def _end_session(self) -> None:
        self._sessions -= 1
        self._server.channels.give_back(self._username)

    def ended(self, channel: SftpChannel) -> None:
        """A channel is closed, and its session has let go of everything."""
        self._end_session()
        self._channels.discard(channel)
        done = channel.session.counters
        self.log.info("session_end", requests=done.requests, bytes_in=done.bytes_in, bytes_out=done.bytes_out)

    def run(self, function: Callable[..., Any], *args: Any) -> Awaitable[Any]:
        """Call a function that blocks, in a thread."""
        return self._server.run(self._username, function, *args)

    def tell(self, done: Done, function: Callable[..., Any], *args: Any) -> None:
        """The same; ``done`` is called with its answer, or with what it raised."""
        self._server.tell(self._username, done, function, *args)

    def spawn(self, task: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run a task that the server waits for when it stops."""
        return self._server.spawn(task)

    def active(self) -> None:
        """A request has arrived or was answered."""
        self._last_active = self._loop.time()

    def _check_idle(self) -> None:
        left = self._last_active + self._settings.idle_timeout - self._loop.time()
        if left > 0:
            self._idle_timer = self._loop.call_later(left, self._check_idle)
        else:
            self.log.info("idle_timeout")
            self.close("Closed after a long time without a request.")
