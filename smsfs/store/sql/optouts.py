"""Numbers that want no more messages of an account."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from smsfs.store import Optout
from smsfs.store.sql import Connection, Database


class SqlOptouts:
    """The opt-out lists of a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, account: int, msisdns: Iterable[str], source: str, now: float) -> int:
        """Put numbers on the list."""
        with self._database.write() as connection:
            return add(connection, account, msisdns, source, now)

    def remove(self, account: int, msisdns: Iterable[str]) -> int:
        """Take numbers from the list."""
        with self._database.write() as connection:
            return connection.change("optout_drop", account=account, msisdns=_numbers(msisdns))

    def all(self, account: int) -> Iterator[Optout]:
        """The list, by number."""
        after = 0
        while rows := self._read("optout_all", account=account, after=after):
            yield from (Optout(str(row["msisdn"]), row["since"], row["source"]) for row in rows)
            after = rows[-1]["msisdn"]

    def listed(self, account: int, msisdns: Iterable[str]) -> set[str]:
        """Those of some numbers that are on the list."""
        rows = self._read("optout_listed", account=account, msisdns=_numbers(msisdns))
        return {str(row["msisdn"]) for row in rows}

    def _read(self, statement: str, /, **values: Any) -> list[Any]:
        with self._database.reading() as connection:
            return connection.all(statement, **values)


def add(connection: Connection, account: int, msisdns: Iterable[str], source: str, now: float) -> int:
    """Put numbers on a list, within a transaction; how many were not there."""
    values = {"account": account, "msisdns": _numbers(msisdns), "source": source, "now": now}
    return connection.change("optout_add", **values)


def _numbers(msisdns: Iterable[str]) -> str:
    return json.dumps(sorted({int(msisdn) for msisdn in msisdns}))
