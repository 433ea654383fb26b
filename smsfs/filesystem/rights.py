"""Access to an account until it ends; a new account of the same name does not bring it back."""

import time
from contextlib import suppress
from enum import Enum
from math import inf

from attrs import frozen

from smsfs.errors import NotAllowed, StoreUnavailable
from smsfs.store import Account, Store

#: How long what was found out about an access holds for what is not checked in a transaction, in seconds.
FRESH_SECONDS = 0.2


class Access(Enum):
    """The way in which a session got to an account's files."""

    LOGIN = "login"  # by a password or a key
    LOCAL = "local"  # as a user of this host: a mount, a program
    OPERATOR = "operator"  # with the files of every account


@frozen
class Right:
    """What a session remembers of its account.

    Attributes:
        account: its number, which no other account is ever given.
        access: how the session came about.
        closings, resets: of the account, as they were then.
    """

    account: int
    access: Access
    closings: int
    resets: int

    @classmethod
    def to(cls, account: Account, access: Access) -> "Right":
        """The right to an account as it is now."""
        return cls(account.id, access, account.closings, account.resets)

    def ended(self, now: Account | None) -> str | None:
        """Why it is no right any more, in a sentence; ``now`` is the account with this number."""
        if now is None:
            return "This account was removed."
        if self.access is not Access.OPERATOR and now.closings != self.closings:
            return "This account was closed."
        if self.access is Access.LOGIN and now.resets != self.resets:
            return "The password or the keys of this account were changed; log in again."
        return None


def check_open(store: Store, account: Account) -> Account:
    """The account, if it may be used without a login.

    Raises:
        NotAllowed: it is disabled, or the account that it belongs to.
    """
    family = [account, store.accounts.get(account.parent) if account.parent else None]
    for closed in (one for one in family if one and one.disabled):
        raise NotAllowed(f"The account {closed.name} is disabled; smsfs account show tells more.")
    return account


class Rights:
    """The right under which a filesystem is used. Once it has ended, it stays so."""

    def __init__(self, store: Store, right: Right) -> None:
        self.right = right
        self._accounts = store.accounts
        self._ended: str | None = None
        self._checked = -inf
        self._changes = -1

    def ended(self, now: Account | None) -> str | None:
        """Why it has ended, in a sentence; ``now`` is the account as a transaction sees it."""
        self._ended = self._ended or self.right.ended(now)
        self._checked = time.monotonic()
        return self._ended

    def check(self, now: Account | None) -> Account:
        """The account as it is ``now``, if it may still be used.

        Raises:
            NotAllowed: the right has ended.
        """
        why = self.ended(now)
        if why or now is None:
            raise NotAllowed(why or "This account was removed.")
        return now

    def account(self) -> Account:
        """The account as it is now.

        Raises:
            NotAllowed: the right has ended.
        """
        if self._ended:
            raise NotAllowed(self._ended)
        self._changes = self._accounts.changes
        return self.check(self._accounts.get(self.right.account))

    def check_soon(self) -> None:
        """Check it, unless that was done just now; the store being away says nothing about it.

        Raises:
            NotAllowed: the right has ended.
        """
        if self._ended:
            raise NotAllowed(self._ended)
        is_fresh = time.monotonic() - self._checked <= FRESH_SECONDS
        if not is_fresh or self._changes != self._accounts.changes:
            self._checked = time.monotonic()
            with suppress(StoreUnavailable):
                self.account()
