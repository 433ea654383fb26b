"""The login of one SSH connection."""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Protocol

import asyncssh
import structlog

from smsfs.frontends.authenticator import NOT_CHECKED, CheckFailed, KeyAuthenticator, decided
from smsfs.frontends.bans import DoorBans
from smsfs.frontends.doorway import Ticket
from smsfs.frontends.sftp.settings import SftpSettings, refuse_sha1
from smsfs.metrics import tally
from smsfs.metrics.catalog import LOGINS

#: A client that leaves after having waited so long for an answer to its login, in seconds, gave up on the
#: server; one that leaves sooner may only wish not to be counted.
_PATIENCE = 2.0


class Gatekeeper(Protocol):
    """The server, as far as logins need it."""

    settings: SftpSettings
    authenticator: KeyAuthenticator
    bans: DoorBans
    stopping: bool

    def spawn(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run a task that the server waits for when it stops."""


class Login:
    """Asks whether a client may come in, and counts what fails.

    Args:
        server: the server.
        ticket: the connection's; None if it was not admitted.
        peer: the client's address.
        log: bound to it.
        close: ends the connection, with the reason and a code.

    Attributes:
        succeeded: whether the client is logged in.
        context: in which the right answer was found.
    """

    def __init__(
        self,
        server: Gatekeeper,
        ticket: Ticket | None,
        peer: str,
        log: structlog.stdlib.BoundLogger,
        close: Callable[[str, int], None],
    ) -> None:
        self._server = server
        self._loop = asyncio.get_running_loop()
        self._ticket = ticket
        self._peer = peer
        self._log = log
        self._close = close
        self._tries = 0
        self._method = "password"
        self._password_failed = False
        self._undecided = False
        self._asked_at: float | None = None
        self.succeeded = False
        self.context = contextvars.copy_context()

    def step(self) -> None:
        """The client has done something."""
        if self._ticket:
            self._ticket.step(self._loop.time())

    async def password(self, username: str, password: str) -> bool:
        """Whether the password is right."""
        if await self._server.bans.ask(self._peer):
            return self._reject("password", "banned")
        log = self._log.bind(account=username, method="password")
        right = await self._ask(self._server.authenticator.password(username, password, self._peer), log)
        if right is None:
            self._close(NOT_CHECKED, asyncssh.DISC_BY_APPLICATION)
        if right is not False:
            self._method = "password"
            if not right:
                self.count("error")
            return bool(right)
        self._password_failed = True
        log.info("login_failed")
        await self._count_failure()
        return self._reject("password", "failed")

    async def key(self, username: str, key: asyncssh.SSHKey) -> bool:
        """Whether the key is one of the account's."""
        if not self._server.settings.legacy_algorithms:
            refuse_sha1(key)
        if await self._server.bans.ask(self._peer):
            return self._reject("key", "banned")
        log = self._log.bind(account=username, method="key")
        right = await self._ask(self._server.authenticator.key(username, key, self._peer), log)
        if right:
            self._method = "key"
            return True
        log.debug("key_refused", key=key.get_fingerprint())
        return self._reject("key", "failed" if right is False else "error")

    async def _ask(self, question: Awaitable[bool | None], log: structlog.stdlib.BoundLogger) -> bool | None:
        """The answer; if there is none, nothing counts against the client."""
        self._asked_at = self._loop.time()
        self.step()
        try:
            answer = await decided(question, log)
        except CheckFailed:
            answer = None
            self._close(NOT_CHECKED, asyncssh.DISC_BY_APPLICATION)
        self._asked_at = None
        if answer:
            self.context = contextvars.copy_context()
        self._undecided |= answer is None
        return answer

    async def _count_failure(self) -> None:
        if await self._server.bans.fail(self._peer):
            self._log.warning("banned", seconds=self._server.settings.ban_time)

    def count(self, result: str) -> None:
        """Count what the last login came to."""
        tally.add(LOGINS, 1, "sftp", self._method, result)

    def _reject(self, method: str, result: str) -> bool:
        self._method = method
        self.count(result)
        self._tries += 1
        banned = self._server.bans.is_banned(self._peer)
        if banned or self._tries >= self._server.settings.max_auth_tries:
            self._close("Too many authentication failures", asyncssh.DISC_NO_MORE_AUTH_METHODS_AVAILABLE)
        return False

    def ended(self) -> None:
        """The connection is over: keys alone count once, for an honest client offers all that it has."""
        if self._tries and not (self.succeeded or self._password_failed or self._excused):
            self._server.spawn(self._count_failure())

    @property
    def _excused(self) -> bool:
        """Whether it may have been the server's doing that nobody logged in."""
        waited = self._loop.time() - self._asked_at if self._asked_at else 0.0
        return self._undecided or self._server.stopping or waited > _PATIENCE
