"""The control connection: lines in, replies out, and its end.

It is a thin layer on pyftpdlib's protocol machine, of which the filesystem, the users and the commands that
touch files are not in use.
"""

import socket
import sys
import time
from collections.abc import Callable
from typing import Any

from smsfs.frontends.ftp import replies
from smsfs.frontends.ftp.client import Client
from smsfs.frontends.ftp.commands import MAX_LINE, SYNTAX
from smsfs.frontends.ftp.data import DataConnection
from smsfs.frontends.ftp.library import FTPHandler
from smsfs.frontends.ftp.standing import Standing
from smsfs.frontends.ftp.tls import Secure, say_goodbye

#: Bytes of replies that a client may leave unread and still send commands.
MAX_UNREAD = 2**18
#: How many of them a listing on the control connection counts for.
LISTING_WEIGHT = 2**16
#: How long a client that has to go may take to read the last reply.
LEAVE_SECONDS = 5.0


def _weight(reply: object) -> int:
    """Bytes of memory that a reply takes while it waits; of a listing, a part is held at a time."""
    return len(reply) if isinstance(reply, bytes) else LISTING_WEIGHT * (reply is not None)


class _Library:
    """What pyftpdlib asks of its own server."""

    ip_map = ()

    @staticmethod
    def _accept_new_cons() -> bool:
        return True


class Control(Secure, FTPHandler):  # type: ignore[misc]  # the library has no types
    """The connection of one client. Runs in a thread of its own, with a loop of its own, and may block.

    Args:
        sock: connected.
        client: the client.

    Attributes:
        execute: called with each command and its argument.
        logged_out: called when the client begins again.
        drop_waiting: gives up the transfer that waits for its data connection, if there is one.
        active_at: when the last command came, or the last transfer ended, on the monotonic clock.
        standing: holds an upload that was just answered.
        aborting: whether the transfer is just being aborted by the client, and its end gets no reply.
    """

    banner = "smsfs FTP server ready."
    use_sendfile = False
    unicode_errors = "surrogateescape"  # what is not UTF-8 is refused where it is used
    proto_cmds = SYNTAX
    execute: Callable[[str, str], None]
    logged_out: Callable[[], None]
    drop_waiting: Callable[[], None]
    socket: Any
    authenticated: bool
    username: str
    data_channel: DataConnection | None
    ac_in_buffer: bytes
    _quit_pending: bool
    _dtp_acceptor: Any

    def __init__(self, sock: socket.socket, client: Client) -> None:
        self.client = client
        self.drop_waiting = lambda: None
        self.standing = Standing(self)
        self.timeout = client.settings.idle_timeout
        self.aborting = False
        self.active_at = time.monotonic()
        self._too_long = False
        super().__init__(sock, _Library(), ioloop=client.loop)
        self.set_terminator(b"\n")  # scripts that write commands themselves leave out the CR
        self.remote_ip = client.peer
        self._available_facts, self._current_facts = list(replies.FACTS), list(replies.FACTS[:-1])
        self._extra_feats = ["AUTH TLS", "PBSZ", "PROT"] if client.settings.certificate else []

    # Its end

    @property
    def closed(self) -> bool:
        """Whether it is over."""
        return bool(self._closed)

    @property
    def is_ending(self) -> bool:
        """Whether it is over, or is when the last reply is read."""
        return bool(self._closing or self._closed)

    def close(self) -> None:
        """End everything; an upload under way is cut."""
        if self._closed:
            return
        self.standing.ended()
        say_goodbye(self.socket)
        super().close()
        done = self.client.counters
        tell = self.client.log.info if self.authenticated else self.client.log.debug
        tell("session_end", requests=done.requests, bytes_in=done.bytes_in, bytes_out=done.bytes_out)

    def leave(self, reply: str) -> None:
        """Say a last word and close."""
        self.respond(reply)
        self.close_when_done()
        if not self._closed:
            self.call_later(LEAVE_SECONDS, self.close)

    def transferred(self, received: int, sent: int) -> None:
        """So many bytes of content came and went over a data connection that has ended."""
        self.client.counters.bytes_in += received
        self.client.counters.bytes_out += sent
        self.active_at = time.monotonic()

    def handle_timeout(self) -> None:
        """A long time without a command."""
        self.client.log.info("idle_timeout")
        self.leave("421 Closed after a long time without a command.")

    # Commands

    def collect_incoming_data(self, data: bytes) -> None:
        """Gather a line, unless it is too long; a CR may be part of its end."""
        self._in_buffer_len += len(data)
        self._too_long |= self._in_buffer_len > MAX_LINE + 1
        if self._too_long:
            self._in_buffer.clear()
        else:
            self._in_buffer.append(data)

    def found_terminator(self) -> None:
        """A line is whole."""
        too_long, self._too_long = self._too_long, False
        line = b"".join(self._in_buffer)
        if line.endswith(b"\r"):  # so will its other lines; a bare LF is then part of a line
            line = line[:-1]
            self.set_terminator(b"\r\n")
        self._in_buffer[:] = [line]
        if not too_long and len(line) <= MAX_LINE:
            super().found_terminator()
            return
        self._in_buffer.clear()
        self._in_buffer_len = 0
        self.respond(f"500 The command is too long; at most {MAX_LINE} bytes are taken.")

    def pre_process_command(self, line: str, cmd: str, arg: str) -> None:
        """Have a command executed."""
        del line
        if self.is_ending or self._is_deaf():
            return
        self.client.counters.requests += 1
        self.active_at = time.monotonic()
        self.client.host.step()
        self.standing.commanded(cmd)
        self.execute(cmd, arg)

    def _is_deaf(self) -> bool:
        """Whether the client sends commands and reads no replies; it is closed then."""
        if sum(_weight(reply) for reply in self.producer_fifo) <= MAX_UNREAD:
            return False
        self.client.log.info("replies_not_read")
        self.close()
        return True

    # Replies

    def push(self, data: str) -> None:
        """Send text."""
        super(FTPHandler, self).push(data.encode("utf-8", "replace"))

    def respond(self, resp: str, logfun: object = None) -> None:
        """Send a reply of one line."""
        del logfun
        self.push(f"{replies.printable(resp)}\r\n")

    def log(self, msg: str, logfun: object = None) -> None:
        """What the library logs."""
        del logfun
        self.client.log.debug("library", says=msg)

    def log_exception(self, instance: object) -> None:
        """An error of ours that ends the session."""
        del instance
        self.client.log.error("request_failed", exc_info=sys.exc_info()[1])

    @property
    def facts(self) -> list[str]:
        """The facts that the client wants to see in MLST and MLSD."""
        return list(self._current_facts)

    # What the library keeps of logins and data connections

    def flush_account(self) -> None:
        """Begin again, as after connecting."""
        super().flush_account()
        self.logged_out()

    @property
    def has_quit(self) -> bool:
        """Whether the client has said good-bye, and its transfer may end."""
        return self._quit_pending

    @property
    def expects_data(self) -> bool:
        """Whether there is a data connection, or will be one."""
        return bool(self._dtp_acceptor or self._dtp_connector or self.data_channel)

    def await_data(self, connector: Any) -> None:
        """Something makes the data connection ready; None: no longer."""
        self._dtp_connector = connector

    def stop_listening(self) -> None:
        """The data connection is there."""
        if self._dtp_acceptor is not None:
            self._dtp_acceptor.close()
            self._dtp_acceptor = None

    def _shutdown_connecting_dtp(self) -> None:
        """Await no data connection any more, nor let a transfer wait for the next one."""
        super()._shutdown_connecting_dtp()
        self.drop_waiting()

    stop_connecting = _shutdown_connecting_dtp

    def pause_idling(self) -> None:
        """The client may be silent from now on, until the data connection ends."""
        if self._idler is not None and not self._idler.cancelled:
            self._idler.cancel()

    def data_ended(self) -> None:
        """The data connection is closed."""
        self._on_dtp_close()
