"""Who may log in to the web page, and who is logged in: the interface that every engine implements."""

from typing import Literal, Protocol

from attrs import field, frozen

from smsfs.store.audit import NewEntry

Role = Literal["viewer", "operator", "admin"]


@frozen
class OperatorLogin:
    """Somebody who looks after the server.

    Attributes:
        id: their number, which nobody else is ever given.
        name: what they log in with.
        role: what they may do.
        password: argon2's hash.
        created: when, in seconds since the epoch.
    """

    id: int
    name: str
    role: Role
    password: str = field(repr=False)
    created: float


@frozen
class WebSession:
    """A login that lasts: an operator's, or an account's.

    Attributes:
        token: SHA-256 of the secret that the browser has.
        operator: the operator's number; None for an account.
        account: the account's number; None for an operator.
        closings, resets: of the account, as they were at the login.
        began: when that was, in seconds since the epoch by the store's clock.
        seen: when it was used last, to the minute.
    """

    token: bytes = field(repr=False)
    operator: int | None
    account: int | None
    closings: int
    resets: int
    began: float
    seen: float


class Operators(Protocol):
    """Who may log in to the web page, and who is logged in. Sessions hold on every host of the store."""

    def add(self, name: str, role: Role, password: str, entry: NewEntry) -> OperatorLogin:
        """A new operator; ``entry`` is recorded with it.

        Raises:
            Exists: there is one of that name.
        """

    def find(self, name: str) -> OperatorLogin | None:
        """The operator of that name."""

    def get(self, operator: int) -> OperatorLogin | None:
        """The operator with this number."""

    def all(self) -> list[OperatorLogin]:
        """Every operator, by name."""

    def remove(self, name: str, entry: NewEntry) -> bool:
        """Forget an operator, whose sessions end; whether there was one. ``entry`` is recorded with it."""

    def begin(self, session: WebSession, *, idle_since: float, oldest: float) -> None:
        """Store a session, and forget those not used since a time, or begun before another."""

    def session(self, token: bytes) -> WebSession | None:
        """The session with this token."""

    def use(self, token: bytes, now: float) -> None:
        """Note that a session was used; a power cut may undo it."""

    def end(self, token: bytes) -> None:
        """Forget a session."""
