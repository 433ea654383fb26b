"""The FTP server: listeners on asyncio's loop, a thread with a loop of its own for each client.

pyftpdlib's sessions block while the filesystem works; in a thread each, that stalls one client only. Limits,
bans and logins are asyncio's business, and so in one thread.
"""

import asyncio
import os
import socket
import threading
import time
from collections.abc import Callable, Coroutine
from contextlib import closing, suppress
from functools import partial
from typing import Any, TypeVar, cast

import structlog

from smsfs.errors import NotAllowed
from smsfs.filesystem import Filesystem
from smsfs.frontends.authenticator import Authenticator, CheckFailed, decided
from smsfs.frontends.bans import DoorBans, Ledger
from smsfs.frontends.doorway import Doorway, Ticket
from smsfs.frontends.ftp.client import Client, Host
from smsfs.frontends.ftp.library import IOLoop
from smsfs.frontends.ftp.session import Session
from smsfs.frontends.ftp.settings import FtpSettings
from smsfs.frontends.limits import AddressLimits
from smsfs.frontends.listen_errors import Listener, cannot_listen, open_listener
from smsfs.frontends.proxy import ProxyError, ProxyGate, is_within, read_header
from smsfs.frontends.quiet import Quiet
from smsfs.frontends.shares import Shares
from smsfs.frontends.turns import ThreadTurns
from smsfs.frontends.watch import Watcher
from smsfs.store.bans import BanRules

#: How often a session looks around while the server stops.
_POLL = 0.05
#: How long a session's thread waits for the main one, which has only to look something up.
_ASK_SECONDS = 60.0
#: How long a balancer's header on a data connection may take; the session stands still meanwhile.
_HEADER_SECONDS = 5.0
T = TypeVar("T")
#: Makes the session of a client: socket, server, the session's loop, the client's address.
SessionType = Callable[[socket.socket, Host, IOLoop, str], Session]


class _Handover(asyncio.Protocol):
    """Takes a connection away from asyncio, its balancer's header read and nothing of what follows."""

    def __init__(self, take: "Callable[[Any, str], str | None]") -> None:
        self._take = take

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.pause_reading()
        asyncio.get_running_loop().call_soon(self._hand_over)

    def _hand_over(self) -> None:
        peer = str((self._transport.get_extra_info("peername") or ("unknown",))[0])
        reason = self._take(self._transport.get_extra_info("socket"), peer)
        if reason:
            self._transport.write(f"421 Not now: {reason}.\r\n".encode())
        self._transport.abort()  # of a client that is served, a duplicate keeps the connection


class _Ends:
    """A connection's socket, and a copy of it by which another thread can end it."""

    def __init__(self, sock: Any) -> None:
        self.sock: socket.socket = sock.dup()
        try:
            self._copy = sock.dup()
        except BaseException:
            self.sock.close()
            raise
        self._lock = threading.Lock()

    def shut(self) -> None:
        """End the connection; what it waits for fails."""
        with self._lock, suppress(OSError):
            self._copy.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go."""
        with self._lock:
            self._copy.close()
        self.sock.close()


class _Waker:
    """Wakes a session's loop: a pipe whose other end is closed, that of all when the server stops."""

    def __init__(self, number: int) -> None:
        self._fileno = number

    def readable(self) -> bool:
        return True

    def handle_read_event(self) -> None:
        """The session sees for itself why."""

    def handle_error(self) -> None:
        raise  # noqa: PLE0704 - called while an error is handled

    handle_close = handle_read_event


class FtpServer(Host):
    """Listens until it is stopped.

    Attributes:
        addresses: host and port of each listening socket.
        implicit_addresses: those where TLS begins with the first byte.
    """

    def __init__(
        self,
        settings: FtpSettings,
        authenticator: Authenticator,
        watcher: Watcher | None = None,
        ledger: Ledger | None = None,
        plain: Authenticator | None = None,
    ) -> None:
        self.settings = settings
        self._watcher = watcher
        self._watched: dict[Client, Callable[[], None]] = {}
        self.stopping = False
        self.addresses: list[tuple[str, int]] = []
        self.implicit_addresses: list[tuple[str, int]] = []
        self._authenticator, self._plain = authenticator, plain or authenticator
        self._log: structlog.stdlib.BoundLogger = structlog.get_logger(frontend="ftp", stranger=True)
        self.limits = AddressLimits(
            settings.max_connections,
            settings.max_connections_per_address,
            settings.ban_after,
            settings.ban_window,
            settings.ban_time,
        )
        rules = BanRules(settings.ban_after, settings.ban_window, settings.ban_time)
        self._bans = DoorBans("FTP", self.limits, rules, ledger)
        self.accounts = Shares(settings.limits.connections_per_account, settings.max_connections)
        self.quiet = Quiet()
        self._doorway = Doorway(self.limits, settings.limits)
        self._loop = asyncio.get_running_loop()
        self._listeners: list[Listener] = []
        self._gates: set[ProxyGate] = set()
        self._threads: dict[threading.Thread, Ticket] = {}
        self._calls = ThreadTurns(settings.calls)
        self._cutting = False
        self._ended = asyncio.Event()
        self._woken, self._wake = os.pipe()
        self._alarm, other = os.pipe()
        os.close(other)  # so that it wakes whatever loop it is registered with

    async def listen(self) -> None:
        """Open the listening sockets.

        Raises:
            ConfigurationError: one cannot be opened; then none is.
        """
        if self.settings.plain:
            self._log.warning("plain_ftp", meaning="passwords and files may travel unencrypted")
        for host, port in self.settings.listen:
            self.addresses += await self._listen(host, port, Session)
        for host, port in self.settings.implicit_listen:
            self.implicit_addresses += await self._listen(host, port, partial(Session, implicit=True))

    async def _listen(self, host: str, port: int, session: SessionType) -> list[tuple[str, int]]:
        gate, backlog = partial(self._gate, session), self.settings.max_connections
        try:
            listener = await open_listener(gate, host, port, backlog)
        except OSError as exc:
            await self.stop(0)
            raise cannot_listen("FTP", "ftp", host, port, exc) from exc
        self._listeners.append(listener)
        return listener.addresses

    def _gate(self, session: SessionType) -> ProxyGate:
        settings = self.settings
        handover = partial(_Handover, partial(self._take, session))
        return ProxyGate(handover, settings.proxy_from, settings.login_timeout, self._gates)

    # Clients

    def _take(self, session: SessionType, sock: Any, peer: str) -> str | None:
        """Serve a client on a copy of its socket, or say why not."""
        if self.stopping:
            return self._refuse(peer, "stopping")
        try:
            ends = _Ends(sock)
        except OSError as exc:
            return self._no_room(peer, exc)
        ticket = self._doorway.enter(peer, self._loop.time(), partial(self._drop, ends, peer))
        if isinstance(ticket, str):
            ends.close()
            return self._refuse(peer, ticket)
        try:
            self._start(session, ends, ticket)
        except (OSError, RuntimeError) as exc:  # the system gives us no more threads
            ends.close()
            self._doorway.leave(ticket)
            return self._no_room(peer, exc)
        self._bans.ask_soon(peer)
        return None

    def _refuse(self, peer: str, reason: str) -> str:
        self.quiet.tell(self._log.info, "connection_refused", reason, peer=peer)
        return reason

    def _no_room(self, peer: str, exc: Exception) -> str:
        self.quiet.tell(self._log.error, "connection_refused", str(exc), peer=peer)
        return "the server has no room"

    def _drop(self, ends: _Ends, peer: str) -> None:
        """End a session that waits for its login: its thread finds the connection closed."""
        reason = "others wait that have not logged in"
        self.quiet.tell(self._log.info, "connection_dropped", reason, peer=peer)
        ends.shut()

    def _start(self, session: SessionType, ends: _Ends, ticket: Ticket) -> None:
        thread = threading.Thread(
            target=self._serve, args=(session, ends, ticket.peer), name="ftp", daemon=True
        )
        self._threads[thread] = ticket
        try:
            thread.start()
        except BaseException:
            del self._threads[thread]
            raise

    def _serve(self, session: SessionType, ends: _Ends, peer: str) -> None:
        served = None
        try:
            with closing(ends), IOLoop() as loop:
                served = session(ends.sock, self, loop, peer)
                self._run(served, loop)
        except Exception:  # noqa: BLE001 - an error of ours ends this session, and no other
            self._log.exception("session_failed", peer=peer)
        finally:
            self._loop.call_soon_threadsafe(self._release, threading.current_thread(), served)

    def _run(self, session: Session, loop: IOLoop) -> None:
        """A session from its greeting to its end."""
        session.handle()
        waker = _Waker(self._woken)
        loop.register(self._woken, waker, IOLoop.READ)
        try:
            while not session.closed and not self._cutting:
                soonest = loop.sched.poll()
                if self.stopping:
                    loop.unregister(self._woken)
                    session.leave_if_quiet()
                    soonest = _POLL
                loop.poll(soonest)
                if session.client.shut_out:
                    loop.unregister(self._alarm)
                    session.leave_if_shut_out()
        finally:
            loop.unregister(self._woken)
            loop.unregister(self._alarm)
            session.close()

    def _release(self, thread: threading.Thread, session: Session | None) -> None:
        if session:
            self._leave(session.client)
        ticket = self._threads.pop(thread)
        self._give_back(ticket)
        self._doorway.leave(ticket)
        if self.stopping and not self._threads:
            self._ended.set()

    def _give_back(self, ticket: Ticket) -> None:
        """Its account has one session less, if it had logged in."""
        if ticket.account is not None:
            self.accounts.give_back(ticket.account)
            ticket.account = None

    async def stop(self, grace: float) -> None:
        """Take no more connections, let transfers finish for ``grace`` seconds, then cut what is left.

        When it returns, every open file is closed or abandoned.
        """
        if self.stopping:
            return
        self.stopping = True
        for listener in self._listeners:
            listener.close()
        for gate in list(self._gates):
            gate.close()
        os.close(self._wake)
        if self._threads:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), grace)
            self._cutting = True
            await self._ended.wait()
        os.close(self._woken)
        os.close(self._alarm)
        self._bans.close()

    # What sessions ask, from their threads

    def _ask(self, question: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(question, self._loop).result(_ASK_SECONDS)

    def log_in(self, client: Client, account: str, password: str) -> Filesystem | str:
        """The account's files, or why the client is refused."""
        ticket = self._threads[threading.current_thread()]
        return self._ask(self._log_in(client, account, password, ticket))

    async def _log_in(self, client: Client, account: str, password: str, ticket: Ticket) -> Filesystem | str:
        wrong = await self._check(account, password, client.peer, ticket)
        if wrong:
            return wrong
        asked = self._authenticator if client.is_secure else self._plain
        filesystem = await asked.filesystem(account)
        if client.is_secure and client.plain_data:
            client.plain_data = await self._may_be_plain(account)
        self._leave(client)
        if self._watcher:
            self._watched[client] = self._watcher.enter(partial(self._shut_out, client))
        return filesystem

    async def _may_be_plain(self, account: str) -> bool:
        try:
            await self._plain.filesystem(account)
        except NotAllowed:
            return False
        return True

    def log_out(self, client: Client) -> None:
        """The client begins again, as after connecting."""
        self._loop.call_soon_threadsafe(self._leave, client)

    def _leave(self, client: Client) -> None:
        self._watched.pop(client, lambda: None)()

    def _shut_out(self, client: Client, why: str) -> None:
        client.shut_out = why
        with suppress(OSError, ValueError):  # it is just ending by itself
            client.loop.register(self._alarm, _Waker(self._alarm), IOLoop.READ)

    async def _check(self, account: str, password: str, peer: str, ticket: Ticket) -> str | None:
        """None if the password is right, or why the client is refused."""
        ticket.step(self._loop.time())
        if await self._bans.ask(peer):
            return "banned"
        log = self._log.bind(peer=peer, account=account, method="password")
        try:
            right = await decided(self._authenticator.password(account, password, peer), log)
        except CheckFailed:
            return "undecided"
        if right is not False:
            return self._logged_in(account, ticket) if right else "undecided"
        log.info("login_failed")
        if await self._bans.fail(peer):
            self._log.warning("banned", peer=peer, seconds=self.settings.ban_time)
            return "banned"
        return "wrong"

    def _logged_in(self, account: str, ticket: Ticket) -> str | None:
        self._give_back(ticket)
        if not self.accounts.take(account):
            reason = "too many connections of this account"
            self.quiet.tell(
                self._log.warning, "connection_refused", reason, peer=ticket.peer, account=account
            )
            return "busy"
        self._doorway.logged_in(ticket, account)
        return None

    def step(self) -> None:
        """The session of this thread has sent a command."""
        self._threads[threading.current_thread()].step(time.monotonic())

    def call(self, function: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """Call a function of a filesystem; only so many of them run at a time, and accounts take turns."""
        with self._calls.turn(self._threads[threading.current_thread()].account or ""):
            return function(*args, **options)

    def is_client(self, sock: socket.socket, address: str, peer: str) -> bool:
        """Whether a data connection is the client's; a balancer says so as on the control connection."""
        if not is_within(address, self.settings.proxy_from):
            return address == peer
        try:
            header = read_header(sock, _HEADER_SECONDS)
        except (ProxyError, OSError) as exc:
            self._log.warning("proxy_header_missing", proxy=address, reason=str(exc))
            return False
        return (header.peer[0] if header.peer else address) == peer
