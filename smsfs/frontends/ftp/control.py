"""The control connection without the files: TLS, logins, and the data connections' beginnings."""

# ruff: noqa: N802 - the library finds its commands by these names

import socket
import ssl
from collections.abc import Callable
from functools import partial

import structlog

from smsfs.errors import NotAllowed, StillOpen
from smsfs.frontends.authenticator import NOT_CHECKED
from smsfs.frontends.ftp.certificate import Certificate
from smsfs.frontends.ftp.data import DataConnection, Transfer
from smsfs.frontends.ftp.lines import Lines
from smsfs.frontends.ftp.tls import Handshake, wrapped


class Control(Lines):
    """A session without the commands that touch files."""

    #: Of the whole session: some clients compare the data connections' certificate with the first one.
    _tls: ssl.SSLContext | None = None

    def handle(self) -> None:
        """Greet the client; where TLS is implicit, over TLS, and data connections have it too."""
        self._await_login()
        if self._implicit and self.settings.certificate:
            self._prot = self._pbsz = True
            self._secure(self.settings.certificate, super().handle)
        else:
            super().handle()

    # TLS

    def ftp_AUTH(self, arg: str) -> None:
        """Encrypt the control connection."""
        if self.settings.certificate is None:
            self.respond("502 There is no certificate on this server; log in without TLS.")
        elif self.is_secure or self.authenticated:
            self.respond("503 AUTH comes once, before the login.")
        elif arg.upper() not in ("TLS", "TLS-C", "TLS-P", "SSL"):
            self.respond("504 Only AUTH TLS is known here.")
        else:
            self.respond("234 Begin TLS.")
            self._secure(self.settings.certificate, lambda: None)

    def _secure(self, certificate: Certificate, then: Callable[[], None]) -> None:
        self.ac_in_buffer = b""  # what came unencrypted is no command of the encrypted session
        self.del_channel()
        self._tls = certificate.context()
        try:
            self.socket = wrapped(self.socket, self._tls)
        except (OSError, ValueError) as exc:  # the client has gone
            self._not_secured(str(exc))
        else:
            Handshake(self.socket, self.ioloop, partial(self._secured, then), self._not_secured)

    def _secured(self, then: Callable[[], None], _: ssl.SSLSocket) -> None:
        self.is_secure = True
        self.add_channel()
        then()

    def _not_secured(self, reason: str) -> None:
        self.host.quiet.tell(self.logger.info, "tls_failed", reason)
        self.close()

    def ftp_PBSZ(self, _: str) -> None:
        """Announce buffers; there are none with TLS."""
        self._pbsz = self.is_secure
        self.respond("200 PBSZ=0" if self.is_secure else "503 AUTH TLS comes first.")

    def ftp_PROT(self, arg: str) -> None:
        """Encrypt the data connections, or not."""
        if not self._pbsz:
            self.respond("503 PBSZ 0 comes first.")
        elif arg.upper() == "P":
            self._prot = True
            self.respond("200 Data connections are encrypted.")
        elif arg.upper() == "C" and self.plain_data:
            self._prot = False
            self.respond("200 Data connections are not encrypted.")
        else:
            self.respond("536 Only PROT P is known here.")

    def _has_tls(self) -> bool:
        """Whether a login may go on; says so if not."""
        if not self.is_secure and not self.settings.plain:
            sentence = "Log in over TLS: set the client to explicit FTPS (AUTH TLS)."
            self.logger.info("refused", request="USER", sentence=sentence)
            self.respond(f"530 {sentence}")
        return bool(self.is_secure or self.settings.plain)

    # Logins

    def _await_login(self) -> None:
        self.call_later(self.settings.login_timeout, self._check_login)

    def _check_login(self) -> None:
        if not self.authenticated:
            self.logger.info("login_timeout")
            self.leave("421 No login in time.")

    def ftp_USER(self, arg: str) -> None:
        """Take the account's name; whether there is one is not told."""
        if self._has_tls():
            super().ftp_USER(arg)

    def ftp_PASS(self, arg: str) -> None:
        """Check the password."""
        if self.authenticated or not self.username:
            self.respond("503 USER comes before PASS, once.")
        elif self._has_tls():
            try:
                self._log_in(self.username, arg)
            except NotAllowed as refusal:
                self.leave(f"530 {refusal.sentence}")
            except Exception as exc:  # noqa: BLE001 - whatever failed, it is no answer to the password
                self.logger.warning("login_check_failed", account=self.username, reason=str(exc))
                self._cannot_check()

    def _cannot_check(self) -> None:
        self.leave(f"421 {NOT_CHECKED}")

    def _log_in(self, account: str, password: str) -> None:
        answer = self.host.log_in(self, account, password)
        if not isinstance(answer, str):
            self.filesystem, self.authenticated = answer, True
            self.logger = structlog.get_logger(frontend="ftp", peer=self.peer, account=account)
            self.logger.info("login", tls=self.is_secure)
            self.respond("230 Logged in.")
            return
        if answer == "undecided":
            self._cannot_check()
            return
        self.username = ""
        if answer == "busy":
            self.leave("421 This account has too many connections; close some.")
            return
        self.attempted_logins += 1
        if answer == "banned" or self.attempted_logins >= self.settings.max_auth_tries:
            self.leave("530 Too many failed logins.")
        else:
            self.respond("530 The account's name or password is wrong.")

    def flush_account(self) -> None:
        """Begin anew, as after connecting."""
        tries = self.attempted_logins
        super().flush_account()
        self.attempted_logins = tries
        self.filesystem, self.cwd, self.logger = None, "/", self._strangers_log()
        self.plain_data = self.settings.plain
        self.host.log_out(self)
        self._await_login()

    def ftp_TYPE(self, arg: str) -> None:
        """Take the type, which changes nothing here; that ASCII is without print controls may be said."""
        super().ftp_TYPE("A" if arg.upper() == "A N" else arg)

    def ftp_QUIT(self, arg: str) -> None:
        """Say good-bye, after the end of a transfer under way."""
        if self.data_channel is not None and not self.is_transferring:
            self.data_channel.close()
        super().ftp_QUIT(arg)

    def ftp_NOOP(self, _: str) -> None:
        """Show that the session goes on."""
        self.respond("200 Still here.")

    # Data connections

    def _may_prepare(self) -> bool:
        if self.is_transferring:
            raise StillOpen("A transfer is under way; wait for its end, or abort it.")
        if not self._prot and not self.plain_data:
            self.respond("521 Data connections are encrypted here: PBSZ 0 and PROT P come first.")
            return False
        return True

    def ftp_PASV(self, arg: str) -> None:
        """Await a data connection."""
        if self.socket.family != socket.AF_INET:
            self.respond("522 Over IPv6 there is only EPSV.")
        elif self._may_prepare():
            super().ftp_PASV(arg)

    def ftp_EPSV(self, arg: str) -> None:
        """Await a data connection, over IPv6 too."""
        if arg.upper() == "ALL" or self._may_prepare():
            super().ftp_EPSV(arg)

    def ftp_PORT(self, arg: str) -> None:
        """Connect to the client's own address, at a port from 1024 on."""
        if self._may_prepare():
            super().ftp_PORT(arg)

    def ftp_EPRT(self, arg: str) -> None:
        """As PORT, over IPv6 too."""
        if self._may_prepare():
            super().ftp_EPRT(arg)

    def ftp_ABOR(self, _: str) -> None:
        """Cut the transfer."""
        transferring = self.is_transferring
        self.aborting = True
        self._shutdown_connecting_dtp()
        if self.data_channel is not None:
            self.data_channel.close()
        self.aborting = False
        if transferring:
            self.respond("426 The transfer was aborted.")
        self.respond("226 Nothing is under way any more.")

    def is_client(self, sock: socket.socket, address: str) -> bool:
        """Whether a data connection is this client's."""
        return self.host.is_client(sock, address, self.peer)

    def stop_listening(self) -> None:
        """The data connection is there."""
        if self._dtp_acceptor is not None:
            self._dtp_acceptor.close()
            self._dtp_acceptor = None

    def data_connected(self, sock: socket.socket) -> None:
        """A data connection is there, its TLS not yet."""
        if not self._prot or self._tls is None:
            self._data_ready(sock)
            return
        try:
            secure = wrapped(sock, self._tls)
        except (OSError, ValueError):
            sock.close()
            self.no_data_connection("The data connection was closed.")
            return
        self._dtp_connector = Handshake(secure, self.ioloop, self._data_ready, self._data_not_secured)

    def _data_not_secured(self, reason: str) -> None:
        self.logger.info("tls_failed", reason=reason)
        self.no_data_connection("TLS on the data connection failed.")

    def _data_ready(self, sock: socket.socket) -> None:
        self._dtp_connector = None
        data = DataConnection(sock, self)
        if not data.connected:
            self.no_data_connection("The data connection was closed.")
            return
        self.data_channel = data
        self._begin()

    def no_data_connection(self, sentence: str) -> None:
        """There will be none; who waits for it is told."""
        waiting = self._in_dtp_queue is not None or self._out_dtp_queue is not None
        self._shutdown_connecting_dtp()
        if waiting:
            self.respond(f"425 {sentence}")

    def stop_connecting(self, sentence: str) -> None:
        """The answer to a PORT in vain, and to a transfer that did not wait for it."""
        self._shutdown_connecting_dtp()
        self.respond(f"425 {sentence}")

    def _shutdown_connecting_dtp(self) -> None:
        """Await no data connection any more, nor let a transfer wait for the next one."""
        super()._shutdown_connecting_dtp()
        incoming, self._in_dtp_queue = self._in_dtp_queue, None
        outgoing, self._out_dtp_queue = self._out_dtp_queue, None
        for file in (incoming and incoming[0], outgoing and outgoing[2]):
            if file:
                self.give_up(file)

    def give_up(self, file: Transfer) -> None:
        """Let go of a file of which not all was transferred."""
        try:
            file.close()
        except Exception as exc:  # noqa: BLE001 - the reply comes after this, and has to
            self.logger.warning("abandon_failed", file=file.name, reason=str(exc))

    # Transfers

    def can_transfer(self) -> bool:
        """Whether a transfer may begin; says so if not."""
        if self.is_transferring:
            raise StillOpen("A transfer is under way; wait for its end, or abort it.")
        if not (self._dtp_acceptor or self._dtp_connector or self.data_channel):
            self.respond("425 A data connection comes first: PASV, EPSV, PORT or EPRT.")
            return False
        return True

    def receive(self, file: Transfer, cmd: str) -> None:
        """Take a file in as soon as the data connection is there."""
        self._in_dtp_queue = (file, cmd)
        self._begin_or_wait()

    def send_data(self, producer: object, cmd: str, file: Transfer | None = None) -> None:
        """Give out what a producer makes as soon as the data connection is there."""
        self._out_dtp_queue = (producer, True, file, cmd)
        self._begin_or_wait()

    def _begin_or_wait(self) -> None:
        if self.data_channel is None:
            self.respond("150 Waiting for the data connection.")
        else:
            self.respond("125 The transfer begins.")
            self._begin()

    def _begin(self) -> None:
        data = self.data_channel
        if data is None or not self.is_transferring:
            return
        if self._idler is not None and not self._idler.cancelled:
            self._idler.cancel()
        incoming, self._in_dtp_queue = self._in_dtp_queue, None
        outgoing, self._out_dtp_queue = self._out_dtp_queue, None
        if incoming:
            data.file_obj, cmd = incoming
            data.enable_receiving("i", cmd)
        elif outgoing:
            producer, _, data.file_obj, data.cmd = outgoing
            data.give(producer)
