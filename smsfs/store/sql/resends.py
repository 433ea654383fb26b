"""What operators send again."""

import json
from collections.abc import Callable

from smsfs.errors import StoreConflict
from smsfs.states import BatchState
from smsfs.store.audit import NewEntry
from smsfs.store.files import FileChange
from smsfs.store.resends import NewResend, Resend
from smsfs.store.sql import Database, Row, plain
from smsfs.store.sql.audit import record
from smsfs.store.sql.file_change import AloneChange


class SqlResends:
    """What is sent again, in a database.

    Args:
        database: it.
        alone: a change that is alone on an account.
    """

    def __init__(self, database: Database, alone: type[AloneChange] = AloneChange) -> None:
        self._database = database
        self._alone = alone

    def add(
        self,
        account: int,
        new: NewResend,
        last: int,
        submit: Callable[[FileChange], tuple[int, NewEntry]],
    ) -> Resend:
        """Send rows again, if none of their batch were since they were chosen."""
        with self._database.write() as connection:
            files = self._alone(connection, account)
            if connection.one("order_batch", batch=new.origin) is None:
                raise StoreConflict(f"Batch {new.origin} has just gone; nothing was changed.")
            rows = connection.all("resend_origin", origin=new.origin)
            if max((row["batch"] for row in rows), default=0) != last:
                raise StoreConflict(f"Rows of batch {new.origin} were sent again at the same time.")
            batch, entry = submit(files)
            values = {"origin": new.origin, "messages": new.messages, "digest": new.digest}
            values |= {"ranges": json.dumps(new.ranges), "batch": batch}
            number = record(connection, entry)
            connection.change("resend_add", **values, entry=number, who=plain(entry.who), at=entry.at)
            connection.change("resend_mark", batch=batch, origin=new.origin)
        return Resend(new.origin, new.ranges, new.messages, new.digest, batch, number, entry.who, entry.at)

    def of(self, batch: int) -> Resend | None:
        """What a batch sends again."""
        return next(iter(self._read("resend_of", batch=batch)), None)

    def origin(self, origin: int) -> list[Resend]:
        """What was sent again of a batch."""
        return self._read("resend_origin", origin=origin)

    def has_file(self, file: int) -> bool:
        """Whether a file was made for this."""
        with self._database.reading() as connection:
            return connection.one("resend_file", file=file) is not None

    def _read(self, statement: str, /, **values: int) -> list[Resend]:
        with self._database.reading() as connection:
            return [_resend_from(row) for row in connection.all(statement, **values)]


def _resend_from(row: Row) -> Resend:
    return Resend(
        origin=row["origin"],
        ranges=tuple((first, last) for first, last in json.loads(row["ranges"])),
        messages=row["messages"],
        digest=bytes(row["digest"]),
        batch=row["batch"],
        entry=row["entry"],
        who=row["who"],
        at=row["at"],
        state=BatchState(row["state"]),
    )
