"""The daily reports of the Naxai dialect: statuses and replies as CSV, and the days that are due.

The vendor's page gives names and columns. Times in ISO 8601 and UTC, rows that end with CR+LF and UTF-8
without a mark are ours.
"""

import csv
import io
import re
from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from attrs import frozen

from smsfs.dialects.naxai.codes import is_final, status
from smsfs.states import MessageState

STATUS_COLUMNS = (
    *("templateId", "fileIngestionId", "messageId", "phone"),
    *("sentAt", "deliveredAt", "statusCode", "statusReason"),
)
RECEIVED_COLUMNS = (
    *("templateId", "fileIngestionId", "messageId", "outgoingMessageId"),
    *("phone", "message", "receivedAt"),
)
KEPT_DAYS = 30
#: From when on the day before is reported; by 05:00 it is, unless the server was down.
FIRST_HOUR = 2
ROWS_AT_ONCE = 1000

_DAY = timedelta(days=1)
is_report = re.compile(r"(status|received)_\d{4}-\d{2}-\d{2}\.csv", re.ASCII | re.IGNORECASE).fullmatch


@frozen
class StatusRow:
    """What became of one message.

    Attributes:
        template: the connector's id.
        ingestion: the file's id.
        message: the message's id.
        phone: MSISDN it went to.
        sent: seconds since the epoch; 0 if it never left.
        delivered: likewise; 0 if it was not.
        state: messages in a state that may still change are left out of reports.
        code: what came with the state.
        reason: likewise.
        own: smsfs refused it, and no carrier has seen it.
    """

    template: str
    ingestion: str
    message: str
    phone: str
    sent: float
    delivered: float
    state: MessageState
    code: str = ""
    reason: str = ""
    own: bool = False


@frozen
class ReceivedRow:
    """A reply.

    Attributes:
        template: the connector's id.
        ingestion: the id of the file of the message it answers.
        message: the reply's own id.
        outgoing: the id of the message it answers; empty where none is known.
        phone: MSISDN it came from.
        text: what it says.
        received: seconds since the epoch.
    """

    template: str
    ingestion: str
    message: str
    outgoing: str
    phone: str
    text: str
    received: float


def status_csv(rows: Iterable[StatusRow]) -> Iterator[bytes]:
    """The bytes of a day's status file, in pieces of at most 1,000 rows; always its first row."""
    return _csv(STATUS_COLUMNS, map(_status_cells, (row for row in rows if is_final(row.state))))


def received_csv(rows: Iterable[ReceivedRow]) -> Iterator[bytes]:
    """The bytes of a day's file of replies, likewise."""
    return _csv(RECEIVED_COLUMNS, map(_received_cells, rows))


def names(day: date) -> tuple[str, str]:
    """What the two files of a day are called."""
    return f"status_{day:%Y-%m-%d}.csv", f"received_{day:%Y-%m-%d}.csv"


def span(day: date) -> tuple[float, float]:
    """The first second of a day in UTC, and the first of the next, since the epoch."""
    start = datetime.combine(day, time(), UTC)
    return start.timestamp(), (start + _DAY).timestamp()


def report_days(now: datetime, made: Collection[date], since: date) -> list[date]:
    """The days whose reports are due and not made, the oldest first.

    A day is due from 02:00 UTC of the next on. Those that were missed are made later, as long as they
    would still be kept.

    Args:
        now: with a time zone.
        made: days whose reports are made, as far back as reports are kept.
        since: the first day there is anything to report on, such as that of the connector's creation.
    """
    last = (now.astimezone(UTC) - timedelta(hours=FIRST_HOUR)).date() - _DAY
    first = max(since, now.astimezone(UTC).date() - KEPT_DAYS * _DAY)
    days = (first + number * _DAY for number in range((last - first).days + 1))
    return [day for day in days if day not in made]


def _status_cells(row: StatusRow) -> list[str]:
    code, reason = status(row.state, row.code, row.reason, own=row.own)
    times = _shown(row.sent), _shown(row.delivered)
    return [row.template, row.ingestion, row.message, row.phone, *times, code, reason]


def _received_cells(row: ReceivedRow) -> list[str]:
    ids = [row.template, row.ingestion, row.message, row.outgoing]
    return [*ids, row.phone, row.text, _shown(row.received)]


def _shown(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}" if at else ""


def _csv(columns: Iterable[str], rows: Iterator[list[str]]) -> Iterator[bytes]:
    buffer = io.StringIO()
    writer: Any = csv.writer(buffer)
    writer.writerow(columns)
    for number, row in enumerate(rows, 1):
        writer.writerow(row)
        if not number % ROWS_AT_ONCE:
            yield _taken(buffer)
    if buffer.tell():
        yield _taken(buffer)


def _taken(buffer: io.StringIO) -> bytes:
    data = buffer.getvalue().encode("utf-8", "replace")
    buffer.seek(0)
    buffer.truncate()
    return data
