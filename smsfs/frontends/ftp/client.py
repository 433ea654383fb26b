"""The client of a session: what is known of it, and the way to its account's files."""

import os
import secrets
import socket
from collections.abc import Callable
from typing import Any, Protocol

import structlog

from smsfs.errors import Missing, NotAllowed, Refusal
from smsfs.filesystem import Filesystem
from smsfs.frontends.counters import Counters
from smsfs.frontends.ftp import replies
from smsfs.frontends.ftp.library import IOLoop
from smsfs.frontends.ftp.settings import FtpSettings
from smsfs.frontends.quiet import Quiet


class Host(Protocol):
    """The server that a session belongs to; its methods block."""

    settings: FtpSettings
    stopping: bool
    quiet: Quiet

    def step(self) -> None:
        """The session of this thread has sent a command."""

    def log_in(self, client: "Client", account: str, password: str) -> Filesystem | str:
        """The account's files, or why not: "wrong", "banned", "busy" or "undecided".

        Raises:
            OSError: the files cannot be had now.
        """

    def log_out(self, client: "Client") -> None:
        """The client begins again, as after connecting."""

    def call(self, function: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """Call a function of a filesystem; only so many of them run at a time."""

    def is_client(self, sock: socket.socket, address: str, peer: str) -> bool:
        """Whether a data connection from ``address`` is the client's."""


class Client:
    """One client, before and after its login.

    Args:
        host: the server.
        loop: of the session's thread.
        peer: the client's address.

    Attributes:
        account: its name; empty before the login.
        filesystem: the account's files; None before the login.
        log: bound to the client's address, and to its account after the login.
        is_secure: whether its control connection is encrypted.
        plain_data: whether its data connections may be unencrypted; after the login its account decides, too.
        shut_out: why its login no longer holds; set by the server from another thread.
    """

    def __init__(self, host: Host, loop: IOLoop, peer: str) -> None:
        self.host = host
        self.settings = host.settings
        self.loop = loop
        self.peer = peer
        self.counters = Counters()
        self.is_secure = False
        self.shut_out = ""
        self.account = ""
        self.filesystem: Filesystem | None = None
        self.leave()

    def enter(self, account: str, filesystem: Filesystem) -> None:
        """The login is right."""
        self.account, self.filesystem = account, filesystem
        self.log = structlog.get_logger(frontend="ftp", peer=self.peer, account=account)

    def leave(self) -> None:
        """The login is over; another may follow."""
        self.account, self.filesystem = "", None
        self.plain_data = self.settings.plain
        self.log = structlog.get_logger(frontend="ftp", peer=self.peer, stranger=True)

    @property
    def is_logged_in(self) -> bool:
        """Whether it has an account's files."""
        return self.filesystem is not None

    def call(self, name: str, *args: Any, **options: Any) -> Any:
        """Call a method of the account's filesystem."""
        if self.filesystem is None:
            raise NotAllowed("Log in first.")
        return self.host.call(getattr(self.filesystem, name), *args, **options)

    def refusal(self, request: str, exc: Exception) -> str:
        """The reply to what was refused, or failed; which is logged."""
        number = getattr(exc, "errno", None)
        if isinstance(exc, Refusal):
            if not isinstance(exc, Missing):
                self.log.info("refused", request=request, sentence=exc.sentence)
            return f"{replies.code_of(number, replies.REFUSED)} {exc.sentence}"
        reference = secrets.token_hex(4)
        self.log.error("request_failed", request=request, reference=reference, exc_info=exc)
        what = os.strerror(number) if isinstance(exc, OSError) and number else "Internal error"
        details = f"the operator's log has the details (reference {reference})."
        return f"{replies.code_of(number, replies.FAILED)} {what}; {details}"
