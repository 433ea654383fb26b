"""Listening sockets that survive a system without descriptors, and the errors where none can be opened."""

import asyncio
import errno
import os
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from weakref import WeakKeyDictionary

import structlog

from smsfs.errors import ConfigurationError
from smsfs.frontends.quiet import Quiet

#: The system has no descriptor, or no memory, for one more connection.
NO_ROOM = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
#: Seconds for which no connection is taken then.
PAUSE = 1.0
#: Seconds between two lines about it, for all listeners of a process.
TELL_EVERY = 60.0
#: Connections taken in one go, before others have their turn.
BATCH = 64
#: Seconds for the handshake of TLS, and how many may be under way; of more, the oldest ends.
HANDSHAKE_SECONDS, MOST_HANDSHAKES = 10.0, 64

log = structlog.get_logger()
_tellers: "WeakKeyDictionary[asyncio.AbstractEventLoop, Quiet]" = WeakKeyDictionary()

_ADVICE = {
    errno.EADDRINUSE: "Stop what listens there, or change",
    errno.EACCES: "Ports below 1024 are root's: lower sysctl net.ipv4.ip_unprivileged_port_start, or change",
}


def cannot_listen(what: str, section: str, host: str, port: int, exc: OSError) -> ConfigurationError:
    """The error for an address that cannot be listened on: why, and what to do.

    Args:
        what: the protocol, such as ``"FTP"``.
        section: of the configuration, whose key ``listen`` names the address.
        host: the address.
        port: its port.
        exc: what opening it gave.
    """
    advice = _ADVICE.get(exc.errno or 0, "Change")
    return ConfigurationError(
        f"{what} cannot listen on {host}:{port}: {reason(exc)}. {advice} listen under [{section}]."
    )


def reason(exc: OSError) -> str | None:
    """Why an address cannot be used."""
    # since Python 3.12, asyncio passes over addresses that the host does not have, and then names no error
    number = exc.errno or errno.EADDRNOTAVAIL
    # its own text names the address again; the errors of name resolution are negative
    return os.strerror(number) if number > 0 else exc.strerror


#: How TLS is spoken with a client that begins it now.
Tls = Callable[[], ssl.SSLContext]


class Listener:
    """Takes connections on one address, in the running event loop.

    asyncio's own server, in a system without descriptors, writes a traceback for each place of its backlog,
    again and again. This one pauses, and logs one line.

    Args:
        factory: makes the protocol of a connection.
        sockets: bound, not listening yet, and not blocking.
        backlog: connections that the system holds until they are taken.
        tls: what a connection begins TLS with; None for none.

    Raises:
        OSError: one cannot be listened on.
    """

    def __init__(
        self,
        factory: Callable[[], asyncio.BaseProtocol],
        sockets: list[socket.socket],
        backlog: int,
        tls: Tls | None = None,
    ) -> None:
        self._factory, self._tls = factory, tls
        self._sockets = sockets
        self._backlog = backlog
        self._loop = asyncio.get_running_loop()
        self._resumes: dict[socket.socket, asyncio.TimerHandle] = {}
        self._tasks: dict[asyncio.Task[None], None] = {}
        for sock in sockets:
            sock.listen(backlog)
            self._loop.add_reader(sock, self._accept, sock)

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Host and port of each socket."""
        return [sock.getsockname()[:2] for sock in self._sockets]

    def close(self) -> None:
        """Take no more connections."""
        for timer in self._resumes.values():
            timer.cancel()
        for sock in self._sockets:
            self._loop.remove_reader(sock)
            sock.close()
        self._sockets = []

    def _accept(self, sock: socket.socket) -> None:
        for _ in range(min(self._backlog, BATCH)):
            try:
                connection, _ = sock.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as exc:
                if exc.errno in NO_ROOM:
                    self._pause(sock, exc)
                return  # anything else is an error of that one connection (accept(2)), which is gone
            connection.setblocking(False)
            task = self._loop.create_task(self._connect(connection))
            self._tasks[task] = None
            task.add_done_callback(self._tasks.pop)
            if self._tls and len(self._tasks) > MOST_HANDSHAKES:
                next(iter(self._tasks)).cancel()

    def _pause(self, sock: socket.socket, exc: OSError) -> None:
        self._loop.remove_reader(sock)
        self._resumes[sock] = self._loop.call_later(PAUSE, self._resume, sock)
        teller = _tellers.setdefault(self._loop, Quiet(TELL_EVERY))
        teller.tell(log.error, "accept_paused", os.strerror(exc.errno or 0), seconds=PAUSE)

    def _resume(self, sock: socket.socket) -> None:
        del self._resumes[sock]
        self._loop.add_reader(sock, self._accept, sock)

    async def _connect(self, connection: socket.socket) -> None:
        context, bound = (self._tls(), HANDSHAKE_SECONDS) if self._tls else (None, None)
        try:
            await self._loop.connect_accepted_socket(
                self._factory, connection, ssl=context, ssl_handshake_timeout=bound
            )
        except OSError as exc:
            log.debug("connection_lost", reason=str(exc))
            connection.close()


async def open_listener(
    factory: Callable[[], asyncio.BaseProtocol], host: str, port: int, backlog: int, tls: Tls | None = None
) -> Listener:
    """Listen on an address; a name may have several.

    Args:
        factory: makes the protocol of a connection.
        host: an address or a name.
        port: 0 takes a free one.
        backlog: connections that the system holds until they are taken.
        tls: what a connection begins TLS with; None for none.

    Raises:
        OSError: one of them cannot be listened on; then none is.
    """
    server = await asyncio.get_running_loop().create_server(factory, host, port, start_serving=False)
    sockets: list[socket.socket] = []
    try:
        sockets += [socket.socket(fileno=os.dup(sock.fileno())) for sock in server.sockets]
        for sock in sockets:
            sock.setblocking(False)
        return Listener(factory, sockets, backlog, tls)
    except BaseException:
        for sock in sockets:
            with suppress(OSError):
                sock.close()
        raise
    finally:
        server.close()
