"""The two ways to a data connection: the server listens (passive), or connects to the client (active)."""

import os
import random
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from smsfs.errors import StoreUnavailable
from smsfs.frontends.ftp.library import Acceptor, ActiveDTP, PassiveDTP


class Owner(Protocol):
    """What waits for a data connection."""

    def is_client(self, sock: socket.socket, address: str) -> bool:
        """Whether a data connection is the client's."""

    def connected(self, sock: socket.socket) -> None:
        """It is there, its TLS not yet."""

    def failed(self, sentence: str) -> None:
        """The client did not come: the reply to a transfer that waits for it."""

    def refused(self, sentence: str) -> None:
        """The client cannot be reached: the reply to PORT, or to a transfer that did not wait for it."""


class PassiveListener(PassiveDTP):  # type: ignore[misc]  # the library has no types
    """Awaits one data connection of the client."""

    def __init__(self, owner: Owner, control: Any, extmode: bool = False) -> None:  # noqa: FBT001, FBT002 - the library's call
        self._owner = owner
        self._log = control.client.log
        settings = control.client.settings
        Acceptor.__init__(self, ioloop=control.ioloop)
        here, _, *scope = control.socket.getsockname()
        self.set_socket(
            listening(control.socket.family, settings.passive_ports, lambda port: (here, port, *scope))
        )
        self.listen(1)
        port = self.socket.getsockname()[1]
        if extmode:
            control.respond(f"229 Entering extended passive mode (|||{port}|).")
        else:
            address = (settings.masquerade_address or here).replace(".", ",")
            control.respond(f"227 Entering passive mode ({address},{port // 256},{port % 256}).")
        self.call_later(self.timeout, self.handle_timeout)

    def handle_accepted(self, sock: socket.socket, addr: Sequence[Any]) -> None:
        """Take the client's connection; close any other, and go on waiting."""
        if self._owner.is_client(sock, addr[0]):
            self._owner.connected(sock)
        else:
            self._log.warning("data_connection_refused", address=addr[0])
            sock.close()

    def handle_timeout(self) -> None:
        """The client did not come."""
        self._owner.failed("Nobody came to the data connection in time.")

    def handle_error(self) -> None:
        """An error of ours."""
        self._log.error("request_failed", request="PASV", exc_info=sys.exc_info()[1])
        self._owner.failed("The data connection failed.")


class ActiveConnector(ActiveDTP):  # type: ignore[misc]  # the library has no types
    """Connects to where the client awaits its data connection."""

    def __init__(self, owner: Owner, ip: str, port: int, control: Any) -> None:
        self._owner = owner
        super().__init__(ip, port, control)

    def handle_connect(self) -> None:
        """Hand the connection over."""
        error = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            raise OSError(error, os.strerror(error))
        self.del_channel()
        self._idler.cancel()
        self._closed = True  # the socket lives on
        self.cmd_channel.respond("200 The data connection is there.")
        self._owner.connected(self.socket)

    def handle_timeout(self) -> None:
        """Nobody answers there."""
        self.handle_close()

    def handle_close(self) -> None:
        """The client's side refused, or does not answer."""
        if not self._closed:
            self.close()
            self._owner.refused("The data connection cannot be made; use passive mode.")

    def handle_error(self) -> None:
        """It could not be made."""
        self.handle_close()


def listening(
    family: socket.AddressFamily, ports: Sequence[int], address: Callable[[int], tuple[Any, ...]]
) -> socket.socket:
    """A socket that listens on a free one of the ports, or on any free port if the list is empty.

    Raises:
        StoreUnavailable: all are taken, or the system allows no more sockets.
    """
    for port in _shuffled(ports) if ports else [0]:
        try:
            sock = socket.socket(family, socket.SOCK_STREAM)
        except OSError as exc:
            raise StoreUnavailable("The server has no room for a data connection; try again later.") from exc
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(address(port))
            sock.listen(1)
        except OSError:
            sock.close()
        else:
            return sock
    raise StoreUnavailable("All ports for data connections are taken; try again later.")


def _shuffled(ports: Sequence[int]) -> Iterator[int]:
    """All of them in random order, drawn one at a time: mostly the first is free."""
    left = list(ports)
    while left:
        place = random.randrange(len(left))  # noqa: S311 -- not a secret
        left[place], left[-1] = left[-1], left[place]
        yield left.pop()
