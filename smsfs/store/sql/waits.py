"""What waits for a time that was taken from a clock which was ahead."""

from collections.abc import Iterable

from smsfs.store import NewTime, Slice
from smsfs.store.sql import Database
from smsfs.store.sql.inbound import AGAIN_CEILING
from smsfs.store.sql.slices import slice_from

#: By so much the clocks of two processes may differ, in seconds.
DIFFERENCE = 5.0
#: No mail waits longer to be tried again, in seconds.
MAIL_SECONDS = 7200.0
STEPS = (
    *("waits_batches", "waits_results", "waits_notices", "waits_receipts", "waits_reply_parts"),
    *("waits_bans", "waits_failures", "waits_aliases"),
)


class SqlWaits:
    """The waits of a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def shorten(self, now: float, retry: float, pause: float) -> int:
        """Bring forward what waits longer than it can have to."""
        values = {"now": now, "ahead": now + DIFFERENCE, "retry_at": now + retry, "pause_at": now + pause}
        values |= {"mail_at": now + MAIL_SECONDS, "match_at": now + AGAIN_CEILING}
        with self._database.write() as connection:
            changed = sum(connection.change(step, **values) for step in STEPS)
            if changed:
                connection.notify("all")
        return changed

    def slices(self, after: int, now: float, limit: int) -> list[Slice]:
        """Queued slices that are not due yet."""
        with self._database.reading() as connection:
            rows = connection.all("waits_slices", after=after, now=now, limit=limit)
            found = [connection.one("slice_full", slice=row["id"]) for row in rows]
        return [slice_from(row) for row in found if row]

    def bring_forward(self, slices: Iterable[NewTime]) -> int:
        """Have queued slices wait until another time."""
        with self._database.write() as connection:
            changed = sum(connection.change("waits_bring_forward", **new._asdict()) for new in slices)
            connection.notify("messages")
        return changed
