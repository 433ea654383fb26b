"""What a server asks about a login, and what it makes of the answer."""

from collections.abc import Awaitable
from typing import Protocol

import asyncssh
import structlog

from smsfs.filesystem import Filesystem

#: For the client whose login could not be checked.
NOT_CHECKED = "Logins cannot be checked for now; try again later."


class Authenticator(Protocol):
    """Who may log in. An unknown account takes as long to refuse as a wrong password.

    Any exception says that the login could not be checked: it is not an answer, and must never count
    against the client.
    """

    async def password(self, username: str, password: str, peer: str) -> bool | None:
        """Whether the password is the account's; None when what is stored of it is damaged."""

    async def filesystem(self, username: str) -> Filesystem:
        """The files of an account that has logged in, for one session; called in the context of its login.

        Raises:
            OSError: they cannot be had now; the client gets the sentence of a refusal.
        """


class KeyAuthenticator(Authenticator, Protocol):
    """As above, for servers that know public keys too."""

    async def key(self, username: str, key: asyncssh.SSHKey, peer: str) -> bool | None:
        """Whether the public key is one of the account's; that the client holds it is checked after.

        None when it is not among those that can be read, and others cannot be read.
        """


class CheckFailed(Exception):
    """A login could not be checked."""


async def decided(question: Awaitable[bool | None], log: structlog.stdlib.BoundLogger) -> bool | None:
    """The answer to a question about a login; it is logged if there is no answer.

    Raises:
        CheckFailed: it could not be found out.
    """
    try:
        answer = await question
    except OSError as exc:
        log.warning("login_check_failed", reason=str(exc))
        raise CheckFailed from exc
    except Exception as exc:
        log.exception("login_check_failed")
        raise CheckFailed from exc
    if answer is None:
        log.error("login_check_failed", reason="what is stored of this login is damaged")
    return answer
