"""Data connections: PASV, EPSV, PORT, EPRT and ABOR."""

import socket
from functools import partial

from smsfs.frontends.ftp.client import Client
from smsfs.frontends.ftp.commands import Handler
from smsfs.frontends.ftp.control import Control
from smsfs.frontends.ftp.data import DataConnection
from smsfs.frontends.ftp.encryption import Encryption
from smsfs.frontends.ftp.rendezvous import ActiveConnector, PassiveListener
from smsfs.frontends.ftp.tls import Handshake, wrapped
from smsfs.frontends.ftp.transfers import Transfers


class Connections:
    """Makes the data connections of a session, with TLS where that is asked for.

    Args:
        control: the session's connection.
        client: the client.
        encryption: the session's.
        transfers: the session's; one that waits begins when its data connection is ready.
    """

    def __init__(
        self, control: Control, client: Client, encryption: Encryption, transfers: Transfers
    ) -> None:
        self._control = control
        self._client = client
        self._encryption = encryption
        self._transfers = transfers
        control.passive_dtp = partial(PassiveListener, self)
        control.active_dtp = partial(ActiveConnector, self)

    @property
    def handlers(self) -> dict[str, Handler]:
        """What executes which command."""
        return {
            "PASV": self._pasv,
            "EPSV": self._epsv,
            "PORT": self._port,
            "EPRT": self._eprt,
            "ABOR": self._abort,
        }

    def _may_prepare(self) -> bool:
        self._transfers.require_none()
        may = self._encryption.allows_data
        if not may:
            self._control.respond("521 Data connections are encrypted here: PBSZ 0 and PROT P come first.")
        return may

    def _pasv(self, arg: str) -> None:
        """Await a data connection."""
        if self._control.socket.family != socket.AF_INET:
            self._control.respond("522 Over IPv6 there is only EPSV.")
        elif self._may_prepare():
            self._control.ftp_PASV(arg)

    def _epsv(self, arg: str) -> None:
        """Await a data connection, over IPv6 too."""
        if arg.upper() == "ALL" or self._may_prepare():
            self._control.ftp_EPSV(arg)

    def _port(self, arg: str) -> None:
        """Connect to the client's own address, at a port from 1024 on."""
        if self._may_prepare():
            self._control.ftp_PORT(arg)

    def _eprt(self, arg: str) -> None:
        """As PORT, over IPv6 too."""
        if self._may_prepare():
            self._control.ftp_EPRT(arg)

    def _abort(self, _: str) -> None:
        """Cut the transfer."""
        transferring = self._transfers.is_under_way
        self._control.aborting = True
        self._transfers.cut()
        self._control.aborting = False
        if transferring:
            self._control.respond("426 The transfer was aborted.")
        self._control.respond("226 Nothing is under way any more.")

    # Their beginnings and failures

    def is_client(self, sock: socket.socket, address: str) -> bool:
        """Whether a data connection is this client's."""
        return self._client.host.is_client(sock, address, self._client.peer)

    def connected(self, sock: socket.socket) -> None:
        """A data connection is there, its TLS not yet."""
        self._control.stop_listening()
        context = self._encryption.data_context
        if context is None:
            self._ready(sock)
            return
        try:
            secure = wrapped(sock, context)
        except (OSError, ValueError):
            sock.close()
            self.failed("The data connection was closed.")
            return
        self._control.await_data(Handshake(secure, self._client.loop, self._ready, self._not_secured))

    def _not_secured(self, reason: str) -> None:
        self._client.log.info("tls_failed", reason=reason)
        self.failed("TLS on the data connection failed.")

    def _ready(self, sock: socket.socket) -> None:
        self._control.await_data(None)
        data = DataConnection(sock, self._control)
        if not data.connected:
            self.failed("The data connection was closed.")
            return
        self._control.data_channel = data
        self._transfers.begin()

    def failed(self, sentence: str) -> None:
        """There will be none; a transfer that waits for it gets the sentence."""
        waiting = self._transfers.is_waiting
        self._control.stop_connecting()
        if waiting:
            self._control.respond(f"425 {sentence}")

    def refused(self, sentence: str) -> None:
        """The answer to a PORT in vain, and to a transfer that did not wait for it."""
        self._control.stop_connecting()
        self._control.respond(f"425 {sentence}")
