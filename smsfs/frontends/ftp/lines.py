"""The control connection's lines: commands in, replies out, and its end.

pyftpdlib's protocol machine is below; of its commands only those listed here can be reached, and the ones
that touch files are written anew, so that nothing of its own filesystem or users is in use.
"""

import os
import secrets
import socket
import sys
import time
from collections.abc import Callable
from typing import Any, ClassVar, Protocol

import structlog

from smsfs.errors import Missing, Refusal
from smsfs.filesystem import Filesystem
from smsfs.frontends.counters import Counters
from smsfs.frontends.ftp import replies
from smsfs.frontends.ftp.data import ActiveConnector, DataConnection, PassiveListener, Transfer, stands
from smsfs.frontends.ftp.library import FTPHandler, IOLoop
from smsfs.frontends.ftp.settings import FtpSettings
from smsfs.frontends.ftp.tls import Handshake, Secure, say_goodbye
from smsfs.frontends.quiet import Quiet

#: A command's greatest length in bytes, its end not counted: a path of eight names of 255 bytes.
MAX_LINE = 2048
#: Bytes of replies that a client may leave unread and still send commands.
MAX_UNREAD = 2**18
#: For how many of them a listing counts that is given on the control connection.
LISTING_WEIGHT = 2**16
#: How long a client that is told to go may take to read that.
LEAVE_SECONDS = 5.0
#: While the server stops, a session without a transfer is closed after this many quiet seconds: a client that
#: has just uploaded gets the time to send its rename.
QUIET_SECONDS = 1.0
#: Bytes that Telnet clients put before an ABOR (RFC 959, section 4.1.3), as decoded.
_TELNET = "\udcff\udcf4\udcf2"
_FROM_LIBRARY = (
    *("ABOR", "ALLO", "APPE", "CDUP", "CWD", "DELE", "EPRT", "EPSV", "FEAT", "HELP", "LIST", "MDTM", "MFMT"),
    *("MLSD", "MLST", "MODE", "MKD", "NLST", "NOOP", "OPTS", "PASS", "PASV", "PORT", "PWD", "QUIT", "REIN"),
    *("REST", "RETR", "RMD", "RNFR", "RNTO", "SITE CHMOD", "SIZE", "STAT", "STOR", "STRU", "SYST", "TYPE"),
    *("USER", "XCUP", "XCWD", "XMKD", "XPWD", "XRMD"),
)
_OWN = {
    "AUTH": {"perm": None, "auth": False, "arg": True, "help": "Syntax: AUTH TLS (encrypt what follows)."},
    "PBSZ": {"perm": None, "auth": False, "arg": True, "help": "Syntax: PBSZ 0 (comes before PROT)."},
    "PROT": {"perm": None, "auth": False, "arg": True, "help": "Syntax: PROT P|C (encrypt data or not)."},
}
#: What may stand between REST and the command that it is for.
_KEEP_RESTART = frozenset(
    {"STOR", "RETR", "APPE", "PASV", "EPSV", "PORT", "EPRT", "NOOP", "TYPE", "MODE", "STRU", "ALLO"}
)
_KEEP_RENAME = frozenset({"RNTO", "NOOP"})


class Host(Protocol):
    """The server that a session belongs to; its methods block."""

    settings: FtpSettings
    stopping: bool
    quiet: Quiet

    def step(self) -> None:
        """The session of this thread has sent a command."""

    def log_in(self, session: "Lines", account: str, password: str) -> Filesystem | str:
        """The account's files, or why not: "wrong", "banned", "busy" or "undecided".

        Raises:
            OSError: the files cannot be had now.
        """

    def log_out(self, session: "Lines") -> None:
        """The client begins anew."""

    def call(self, function: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """Call a function of a filesystem; only so many of them run at a time."""

    def is_client(self, sock: socket.socket, address: str, peer: str) -> bool:
        """Whether a data connection from ``address`` is the client's."""


def _weight(reply: object) -> int:
    """Bytes of memory that a reply takes while it waits; of a listing, a part is held at a time."""
    return len(reply) if isinstance(reply, bytes) else LISTING_WEIGHT * (reply is not None)


class _Library:
    """What pyftpdlib asks of its own server."""

    ip_map = ()

    @staticmethod
    def _accept_new_cons() -> bool:
        return True


class Lines(Secure, FTPHandler):  # type: ignore[misc]  # the library has no types
    """One client. Runs in a thread of its own, with a loop of its own, and may block.

    Args:
        sock: connected.
        host: the server.
        loop: this session's.
        peer: the client's address.
        implicit: TLS begins with the first byte.
    """

    banner = "smsfs FTP server ready."
    use_sendfile = False
    unicode_errors = "surrogateescape"  # what is no UTF-8 is refused where it is used
    passive_dtp = PassiveListener
    active_dtp = ActiveConnector
    proto_cmds: ClassVar[dict[str, Any]] = {
        **{name: FTPHandler.proto_cmds[name] for name in _FROM_LIBRARY},
        "OPTS": {**FTPHandler.proto_cmds["OPTS"], "auth": False},
        **_OWN,
    }
    socket: Any
    ioloop: IOLoop
    authenticated: bool
    username: str
    attempted_logins: int
    data_channel: "DataConnection | None"
    ac_in_buffer: bytes
    _dtp_acceptor: "PassiveListener | None"
    _dtp_connector: "ActiveConnector | Handshake | None"
    _in_dtp_queue: "tuple[Transfer, str] | None"
    _out_dtp_queue: "tuple[object, bool, Transfer | None, str] | None"
    _restart_position: int
    _rnfr: str | None

    def __init__(
        self, sock: socket.socket, host: Host, loop: IOLoop, peer: str, *, implicit: bool = False
    ) -> None:
        self.settings = host.settings
        self.timeout = host.settings.idle_timeout
        self.host = host
        self.peer = peer
        self.logger = self._strangers_log()
        self.counters = Counters()
        self.filesystem: Filesystem | None = None
        self.cwd = "/"
        self.aborting = False
        self.shut_out = ""
        self.is_secure = False
        self._prot = self._pbsz = False
        #: Whether data connections may be without TLS; after the login that is the account's matter, too.
        self.plain_data = host.settings.plain
        self._implicit = implicit
        self._too_long = False
        self._active_at = time.monotonic()
        super().__init__(sock, _Library(), ioloop=loop)
        self.set_terminator(b"\n")  # scripts that type commands by themselves leave out the CR
        self.remote_ip = peer
        self._available_facts, self._current_facts = list(replies.FACTS), list(replies.FACTS[:-1])
        self._extra_feats = ["AUTH TLS", "PBSZ", "PROT"] if host.settings.certificate else []

    def _strangers_log(self) -> Any:
        return structlog.get_logger(frontend="ftp", peer=self.peer, stranger=True)

    # The connection

    @property
    def closed(self) -> bool:
        """Whether it is over."""
        return bool(self._closed)

    @property
    def is_transferring(self) -> bool:
        """Whether a transfer is under way, or waits for its data connection."""
        begun = self.data_channel is not None and self.data_channel.cmd is not None
        return begun or self._in_dtp_queue is not None or self._out_dtp_queue is not None

    def close(self) -> None:
        """End everything; an upload under way is cut."""
        if self._closed:
            return
        say_goodbye(self.socket)
        super().close()
        done = self.counters
        tell = self.logger.info if self.authenticated else self.logger.debug
        tell("session_end", requests=done.requests, bytes_in=done.bytes_in, bytes_out=done.bytes_out)

    def leave(self, reply: str) -> None:
        """Say a last word and close."""
        self.respond(reply)
        self.close_when_done()
        if not self._closed:
            self.call_later(LEAVE_SECONDS, self.close)

    def leave_if_shut_out(self) -> None:
        """End at once if the login's right has ended; an upload under way is cut."""
        why, self.shut_out = self.shut_out, ""
        if not why or self._closed:
            return
        self.logger.warning("shut_out", reason=why)
        if self.data_channel is not None:
            self.data_channel.close()
        self._shutdown_connecting_dtp()
        self.authenticated, self.filesystem = False, None
        self.leave(f"421 {why}")

    def leave_if_quiet(self) -> None:
        """Called again and again while the server stops."""
        quiet = time.monotonic() - self._active_at >= QUIET_SECONDS
        if quiet and not self.is_transferring and not self._closing and not self._closed:
            self.leave("421 The server is stopping; connect again.")

    def stands(self, seconds: float) -> bool:
        """Whether the client is there, or has said good-bye, at the end of an upload."""
        return self._quit_pending or stands(self.socket, seconds)

    def handle_timeout(self) -> None:
        """A long time without a command."""
        self.logger.info("idle_timeout")
        self.leave("421 Closed after a long time without a command.")

    def transferred(self, received: int, sent: int) -> None:
        """A data connection has ended."""
        self.counters.bytes_in += received
        self.counters.bytes_out += sent
        self._active_at = time.monotonic()

    # Lines

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
        if line.endswith(b"\r"):  # and so do its other lines: an LF by itself is then part of one
            line = line[:-1]
            self.set_terminator(b"\r\n")
        self._in_buffer[:] = [line]
        if not too_long and len(line) <= MAX_LINE:
            super().found_terminator()
            return
        self._in_buffer.clear()
        self._in_buffer_len = 0
        self.respond(f"500 The command is too long; at most {MAX_LINE} bytes are taken.")

    def push(self, data: str) -> None:
        """Send text."""
        super(FTPHandler, self).push(data.encode("utf-8", "replace"))

    def respond(self, resp: str, logfun: object = None) -> None:
        """Send a reply of one line."""
        del logfun
        self.push(f"{replies.printable(resp)}\r\n")

    def log(self, msg: str, logfun: object = None) -> None:
        """What the library says of itself."""
        del logfun
        self.logger.debug("library", says=msg)

    def log_exception(self, instance: object) -> None:
        """An error of ours that ends the session."""
        del instance
        self.logger.error("request_failed", exc_info=sys.exc_info()[1])

    def pre_process_command(self, line: str, cmd: str, arg: str) -> None:
        """Execute a command, or say why not."""
        del line
        if self._closed or self._closing or self._is_deaf():
            return
        self.counters.requests += 1
        self._active_at = time.monotonic()
        self.host.step()
        cmd = cmd.lstrip(_TELNET)
        if cmd == "SITE":
            name, _, arg = arg.partition(" ")
            cmd = f"SITE {name.upper()}"
        self._restart_position = self._restart_position if cmd in _KEEP_RESTART else 0
        self._rnfr = self._rnfr if cmd in _KEEP_RENAME else None
        try:
            self._execute(cmd, arg)
        except Exception as exc:  # noqa: BLE001 - whatever failed, the client gets a reply and no internals
            self.respond(self.refusal(cmd, exc))

    def _is_deaf(self) -> bool:
        """Whether the client sends commands and reads no replies; it is closed then."""
        if sum(_weight(reply) for reply in self.producer_fifo) <= MAX_UNREAD:
            return False
        self.logger.info("replies_not_read")
        self.close()
        return True

    def _execute(self, cmd: str, arg: str) -> None:
        known = self.proto_cmds.get(cmd)
        if known is None:
            self.respond(f"502 The command {cmd[:20]} is not part of this server.")
        elif known["arg"] and not arg:
            self.respond(f"501 {known['help']}")
        elif (known["auth"] or (cmd == "STAT" and arg)) and not self.authenticated:
            self.respond("530 Log in first, with USER and PASS.")
        else:
            getattr(self, f"ftp_{cmd.replace(' ', '_')}")(arg)

    def refusal(self, request: str, exc: Exception) -> str:
        """The reply to what was refused, or failed; which is logged."""
        number = getattr(exc, "errno", None)
        if isinstance(exc, Refusal):
            if not isinstance(exc, Missing):
                self.logger.info("refused", request=request, sentence=exc.sentence)
            return f"{replies.code_of(number, replies.REFUSED)} {exc.sentence}"
        reference = secrets.token_hex(4)
        self.logger.error("request_failed", request=request, reference=reference, exc_info=exc)
        what = os.strerror(number) if isinstance(exc, OSError) and number else "Internal error"
        details = f"the operator's log has the details (reference {reference})."
        return f"{replies.code_of(number, replies.FAILED)} {what}; {details}"
