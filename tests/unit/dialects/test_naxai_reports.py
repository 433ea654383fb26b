"""Daily reports of the Naxai dialect."""

import csv
import io
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsfs.dialects.daily import ReceivedRow, StatusRow
from smsfs.dialects.naxai.codes import NAMES, is_final, status
from smsfs.dialects.naxai.reports import is_report, names, received_csv, status_csv
from smsfs.states import MessageState as M

SENT = datetime(2026, 11, 21, 9, 45, tzinfo=UTC).timestamp()
DAY = date(2026, 11, 21)


def _row(state=M.DELIVERED, code="", reason="", **more) -> StatusRow:
    return StatusRow("t1", "f1", "m1", "32476123456", SENT, more.get("delivered", 0), state, code, reason)


def test_the_status_file():
    """A customer's system that reads the file would find other columns than the page's."""
    rows = [
        _row(delivered=SENT + 61),
        StatusRow("t1", "f1", "m2", "32476123457", 0, 0, M.REJECTED, "802", "message-parts-exceeded"),
    ]
    assert b"".join(status_csv(rows)).decode().split("\r\n") == [
        "templateId,fileIngestionId,messageId,phone,sentAt,deliveredAt,statusCode,statusReason",
        "t1,f1,m1,32476123456,2026-11-21T09:45:00Z,2026-11-21T09:46:01Z,200,200-delivered",
        "t1,f1,m2,32476123457,,,802,802-message-parts-exceeded",
        "",
    ]


def test_the_file_of_replies():
    """A reply would be lost, or its text break the table."""
    rows = [ReceivedRow("t1", "f1", "r1", "m1", "32476123456", 'Ja, "dank u"\nJan', SENT)]
    header, row = csv.reader(io.StringIO(b"".join(received_csv(rows)).decode(), newline=""))
    assert (
        ",".join(header) == "templateId,fileIngestionId,messageId,outgoingMessageId,phone,message,receivedAt"
    )
    assert row == ["t1", "f1", "r1", "m1", "32476123456", 'Ja, "dank u"\nJan', "2026-11-21T09:45:00Z"]


def test_a_day_without_messages_has_its_columns():
    """A customer's system would take an empty file for a broken one."""
    assert b"".join(status_csv([])).startswith(b"templateId,")
    assert b"".join(received_csv([])).count(b"\r\n") == 1


def test_only_final_states_are_exported():
    """A message would be reported as sent, and nobody learn that it was not delivered."""
    data = b"".join(status_csv(_row(state) for state in M))
    assert data.count(b"\r\n") == 1 + 5
    assert {state for state in M if is_final(state)} == {
        M.DELIVERED,
        M.UNDELIVERED,
        M.REJECTED,
        M.EXPIRED,
        M.CANCELLED,
    }


def test_reports_come_in_pieces():
    """A day of a million messages would take the memory of the host."""
    pieces = list(status_csv(_row() for _ in range(2500)))
    assert len(pieces) == 3
    assert b"".join(pieces).count(b"\r\n") == 2501


@pytest.mark.parametrize(
    ("state", "code", "reason", "expected"),
    [
        (M.DELIVERED, "", "", ("200", "200-delivered")),
        (M.DELIVERED, "000", "no error", ("200", "200-delivered")),
        (M.REJECTED, "802", "message-parts-exceeded", ("802", "802-message-parts-exceeded")),
        (M.REJECTED, "901", "barred", ("342", "342-unknown-ack (901 barred)")),
        (M.UNDELIVERED, "904", "UNDELIV", ("343", "343-unknown-dlr (904 UNDELIV)")),
        (M.REJECTED, "RINVDSTADR", "invalid destination address", ("345", "345-invalid-destination")),
        (M.REJECTED, "ESME_RINVSRCADR", "", ("323", "323-invalid-source")),
        (M.REJECTED, "RSUBMITFAIL", "", ("342", "342-unknown-ack (RSUBMITFAIL)")),
        (M.UNDELIVERED, "", "", ("343", "343-unknown-dlr")),
        (M.UNDELIVERED, "200", "absent", ("343", "343-unknown-dlr (200 absent)")),
        (M.UNDELIVERED, "344-absent", "", ("344", "344-absent")),
        (M.UNDELIVERED, "412-something-new", "", ("412", "412-something-new")),
        (M.EXPIRED, "", "", ("902", "902-expired")),
        (M.CANCELLED, "", "", ("903", "903-cancelled")),
    ],
)
def test_codes(state, code, reason, expected):
    """A message that failed would be reported as delivered, or for another reason than its own."""
    assert status(state, code, reason) == expected


@pytest.mark.parametrize("code", ["802", "901", "904"])
def test_what_smsfs_refuses_has_its_code(code):
    """Who has opted out would be reported as a number that the carrier does not know."""
    assert status(M.REJECTED, code, "for people", own=True) == (code, f"{code}-{NAMES[code]}")


@given(st.sampled_from([state for state in M if is_final(state)]), st.text(), st.text())
def test_only_a_delivered_message_is_reported_as_delivered(state, code, reason):
    """A carrier's error 200 would be read as success."""
    number, name = status(state, code, reason)
    assert (state is M.DELIVERED) == (number == "200") or code.startswith("200-")
    assert name.startswith(number)


def test_published_codes_are_all_there():
    """A code of the vendor's list would lose its name."""
    known = "100 200 302 303 305 309 320 321 322 323 324 342 343 344 345 802"
    assert " ".join(code for code in NAMES if code < "900") == known
    assert is_report("status_2026-11-21.csv")
    assert not is_report("status_2026-11-21.csv.part")


def test_names_of_a_day():
    """A customer's system would look for other files than those there are."""
    assert names(DAY) == ("status_2026-11-21.csv", "received_2026-11-21.csv")
    assert all(map(is_report, names(DAY)))
