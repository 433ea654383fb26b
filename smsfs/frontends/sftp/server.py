"""The SFTP server: asyncssh's transport, logins, limits, and an orderly end."""

import asyncio
import contextvars
import functools
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, cast

import asyncssh
import structlog
from asyncssh.constants import MSG_IGNORE

from smsfs.frontends.authenticator import NOT_CHECKED, CheckFailed, KeyAuthenticator, decided
from smsfs.frontends.bans import DoorBans, Ledger
from smsfs.frontends.doorway import Doorway, Ticket
from smsfs.frontends.limits import AddressLimits
from smsfs.frontends.listen_errors import Listener, cannot_listen, open_listener
from smsfs.frontends.proxy import ProxyGate
from smsfs.frontends.quiet import Quiet
from smsfs.frontends.sftp.channel import WRITE_LIMITS, Room, SftpChannel, room_of
from smsfs.frontends.sftp.protocol import SftpSession
from smsfs.frontends.sftp.settings import SftpSettings, refuse_sha1, ssh_options
from smsfs.frontends.shares import Shares
from smsfs.frontends.turns import Calls
from smsfs.frontends.watch import Watcher
from smsfs.store.bans import BanRules

if TYPE_CHECKING:
    from asyncssh.packet import SSHPacketLogger


#: While the server stops, a connection without an open file is closed after this many quiet seconds: a
#: client that has just uploaded gets the time to send its rename.
_QUIET = 1.0
_POLL = 0.05
#: A client that leaves after having waited so long for an answer to its login, in seconds, gave up on the
#: server; one that leaves sooner may only wish not to be counted.
_PATIENCE = 2.0


class _Connection(asyncssh.SSHServerConnection):
    """asyncssh's connection with the back-pressure of TCP, which asyncssh does not pass on."""

    writable = True
    on_writable: Callable[[], None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast("asyncio.Transport", transport).set_write_buffer_limits(*WRITE_LIMITS)
        super().connection_made(transport)

    def send_packet(self, pkttype: int, *args: bytes, handler: "SSHPacketLogger | None" = None) -> None:
        # asyncssh sends an empty packet before each one, to hide what follows a CBC block; with any other
        # cipher that is a sixth of the server's time for nothing
        if pkttype != MSG_IGNORE or "cbc" in self.get_extra_info("send_cipher", "cbc"):
            super().send_packet(pkttype, *args, handler=handler)

    def pause_writing(self) -> None:
        self.writable = False

    def resume_writing(self) -> None:
        self.writable = True
        if self.on_writable:
            self.on_writable()


class _Client(asyncssh.SSHServer):
    """One connection: its login, its channels, its idle time."""

    def __init__(self, server: "SftpServer") -> None:
        self._server = server
        self._settings = server.settings
        self._loop = asyncio.get_running_loop()
        self._ticket: Ticket | None = None
        self._counted = False  # as one of its account's
        self._closing = False
        self._tries = 0
        self._password_failed = False
        self._undecided = False
        self._asked_at: float | None = None
        self._logged_in = False
        self._channels: set[SftpChannel] = set()
        self._sessions = 0
        self._last_active = self._loop.time()
        self._idle_timer: asyncio.TimerHandle | None = None
        self._login = contextvars.copy_context()
        self._leave: Callable[[], None] = lambda: None
        self.log = server.log

    # The connection

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._conn = cast("_Connection", conn)
        self._conn.on_writable = self._wake_channels
        self._peer = str((conn.get_extra_info("peername") or ("unknown",))[0])
        self.log = self.log.bind(peer=self._peer, stranger=True)
        admitted = self._server.admit(self, self._peer)
        if isinstance(admitted, Ticket):
            self._ticket = admitted
        else:
            self._server.quiet.tell(self.log.info, "connection_refused", admitted)
            conn.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._idle_timer:
            self._idle_timer.cancel()
        self._leave()
        if self._ticket is None:
            return
        if self._tries and not (self._logged_in or self._password_failed or self._excused):
            # keys alone count once for a connection: an honest client offers all that it has
            self._server.spawn(self._count_failure())
        if self._counted:
            self._server.accounts.give_back(self._username)
        self._server.release(self, self._ticket)
        self.log.debug("connection_lost", reason=str(exc) if exc else None)

    @property
    def _excused(self) -> bool:
        """Whether it may have been the server's doing that nobody logged in."""
        waited = self._loop.time() - self._asked_at if self._asked_at else 0.0
        return self._undecided or self._server.stopping or waited > _PATIENCE

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
        del username
        self._step()
        return True

    def _step(self) -> None:
        if self._ticket:
            self._ticket.step(self._loop.time())

    def password_auth_supported(self) -> bool:
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    async def validate_password(self, username: str, password: str) -> bool:
        if await self._server.bans.ask(self._peer):
            return self._reject()
        log = self.log.bind(account=username, method="password")
        right = await self._ask(self._server.authenticator.password(username, password, self._peer), log)
        if right is None:
            self.close(NOT_CHECKED)
        if right is not False:
            return bool(right)
        self._password_failed = True
        log.info("login_failed")
        await self._count_failure()
        return self._reject()

    async def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        if not self._settings.legacy_algorithms:
            refuse_sha1(key)
        if await self._server.bans.ask(self._peer):
            return self._reject()
        log = self.log.bind(account=username, method="key")
        right = await self._ask(self._server.authenticator.key(username, key, self._peer), log)
        if right:
            return True
        log.debug("key_refused", key=key.get_fingerprint())
        return self._reject()

    async def _ask(self, question: Awaitable[bool | None], log: structlog.stdlib.BoundLogger) -> bool | None:
        """The answer; if there is none, nothing counts against the client."""
        self._asked_at = self._loop.time()
        self._step()
        try:
            answer = await decided(question, log)
        except CheckFailed:
            answer = None
            self.close(NOT_CHECKED)
        self._asked_at = None
        if answer:
            self._login = contextvars.copy_context()
        self._undecided |= answer is None
        return answer

    async def _count_failure(self) -> None:
        if await self._server.bans.fail(self._peer):
            self.log.warning("banned", seconds=self._settings.ban_time)

    def _reject(self) -> bool:
        self._tries += 1
        banned = self._server.bans.is_banned(self._peer)
        if banned or self._tries >= self._settings.max_auth_tries:
            self.close("Too many authentication failures", asyncssh.DISC_NO_MORE_AUTH_METHODS_AVAILABLE)
        return False

    def auth_completed(self) -> None:
        self._logged_in = True
        self._username = self._conn.get_extra_info("username")
        self.log = self.log.bind(account=self._username)
        if self._ticket and not self._server.logged_in(self._ticket, self._username):
            self._server.quiet.tell(
                self.log.warning, "connection_refused", "too many connections of this account"
            )
            self.close("This account has too many connections; close some.")
            return
        self._counted = True
        self.log.info("login", client=self._conn.get_extra_info("client_version"))
        self.log = self.log.unbind("stranger")
        self.active()
        self._check_idle()
        if self._server.watcher:
            self._leave = self._login.run(self._server.watcher.enter, self._shut_out)

    def _shut_out(self, why: str) -> None:
        self.log.warning("shut_out", reason=why)
        self.close(why)

    # Channels

    def session_requested(self) -> Any:
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
            filesystem = await self._loop.create_task(question, context=self._login)
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
        self._end_session()
        self._channels.discard(channel)
        done = channel.session.counters
        self.log.info("session_end", requests=done.requests, bytes_in=done.bytes_in, bytes_out=done.bytes_out)

    def run(self, function: Callable[..., Any], *args: Any) -> Awaitable[Any]:
        return self._server.run(self._username, function, *args)

    def spawn(self, task: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return self._server.spawn(task)

    def active(self) -> None:
        self._last_active = self._loop.time()

    def _check_idle(self) -> None:
        left = self._last_active + self._settings.idle_timeout - self._loop.time()
        if left > 0:
            self._idle_timer = self._loop.call_later(left, self._check_idle)
        else:
            self.log.info("idle_timeout")
            self.close("Closed after a long time without a request.")


class SftpServer:
    """Listens until it is stopped; made by ``start``.

    Attributes:
        addresses: host and port of each listening socket.
    """

    def __init__(
        self,
        settings: SftpSettings,
        authenticator: KeyAuthenticator,
        watcher: Watcher | None = None,
        ledger: Ledger | None = None,
    ) -> None:
        self.settings = settings
        self.watcher = watcher
        self.authenticator = authenticator
        self.log: structlog.stdlib.BoundLogger = structlog.get_logger(frontend="sftp")
        self.limits = AddressLimits(
            settings.max_connections,
            settings.max_connections_per_address,
            settings.ban_after,
            settings.ban_window,
            settings.ban_time,
        )
        rules = BanRules(settings.ban_after, settings.ban_window, settings.ban_time)
        self.bans = DoorBans("SFTP", self.limits, rules, ledger)
        self.accounts = Shares(settings.limits.connections_per_account, settings.max_connections)
        self.channels = Shares(settings.limits.sessions_per_account)
        self.quiet = Quiet()
        self.stopping = False
        self.addresses: list[tuple[str, int]] = []
        self._doorway = Doorway(self.limits, settings.limits)
        self._loop = asyncio.get_running_loop()
        self._clients: set[_Client] = set()
        self._gates: set[ProxyGate] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._listeners: list[Listener] = []
        self._calls = Calls(settings.threads, "sftp")

    async def listen(self) -> None:
        """Open the listening sockets.

        Raises:
            ConfigurationError: one cannot be opened; then none is.
        """
        options = ssh_options(self.settings, functools.partial(_Client, self))
        for host, port in self.settings.listen:
            try:
                backlog = self.settings.max_connections
                listener = await open_listener(lambda: self._gate(options), host, port, backlog)
            except OSError as exc:
                await self.stop(0)
                raise cannot_listen("SFTP", "sftp", host, port, exc) from exc
            self._listeners.append(listener)
            self.addresses += listener.addresses

    def _gate(self, options: asyncssh.SSHServerConnectionOptions) -> ProxyGate:
        settings = self.settings
        return ProxyGate(
            lambda: _Connection(self._loop, options), settings.proxy_from, settings.login_timeout, self._gates
        )

    def admit(self, client: _Client, peer: str) -> Ticket | str:
        """Take in a connection, or say why not."""
        if self.stopping:
            return "stopping"
        ticket = self._doorway.enter(peer, self._loop.time(), client.drop)
        if isinstance(ticket, Ticket):
            self._clients.add(client)
            self.bans.ask_soon(peer)
        return ticket

    def logged_in(self, ticket: Ticket, username: str) -> bool:
        """A connection has logged in; whether its account may have it."""
        self._doorway.logged_in(ticket, username)
        return self.accounts.take(username)

    def release(self, client: _Client, ticket: Ticket) -> None:
        """A connection that was taken in has ended."""
        self._clients.discard(client)
        self._doorway.leave(ticket)

    def run(self, account: str, function: Callable[..., Any], *args: Any) -> Awaitable[Any]:
        """Call a function that blocks, in one of the server's threads, when it is the account's turn."""
        return self._calls.run(account, function, *args)

    def spawn(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run a task that ``stop`` waits for."""
        task = self._loop.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def stop(self, grace: float) -> None:
        """Take no more connections, let transfers finish for ``grace`` seconds, then close what is left.

        When it returns, every open file is closed or abandoned.
        """
        self.stopping = True
        for listener in self._listeners:
            listener.close()
        for gate in list(self._gates):
            gate.close()
        deadline = self._loop.time() + grace
        while self._clients and self._loop.time() < deadline:
            self._close([client for client in self._clients if client.finished()])
            await asyncio.sleep(_POLL)
        self._close(list(self._clients))
        while self._clients or self._tasks:
            await asyncio.sleep(0)
            await asyncio.gather(*self._tasks, return_exceptions=True)
        self.bans.close()
        await asyncio.to_thread(self._calls.shutdown)

    def _close(self, clients: list[_Client]) -> None:
        for client in clients:
            client.close("The server is stopping.")


async def start(
    settings: SftpSettings, authenticator: KeyAuthenticator, watcher: Watcher | None = None
) -> SftpServer:
    """Listen for SFTP clients, in the running event loop.

    Raises:
        ConfigurationError: an address cannot be listened on.
    """
    server = SftpServer(settings, authenticator, watcher)
    await server.listen()
    return server
