"""Logins: USER, PASS and REIN."""

from smsfs.errors import NotAllowed
from smsfs.frontends.authenticator import NOT_CHECKED
from smsfs.frontends.ftp.client import Client
from smsfs.frontends.ftp.commands import Handler
from smsfs.frontends.ftp.control import Control


class Logins:
    """Checks passwords, and ends a session that does not log in.

    Args:
        control: the connection.
        client: the client.
    """

    def __init__(self, control: Control, client: Client) -> None:
        self._control = control
        self._client = client
        self._settings = client.settings
        self._tries = 0

    @property
    def handlers(self) -> dict[str, Handler]:
        """What executes which command."""
        return {"USER": self._user, "PASS": self._password, "REIN": self._control.ftp_REIN}

    def await_one(self) -> None:
        """From now on there is limited time for a login."""
        self._control.call_later(self._settings.login_timeout, self._check_login)

    def _check_login(self) -> None:
        if not self._client.is_logged_in:
            self._client.log.info("login_timeout")
            self._control.leave("421 No login in time.")

    def _user(self, arg: str) -> None:
        """Take the account's name; the reply does not show whether it exists."""
        if self._has_tls():
            self._control.ftp_USER(arg)

    def _has_tls(self) -> bool:
        """Whether a login may go on; says so if not."""
        may = self._client.is_secure or self._settings.plain
        if not may:
            sentence = "Log in over TLS: set the client to explicit FTPS (AUTH TLS)."
            self._client.log.info("refused", request="USER", sentence=sentence)
            self._control.respond(f"530 {sentence}")
        return may

    def _password(self, arg: str) -> None:
        account = self._control.username
        if self._client.is_logged_in or not account:
            self._control.respond("503 USER comes before PASS, once.")
        elif self._has_tls():
            try:
                self._log_in(account, arg)
            except NotAllowed as refusal:
                self._control.leave(f"530 {refusal.sentence}")
            except Exception as exc:  # noqa: BLE001 - whatever failed, it is no answer to the password
                self._client.log.warning("login_check_failed", account=account, reason=str(exc))
                self._cannot_check()

    def _cannot_check(self) -> None:
        self._control.leave(f"421 {NOT_CHECKED}")

    def _log_in(self, account: str, password: str) -> None:
        answer = self._client.host.log_in(self._client, account, password)
        if isinstance(answer, str):
            self._refuse(answer)
            return
        self._client.enter(account, answer)
        self._control.authenticated = True
        self._client.log.info("login", tls=self._client.is_secure)
        self._control.respond("230 Logged in.")

    def _refuse(self, why: str) -> None:
        if why == "undecided":
            self._cannot_check()
            return
        self._control.username = ""
        if why == "busy":
            self._control.leave("421 This account has too many connections; close some.")
            return
        self._tries += 1
        if why == "banned" or self._tries >= self._settings.max_auth_tries:
            self._control.leave("530 Too many failed logins.")
        else:
            self._control.respond("530 The account's name or password is wrong.")
