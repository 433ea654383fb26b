"""What a batch keeps other batches of its account from using for a while."""

import json
from collections.abc import Iterable

from smsfs.store import Batch, Process
from smsfs.store.sql import Database
from smsfs.store.sql.queue import must_hold


class SqlClaims:
    """The claims of a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def take(
        self, batch: Batch, owner: Process, keys: Iterable[str], now: float, until: float
    ) -> dict[str, int]:
        """Claim what is free; what is not, each with the batch that has it."""
        values = {"account": batch.account, "batch": batch.id, "keys": json.dumps(list(keys))}
        with self._database.write(synced=False) as connection:
            must_hold(connection, batch.id, owner)
            connection.change("claim_take", now=now, until=until, **values)
            return {row["key"]: row["batch"] for row in connection.all("claim_others", **values)}

    def free(self, batch: Batch, owner: Process, keys: Iterable[str]) -> None:
        """Let go of keys that the batch has claimed."""
        rows = [{"account": batch.account, "batch": batch.id, "key": key} for key in keys]
        with self._database.write(synced=False) as connection:
            must_hold(connection, batch.id, owner)
            connection.bulk("claim_drop", rows)

    def expire(self, now: float, limit: int) -> int:
        """Forget claims whose time is over."""
        with self._database.write() as connection:
            return connection.change("claim_expire", now=now, limit=limit)
