"""The reports beside a file, the codes, and the rest of what the pipeline asks."""

import io
import json
from datetime import UTC, datetime

import pytest

from smsfs.dialects import Findings, Submission
from smsfs.dialects.registry import dialect
from smsfs.dialects.smsportal import SmsPortal
from smsfs.dialects.smsportal.codes import Code
from smsfs.errors import Cause
from smsfs.states import FileState

DIALECT = SmsPortal()
AT = datetime(2026, 11, 22, 9, 45, tzinfo=UTC)
CAUSES = [
    Cause("msisdn is missing or empty", code=Code.MISSING, index=3, document="all.zip/a.json"),
    Cause(
        'the message holds "日\u2028"',
        code=Code.PARSE,
        index=4,
        msisdn="27821234567",
        document="all.zip/a.json",
    ),
    Cause("no text", 2, "14", code=Code.CORRUPT, document="all.zip/\ud800.json"),
]


def reports(state=FileState.REJECTED, causes=CAUSES, total=7):
    """Name and text of both."""
    told = DIALECT.reports(Findings(Submission("all.zip"), causes, total, state, AT))
    return {path: data.decode() for path, data in told}


def test_a_report_for_people():
    """Nobody could tell which contact to mend, and whether the others got their message."""
    lines = reports()["Errors/all.zip.errors.txt"].split("\r\n")
    assert lines == [
        "all.zip was not processed and nothing was sent; this is wrong with it:",
        "RequiredParameter.Missing  all.zip/a.json, contact 3: msisdn is missing or empty.",
        'File.ParseError  all.zip/a.json, contact 4 (27821234567): the message holds "日\\u2028".',
        "File.Corrupt  all.zip/\\ud800.json, line 2, column 14: no text.",
        "And 4 more.",
        "Told at 2026-11-22 09:45:00 UTC.",
        "",
    ]
    sent = reports(FileState.SUCCESS, total=3)["Errors/all.zip.errors.txt"].split("\r\n")
    assert sent[0] == "all.zip was processed and its other messages are sent; this was wrong with it:"
    assert not any("more" in line for line in sent)


def test_a_report_for_machines():
    """A client's program could not send the wrong contacts again by itself."""
    told = json.loads(reports()["Errors/all.zip.errors.json"])
    faults = told.pop("faults")
    assert told == {"file": "all.zip", "state": "rejected", "at": "2026-11-22T09:45:00Z", "total": 7}
    assert faults[1] == {
        "code": "File.ParseError",
        "document": "all.zip/a.json",
        "contact": 4,
        "msisdn": "27821234567",
        "line": None,
        "column": None,
        "reason": 'the message holds "日\u2028"',
    }
    assert (len(faults), faults[2]["line"]) == (3, 2)


def test_where_nothing_is_wrong_there_is_no_report():
    """The folder of errors would fill up with reports of none."""
    assert reports(FileState.SUCCESS, causes=[], total=0) == {}


def test_every_code_of_the_page_is_there():
    """A client's program would meet a code that its manual does not know, or wait for another."""
    assert {str(code) for code in Code} == {
        "InsufficientCredits",
        "IncorrectScheduledDate",
        "MSISDN.NoNetworkFound",
        "MSISDN.Optout",
        "RequiredParameter.Missing",
        "File.InvalidVersion",
        "File.ParseError",
        "File.DuplicateFound",
        "File.Corrupt",
        "EmptySend.NoValidMessages",
        "InternalServerError",
    }


@pytest.mark.parametrize(
    ("what", "code"),
    [
        ("optout", "MSISDN.Optout"),
        ("duplicate file", "File.DuplicateFound"),
        ("credits", "InsufficientCredits"),
        ("nothing to send", "EmptySend.NoValidMessages"),
        ("corrupt", "File.Corrupt"),
        ("internal", "InternalServerError"),
        ("something new", "InternalServerError"),
    ],
)
def test_what_the_pipeline_finds_has_the_pages_code(what, code):
    """A client would be told of an opt-out or of lacking credit in words that its program does not know."""
    assert DIALECT.code_for(what) == code
    assert dialect("gatewayapi").code_for(what) == ""


def test_a_file_is_never_written_to():
    """A rejected file could not be sent again as it is."""
    assert DIALECT.tail(b"x", CAUSES, 3, Submission("x.json")) == b""
    assert DIALECT.client_size(io.BytesIO(b"abc"), 3) == 3


def test_which_dialects_send_the_good_rows():
    """Half of a file would be sent where its owner was promised all or nothing, or the other way round."""
    other = dialect("gatewayapi")
    assert DIALECT.skips_bad_rows(DIALECT.defaults)
    assert not other.skips_bad_rows(other.defaults)
    assert other.skips_bad_rows({**other.defaults, "bad_rows": "skip"})


def test_gatewayapi_tells_in_the_file_itself():
    """Its clients would find files in their folder that they never put there."""
    other = dialect("gatewayapi")
    assert other.reports(Findings(Submission("x.csv"), CAUSES, 3, FileState.REJECTED, AT)) == []
    assert other.spare("x.csv.20261122T094400.success", AT) == "x.csv.20261122T094400.20261122T094500.success"
    assert (other.stamped, DIALECT.stamped) == (True, False)
