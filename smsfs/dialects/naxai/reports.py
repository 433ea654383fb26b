"""The daily reports of the Naxai dialect: statuses and replies as CSV.

The vendor's page gives names and columns. Times in ISO 8601 and UTC, rows that end with CR+LF and UTF-8
without a mark are ours.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from typing import Any

from smsfs.dialects.daily import DailyReports, ReceivedRow, StatusRow
from smsfs.dialects.naxai.codes import is_final, status

STATUS_COLUMNS = (
    *("templateId", "fileIngestionId", "messageId", "phone"),
    *("sentAt", "deliveredAt", "statusCode", "statusReason"),
)
RECEIVED_COLUMNS = (
    *("templateId", "fileIngestionId", "messageId", "outgoingMessageId"),
    *("phone", "message", "receivedAt"),
)
ROWS_AT_ONCE = 1000

is_report = re.compile(r"(status|received)_\d{4}-\d{2}-\d{2}\.csv", re.ASCII | re.IGNORECASE).fullmatch


def status_csv(rows: Iterable[StatusRow]) -> Iterator[bytes]:
    """The bytes of a day's status file, in pieces of at most 1,000 rows; always its first row."""
    return _csv(STATUS_COLUMNS, map(_status_cells, (row for row in rows if is_final(row.state))))


def received_csv(rows: Iterable[ReceivedRow]) -> Iterator[bytes]:
    """The bytes of a day's file of replies, in the same pieces."""
    return _csv(RECEIVED_COLUMNS, map(_received_cells, rows))


def names(day: date) -> tuple[str, str]:
    """What the two files of a day are called."""
    return f"status_{day:%Y-%m-%d}.csv", f"received_{day:%Y-%m-%d}.csv"


DAILY = DailyReports(names, status_csv, received_csv)


def _status_cells(row: StatusRow) -> list[str]:
    code, reason = status(row.state, row.code, row.reason, own=row.own)
    times = _shown(row.sent), _shown(row.delivered)
    return [row.account, row.batch, row.message, row.phone, *times, code, reason]


def _received_cells(row: ReceivedRow) -> list[str]:
    ids = [row.account, row.batch, row.message, row.outgoing]
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
