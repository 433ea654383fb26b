"""Failed logins, and the addresses that are turned away for them."""

import json
from collections.abc import Collection

from attrs import asdict

from smsfs.store.bans import Ban, BanRules
from smsfs.store.sql import Connection, Database, Row

#: Failures are forgotten after this many seconds, or after the longest window that is in use.
KEEP_SECONDS = 3600.0


class SqlBans:
    """The bans of a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def fail(self, address: str, rules: BanRules, reason: str, now: float) -> Ban | None:
        """Count a failed login; the ban, if that was one too many."""
        with self._database.write(synced=False) as connection:
            connection.change("failure_expire", before=now - max(KEEP_SECONDS, rules.window))
            connection.change("failure_add", address=address, now=now)
            row = connection.one("failure_count", address=address, since=now - rules.window)
            if row is None or row["failures"] < rules.after:
                return None
            ban = Ban(address, now, now + rules.time, reason)
            _put(connection, ban)
            return ban

    def several(self, addresses: Collection[str], now: float) -> dict[str, Ban]:
        """The bans of some addresses that last."""
        with self._database.reading() as connection:
            rows = connection.all("ban_several", addresses=json.dumps(list(addresses)), now=now)
        return {row["address"]: _ban(row) for row in rows}

    def all(self, now: float) -> list[Ban]:
        """Those that last."""
        with self._database.reading() as connection:
            return [_ban(row) for row in connection.all("ban_all", now=now)]

    def add(self, ban: Ban) -> None:
        """Turn an address away."""
        with self._database.write() as connection:
            _put(connection, ban)

    def lift(self, address: str) -> bool:
        """Let an address log in."""
        with self._database.write() as connection:
            connection.change("failure_drop", address=address)
            return connection.change("ban_drop", address=address) > 0


def _put(connection: Connection, ban: Ban) -> None:
    connection.change("ban_expire", now=ban.since)
    connection.change("failure_drop", address=ban.address)
    connection.change("ban_put", **asdict(ban))


def _ban(row: Row) -> Ban:
    return Ban(row["address"], row["since"], row["until"], row["reason"])
