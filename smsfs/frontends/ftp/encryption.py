"""TLS on a session's connections: AUTH, PBSZ and PROT."""

import ssl
from collections.abc import Callable
from functools import partial

from smsfs.frontends.certificate import Certificate
from smsfs.frontends.ftp.client import Client
from smsfs.frontends.ftp.commands import Handler
from smsfs.frontends.ftp.control import Control
from smsfs.frontends.ftp.tls import Handshake, wrapped

#: For clients that resume the control connection's TLS on data connections; some warn where they cannot.
TICKETS = 2


class Encryption:
    """Encrypts the control connection, and knows whether data connections are to be encrypted.

    Args:
        control: the connection.
        client: the client.
    """

    def __init__(self, control: Control, client: Client) -> None:
        self._control = control
        self._client = client
        #: Of the whole session: some clients compare the data connections' certificate with the first one.
        self._context: ssl.SSLContext | None = None
        self._has_prot = self._has_pbsz = False

    @property
    def handlers(self) -> dict[str, Handler]:
        """What executes which command."""
        return {"AUTH": self._auth, "PBSZ": self._pbsz, "PROT": self._prot}

    def begin(self, then: Callable[[], None]) -> None:
        """Where TLS is implicit: encrypt first; data connections have TLS too."""
        certificate = self._client.settings.certificate
        if certificate is None:
            then()
            return
        self._has_prot = self._has_pbsz = True
        self._secure(certificate, then)

    @property
    def allows_data(self) -> bool:
        """Whether data connections may be made as things stand."""
        return self._has_prot or self._client.plain_data

    @property
    def data_context(self) -> ssl.SSLContext | None:
        """What data connections are encrypted with; None if they are not."""
        return self._context if self._has_prot else None

    def _auth(self, arg: str) -> None:
        """Encrypt the control connection."""
        respond, certificate = self._control.respond, self._client.settings.certificate
        if certificate is None:
            respond("502 There is no certificate on this server; log in without TLS.")
        elif self._client.is_secure or self._client.is_logged_in:
            respond("503 AUTH comes once, before the login.")
        elif arg.upper() not in ("TLS", "TLS-C", "TLS-P", "SSL"):
            respond("504 Only AUTH TLS is known here.")
        else:
            respond("234 Begin TLS.")
            self._secure(certificate, lambda: None)

    def _secure(self, certificate: Certificate, then: Callable[[], None]) -> None:
        control = self._control
        control.ac_in_buffer = b""  # what came unencrypted must not be a command of the encrypted session
        control.del_channel()
        self._context = certificate.context()
        try:
            control.socket = wrapped(control.socket, self._context, TICKETS)
        except (OSError, ValueError) as exc:  # the client has gone
            self._not_secured(str(exc))
        else:
            Handshake(control.socket, self._client.loop, partial(self._secured, then), self._not_secured)

    def _secured(self, then: Callable[[], None], _: ssl.SSLSocket) -> None:
        self._client.is_secure = True
        self._control.add_channel()
        then()

    def _not_secured(self, reason: str) -> None:
        self._client.host.quiet.tell(self._client.log.info, "tls_failed", reason)
        self._control.close()

    def _pbsz(self, _: str) -> None:
        """Announce buffers; there are none with TLS."""
        self._has_pbsz = self._client.is_secure
        self._control.respond("200 PBSZ=0" if self._client.is_secure else "503 AUTH TLS comes first.")

    def _prot(self, arg: str) -> None:
        """Encrypt the data connections, or not."""
        respond = self._control.respond
        if not self._has_pbsz:
            respond("503 PBSZ 0 comes first.")
        elif arg.upper() == "P":
            self._has_prot = True
            respond("200 Data connections are encrypted.")
        elif arg.upper() == "C" and self._client.plain_data:
            self._has_prot = False
            respond("200 Data connections are not encrypted.")
        else:
            respond("536 Only PROT P is known here.")
