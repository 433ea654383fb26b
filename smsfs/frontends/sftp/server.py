"""The SFTP server: its listeners, what connections share, and an orderly end."""

import asyncio
import functools
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import asyncssh
import structlog

from smsfs.frontends.authenticator import KeyAuthenticator
from smsfs.frontends.bans import DoorBans, Ledger
from smsfs.frontends.doorway import Doorway, Ticket
from smsfs.frontends.limits import AddressLimits
from smsfs.frontends.listen_errors import Listener, cannot_listen, open_listener
from smsfs.frontends.proxy import ProxyGate
from smsfs.frontends.quiet import Quiet
from smsfs.frontends.sftp.client import Client, Host
from smsfs.frontends.sftp.connection import Connection
from smsfs.frontends.sftp.settings import SftpSettings, ssh_options
from smsfs.frontends.shares import Shares
from smsfs.frontends.turns import Calls, Done
from smsfs.frontends.watch import Watcher
from smsfs.store.bans import BanRules

_POLL = 0.05


class SftpServer(Host):
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
        self._clients: set[Client] = set()
        self._gates: set[ProxyGate] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._listeners: list[Listener] = []
        self._calls = Calls(settings.threads, "sftp")

    @property
    def sessions(self) -> int:
        """Connections that have logged in."""
        return self.limits.total - self._doorway.waiting

    async def listen(self) -> None:
        """Open the listening sockets.

        Raises:
            ConfigurationError: one cannot be opened; then none is.
        """
        options = ssh_options(self.settings, functools.partial(Client, self))
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
            lambda: Connection(self._loop, options), settings.proxy_from, settings.login_timeout, self._gates
        )

    def admit(self, client: Client, peer: str) -> Ticket | str:
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

    def release(self, client: Client, ticket: Ticket) -> None:
        """A connection that was taken in has ended."""
        self._clients.discard(client)
        self._doorway.leave(ticket)

    def run(self, account: str, function: Callable[..., Any], *args: Any) -> Awaitable[Any]:
        """Call a function that blocks, in one of the server's threads, when it is the account's turn."""
        return self._calls.run(account, function, *args)

    def tell(self, account: str, done: Done, function: Callable[..., Any], *args: Any) -> None:
        """The same; ``done`` is called with its answer, or with what it raised."""
        self._calls.tell(account, done, function, *args)

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

    def _close(self, clients: list[Client]) -> None:
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
