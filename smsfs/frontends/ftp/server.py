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
from typing import Any, TypeVar

import structlog

from smsfs.filesystem import Filesystem
from smsfs.frontends.authenticator import Authenticator
from smsfs.frontends.bans import DoorBans, Ledger
from smsfs.frontends.doorway import Doorway, Ticket
from smsfs.frontends.ftp.admission import Admission
from smsfs.frontends.ftp.client import Client, Host
from smsfs.frontends.ftp.handover import Ends, Handover, Waker
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

#: How often a session looks whether it can end while the server stops, in seconds.
_POLL = 0.05
#: How long a session's thread waits for the main one, which has only to look something up.
_ASK_SECONDS = 60.0
#: How long a balancer's header on a data connection may take; the session waits meanwhile.
_HEADER_SECONDS = 5.0
T = TypeVar("T")
#: Makes the session of a client: socket, server, the session's loop, the client's address.
SessionType = Callable[[socket.socket, Host, IOLoop, str], Session]


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
        self.stopping = False
        self.addresses: list[tuple[str, int]] = []
        self.implicit_addresses: list[tuple[str, int]] = []
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
        self._admission = Admission(
            settings,
            authenticator,
            plain or authenticator,
            self._bans,
            self._doorway,
            self.accounts,
            watcher,
            self.quiet,
            self._log,
            self._alarm_of,
        )
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

    @property
    def sessions(self) -> int:
        """Connections that have logged in."""
        return self.limits.total - self._doorway.waiting

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
        handover = partial(Handover, partial(self._take, session))
        return ProxyGate(handover, settings.proxy_from, settings.login_timeout, self._gates)

    # Clients

    def _take(self, session: SessionType, sock: Any, peer: str) -> str | None:
        """Serve a client on a copy of its socket, or say why not."""
        if self.stopping:
            return self._refuse(peer, "stopping")
        try:
            ends = Ends(sock)
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

    def _drop(self, ends: Ends, peer: str) -> None:
        """End a session that waits for its login: its thread finds the connection closed."""
        reason = "others wait that have not logged in"
        self.quiet.tell(self._log.info, "connection_dropped", reason, peer=peer)
        ends.shut()

    def _start(self, session: SessionType, ends: Ends, ticket: Ticket) -> None:
        thread = threading.Thread(
            target=self._serve, args=(session, ends, ticket.peer), name="ftp", daemon=True
        )
        self._threads[thread] = ticket
        try:
            thread.start()
        except BaseException:
            del self._threads[thread]
            raise

    def _serve(self, session: SessionType, ends: Ends, peer: str) -> None:
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
        waker = Waker(self._woken)
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
            self._admission.leave(session.client)
        ticket = self._threads.pop(thread)
        self._admission.give_back(ticket)
        self._doorway.leave(ticket)
        if self.stopping and not self._threads:
            self._ended.set()

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
        return self._ask(self._admission.log_in(client, account, password, ticket))

    def log_out(self, client: Client) -> None:
        """The client begins again, as after connecting."""
        self._loop.call_soon_threadsafe(self._admission.leave, client)

    def _alarm_of(self, client: Client) -> None:
        """Wake the session of a client."""
        with suppress(OSError, ValueError):  # it is just ending by itself
            client.loop.register(self._alarm, Waker(self._alarm), IOLoop.READ)

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
