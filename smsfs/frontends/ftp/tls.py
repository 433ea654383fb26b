"""TLS on pyftpdlib's sockets, by Python's own ssl module.

pyftpdlib's own TLS is left out: its OpenSSL binding cannot turn session tickets off, and it takes an upload
whose TLS connection was cut for a complete one.
"""

import select
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from smsfs.frontends.ftp.library import AsyncChat, IOLoop

#: How long a handshake may take.
HANDSHAKE_SECONDS = 30.0
#: How long the end of a TLS connection may wait for room in the network's buffers.
GOODBYE_SECONDS = 5.0
_wrapping = threading.Lock()


class Secure(AsyncChat):  # type: ignore[misc]  # the library has no types
    """A connection of the loop that may have TLS."""

    def send(self, data: bytes) -> int:
        """How many bytes the network took."""
        try:
            return int(super().send(data))
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return 0
        except ssl.SSLError:
            self.handle_close()
            return 0

    def recv(self, size: int) -> bytes:
        """What arrived; nothing at the end, which is handled.

        Raises:
            BlockingIOError: nothing is there now.
        """
        try:
            return bytes(super().recv(size))
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise BlockingIOError from None
        except ssl.SSLError:
            self.handle_close()
            return b""


def say_goodbye(sock: Any) -> None:
    """End TLS properly, so that the other side knows that it has everything; its answer is not awaited."""
    if not isinstance(sock, ssl.SSLSocket):
        return
    with suppress(OSError, ValueError):
        try:
            sock.unwrap()
        except ssl.SSLWantWriteError:
            poll = select.poll()
            poll.register(sock, select.POLLOUT)
            poll.poll(GOODBYE_SECONDS * 1000)
            sock.unwrap()


def acknowledge(sock: socket.socket) -> None:
    """Tell the other side now what has arrived: it may hold back its next bytes until it knows (Nagle).

    The kernel would wait for an answer to send along with it, for 40 ms, and there is none.
    """
    if hasattr(socket, "TCP_QUICKACK"):
        with suppress(OSError):  # the other side has gone
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


class Handshake:
    """A TLS handshake under way in a loop.

    Args:
        sock: connected, with TLS on it; nothing else of the loop may wait for it meanwhile.
        loop: the session's.
        done: called with the socket when it is secure.
        failed: called with the reason when it cannot be.
    """

    def __init__(
        self,
        sock: ssl.SSLSocket,
        loop: IOLoop,
        done: Callable[[ssl.SSLSocket], None],
        failed: Callable[[str], None],
    ) -> None:
        self._socket = sock
        self._fileno = sock.fileno()
        self._loop = loop
        self._done = done
        self._failed = failed
        self._events = IOLoop.READ
        loop.register(self._fileno, self, self._events)
        self._timer = loop.call_later(HANDSHAKE_SECONDS, self._fail, "it took too long")

    def readable(self) -> bool:
        """Always, as the loop wants to know."""
        return True

    writable = readable

    def handle_read_event(self) -> None:
        """Take a step."""
        try:
            self._socket.do_handshake()
        except ssl.SSLWantReadError:
            self._want(IOLoop.READ)
        except ssl.SSLWantWriteError:
            self._want(IOLoop.WRITE)
        except (OSError, ValueError) as exc:
            self._fail(str(exc))
        else:
            self._let_go()
            acknowledge(self._socket)
            self._done(self._socket)

    handle_write_event = handle_read_event

    def _want(self, events: int) -> None:
        if events != self._events:
            self._events = events
            self._loop.modify(self._fileno, events)

    def handle_close(self) -> None:
        """The client has gone."""
        self._fail("the connection ended")

    def handle_error(self) -> None:
        """An error in ``done`` is not one of the handshake."""
        self.close()
        raise  # noqa: PLE0704 - called while the error is handled

    def _fail(self, reason: str) -> None:
        self.close()
        self._failed(reason)

    def close(self) -> None:
        """Give up."""
        self._let_go()
        self._socket.close()

    def _let_go(self) -> None:
        if not self._timer.cancelled:
            self._timer.cancel()
        if self._loop.socket_map.get(self._fileno) is self:
            self._loop.unregister(self._fileno)


def wrapped(sock: Any, context: ssl.SSLContext, tickets: int = 0) -> ssl.SSLSocket:
    """The socket with TLS on it, the handshake still to be done.

    Args:
        sock: connected.
        context: of the session.
        tickets: how many the client gets, for connections that resume this one (TLS 1.3). None on data
            connections: clients that never read from the one they upload on would leave them unread, and
            the kernel would then answer their FIN's data with a reset.
    """
    sock.setblocking(False)
    with _wrapping:  # a connection takes over what its context says in this moment
        context.num_tickets = tickets
        return context.wrap_socket(
            sock, server_side=True, do_handshake_on_connect=False, suppress_ragged_eofs=False
        )
