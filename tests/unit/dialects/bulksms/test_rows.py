"""CSV files of the bulksms dialect."""

import csv
import io
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsfs.dialects import Submission, Upload
from smsfs.dialects.bulksms import BulkSms
from smsfs.errors import Cause, Unreadable
from smsfs.sms.message import Message
from smsfs.sms.numbers import is_msisdn

DIALECT = BulkSms()
AT = datetime(2026, 11, 22, 9, 45, tzinfo=UTC)
#: The example of the vendor's page.
EXAMPLE = (
    "msisdn,sender,routing_group,message\n"
    '"4477123123","John","2","I\'m John, who likes to \\"randomly quote things\\"."\n'
    '"4477123124",,,"Hi there"\n'
)


def read(data: bytes | str, **settings) -> list[Message | Cause]:
    """What comes of a file; the cause that ended the reading is the last."""
    data = data.encode() if isinstance(data, str) else data
    rows = []
    try:
        rows += DIALECT.read(
            Upload(io.BytesIO(data), len(data), Submission("x"), {**DIALECT.defaults, **settings}, AT)
        )
    except Unreadable as error:
        rows.append(error.cause)
    return rows


def told(data: bytes | str, **settings) -> list[str]:
    """The causes among the rows."""
    return [str(row) for row in read(data, **settings) if isinstance(row, Cause)]


def test_the_vendors_example():
    """Files that BulkSMS takes would not be taken here."""
    first, second = read(EXAMPLE)
    assert first == Message(1, "4477123123", 'I\'m John, who likes to "randomly quote things".', "John", "2")
    assert second == Message(2, "4477123124", "Hi there")
    assert read(EXAMPLE.replace("\n", "\r\n")) == [first, second]


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (r'"a \"b\" c"', 'a "b" c'),
        ('"a ""b"" c"', 'a "b" c'),
        (r'"C:\\dir\\"', "C:\\dir\\"),
        (r'"C:\dir"', "C:\\dir"),
        (r'"\\\"x"', '\\"x'),
        ('"two\nlines, one \\"quote\\""', 'two\nlines, one "quote"'),
        (r"C:\dir", "C:\\dir"),
    ],
)
def test_backslashes(cell, text):
    """People would read backslashes, or a text that ends at its first quote."""
    (message,) = read(f"message,msisdn\n{cell},4477123123\n")
    assert message.text == text


@given(st.text(st.sampled_from('ab"\\,\n é'), min_size=1).filter(str.strip))
def test_what_an_encoder_with_backslashes_writes_is_read_back(text):
    """A text would change on its way from the program that writes it."""
    data = io.StringIO()
    writer = csv.writer(data, escapechar="\\", doublequote=False, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(("msisdn", "message"))
    writer.writerow(("4477123123", text))
    (message,) = read(data.getvalue())
    assert message.text == text


def test_columns_in_any_order_and_reports_on_or_off():
    """A program that turns reports off would have its files rejected."""
    data = "want_report,message,msisdn\n0,Hi,4477123123\n1,Hi,4477123124\n,Hi,4477123125\n"
    assert [row.recipient for row in read(data)] == ["4477123123", "4477123124", "4477123125"]


WRONG = {
    "number": ("msisdn,message\n12,Hi\n", 'line 2, column msisdn: "12" is no phone number'),
    "empty": ("msisdn,message\n4477123123,\n", "line 2, column message: the message is empty"),
    "sender": ("msisdn,message,sender\n4477123123,Hi,much too long\n", "line 2, column sender:"),
    "group": (
        "msisdn,message,routing_group\n4477123123,Hi,4\n",
        'line 2, column routing_group: it is 1, 2, 3 or empty, not "4"',
    ),
    "report": ("msisdn,message,want_report\n4477123123,Hi,no\n", "line 2, column want_report: it is 0, 1"),
    "width": (
        "msisdn,message\n4477123123,Hi,there\n",
        "line 2: the row has 3 cells where the first row has 2",
    ),
    "unknown": ("msisdn,message,colour\n4477123123,Hi,red\n", 'line 1: column "colour" is unknown'),
    "missing": ("msisdn,sender\n4477123123,Me\n", 'line 1: the first row names no column "message"'),
    "no header": ("4477123123,Hi\n", "line 1: the first row must name the columns"),
    "semicolons": ("msisdn;message\n4477123123;Hi\n", "line 1: cells are separated by semicolons"),
    "unclosed": ('msisdn,message\n4477123123,"Hi\n', "line 2: the file ends within the quotes of this row"),
    "escaped end": ('msisdn,message\n4477123123,"C:\\"\n', "line 2: the file ends within the quotes"),
    "nothing": ("", "the file is empty"),
    "only a header": ("msisdn,message\n", "the file has no rows behind its column names"),
    "bytes": (b"msisdn,message\n4477123123,\x81\n", "line 2: hexadecimal 81 is no Windows-1252"),
    "huge": ("x" * 100, "the file has 100 bytes; a batch has at most 99"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_wrong_is_named_with_row_and_column(kind):
    """A client would not find the cell to mend."""
    data, sentence = WRONG[kind]
    assert any(sentence in cause for cause in told(data, max_batch_bytes=99)), told(data)


def test_everything_that_is_wrong_with_a_row_is_told():
    """A client would mend a row once for each of its cells."""
    data = "msisdn,message,sender,routing_group,want_report\n12,,!,9,2\n"
    assert [cause.partition(":")[0] for cause in told(data)] == [
        f"line 2, column {column}"
        for column in ("msisdn", "message", "sender", "routing_group", "want_report")
    ]


def test_unknown_columns_are_passed_over_on_request():
    """An export with further columns could not be used as it is."""
    (message,) = read("msisdn,message,colour\n4477123123,Hi,red\n", unknown_columns="ignore")
    assert message.text == "Hi"


@pytest.mark.parametrize("bad_rows", ["skip", "reject"])
def test_bad_rows_stop_the_others_unless_the_account_says_otherwise(bad_rows):
    """Half a file would be sent to those who asked for all or nothing."""
    assert DIALECT.skips_bad_rows({"bad_rows": bad_rows}) == (bad_rows == "skip")
    assert not DIALECT.skips_bad_rows(DIALECT.defaults)


def test_a_rejected_file_says_why_and_can_be_sent_again():
    """The causes would be taken for rows once the file is mended."""
    data = EXAMPLE.encode()
    tail = DIALECT.tail(data, [Cause("wrong", 2)], 1, Submission("x"))
    assert tail == b"\n#smsfs rejected: line 2: wrong\n"
    assert DIALECT.client_size(io.BytesIO(data + tail), len(data + tail)) == len(data)


CELLS = st.sampled_from(
    [
        "4477123123",
        "12",
        "Hi",
        '"',
        '\\"',
        "\\",
        "",
        '"a"',
        '"a\\"b"',
        '"a""b"',
        "\0",
        "1",
        "é",
        "x;y",
        "a\nb",
    ]
)


@given(st.lists(st.lists(CELLS, min_size=1, max_size=4), max_size=5), st.binary(max_size=8))
def test_every_row_ends_as_a_message_or_in_a_cause(cells, rest):
    """A file would stop the reader, or lose a row without a word."""
    lines = "\n".join(",".join(row) for row in cells)
    rows = read(f"msisdn,message\n{lines}\n".encode() + rest)
    assert rows
    for row in rows:
        assert isinstance(row, Cause) or (is_msisdn(row.recipient) and row.text)
