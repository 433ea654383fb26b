"""Accounts, their keys, and the hosts' own."""

import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec

from smsfs.errors import Exists, StillOpen
from smsfs.store import Account
from smsfs.store.sql import Connection, Database, Row


class SqlAccounts:
    """The accounts of a database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.changes = 0

    def add(
        self, name: str, dialect: str, settings: Mapping[str, Any], now: float, parent: int | None = None
    ) -> Account:
        """A new account."""
        values = {"name": name, "dialect": dialect, "settings": json.dumps(dict(settings)), "now": now}
        values["parent"] = parent
        try:
            with self._database.write() as connection:
                return account_of(connection.one("account_add", **values))
        except Exists:
            raise Exists(f"There is an account {name} already.") from None

    def find(self, name: str) -> Account | None:
        """The account of that name."""
        return self._find("account_find", name=name)

    def get(self, account: int) -> Account | None:
        """The account with this id."""
        return self._find("account_get", account=account)

    def several(self, accounts: Collection[int]) -> dict[int, Account]:
        """Those of some accounts that there are, by id."""
        rows = self._read("account_several", accounts=json.dumps(list(accounts)))
        return {row["id"]: account_of(row) for row in rows}

    def all(self) -> list[Account]:
        """Every account, by name."""
        return [account_of(row) for row in self._read("account_all")]

    def _read(self, statement: str, /, **values: Any) -> list[Row]:
        with self._database.reading() as connection:
            return connection.all(statement, **values)

    def _find(self, statement: str, /, **values: Any) -> Account | None:
        return next(map(account_of, self._read(statement, **values)), None)

    def _write(self, statement: str, /, **values: Any) -> int:
        with self._database.write() as connection:
            return connection.change(statement, **values)

    def update(self, account: int, settings: Mapping[str, Any]) -> None:
        """Replace an account's settings."""
        self._write("account_update", account=account, settings=json.dumps(dict(settings)))

    @contextmanager
    def _rights(self, account: int) -> Iterator[Connection]:
        """A transaction on who may use an account and its connectors, and meanwhile none on their files."""
        with self._database.write() as connection:
            for row in connection.all("account_family", account=account):
                connection.one("account_lock", account=row["id"])
            yield connection
        self.changes += 1

    def set_password(self, account: int, password: str | None, *, keep_sessions: bool = False) -> None:
        """Replace an account's password hash."""
        with self._rights(account) as connection:
            connection.change("account_password", account=account, password=password)
            if not keep_sessions:
                connection.change("account_reset", account=account)

    def set_disabled(self, account: int, *, disabled: bool, keep_sessions: bool = False) -> None:
        """Close or open an account for logins."""
        with self._rights(account) as connection:
            connection.change("account_disabled", account=account, disabled=int(disabled))
            if disabled and not keep_sessions:
                connection.change("account_close", account=account)

    def credits(self, account: int) -> int | None:
        """SMS it may still send; None without a limit."""
        return next((row["amount"] for row in self._read("account_credits", account=account)), None)

    def set_credits(self, account: int, amount: int | None) -> None:
        """Let it send so many SMS, or any number."""
        if amount is None:
            self._write("account_drop_credits", account=account)
        else:
            self._write("account_set_credits", account=account, amount=amount)

    def keys(self, account: int) -> list[str]:
        """Its public keys."""
        return [row["line"] for row in self._read("key_all", account=account)]

    def add_key(self, account: int, line: str) -> None:
        """Let a key log in."""
        self._write("key_add", account=account, line=line)

    def remove_key(self, account: int, line: str, *, keep_sessions: bool = False) -> bool:
        """Take a key's right to log in."""
        with self._rights(account) as connection:
            had_it = connection.change("key_drop", account=account, line=line) > 0
            if had_it and not keep_sessions:
                connection.change("account_reset", account=account)
        return had_it

    def remove(self, account: int) -> list[str]:
        """Forget an account, its files and its history."""
        with self._rights(account) as connection:
            busy = connection.one("account_busy", account=account)
            if busy and busy["connectors"]:
                raise StillOpen("This account has connectors: remove those first.")
            if busy and busy["busy"]:
                raise StillOpen(
                    "A file or message of this account is still on its way: disable the account and wait."
                )
            connection.change("account_mark_runs", account=account)
            contents = [row["content"] for row in connection.all("account_contents", account=account)]
            for step in ("reply_parts", "results", "outcomes", "slices", "batches", "files"):
                connection.change(f"account_drop_{step}", account=account)
            connection.change("account_drop", account=account)
        return contents

    def host_keys(self) -> dict[str, str]:
        """The hosts' SSH private keys by kind."""
        return {row["kind"]: row["private"] for row in self._read("host_key_all")}

    def add_host_key(self, kind: str, private: str) -> str:
        """Store a host key unless there is one of that kind; the one that counts."""
        self._write("host_key_add", kind=kind, private=private)
        return self.host_keys()[kind]


def account_of(row: Row) -> Account:
    """An account from its row."""
    return Account(
        id=row["id"],
        name=row["name"],
        dialect=row["dialect"],
        password=row["password"],
        disabled=bool(row["disabled"]),
        settings=msgspec.json.decode(row["settings"]),
        created=row["created"],
        parent=row["parent"],
        closings=row["closings"],
        resets=row["resets"],
    )
