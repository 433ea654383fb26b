"""Data connections: the bytes of one transfer, and what its end means.

An upload is complete when the client has closed the data connection in good order: with TLS by its
close_notify, without by a FIN while the client still stands. Any other end is a cut.
"""

import socket
import ssl
import sys
from collections.abc import Callable
from typing import Any, Protocol

from smsfs.errors import StoreUnavailable
from smsfs.filesystem import OpenFile
from smsfs.frontends.ftp import standing
from smsfs.frontends.ftp.client import Client
from smsfs.frontends.ftp.library import DTPHandler
from smsfs.frontends.ftp.standing import Standing, stands
from smsfs.frontends.ftp.tls import Secure, say_goodbye

#: Bytes read and passed over after a refusal in the middle of an upload, so that the client gets to its end
#: and reads the sentence; one that has more is cut off.
PASS_OVER = 256 * 2**20

#: Bytes received at a time, and bytes that the system passes from a file to a socket, where there is no TLS.
PLAIN_IN, PLAIN_OUT = 2**18, 2**20
#: Bytes received, and read to be sent, where there is: it takes 16 KiB at a time, and the rest is moved up.
BLOCK = 2**16

CUT = "The upload was cut off; upload it again."
NO_GOODBYE = "The upload was cut off: its TLS connection ended without close_notify; upload it again."


class ControlConnection(Protocol):
    """The control connection that a data connection belongs to."""

    client: Client
    socket: Any
    aborting: bool
    standing: Standing

    @property
    def has_quit(self) -> bool:
        """Whether the client has said good-bye, and its transfer may end."""

    def respond(self, resp: str) -> None:
        """Send a reply of one line."""

    def transferred(self, received: int, sent: int) -> None:
        """So many bytes of content came and went over a data connection that has ended."""

    def data_ended(self) -> None:
        """The data connection is closed."""


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
        self.open_file = open_file
        self._offset = offset
        self._call = call

    def read(self, size: int) -> bytes:
        """The next bytes; none at the end."""
        data: bytes = self._call(self.open_file.read, self._offset, size)
        self._offset += len(data)
        return data

    def more(self) -> bytes:
        """The next bytes to send."""
        return self.read(BLOCK)

    def send(self, target: int) -> int:
        """Send the next bytes past this process, as ``OpenFile.send`` does; none: read them."""
        sent: int = self._call(self.open_file.send, target, self._offset, PLAIN_OUT)
        self._offset += sent
        return sent

    def write(self, data: bytes) -> None:
        """Write what comes next."""
        self._call(self.open_file.write, self._offset, data)
        self._offset += len(data)

    def seal(self) -> bool:
        """All was written; whether it is on stable storage now, though the file stays open."""
        return bool(self._call(self.open_file.seal))

    def complete(self) -> None:
        """All was written; it is on stable storage when this returns."""
        self._call(self.open_file.close)
        self.closed = True

    def close(self) -> None:
        """Not all was written, or nothing had to be."""
        if not self.closed:
            self.closed = True
            self._call(self.open_file.abandon)

    def give_up(self, log: Any) -> None:
        """Let go of a file that was transferred in part."""
        try:
            self.close()
        except Exception as exc:  # noqa: BLE001 - the reply comes after this, and has to
            log.warning("abandon_failed", file=self.name, reason=str(exc))


class DataConnection(Secure, DTPHandler):  # type: ignore[misc]  # the library has no types
    """Sends or receives what one command transfers."""

    file_obj: Transfer | None
    cmd: str | None
    _lastdata: int
    cmd_channel: ControlConnection

    def __init__(self, sock: socket.socket, control: ControlConnection) -> None:
        self.timeout = control.client.settings.idle_timeout
        self._ended_well = False
        self._refusal: Exception | None = None
        self._passed_over = 0
        self._cut = CUT
        self._held = False
        self.ac_in_buffer_size = BLOCK if isinstance(sock, ssl.SSLSocket) else PLAIN_IN
        super().__init__(sock, control)
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

    def initiate_send(self) -> None:
        """Send what there is room for."""
        if not self._send_plainly():
            super().initiate_send()

    def _send_plainly(self) -> bool:
        """Whether nothing else is to be sent in this step, the system having passed on a part of a file."""
        first = self.producer_fifo[0] if self.producer_fifo else None
        if not isinstance(first, Transfer) or isinstance(self.socket, ssl.SSLSocket) or not self.connected:
            return False
        try:
            sent = first.send(self._fileno)
        except BlockingIOError:
            return True
        except (ConnectionError, TimeoutError):
            self.handle_close()
            return True
        self.tot_bytes_sent += sent
        return sent > 0

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
        except Exception as exc:  # noqa: BLE001 - if it got through, the client would see a reset, not the sentence
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
            self._ended_well = self._is_certain or stands(self.cmd_channel.socket, 0)
            self.close()
        return data

    @property
    def _is_certain(self) -> bool:
        """Whether the client meant the end of an upload: it told TLS, or has said good-bye."""
        return isinstance(self.socket, ssl.SSLSocket) or self.cmd_channel.has_quit

    def handle_close(self) -> None:
        """All was sent, or the connection is gone."""
        self._ended_well = not self.receive and not self.producer_fifo
        self.close()

    def handle_error(self) -> None:
        """A file that could not be read, or an error of ours."""
        error = sys.exc_info()[1]
        self._refusal = error if isinstance(error, Exception) else None
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
        self.cmd_channel.data_ended()

    def _end(self) -> str | None:
        """Let go of the file; the reply, if a transfer was under way."""
        if self.file_obj and self.receive and self._ended_well and not self._refusal:
            self._complete(self.file_obj)
        if self.file_obj and not self.file_obj.closed and not self._held:
            self._give_up(self.file_obj)
        if self._refusal:
            return self.cmd_channel.client.refusal(self.cmd or "data", self._refusal)
        if self.cmd is None or self.cmd_channel.aborting:
            return None
        if self._ended_well:
            return "226 Transfer complete."
        return f"426 {self._cut}" if self.receive else "426 The connection for the data was lost."

    def _complete(self, file: Transfer) -> None:
        try:
            if self._is_certain or not self._hold(file):
                self._ended_well = self._is_certain or self._stands(standing.STANDING_SECONDS)
                if self._ended_well:
                    file.complete()
        except Exception as exc:  # noqa: BLE001 - if it got through, the client would wait for a reply for ever
            self._refusal = exc

    def _hold(self, file: Transfer) -> bool:
        """Whether the client gets its reply before it is certain that it stands.

        A balancer reads for clients that are gone.
        """
        if self.cmd_channel.client.settings.proxy_from or not file.seal():
            return False
        self._ended_well = self._held = self._stands(0)
        if self._held:
            self.cmd_channel.standing.hold(file)
        return True

    def _stands(self, seconds: float) -> bool:
        return stands(self.cmd_channel.socket, seconds)

    def _give_up(self, file: Transfer) -> None:
        log = self.cmd_channel.client.log
        if self.receive:
            log.warning("transfer_cut", file=file.name, sentence=self._cut)
        file.give_up(log)
