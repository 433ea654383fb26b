"""Accounts, their keys, and the hosts' own."""

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from smsfs.errors import Exists, StillOpen
from smsfs.store import Account
from smsfs.store.sqlite.database import SQL, Database


class SqliteAccounts:
    """The accounts in one SQLite file."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, name: str, dialect: str, settings: Mapping[str, Any], now: float) -> Account:
        """A new account."""
        values = {"name": name, "dialect": dialect, "settings": json.dumps(dict(settings)), "now": now}
        try:
            with self._database.write() as connection:
                return _account(connection.execute(SQL["account_add"], values).fetchone())
        except sqlite3.IntegrityError:
            raise Exists(f"There is an account {name} already.") from None

    def find(self, name: str) -> Account | None:
        """The account of that name."""
        return next(map(_account, self._database.read("account_find", name=name)), None)

    def get(self, account: int) -> Account | None:
        """The account with this id."""
        return next(map(_account, self._database.read("account_get", account=account)), None)

    def all(self) -> list[Account]:
        """Every account, by name."""
        return [_account(row) for row in self._database.read("account_all")]

    def _write(self, name: str, **values: Any) -> int:
        with self._database.write() as connection:
            return connection.execute(SQL[name], values).rowcount

    def update(self, account: int, settings: Mapping[str, Any]) -> None:
        """Replace an account's settings."""
        self._write("account_update", account=account, settings=json.dumps(dict(settings)))

    def set_password(self, account: int, password: str | None) -> None:
        """Replace an account's password hash."""
        self._write("account_password", account=account, password=password)

    def set_disabled(self, account: int, *, disabled: bool) -> None:
        """Close or open an account for logins."""
        self._write("account_disabled", account=account, disabled=int(disabled))

    def keys(self, account: int) -> list[str]:
        """Its public keys."""
        return [row["line"] for row in self._database.read("key_all", account=account)]

    def add_key(self, account: int, line: str) -> None:
        """Let a key log in."""
        self._write("key_add", account=account, line=line)

    def remove_key(self, account: int, line: str) -> bool:
        """Take a key's right to log in."""
        return self._write("key_drop", account=account, line=line) > 0

    def remove(self, account: int) -> list[str]:
        """Forget an account, its files and its history."""
        with self._database.write() as connection:
            values = {"account": account}
            if connection.execute(SQL["account_busy"], values).fetchone()[0]:
                raise StillOpen(
                    "A file or message of this account is still on its way; disable the account and wait."
                )
            contents = [row["content"] for row in connection.execute(SQL["account_contents"], values)]
            for step in ("outcomes", "slices", "batches", "files"):
                connection.execute(SQL[f"account_drop_{step}"], values)
            connection.execute(SQL["account_drop"], values)
        return contents

    def host_keys(self) -> dict[str, str]:
        """The hosts' SSH private keys by kind."""
        return {row["kind"]: row["private"] for row in self._database.read("host_key_all")}

    def add_host_key(self, kind: str, private: str) -> str:
        """Store a host key unless there is one of that kind; the one that counts."""
        self._write("host_key_add", kind=kind, private=private)
        return self.host_keys()[kind]


def _account(row: sqlite3.Row) -> Account:
    return Account(
        id=row["id"],
        name=row["name"],
        dialect=row["dialect"],
        password=row["password"],
        disabled=bool(row["disabled"]),
        settings=json.loads(row["settings"]),
        created=row["created"],
    )
