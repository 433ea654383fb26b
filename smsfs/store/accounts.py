"""Who may log in, and under which rules."""

from collections.abc import Collection, Mapping
from typing import Any, Protocol

from attrs import field, frozen


@frozen
class Account:
    """One customer: a login, a folder, its rules. ``parent`` is the account that a connector belongs to.

    A session goes on while ``closings`` and ``resets`` are what they were when it began: the first counts how
    often the account was disabled, the second how often its password or keys were changed or taken away.
    """

    id: int
    name: str
    dialect: str
    password: str | None = field(repr=False)
    disabled: bool
    settings: Mapping[str, Any]
    created: float
    parent: int | None = None
    closings: int = 0
    resets: int = 0

    @property
    def principal(self) -> int:
        """Whose credit and opt-out list it uses: its own, or those of the account it belongs to."""
        return self.parent or self.id


class Accounts(Protocol):
    """Who may log in, and under which rules.

    Attributes:
        changes: how often this process has changed who may use an account.
    """

    changes: int

    def add(
        self, name: str, dialect: str, settings: Mapping[str, Any], now: float, parent: int | None = None
    ) -> Account:
        """A new account; with ``parent`` a connector of that account.

        Raises:
            Exists: there is one of that name.
        """

    def find(self, name: str) -> Account | None:
        """The account of that name."""

    def get(self, account: int) -> Account | None:
        """The account with this id."""

    def several(self, accounts: Collection[int]) -> dict[int, Account]:
        """Those of some accounts that there are, by id."""

    def all(self) -> list[Account]:
        """Every account, by name."""

    def update(self, account: int, settings: Mapping[str, Any]) -> None:
        """Replace an account's settings."""

    def set_password(self, account: int, password: str | None, *, keep_sessions: bool = False) -> None:
        """Replace an account's password hash; what has logged in ends, unless it is to be kept."""

    def set_disabled(self, account: int, *, disabled: bool, keep_sessions: bool = False) -> None:
        """Close or open an account for logins.

        Closed, its sessions and those of its connectors end, unless they are to be kept.
        """

    def credits(self, account: int) -> int | None:
        """SMS it may still send; None without a limit. Connectors spend those of their account."""

    def set_credits(self, account: int, amount: int | None) -> None:
        """Let it send so many SMS; None takes the limit away."""

    def keys(self, account: int) -> list[str]:
        """Its public keys, each a line as in OpenSSH's authorized_keys."""

    def add_key(self, account: int, line: str) -> None:
        """Let a key log in; a second time is no error."""

    def remove_key(self, account: int, line: str, *, keep_sessions: bool = False) -> bool:
        """Take a key's right to log in; whether it had it. As for ``set_password``."""

    def remove(self, account: int) -> list[str]:
        """Forget an account, its files and its history.

        Returns:
            The contents of its files, for the caller to delete.

        Raises:
            StillOpen: a file or message of it is on its way.
        """

    def host_keys(self) -> dict[str, str]:
        """The hosts' SSH private keys, OpenSSH PEM by kind."""

    def add_host_key(self, kind: str, private: str) -> str:
        """Store a host key unless there is one of that kind; the one that counts."""
