"""The server's side of logins: who may come in, and who has to leave. All of it runs on asyncio's loop."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from attrs import define, field

from smsfs.errors import NotAllowed
from smsfs.filesystem import Filesystem
from smsfs.frontends.authenticator import Authenticator, CheckFailed, decided
from smsfs.frontends.bans import DoorBans
from smsfs.frontends.doorway import Doorway, Ticket
from smsfs.frontends.ftp.client import Client
from smsfs.frontends.ftp.settings import FtpSettings
from smsfs.frontends.quiet import Quiet
from smsfs.frontends.shares import Shares
from smsfs.frontends.watch import Watcher
from smsfs.metrics import tally
from smsfs.metrics.catalog import LOGINS

#: What a refusal is counted as, where that is another word.
RESULTS: dict[str | None, str] = {"undecided": "error", "wrong": "failed"}


@define(eq=False)
class Admission:
    """Answers logins, and takes them back when they no longer hold.

    Attributes:
        settings: of the server.
        authenticator: of logins over TLS.
        plain: of logins without it.
        bans: of addresses.
        doorway: where connections wait for their login.
        accounts: how many connections each account has.
        watcher: knows which logins no longer hold.
        quiet: keeps floods out of the log.
        log: of the server.
        alarm: has the session of a client look at ``shut_out``.
    """

    settings: FtpSettings
    authenticator: Authenticator
    plain: Authenticator
    bans: DoorBans
    doorway: Doorway
    accounts: Shares
    watcher: Watcher | None
    quiet: Quiet
    log: Any
    alarm: Callable[[Client], None]
    _watched: dict[Client, Callable[[], None]] = field(init=False, factory=dict)

    async def log_in(self, client: Client, account: str, password: str, ticket: Ticket) -> Filesystem | str:
        """The account's files, or why the client is refused."""
        wrong = await self._check(account, password, client.peer, ticket)
        protocol = "ftps" if client.is_secure else "ftp"
        tally.add(LOGINS, 1, protocol, "password", RESULTS.get(wrong, wrong or "ok"))
        if wrong:
            return wrong
        asked = self.authenticator if client.is_secure else self.plain
        filesystem = await asked.filesystem(account)
        if client.is_secure and client.plain_data:
            client.plain_data = await self._may_be_plain(account)
        self.leave(client)
        if self.watcher:
            self._watched[client] = self.watcher.enter(partial(self._shut_out, client))
        return filesystem

    async def _may_be_plain(self, account: str) -> bool:
        try:
            await self.plain.filesystem(account)
        except NotAllowed:
            return False
        return True

    async def _check(self, account: str, password: str, peer: str, ticket: Ticket) -> str | None:
        """None if the password is right, or why the client is refused."""
        ticket.step(asyncio.get_running_loop().time())
        if await self.bans.ask(peer):
            return "banned"
        log = self.log.bind(peer=peer, account=account, method="password")
        try:
            right = await decided(self.authenticator.password(account, password, peer), log)
        except CheckFailed:
            return "undecided"
        if right is not False:
            return self._logged_in(account, ticket) if right else "undecided"
        log.info("login_failed")
        if await self.bans.fail(peer):
            self.log.warning("banned", peer=peer, seconds=self.settings.ban_time)
            return "banned"
        return "wrong"

    def _logged_in(self, account: str, ticket: Ticket) -> str | None:
        self.give_back(ticket)
        if not self.accounts.take(account):
            reason = "too many connections of this account"
            self.quiet.tell(self.log.warning, "connection_refused", reason, peer=ticket.peer, account=account)
            return "busy"
        self.doorway.logged_in(ticket, account)
        return None

    def give_back(self, ticket: Ticket) -> None:
        """Its account has one session less, if it had logged in."""
        if ticket.account is not None:
            self.accounts.give_back(ticket.account)
            ticket.account = None

    def leave(self, client: Client) -> None:
        """The login is over, and no longer watched."""
        self._watched.pop(client, lambda: None)()

    def _shut_out(self, client: Client, why: str) -> None:
        client.shut_out = why
        self.alarm(client)
