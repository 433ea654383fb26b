"""The HTTP server: health pages, for load balancers and monitors, and what else is put on it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence

import structlog
from aiohttp import web
from aiohttp.http import HttpProcessingError

from smsfs.frontends.listen_errors import Listener, Tls, cannot_listen, open_listener

#: None when new clients may come; else one sentence that says why not.
Readiness = Callable[[], Awaitable[str | None]]
#: What to look at all the same, one sentence; empty when there is nothing.
Warning_ = Callable[[], str]

READY_SECONDS = 2.0
#: Connections at a time: load balancers and monitors need few, and each takes a descriptor.
MAX_CONNECTIONS = 64
BACKLOG = 128
#: Of a request that is longer, nothing is read on.
MAX_BODY = 1024 * 1024
_STOP_SECONDS = 1.0

log = structlog.get_logger(frontend="web")


class _ParseErrors(logging.Filter):
    """Holds back what aiohttp logs of bytes that are not HTTP: they may hold the token of a webhook."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether it is something else."""
        return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


_server_log = logging.getLogger("smsfs.web")
_server_log.addFilter(_ParseErrors())


class HealthPages:
    """``/healthz``: the process runs. ``/readyz``: it can take new clients, else 503 with the reason.

    A second line of ``/readyz`` is a warning of something that does not keep clients away.

    A question that hangs, as one to a database that is gone, is not asked again before it was answered: the
    checks of every balancer would each leave one more of them behind.
    """

    def __init__(self, readiness: Readiness, warning: Warning_ = str) -> None:
        self._readiness, self._warning = readiness, warning
        self._question: asyncio.Future[str | None] | None = None

    def routes(self) -> list[web.RouteDef]:
        """For ``WebServer``."""
        return [web.get("/healthz", self._health), web.get("/readyz", self._ready)]

    async def _health(self, _: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _ready(self, _: web.Request) -> web.Response:
        sentence = await self._ask()
        if sentence:
            return web.Response(text=f"{sentence}\n", status=503)
        warning = self._warning()
        return web.Response(text=f"ok\nwarning: {warning}\n" if warning else "ok\n")

    async def _ask(self) -> str | None:
        if self._question is None or self._question.done():
            self._question = asyncio.ensure_future(self._readiness())
        try:
            return await asyncio.wait_for(asyncio.shield(self._question), READY_SECONDS)
        except TimeoutError:
            return f"The store has not answered within {READY_SECONDS:g} seconds."
        except Exception:
            log.exception("readiness_failed")
            return "The store cannot be asked; the log says why."


class WebServer:
    """Listens until it is stopped.

    Args:
        routes: the pages.
        tls: what each connection begins TLS with; None for HTTP without it.

    Attributes:
        addresses: host and port of each listening socket.
        closing: what is called when it has stopped.
    """

    def __init__(self, routes: Iterable[web.RouteDef], tls: Tls | None = None) -> None:
        application = web.Application(client_max_size=MAX_BODY)
        application.add_routes(routes)
        self.addresses: list[tuple[str, int]] = []
        self.closing: list[Callable[[], None]] = []
        self._tls = tls
        self._listeners: list[Listener] = []
        self._runner = web.AppRunner(
            application, access_log=None, logger=_server_log, shutdown_timeout=_STOP_SECONDS
        )

    async def listen(self, listen: Sequence[tuple[str, int]]) -> None:
        """Open the listening sockets.

        Raises:
            ConfigurationError: one cannot be opened; then none is.
        """
        await self._runner.setup()
        for host, port in listen:
            try:
                opened = await open_listener(self._protocol, host, port, BACKLOG, self._tls)
                self._listeners.append(opened)
            except OSError as exc:
                await self.stop()
                raise cannot_listen("HTTP", "web", host, port, exc) from exc
        self.addresses = [address for listener in self._listeners for address in listener.addresses]

    def _protocol(self) -> asyncio.BaseProtocol:
        """For a new connection; with too many, the one that is open for longest goes."""
        server = self._runner.server
        if server is None:
            raise ConnectionAbortedError("The server is stopping.")
        connections = server.connections
        for connection in connections[: max(0, len(connections) + 1 - MAX_CONNECTIONS)]:
            connection.force_close()
        return server()

    async def stop(self) -> None:
        """Close the listening sockets; requests under way are answered, within a second."""
        for listener in self._listeners:
            listener.close()
        await self._runner.cleanup()
        for close in self.closing:
            close()


async def start_web(
    listen: Sequence[tuple[str, int]],
    readiness: Readiness,
    warning: Warning_ = str,
    more: Iterable[web.RouteDef] = (),
    tls: Tls | None = None,
) -> WebServer:
    """Serve the health pages and others, in the running event loop.

    Args:
        listen: host and port pairs; port 0 takes a free one.
        readiness: asked by ``/readyz``.
        warning: asked when new clients may come.
        more: the other pages.
        tls: what each connection begins TLS with; None for HTTP without it.

    Raises:
        ConfigurationError: an address cannot be listened on.
    """
    server = WebServer([*HealthPages(readiness, warning).routes(), *more], tls)
    await server.listen(listen)
    return server
