"""Changes of files in which one statement does what takes several beside SQLite."""

from collections.abc import Callable, Iterable
from typing import Any

from smsfs.store import File, Process
from smsfs.store.sql import Answer, Connection
from smsfs.store.sql.file_change import LARGE_BYTES, AloneChange
from smsfs.store.sql.file_view import file_from, split


class OneStepChange(AloneChange):
    """A transaction that is alone on an account."""

    def __init__(self, connection: Connection, account: int, paths: Iterable[str] = ()) -> None:
        connection.later("account_lock", account=account)
        super().__init__(connection, account, paths)

    def begin(
        self, account: int, path: str, content: str, mtime: float, owner: Process
    ) -> Callable[[], tuple[File, int]]:
        """A new, empty draft that ``owner`` has open for writing."""
        values = {"account": account, "content": content, "mtime": mtime, "owner": owner.id}
        row = self._written("file_begin", **values, **split(path))

        def made() -> tuple[File, int]:
            if (there := row()) is None:
                raise RuntimeError("no row came back from file_begin")
            return file_from(there), there["writer"]

        return made

    def _handed_over(self, **values: Any) -> Answer:
        return self._written("file_hand_over", empty=b"", large_bytes=LARGE_BYTES, **values)
