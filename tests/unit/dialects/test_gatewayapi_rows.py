"""Rows of the GatewayAPI dialect."""

import codecs
import csv
import io
import tracemalloc
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsfs.dialects import Submission, Upload
from smsfs.dialects.gatewayapi import GatewayApi
from smsfs.errors import Cause, Unreadable
from smsfs.sms.message import Message

DIALECT = GatewayApi()
AT = datetime(2026, 11, 22, 6, 44, 18, tzinfo=UTC)
HEADER = "msisdn,message\n"
ENCODINGS = {
    "utf-8": (b"", "utf-8", ()),
    "utf-8 flag": (b"", "utf-8", ("utf8",)),
    "utf-8 mark": (codecs.BOM_UTF8, "utf-8", ()),
    "cp1252 flag": (b"", "cp1252", ("cp1252",)),
    "utf-16-le": (b"", "utf-16-le", ()),
    "utf-16-be mark": (codecs.BOM_UTF16_BE, "utf-16-be", ()),
    "utf-32-be": (b"", "utf-32-be", ()),
    "utf-32-le mark": (codecs.BOM_UTF32_LE, "utf-32-le", ()),
}
#: The example of the vendor's page, with the quote that its header lacks.
UNIX = (
    '"userref","msisdn","sender","class","message"\n'
    '"test","4510203040","MyCompany","standard","I\'m John Doe, who ""randomly"" quote things."\n'
    ',"4512345678",,"standard","Optional fields"\n'
)
EXCEL = UNIX.replace(",", ";").replace("Doe;", "Doe,").replace("\n", "\r\n")


def _read(data: bytes | str, *flags, **settings) -> list[Message | Cause]:
    data = data.encode() if isinstance(data, str) else data
    settings = {**DIALECT.defaults, **settings}
    rows = []
    try:
        rows.extend(DIALECT.read(Upload(io.BytesIO(data), len(data), Submission("x", flags), settings, AT)))
    except Unreadable as error:
        rows.append(error.cause)
    return rows


def _texts(rows) -> list[str]:
    return [str(row) for row in rows if isinstance(row, Cause)]


@pytest.mark.parametrize(("text", "flags"), [(UNIX, ()), (EXCEL, ("excel",))])
def test_the_vendors_examples(text, flags):
    """Files that worked with the system that smsfs replaces would not work here."""
    first, second = _read(text, *flags)
    words = 'I\'m John Doe, who "randomly" quote things.'
    assert first == Message(1, "4510203040", words, "MyCompany", "standard", "test", "gsm7", 1)
    assert second == Message(2, "4512345678", "Optional fields")


def test_columns_in_any_order_and_only_the_needed_ones():
    """A text would go out under the wrong sender, or a simple file be refused."""
    assert _read("message,msisdn\nHi,+4512345678\n") == [Message(1, "4512345678", "Hi")]
    assert _read("class,message,userref,msisdn,sender\npremium,Hi,r,4512345678,Me") == [
        Message(1, "4512345678", "Hi", "Me", "premium", "r")
    ]


def test_message_classes_are_for_accounts_that_send_them():
    """A code that is to be seen at once would refuse its file, or leave as an ordinary SMS without a word."""
    data = "msisdn,message,class\n" + "".join(
        f"4512345678,Hi,{klass}\n" for klass in ("flash", "premium", "2", "", "flash")
    )
    assert "there are standard, premium, secret" in _texts(_read(data))[0]
    found = _read(data.replace(",\n", ",premium\n"), flash="send")
    assert [row.klass for row in found] == ["flash", "premium", "2", "premium", "flash"]
    assert "line 5, column class" in _texts(_read(data, flash="send"))[0], (
        "a file has one class of the other kind"
    )
    (cause,) = _texts(_read("msisdn,message,class\n4512345678,Hi,4\n", flash="send"))
    assert cause.endswith("there are standard, premium, secret, flash, 0, 1, 2, 3")


def test_encoding_and_parts_are_counted():
    """The client would be billed for SMS that were never counted."""
    rows = _read(HEADER + f"4512345678,{'a' * 161}\n4512345678,{'日' * 70}\n")
    assert [(row.encoding, row.parts) for row in rows] == [("gsm7", 2), ("ucs2", 1)]


HEADERS = {
    '"userref","msisdn","sender","class",message"\n': "cell 5 ('message\"') ends with a quote, but",
    "number;text\n": 'put ".excel" before ".ready"',
    '"number";"text"\n': 'put ".excel" before ".ready"',
    "msisdn\tmessage\n": "tabs, which are not supported",
    '"msisdn"\t"message"\n': "tabs, which are not supported",
    "4512345678,Hello\n": "the first row must name the columns (msisdn, message, sender, class, userref)",
    '" MSISDN",message\n': 'column " MSISDN" must be named "msisdn" exactly',
    "msisdn,Message\n": 'column "Message" must be named "message" exactly',
    "msisdn,message,sendtime\n": 'column "sendtime" is unknown',
    "msisdn,message,message\n": 'names column "message" twice',
    "msisdn,sender\n": 'names no column "message"',
    "msisdn,,message\n": "column 2 of the first row has no name",
    "msisdn,message,\n": "the file has no rows",
    ",,\n": "the file is empty",
    "sep=,\n": "the file is empty",
    "msisdn,message\n\n\n": "the file has no rows",
    "": "the file is empty",
    "\n\n": "the file is empty",
    "\0\0": "NUL",
    "x," * 600_000: "over 1,048,576 characters",
    ",".join(f"x{n}" for n in range(100_000)): 'column "x0" is unknown',
}


@pytest.mark.parametrize("first", HEADERS)
def test_each_wrong_header_has_its_own_advice(first):
    """The client would be told that a file is wrong, but not how to mend it."""
    (cause,) = _texts(_read(first))
    assert HEADERS[first] in cause
    assert len(cause) < 250


def test_commas_in_a_file_named_excel():
    """A file with a flag too many would end in a riddle about columns."""
    for text in ("msisdn,message\n", '"msisdn","message"\n'):
        assert 'leave ".excel" out of its name' in _texts(_read(text, "excel"))[0]


SPREADSHEETS = {
    "the flag is forgotten": ("msisdn;message\r\n4512345678;Hi\r\n", ()),
    "the flag is forgotten, and names are quoted": ('"message";"msisdn"\n"Hi";"4512345678"\n', ()),
    "a line names the delimiter": ("sep=;\r\nmsisdn;message\r\n4512345678;Hi\r\n", ("excel",)),
    "a line names the delimiter, and the flag is forgotten": ("SEP=;\nmsisdn;message\n4512345678;Hi\n", ()),
    "a quoted line names a comma": ('"sep=,"\nmsisdn,message\n4512345678,Hi\n', ("excel",)),
    "a line names the tab": ("sep=\t\nmsisdn\tmessage\n4512345678\tHi\n", ("excel",)),
    "rows without cells": (";\n msisdn;message\n;\n4512345678;Hi\n; \n;\n".replace(" m", "m"), ("excel",)),
    "columns without names": ("msisdn;message;;\n4512345678;Hi;;\n;;;\n", ("excel",)),
    "columns without names that some rows lack": ("msisdn,message,,\n4512345678,Hi\n", ()),
    "an end mark": ("msisdn,message\n4512345678,Hi\r\n\x1a", ()),
    "an end mark behind the last row": ("msisdn,message\n4512345678,Hi\x1a", ()),
    "end marks that fill a block": ("msisdn,message\n4512345678,Hi\n" + "\x1a" * 90 + "\r\n", ()),
}


@pytest.mark.parametrize("kind", SPREADSHEETS)
def test_what_spreadsheets_and_old_programs_add_is_passed_over(kind):
    """A whole list would be rejected because of a row or a column that nobody sees."""
    text, flags = SPREADSHEETS[kind]
    assert _read(text, *flags) == [Message(1, "4512345678", "Hi")]
    assert _read(text.encode("utf-16"), *flags) == [Message(1, "4512345678", "Hi")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("msisdn,message,\n4512345678,Hi,there\n", "the row has 3 cells where the first row has 2"),
        ("msisdn,message\n4512345678,Hi,\n", "the row has 3 cells where the first row has 2"),
        ("msisdn,message,,\n4512345678,Hi,,,\n", "the row has 5 cells where the first row has 2"),
    ],
)
def test_a_cell_with_text_below_no_name_is_no_empty_column(text, said):
    """The end of a message behind a comma would be cut off in silence."""
    assert said in _texts(_read(text))[0]


def test_texts_are_prepared_by_the_account_s_rules():
    """An account's wish about control characters and typographic quotes would change nothing."""
    text = HEADER + "4512345678,It\u2019s a\x07 cafe\u0301\n"
    assert "control character (U+0007) at character 7" in _texts(_read(text))[0]
    (row,) = _read(text, controls="drop", smart="gsm")
    assert (row.text, row.encoding) == ("It's a caf\u00e9", "gsm7")


def test_an_end_mark_within_a_file_ends_nothing():
    """The rest of a list would be lost without a word."""
    rows = _read("msisdn,message\n4512345678,a\x1a\n4512345679,b\n", controls="drop")
    assert [row.text for row in rows] == ["a", "b"]


def test_unknown_columns_can_be_ignored():
    """An account whose system writes further columns could not be served."""
    rows = _read("id,msisdn,,message\n7,4512345678,x,Hi\n", unknown_columns="ignore")
    assert rows == [Message(1, "4512345678", "Hi")]


def test_every_bad_row_and_every_fault_of_it_is_named():
    """A client would mend one fault, send the file again, and be told of the next."""
    rows = _read(
        "msisdn,message,sender,class\n"
        "4512345678,Hi,Me,\n"
        '45,"",a@b€,gold\n'
        "4512345678,Hi\n"
        "4512345678,Hi, there,Me,standard\n"
        '4512345678,"two\nlines",Me,premium\n'
        "4512345678,Bye,Me,standard\n"
    )
    unquoted = "a cell that holds the delimiter must be in quotes"
    assert [row.row for row in rows if isinstance(row, Message)] == [1, 6]
    assert _texts(rows) == [
        'line 3, column msisdn: "45" is no phone number: with its country code a number has 7 to 15 digits',
        "line 3, column message: the message is empty",
        'line 3, column sender: "a@b€" cannot be a sender: phones cannot show "€" in it',
        'line 3, column class: "gold" is no message class; there are standard, premium, secret',
        "line 4: the row has 2 cells where the first row has 4: a delimiter is missing",
        f"line 5: the row has 5 cells where the first row has 4: {unquoted}",
        'line 6, column class: "premium" differs from "standard" on line 2: a file has one class',
    ]


def test_a_message_has_255_parts_at_most():
    """A text that no phone can put together again would be sent and paid for."""
    assert _read(f"{HEADER}4512345678,{'a' * 153 * 255}\n")[0].parts == 255
    assert "takes 256 SMS; at most 255" in _texts(_read(f"{HEADER}4512345678,{'a' * (153 * 255 + 1)}\n"))[0]


def test_reading_ends_when_hardly_a_row_is_right():
    """One file of nonsense would keep every other account's file waiting for a minute."""
    rows = _read(HEADER + "4512345678,Hi\n" + "x\n" * 100_001 + "4512345678,Hi\n" * 50)
    assert len(rows) == 100_002
    assert _texts(rows)[-1].startswith(
        "over 100,000 rows are wrong, the last read being line 100003: the row has"
    )


def test_a_batch_over_the_limit_gives_both_sizes():
    """A client would not learn how far to split a file that is too large."""
    data = HEADER.encode() + b"4512345678,Hi\n" * 10
    assert len(_read(data, max_batch_bytes=len(data))) == 10
    assert _texts(_read(data, max_batch_bytes=100)) == [
        f"the file has {len(data)} bytes; a batch has at most 100: split it"
    ]


def test_undecodable_bytes_after_good_rows_end_the_file_with_a_cause():
    """A damaged file would be tried again and again as if smsfs itself had failed."""
    rows = _read(HEADER.encode() + b"4512345678,Hi\n" * 20_000 + b"4512345678,\xff\n", "utf8")
    assert _texts(rows) == ["line 20002: hexadecimal FF is no UTF-8, as which the file is read"]


def test_mostly_utf8_says_which_flag_helps():
    """Recipients would get two wrong letters for each right one."""
    rows = _read((HEADER + "4512345678,æøåæøå\n").encode() + b"4512345678,\xe6\n")
    assert 'put ".cp1252" before ".ready" in its name' in _texts(rows)[0]


cells = st.text(st.sampled_from('aø€5 ",;\r\n\\'), max_size=8)
file_rows = st.lists(
    st.tuples(
        st.sampled_from(["4512345678", "+45", "", "4.5E+9"]), cells, st.sampled_from(["Me", "", "a\nb"])
    ),
    max_size=5,
)


@pytest.mark.parametrize("how", ENCODINGS)
@given(rows=file_rows, junk=st.text(st.sampled_from('a",\r\nø'), max_size=6), cut=st.integers(0, 3))
def test_a_rejected_file_reads_as_before_its_marks(how, rows, junk, cut):
    """A file renamed to .ready again without being mended would send the causes of its rejection as text."""
    mark, codec, flags = ENCODINGS[how]
    out = io.StringIO(newline="")
    csv.writer(out).writerows([("msisdn", "message", "sender"), *rows])
    data = mark + (out.getvalue() + junk).encode(codec)
    data = data[: len(data) - cut]
    submission = Submission("x", flags)
    before = _read(data, *flags)
    causes = [row for row in before if isinstance(row, Cause)] or [Cause("rejected by an operator ø€")]
    marked = data + DIALECT.tail(data[:4096], causes, len(causes), submission)
    assert DIALECT.client_size(io.BytesIO(marked), len(marked)) == len(data)
    assert _read(marked, *flags) == before


@given(st.binary(max_size=60), st.sampled_from([(), ("excel",), ("utf8",), ("cp1252",)]))
def test_any_bytes_give_messages_or_causes(data, flags):
    """An unforeseen file would end the intake with a traceback."""
    rows = _read(HEADER.replace(",", ";" if "excel" in flags else ",").encode() + data, *flags)
    assert rows
    assert all(row.isprintable() and len(row) < 300 for row in _texts(rows))


@given(st.lists(st.sampled_from([b"4512345678,Hi", b"x,Hi", b"4512345678", b"a,b,c,d"]), max_size=20))
def test_each_row_becomes_a_message_or_has_a_cause(lines):
    """A row would be lost without a word."""
    read = _read(HEADER.encode() + b"\n".join(lines))
    accounted = {row.row + 1 if isinstance(row, Message) else row.line for row in read}
    assert accounted == (set(range(2, len(lines) + 2)) or {None})


def test_memory_does_not_grow_with_the_file():
    """One large batch would push the server out of memory."""
    data = HEADER.encode() + (b"4512345678," + b"some text " * 15 + b"\n") * 20_000
    stream, peak = io.BytesIO(data), 0
    tracemalloc.start()
    try:
        for row in DIALECT.read(Upload(stream, len(data), Submission("x"), DIALECT.defaults, AT)):
            assert isinstance(row, Message)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2 << 20 < len(data)
