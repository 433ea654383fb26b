"""Data connections: the bytes of one transfer, and what its end means.

An upload is complete when the client has closed the data connection in good order: with TLS by its
close_notify, without by a FIN while the control connection still stands, for the kernel sends a FIN also
for a program that was killed. Any other end is a cut.
"""

import os
import random
import select
import socket
import ssl
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from smsfs.errors import StoreUnavailable
from smsfs.filesystem import OpenFile
from smsfs.frontends.ftp.library import Acceptor, ActiveDTP, DTPHandler, PassiveDTP
from smsfs.frontends.ftp.tls import Secure, say_goodbye

if TYPE_CHECKING:
    from smsfs.frontends.ftp.control import Control

#: Bytes read and passed over after a refusal in the middle of an upload, so that the client gets to its end
#: and reads the sentence; one that has more is cut off.
PASS_OVER = 256 * 2**20
#: How long after a FIN the control connection has to stand where there is no TLS: a killed program's is
#: closed along with the data connection.
STANDING_SECONDS = 0.05

CUT = "The upload was cut off; upload it again."
NO_GOODBYE = "The upload was cut off: its TLS connection ended without close_notify; upload it again."


class Transfer:
    """The file of one transfer, as pyftpdlib uses files. Closing it gives it up; ``complete`` ends it.

    Args:
        open_file: read or written from ``offset`` on.
        path: for the log.
        call: calls a function of the filesystem.
    """

    def __init__(self, open_file: OpenFile, path: str, offset: int, call: Callable[..., Any]) -> None:
        self.name = path
        self.closed = False
        self._file = open_file
        self._offset = offset
        self._call = call

    def read(self, size: int) -> bytes:
        """The next bytes; none at the end."""
        data: bytes = self._call(self._file.read, self._offset, size)
        self._offset += len(data)
        return data

    def write(self, data: bytes) -> None:
        """Write what comes next."""
        self._call(self._file.write, self._offset, data)
        self._offset += len(data)

    def complete(self) -> None:
        """All was written; it is on stable storage when this returns."""
        self._call(self._file.close)
        self.closed = True

    def close(self) -> None:
        """Not all was written, or nothing had to be."""
        if not self.closed:
            self.closed = True
            self._call(self._file.abandon)


class DataConnection(Secure, DTPHandler):  # type: ignore[misc]  # the library has no types
    """Sends or receives what one command transfers."""

    file_obj: Transfer | None
    cmd: str | None
    _lastdata: int
    cmd_channel: "Control"

    def __init__(self, sock: socket.socket, session: "Control") -> None:
        self.timeout = session.settings.idle_timeout
        self._ended_well = False
        self._refusal: Exception | None = None
        self._passed_over = 0
        self._cut = CUT
        super().__init__(sock, session)
        if self.connected:
            self.del_channel()  # nothing is read before a command says where to

    def enable_receiving(self, type: str, cmd: str) -> None:  # noqa: A002, ARG002 - the library's name
        """Begin an upload; its bytes are stored as they come, whatever the type."""
        super().enable_receiving("i", cmd)

    def give(self, producer: object) -> None:
        """Begin to send what a producer makes."""
        try:
            self.push_with_producer(producer)
            if not self._closed:
                self.close_when_done()
        except Exception:  # noqa: BLE001 - of reading the file, or of ours: both end the transfer
            self.handle_error()

    def handle_read(self) -> None:
        """Store what arrived."""
        data = self._receive()
        if not data:
            return
        self.tot_bytes_received += len(data)
        if self._refusal:
            self._passed_over += len(data)
            if self._passed_over > PASS_OVER:
                self.close()
            return
        try:
            self._file().write(data)
        except Exception as exc:  # noqa: BLE001 - were it let through, the client would find a reset, no sentence
            self._refusal = exc

    handle_read_event = handle_read

    def _file(self) -> Transfer:
        if self.file_obj is None:
            raise StoreUnavailable("There is no file to write to.")
        return self.file_obj

    def _receive(self) -> bytes:
        try:
            data: bytes = self.socket.recv(self.ac_in_buffer_size)
        except (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return b""
        except OSError as exc:
            self._cut = NO_GOODBYE if isinstance(exc, ssl.SSLEOFError) else CUT
            self.close()
            return b""
        if not data:
            is_secure = isinstance(self.socket, ssl.SSLSocket)
            self._ended_well = is_secure or self.cmd_channel.stands(STANDING_SECONDS)
            self.close()
        return data

    def handle_close(self) -> None:
        """All was sent, or the connection is gone."""
        self._ended_well = not self.receive and not self.producer_fifo
        self.close()

    def handle_error(self) -> None:
        """A file that could not be read, or an error of ours."""
        error = sys.exc_info()[1]
        cause = error.__cause__ if error and error.__cause__ else error  # the library wraps errors of files
        self._refusal = cause if isinstance(cause, Exception) else None
        self.close()

    def handle_timeout(self) -> None:
        """Close when nothing has moved for the idle time."""
        if self.get_transmitted_bytes() > self._lastdata:
            self._lastdata = self.get_transmitted_bytes()
        else:
            self.close()

    def close(self) -> None:
        """End the transfer: the connection first, then the file, then the reply."""
        if self._closed:
            return
        if self._ended_well:
            say_goodbye(self.socket)
        Secure.close(self)
        if self._idler is not None and not self._idler.cancelled:
            self._idler.cancel()
        self.cmd_channel.transferred(self.tot_bytes_received, self.tot_bytes_sent)
        reply = self._end()
        if reply:
            self.cmd_channel.respond(reply)
        self.cmd_channel._on_dtp_close()  # noqa: SLF001 - the library's own call

    def _end(self) -> str | None:
        """Let go of the file; what to tell the client, if a transfer was under way."""
        if self.file_obj and self.receive and self._ended_well and not self._refusal:
            self._complete(self.file_obj)
        if self.file_obj and not self.file_obj.closed:
            self._give_up(self.file_obj)
        if self._refusal:
            return self.cmd_channel.refusal(self.cmd or "data", self._refusal)
        if self.cmd is None or self.cmd_channel.aborting:
            return None
        if self._ended_well:
            return "226 Transfer complete."
        return f"426 {self._cut}" if self.receive else "426 The connection for the data was lost."

    def _complete(self, file: Transfer) -> None:
        try:
            file.complete()
        except Exception as exc:  # noqa: BLE001 - were it let through, the client would wait for a reply for ever
            self._refusal = exc

    def _give_up(self, file: Transfer) -> None:
        if self.receive:
            self.cmd_channel.logger.warning("transfer_cut", file=file.name, sentence=self._cut)
        self.cmd_channel.give_up(file)


class PassiveListener(PassiveDTP):  # type: ignore[misc]  # the library has no types
    """Awaits one data connection of the client."""

    def __init__(self, session: "Control", extmode: bool = False) -> None:  # noqa: FBT001, FBT002 - the library's call
        self.cmd_channel = session
        Acceptor.__init__(self, ioloop=session.ioloop)
        here, _, *scope = session.socket.getsockname()
        ports = session.settings.passive_ports
        self.set_socket(listening(session.socket.family, ports, lambda port: (here, port, *scope)))
        self.listen(1)
        port = self.socket.getsockname()[1]
        if extmode:
            session.respond(f"229 Entering extended passive mode (|||{port}|).")
        else:
            address = (session.settings.masquerade_address or here).replace(".", ",")
            session.respond(f"227 Entering passive mode ({address},{port // 256},{port % 256}).")
        self.call_later(self.timeout, self.handle_timeout)

    def handle_accepted(self, sock: socket.socket, addr: Sequence[Any]) -> None:
        """Take it, if it is the client's; another's is closed, and the client's still awaited."""
        if self.cmd_channel.is_client(sock, addr[0]):
            self.cmd_channel.stop_listening()
            self.cmd_channel.data_connected(sock)
        else:
            self.cmd_channel.logger.warning("data_connection_refused", address=addr[0])
            sock.close()

    def handle_timeout(self) -> None:
        """The client did not come."""
        self.cmd_channel.no_data_connection("Nobody came to the data connection in time.")

    def handle_error(self) -> None:
        """An error of ours."""
        self.cmd_channel.logger.error("request_failed", request="PASV", exc_info=sys.exc_info()[1])
        self.cmd_channel.no_data_connection("The data connection failed.")


class ActiveConnector(ActiveDTP):  # type: ignore[misc]  # the library has no types
    """Connects to where the client awaits its data connection."""

    def handle_connect(self) -> None:
        """Hand the connection over."""
        error = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            raise OSError(error, os.strerror(error))
        self.del_channel()
        self._idler.cancel()
        self._closed = True  # the socket lives on
        self.cmd_channel.respond("200 The data connection is there.")
        self.cmd_channel.data_connected(self.socket)

    def handle_timeout(self) -> None:
        """Nobody answers there."""
        self.handle_close()

    def handle_close(self) -> None:
        """The client's side refused, or does not answer."""
        if not self._closed:
            self.close()
            self.cmd_channel.stop_connecting("The data connection cannot be made; use passive mode.")

    def handle_error(self) -> None:
        """It could not be made."""
        self.handle_close()


def listening(
    family: socket.AddressFamily, ports: Sequence[int], address: Callable[[int], tuple[Any, ...]]
) -> socket.socket:
    """A socket that listens on a free one of the ports, or on any free port where none are given.

    Raises:
        StoreUnavailable: all are taken, or the system allows no more sockets.
    """
    for port in random.sample(ports, len(ports)) or [0]:
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


def stands(sock: socket.socket, seconds: float) -> bool:
    """Whether a connection is not ended by the other side, nor will be within some time."""
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    if not poll.poll(seconds * 1000):
        return True
    try:  # the bytes of the network itself, below TLS
        return bool(socket.socket.recv(sock, 1, socket.MSG_PEEK))
    except BlockingIOError:
        return True
    except OSError:
        return False
