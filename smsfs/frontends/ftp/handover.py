"""How a connection goes from asyncio to a session's thread, and how that thread is woken."""

import asyncio
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast


class Handover(asyncio.Protocol):
    """Takes over a connection from asyncio, once the balancer's header is read and nothing after it."""

    def __init__(self, take: Callable[[Any, str], str | None]) -> None:
        self._take = take

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Hand it over before anything of it is read."""
        self._transport = cast("asyncio.Transport", transport)
        if self._transport.is_reading():  # asyncio can be held off, uvloop begins after this, come what may
            self._transport.pause_reading()
            asyncio.get_running_loop().call_soon(self._hand_over)
        else:
            self._hand_over()

    def _hand_over(self) -> None:
        peer = str((self._transport.get_extra_info("peername") or ("unknown",))[0])
        reason = self._take(self._transport.get_extra_info("socket"), peer)
        if reason:
            self._transport.write(f"421 Not now: {reason}.\r\n".encode())
            self._transport.close()
        else:
            self._transport.abort()  # a duplicate keeps the connection


class Ends:
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


class Waker:
    """Wakes a session's loop: a pipe whose other end is closed, that of all when the server stops."""

    def __init__(self, number: int) -> None:
        self._fileno = number

    def readable(self) -> bool:
        """Always, as the loop wants to know."""
        return True

    def handle_read_event(self) -> None:
        """The session sees for itself why."""

    def handle_error(self) -> None:
        """An error of the session."""
        raise  # noqa: PLE0704 - called while an error is handled

    handle_close = handle_read_event
