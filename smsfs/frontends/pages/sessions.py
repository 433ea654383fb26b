"""Who is logged in to the web page."""

import hmac
import secrets
from hashlib import sha256

from attrs import frozen

from smsfs.filesystem.rights import Access, Right
from smsfs.store import Account, OperatorLogin, Store, WebSession

#: A session that is not used for so long ends, and each does after the other, in seconds.
IDLE_SECONDS, MOST_SECONDS = 1800.0, 43_200.0
#: The use of a session is noted so often at most, in seconds.
NOTE_SECONDS = 60.0
#: Those who may do what changes something.
ACTING = frozenset({"operator", "admin"})


@frozen
class Who:
    """Somebody who is logged in.

    Attributes:
        name: that they logged in with.
        role: ``"viewer"``, ``"operator"``, ``"admin"``, or ``"owner"`` for an account.
        account: the number of the one account that they may see; None for all.
    """

    name: str
    role: str
    account: int | None = None

    @property
    def may_act(self) -> bool:
        """Whether they may do what changes something."""
        return self.role in ACTING

    def sees(self, account: int) -> bool:
        """Whether they may see what is of an account."""
        return self.account in (None, account)


def new_secret() -> str:
    """What only one browser knows."""
    return secrets.token_urlsafe(32)


def form_token(secret: str) -> str:
    """What a form must hold that is posted with a cookie: other sites know neither."""
    return hmac.digest(secret.encode(), b"form", sha256).hex()


class Sessions:
    """Sessions of the store; it knows hashes of the browsers' secrets only."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def begin(self, login: OperatorLogin | Account) -> str:
        """Begin a session; the secret for the browser."""
        secret, now = new_secret(), self._store.now()
        whose: tuple[int | None, int | None, int, int] = (login.id, None, 0, 0)
        if isinstance(login, Account):
            whose = (None, login.id, login.closings, login.resets)
        session = WebSession(_hash(secret), *whose, began=now, seen=now)
        self._store.operators.begin(session, idle_since=now - IDLE_SECONDS, oldest=now - MOST_SECONDS)
        return secret

    def who(self, secret: str) -> Who | None:
        """Whose session it is; None if it is over."""
        session, now = self._store.operators.session(_hash(secret)), self._store.now()
        if session is None:
            return None
        who = self._owner(session)
        if who is None or now - session.seen > IDLE_SECONDS or now - session.began > MOST_SECONDS:
            self._store.operators.end(session.token)
            return None
        if now - session.seen > NOTE_SECONDS:
            self._store.operators.use(session.token, now)
        return who

    def _owner(self, session: WebSession) -> Who | None:
        if session.operator is not None:
            operator = self._store.operators.get(session.operator)
            return Who(operator.name, operator.role) if operator else None
        if session.account is None:
            return None
        account = self._store.accounts.get(session.account)
        right = Right(session.account, Access.LOGIN, session.closings, session.resets)
        return None if account is None or right.ended(account) else Who(account.name, "owner", account.id)

    def end(self, secret: str) -> None:
        """End a session."""
        self._store.operators.end(_hash(secret))


def _hash(secret: str) -> bytes:
    return sha256(secret.encode("utf-8", "surrogatepass")).digest()
