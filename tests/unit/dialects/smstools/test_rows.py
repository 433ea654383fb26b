"""Spool files of the smstools dialect."""

import io
from datetime import UTC, datetime
from itertools import takewhile

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from smsfs.dialects import Findings, Submission, Upload
from smsfs.dialects.smstools import SmsTools, validity
from smsfs.errors import Cause, Unreadable
from smsfs.sms.message import Message
from smsfs.sms.numbers import is_msisdn
from smsfs.states import FileState

DIALECT = SmsTools()
AT = datetime(2026, 11, 22, 9, 45, tzinfo=UTC)
TO = "To: 491721234567\n"


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
    """The causes of a file that is not sent."""
    rows = read(data, **settings)
    assert rows
    assert all(isinstance(row, Cause) for row in rows), rows
    return [str(row) for row in rows]


def text(data: bytes | str, **settings) -> str:
    """The text of a file with one recipient."""
    (message,) = read(data, **settings)
    return message.text


@pytest.mark.parametrize(
    "data",
    [
        f"{TO}\nHello, this is the sms.\n",
        f"{TO}Alphabet: ISO\nReport: yes\nQueue: O2\n\nHello, this is the sms.",
        f"{TO}\n\nHello, this is the sms.".replace("\n\n\n", "\n \n").replace("\n", "\r\n"),
        "To: +49 172 123-4567\n\nHello, this is the sms.\n\x1a",
        "\ufeffTo: 0049 172 1234567\n\nHello, this is the sms.",
    ],
)
def test_files_as_programs_write_them(data):
    """Files that smstools3 sends would not be sent here."""
    assert read(data) == [Message(1, "491721234567", "Hello, this is the sms.")]


def test_each_recipient_gets_the_text():
    """All but one of several recipients would get nothing."""
    assert [row.recipient for row in read(f"{TO}To: 491721234568\nTo: 491721234569\n\nHi")] == [
        "491721234567",
        "491721234568",
        "491721234569",
    ]


def test_a_text_keeps_its_lines():
    """A text would lose what looks like a header, or its blank lines."""
    assert text(f"{TO}\nDear Ann,\n\nTo: the point.\r\nBye\n\n") == "Dear Ann,\n\nTo: the point.\nBye"


@pytest.mark.parametrize(
    ("alphabet", "data"),
    [
        ("", "Größe 5 €".encode()),
        ("", "Größe 5 €".encode("iso8859-15")),
        ("Alphabet: ISO-8859-15\n", "Größe 5 €".encode("iso8859-15")),
        ("Alphabet: Latin\n", "Größe 5 €".encode()),
        ("Alphabet: UTF-8\n", "Größe 5 €".encode()),
        ("Alphabet: GSM\n", b"Gr\x7c\x1ee 5 \x1b\x65"),
        ("Alphabet: UCS2\n", "Größe 5 €".encode("utf-16-be")),
        ("Alphabet: unicode\n", b"\xff\xfe" + "Größe 5 €".encode("utf-16-le")),
    ],
)
def test_alphabets(alphabet, data):
    """People would read mangled letters."""
    assert text(TO.encode() + alphabet.encode() + b"\n" + data) == "Größe 5 €"


def test_validity_and_sender():
    """A code that is good for minutes would come a day late; a text would come from a stranger."""
    (message,) = read(f"{TO}Validity: 10 min\nFrom: Clinic\n\nHi", from_header="sender")
    assert (message.until, message.sender) == (AT.timestamp() + 600, "Clinic")
    (message,) = read(f"{TO}From: the monitoring of building 12\n\nHi")
    assert (message.until, message.sender) == (0, "")


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        *(
            ("0", 300),
            ("143", 43_200),
            ("144", 45_000),
            ("167", 86_400),
            ("168", 172_800),
            ("196", 2_592_000),
        ),
        *(
            ("197", 5 * 604_800),
            ("255", 63 * 604_800),
            ("1 min", 300),
            ("hours 3", 10_800),
            ("2days", 172_800),
        ),
        *(("1 week", 604_800), ("3 months", 7_776_000), ("9 years", 63 * 604_800), ("7 minutes", 420)),
    ],
)
def test_how_long_a_message_is_good(value, seconds):
    """A message would be cancelled too early, or sent when it no longer holds."""
    assert validity.seconds(value) == seconds


WRONG = {
    "no recipient": ("Flash: no\n\nHi", "header To, with the recipient's number, is missing"),
    "wrong number": ("To: 12\n\nHi", 'line 1: header To: "12" is no phone number'),
    "short number": ("To: s1234\n\nHi", "line 1: header To: short numbers cannot be written to"),
    "flash": (f"{TO}Flash: yes\n\nHi", "line 2: header Flash: flash messages are not sent from here"),
    "binary": (f"{TO}Alphabet: binary\n\nHi", "line 2: header Alphabet: binary messages are not sent"),
    "alphabet": (f"{TO}Alphabet: EBCDIC\n\nHi", "line 2: header Alphabet: it is GSM, ISO, UCS or UTF-8"),
    "hex": (f"{TO}Hex: yes\n\n4869", "line 2: header Hex: asks for what is no plain text message"),
    "udh": (f"{TO}UDH-DATA: 060504\n\nHi", "line 2: header UDH-DATA: asks for"),
    "system": (f"{TO}System_message: ToSIM\n\nHi", "line 2: header System_message: asks for"),
    "national": (f"{TO}To_TOA: National\n\nHi", "line 2: header To_TOA: numbers are international"),
    "validity": (f"{TO}Validity: soon\n\nHi", "line 2: header Validity: it is a number with min"),
    "twice": (f"{TO}Alphabet: ISO\nAlphabet: GSM\n\nHi", "line 3: header Alphabet is given twice"),
    "case": ("TO: 491721234567\n\nHi", "line 1: header TO must be written To"),
    "unknown": (f"{TO}Reminder: pay\n\nHi", 'line 2: header "Reminder" is unknown'),
    "no blank line": (f"{TO}Hello\n\nBye", 'line 2: "Hello" is no header: a blank line must come'),
    "no text": (TO, "the text is empty: it comes behind a blank line"),
    "blank text": (f"{TO}\n \n\n", "line 3: the text is empty"),
    "control": (f"{TO}\na\x07", "line 3: the message holds a control character (U+0007)"),
    "too long": (f"{TO}Autosplit: 0\n\n{'x' * 161}", "line 4: the text takes 2 SMS, and Autosplit: 0"),
    "over 255": (f"{TO}\n{'x' * 40_000}", "line 3: the text takes 262 SMS; at most 255"),
    "gsm": (f"{TO}Alphabet: GSM\n\nGröße", "line 4: hexadecimal C3 is no character of Alphabet: GSM"),
    "utf": (b"To: 491721234567\nAlphabet: UTF\n\na\nb\xe4", "line 5: hexadecimal E4 is no UTF-8"),
    "ucs": (b"To: 491721234567\nAlphabet: UCS\n\n\0a\0", "line 4: the text has an odd number of bytes"),
    "lone half": (b"To: 491721234567\nAlphabet: UCS\n\n\xd8\0", "line 4: the text is not UCS-2"),
    "utf-16": ((TO + "\nHi").encode("utf-16"), "line 1: the headers are UTF-16"),
    "huge": (f"{TO}\n" + "x" * 1024 * 1024, "a file with a text has at most 1,048,576"),
    "no text at all": ("x\n" * 10_002, "there are over 10,000 lines without a blank one"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_wrong_is_named_with_its_line(kind):
    """A client would not learn why nobody got the text, or part of it would be sent."""
    data, sentence = WRONG[kind]
    assert any(sentence in cause for cause in told(data)), told(data)[:3]


def test_everything_that_is_wrong_is_told_at_once():
    """A client would mend a file once for each mistake in it."""
    data = "To: 12\nTo: 491721234567\nFlash: on\nAlphabet: x\nValidity: x\n\nHi"
    assert [cause.partition(":")[0] for cause in told(data)] == ["line 1", "line 3", "line 4", "line 5"]


def test_settings_allow_what_is_refused_otherwise():
    """Files of an installation with headers of its own could not be taken over."""
    assert text(f"{TO}Flash: yes\nX-Ticket: 5\n\nHi", flash="plain", unknown_headers="ignore") == "Hi"
    assert "must be written Flash" in told(f"{TO}flash: yes\n\nHi", unknown_headers="ignore")[0]
    found = [read(f"{TO}Flash: {value}\n\nHi", flash="send")[0].klass for value in ("yes", "no")]
    assert found == ["flash", "standard"]
    (message,) = read("To: 0172 1234567\n\nHi", country="DE")
    assert message.recipient == "491721234567"


CAUSES = [Cause("header To: wrong", 1), Cause("no UTF-8", 4)]


@pytest.mark.parametrize(
    "data", [f"{TO}\nHi".encode(), f"{TO}\r\n\r\nHi\r\n".encode(), b"To: 1\n\n\0H\0i", b"x\xe4"]
)
def test_a_failed_file_says_why_and_can_be_sent_again(data):
    """The reasons would be sent as part of the text once the file is mended."""
    tail = DIALECT.tail(data, CAUSES, 2, Submission("x"))
    lines = tail.decode().splitlines()
    assert lines == [
        "",
        "Fail_reason: smsfs: line 1: header To: wrong",
        "Fail_reason: smsfs: line 4: no UTF-8",
    ]
    assert DIALECT.client_size(io.BytesIO(data + tail), len(data + tail)) == len(data)


def test_a_text_about_a_failure_is_whole():
    """A monitoring's text would lose its last lines."""
    assert text(f"{TO}\nDisk\nFail_reason: Modem error") == "Disk\nFail_reason: Modem error"


def test_what_was_cancelled_is_listed_in_failed():
    """Nobody would learn that a text was never sent because its validity had ended."""
    ((path, data),) = DIALECT.reports(Findings(Submission("x"), CAUSES, 3, FileState.SUCCESS, AT))
    assert path == "failed/x.reasons"
    assert data.decode().splitlines()[-1] == "Fail_reason: smsfs: and 1 more"
    assert DIALECT.reports(Findings(Submission("x"), CAUSES, 2, FileState.REJECTED, AT)) == []


LINES = st.sampled_from(
    [
        *("To: 491721234567", "To: 12", "to: 1", "", " ", "Flash: yes", "Alphabet: GSM", "Alphabet: UCS"),
        *(
            "Alphabet: utf",
            "Validity: 255",
            "Hex: 1",
            "Hello",
            "X: y",
            "Autosplit: 0",
            "\x1a",
            "From: \u20ac",
        ),
    ]
)


@example(["To: 491721234567", "", "To: 491721234567"], b"", "\n")
@given(st.lists(LINES, max_size=8), st.binary(max_size=20), st.sampled_from(["\n", "\r\n", "\r"]))
def test_every_file_ends_in_messages_or_in_causes(lines, rest, end):
    """A file would stop the reader, vanish without a word, or be sent in part."""
    rows = read(end.join(lines).encode() + end.encode() + rest, from_header="sender")
    kinds = {type(row) for row in rows}
    assert kinds in ({Message}, {Cause})
    if kinds == {Message}:
        assert all(is_msisdn(row.recipient) and row.text.strip() for row in rows)
        headers = takewhile(str.strip, lines)  # a To: behind the blank line is text
        assert len(rows) == sum(line.startswith("To: ") for line in headers)
