"""Whether a client still stands when its upload without TLS has ended.

The kernel ends the connections of a killed program in the same good order as the program itself would: half a
file looks whole. But it ends the control connection too, within moments.
"""

import fcntl
import select
import socket
import struct
import termios
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

from smsfs.errors import Refusal
from smsfs.filesystem import OpenFile
from smsfs.frontends.ftp.client import Client

#: How long after the end of the data connection the control connection has to stand.
STANDING_SECONDS = 0.05
GONE = "The client was gone when its upload ended."
#: States of a connection, as Linux numbers them: open, and ended in good order by the other side.
_ESTABLISHED, _CLOSE_WAIT = 1, 8
#: Commands after which the upload is left for the rename to end, in one commit.
_RENAMES = frozenset({"RNFR", "RNTO"})


class Upload(Protocol):
    """An upload that was sealed: whole and on stable storage, but not to be handed over yet."""

    name: str
    open_file: OpenFile

    def complete(self) -> None:
        """It is whole."""

    def close(self) -> None:
        """It is not."""


class Connection(Protocol):
    """The control connection."""

    client: Client
    socket: Any
    producer_fifo: deque[Any]

    def call_later(self, seconds: float, function: Callable[[], None]) -> Any:
        """Call a function, unless the connection has ended by then; the result can ``cancel`` that."""


class Standing:
    """Holds the upload that a client was just told is complete, until it is certain that the client stands.

    That is so once it sends a command, or its connection has lasted for ``STANDING_SECONDS``. An end before
    is that of a client which has read the reply, or of one that never will.

    Args:
        control: the client's connection.
    """

    def __init__(self, control: Connection) -> None:
        self._control = control
        self._upload: Upload | None = None
        self._timer: Any = None

    def hold(self, upload: Upload) -> None:
        """Hold an upload from now on; the reply to it follows."""
        self._upload = upload
        self._timer = self._control.call_later(STANDING_SECONDS, self.certain)

    def take(self) -> Upload | None:
        """The upload that is held, for the caller to end."""
        upload, self._upload = self._upload, None
        if self._timer is not None and not self._timer.cancelled:
            self._timer.cancel()
        self._timer = None
        return upload

    def commanded(self, name: str) -> None:
        """The client is about to have a command executed."""
        if self._upload and name not in _RENAMES:
            self.certain()

    def certain(self) -> None:
        """The client stands."""
        upload = self.take()
        if upload:
            complete(upload, self._control.client.log)

    def ended(self) -> None:
        """The control connection is about to be closed."""
        if self._upload is None:
            return
        if not self._control.producer_fifo and has_read(self._control.socket):
            self.certain()
            return
        upload = self.take()
        if upload:
            self._control.client.log.warning("transfer_cut", file=upload.name, sentence=GONE)
            with suppress(Exception):  # noted as soon as the store is back
                upload.close()


def complete(upload: Upload, log: Any) -> None:
    """End an upload that is whole; what is wrong can only be logged, the client having its reply."""
    try:
        upload.complete()
    except Refusal as exc:
        log.info("refused", request="STOR", sentence=exc.sentence)
    except Exception as exc:  # noqa: BLE001 - as above; the store notes the end as soon as it is back
        log.warning("close_failed", file=upload.name, reason=str(exc))


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


def has_read(sock: socket.socket) -> bool:
    """Whether the other side stands, or ended the connection when it had read all that was sent to it.

    A program that is gone reads nothing: what is sent to it is not acknowledged, or answered with a reset.
    """
    try:
        state = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
        unread: int = struct.unpack("i", fcntl.ioctl(sock, termios.TIOCOUTQ, bytes(4)))[0]
    except (OSError, AttributeError):  # not everywhere
        return False
    return state == _ESTABLISHED or (state == _CLOSE_WAIT and not unread)
