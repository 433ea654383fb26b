"""One client's session: its parts, put together."""

import socket
import time

from smsfs.frontends.ftp.basics import Basics
from smsfs.frontends.ftp.client import Client, Host
from smsfs.frontends.ftp.commands import Commands, Prepared
from smsfs.frontends.ftp.connections import Connections
from smsfs.frontends.ftp.contents import Contents
from smsfs.frontends.ftp.control import Control
from smsfs.frontends.ftp.encryption import Encryption
from smsfs.frontends.ftp.files import Files
from smsfs.frontends.ftp.folders import Folders
from smsfs.frontends.ftp.library import IOLoop
from smsfs.frontends.ftp.listings import Listings
from smsfs.frontends.ftp.logins import Logins
from smsfs.frontends.ftp.transfers import Transfers

#: While the server stops, a session without a transfer is closed after this many quiet seconds: a client that
#: has just uploaded gets the time to send its rename.
QUIET_SECONDS = 1.0


class Session:
    """Serves one client. Runs in a thread of its own, with a loop of its own, and may block.

    Args:
        sock: connected.
        host: the server.
        loop: this session's.
        peer: the client's address.
        implicit: TLS begins with the first byte.
    """

    def __init__(
        self, sock: socket.socket, host: Host, loop: IOLoop, peer: str, *, implicit: bool = False
    ) -> None:
        self.client = client = Client(host, loop, peer)
        self._control = control = Control(sock, client)
        self._implicit = implicit
        self._encryption = Encryption(control, client)
        self._logins = Logins(control, client)
        self._transfers = Transfers(control, client)
        self._folders = Folders(control, client)
        control.execute = self._commands().execute
        control.logged_out = self._logged_out
        control.drop_waiting = self._transfers.drop_waiting

    def _commands(self) -> Commands:
        control, client, transfers, folders = self._control, self.client, self._transfers, self._folders
        prepared = Prepared()
        contents = Contents(control, client, folders, prepared, transfers)
        parts = (
            *(self._encryption, self._logins, folders, contents),
            Basics(control, transfers),
            Connections(control, client, self._encryption, transfers),
            Listings(control, client, folders, contents, transfers),
            Files(control, client, folders, prepared),
        )
        handlers = {name: handler for part in parts for name, handler in part.handlers.items()}
        return Commands(client, prepared, handlers, control.respond)

    @property
    def closed(self) -> bool:
        """Whether it is over."""
        return self._control.closed

    def handle(self) -> None:
        """Greet the client; where TLS is implicit, over TLS, and data connections have it too."""
        self._logins.await_one()
        if self._implicit:
            self._encryption.begin(self._control.handle)
        else:
            self._control.handle()

    def _logged_out(self) -> None:
        self.client.leave()
        self._folders.leave()
        self.client.host.log_out(self.client)
        self._logins.await_one()

    def close(self) -> None:
        """End everything; an upload under way is cut."""
        self._control.close()

    def leave_if_shut_out(self) -> None:
        """End at once if the login no longer holds; an upload under way is cut."""
        why, self.client.shut_out = self.client.shut_out, ""
        if not why or self.closed:
            return
        self.client.log.warning("shut_out", reason=why)
        self._transfers.cut()
        self._control.authenticated, self.client.filesystem = False, None
        self._control.leave(f"421 {why}")

    def leave_if_quiet(self) -> None:
        """Called again and again while the server stops."""
        quiet = time.monotonic() - self._control.active_at >= QUIET_SECONDS
        if quiet and not self._transfers.is_under_way and not self._control.is_ending:
            self._control.leave("421 The server is stopping; connect again.")
