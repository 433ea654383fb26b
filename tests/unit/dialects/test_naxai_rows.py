"""Rows of the Naxai dialect: each rule and limit of the vendor's page, and what a client sees of it."""

import io
import tracemalloc
from datetime import UTC, datetime
from time import perf_counter, process_time
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsfs.dialects import Refused, Submission, Upload
from smsfs.dialects.naxai import Naxai
from smsfs.dialects.settings import settings_of
from smsfs.errors import Cause, Ignored, Unreadable
from smsfs.sms.message import Message

DIALECT = Naxai()
AT = datetime(2026, 11, 22, 9, 45, tzinfo=UTC)  # a Sunday
HI = {"template": "Hi {{ name }}"}
HEADER = "phone,name\n"
JAN = "32476123456,Jan\n"


def _read(data: bytes | str, at=AT, **settings) -> list:
    data = data.encode() if isinstance(data, str) else data
    settings = settings_of(DIALECT, {**HI, **settings})
    rows = []
    try:
        rows.extend(DIALECT.read(Upload(io.BytesIO(data), len(data), Submission("x.csv"), settings, at)))
    except (Unreadable, Ignored) as error:
        rows.append(error.cause)
    return rows


def _cause(data: bytes | str, **settings) -> str:
    (cause,) = [row for row in _read(data, **settings) if isinstance(row, Cause)]
    assert len(str(cause)) < 500
    return str(cause)


def test_a_file_of_the_page():
    """A file that worked with the system that smsfs replaces would not work here."""
    data = "PhoneNumber,firstname,lastname\n32476123456,Jan,Peeters\n33612345678,Zoë,Martin\n"
    assert _read(data, template="Dear {{ firstname }} {{ row.lastname }}, see you!", sender="Clinic") == [
        Message(1, "32476123456", "Dear Jan Peeters, see you!", "Clinic"),
        Message(2, "33612345678", "Dear Zoë Martin, see you!", "Clinic", encoding="ucs2"),
    ]


def test_local_numbers_by_country():
    """The page's own 0476123456 would be refused although the connector knows its country."""
    assert _read("phone,name\n0476123456,Jan\n", country="BE") == [Message(1, "32476123456", "Hi Jan")]
    assert _read("phone,name\n0476123456,Jan\n", country="DK")[0].code == "322"
    assert "write it with the country code" in _cause("phone,name\n0476123456,Jan\n")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-be", "utf-32-le"])
def test_delimiters_and_encodings_are_detected(delimiter, codec):
    """A file from another country's spreadsheet would be mangled, or ignored."""
    text = f'phone{delimiter}name\r\n32476123456{delimiter}"Zoë{delimiter} ""€""\n"\r\n'
    (message,) = _read(text.encode(codec), controls="drop")
    assert message.text == f'Hi Zoë{delimiter.strip()} "€"\n'


def test_the_phone_column():
    """Messages would go to another column's digits, or a file in capitals be ignored."""
    data = "id,PHONE,contact,name\n1,32476123456,32476123457,Jan\n"
    assert _read(data)[0].recipient == "32476123456"
    assert _read(data, phone_column="phone")[0].recipient == "32476123456"
    assert _read(data, phone_column="Contact")[0].recipient == "32476123457"


@pytest.mark.parametrize(
    ("data", "settings", "said"),
    [
        ("id,name\n1,Jan\n", {}, "no column that is named as phone numbers are; its columns are"),
        ("phone,name\n1,Jan\n", {"phone_column": "gsm"}, 'names no column "gsm"; its columns are "phone"'),
        ("", {}, "its columns are none"),
        ("some words\nof a note\n", {}, 'its columns are "some words"'),
    ],
)
def test_a_file_without_the_phone_column_is_ignored(data, settings, said):
    """A note that somebody left in the folder would be rejected, or taken away."""
    stream = io.BytesIO(data.encode())
    with pytest.raises(Ignored) as caught:
        list(
            DIALECT.read(
                Upload(stream, len(data), Submission("x"), {**DIALECT.defaults, **HI, **settings}, AT)
            )
        )
    assert said in str(caught.value)
    assert str(caught.value).endswith("The file is ignored and nothing sent")


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (
            "phone,first name",
            'the name of column 2, "first name", holds a space: use letters, digits, _ and - only',
        ),
        ("phone number,name", 'the name of column 1, "phone number", holds a space'),
        ("phone,name ", "holds a space"),
        ("phone,na.me", 'holds "." (U+002E)'),
        ("phone,na\u200bme", "(U+200B)"),
        ("phone,n°", 'holds "°" (U+00B0)'),
        ("phone,,name", "column 2 of the first row has no name"),
        ("phone,name,name", 'names column "name" twice'),
        ("phone;na,me", 'column 1, "phone;na", holds ";" (U+003B)'),
    ],
)
def test_column_names_hold_no_spaces_or_special_characters(header, said):
    """A column that no text can name would stay empty in every message."""
    assert said in _cause(f"{header}\n32476123456;Jan\n")


@pytest.mark.parametrize("name", ["first_name", "first-name", "prénom", "Vorname2", "имя", "2nd"])
def test_column_names_in_any_letters(name):
    """A customer would have to write in English."""
    template = "Hi {{ row['" + name + "'] }}"
    assert _read(f"phone,{name}\n{JAN}", template=template) == [Message(1, "32476123456", "Hi Jan")]


@pytest.mark.parametrize(
    ("row", "code", "said"),
    [
        ("0476123456,Jan", "322", "line 3, column phone: "),
        (",Jan", "322", "line 3, column phone: the phone number is missing"),
        ("3.2476E+10,Jan", "322", "its digits are lost"),
        (
            "32476123456",
            "909",
            "line 3: the row has 1 cell where the first row has 2: a delimiter is missing",
        ),
        ("32476123456,a,b", "909", "a cell that holds the delimiter must be in quotes"),
        ("32476123456,", "910", "line 3: its text is empty"),
        (
            "32476123456,soon",
            "911",
            'no text can be made of it: template line 1, column 24: date: "soon" is no date',
        ),
    ],
)
def test_a_bad_row_is_named_and_the_others_are_sent(row, code, said):
    """One slip would keep everybody's message back, or a row be lost without a word."""
    template = (
        "{{ name }}" if code == "910" else "{{ name | append: '' | date: '%d' }}" if code == "911" else "Hi"
    )
    first = "32476123456,2026-11-22" if code == "911" else JAN.strip()
    before, bad, after = _read(f"{HEADER}{first}\n{row}\n{first}\n", template=template)
    assert isinstance(before, Message)
    assert after.row == 3
    assert bad.code == code
    assert said in str(bad)


def test_the_limit_of_parts():
    """A long text would cost more than the connector allows; the page gives it 802-message-parts-exceeded."""
    data = f"{HEADER}32476123456,{'a' * 157}\n32476123457,{'a' * 158}\n"
    short, long = _read(data, max_parts=1)
    assert short.parts == 1
    assert (long.code, long.reason, long.message.parts) == ("802", "message-parts-exceeded", 2)
    assert long.message.recipient == "32476123457"
    assert all(isinstance(row, Message) for row in _read(data))
    huge = f"{HEADER}32476123457,{'a' * 153 * 255}\n"
    assert [row.code for row in _read(huge)] == ["802"]


def test_duplicates_within_the_file():
    """Somebody who is in the file twice, written in two ways, would get two messages."""
    data = "phone,name\n0476123456,Jan\n32476123456,Jan\n0476123457,Piet\n+32 476 12 34 56,Jan\n"
    sent = _read(data, country="BE", dedupe_file=True)
    assert [type(row) for row in sent] == [Message, Refused, Message, Refused]
    assert (sent[1].code, sent[1].reason) == ("901", "duplicate")
    assert [type(row) for row in _read(data, country="BE")] == [Message] * 4
    once_a_week = _read(data, country="BE", dedupe_days=7)
    assert [type(row) for row in once_a_week] == [Message, Refused, Message, Refused]


def test_a_refused_message_is_no_duplicate_s_first():
    """Nobody would be told: neither by the text that was too long, nor by the one that was not."""
    data = f"{HEADER}32476123456,{'a' * 200}\n32476123456,Jan\n"
    assert [type(row) for row in _read(data, dedupe_file=True, max_parts=1)] == [Refused, Message]


def test_messages_wait_for_the_calendar():
    """Messages would be sent on a Sunday, or in the evening."""
    calendar = {"weekdays": "mon-fri", "hours": "08:00-20:00", "timezone": "Europe/Brussels"}
    (waiting,) = _read(HEADER + JAN, **calendar)
    monday = datetime(2026, 11, 23, 7, tzinfo=UTC).timestamp()
    assert (waiting.due, waiting.until) == (monday, monday + 12 * 3600)
    at_noon = datetime(2026, 11, 23, 11, tzinfo=UTC)
    (at_once,) = _read(HEADER + JAN, at=at_noon, **calendar)
    assert (at_once.due, at_once.until) == (0, monday + 12 * 3600)
    (free,) = _read(HEADER + JAN)
    assert (free.due, free.until) == (0, 0)
    evening = datetime(2026, 11, 23, 19, tzinfo=UTC)
    assert DIALECT.again(settings_of(DIALECT, calendar), evening)[0] == monday + 24 * 3600
    assert "by the connector's calendar nothing could be sent" in _cause(
        HEADER + JAN, exclusions="2026-01-01..2030-01-01"
    )


def test_validity_ends_a_long_opening():
    """After a carrier's failure, a connector that closes at Christmas only would send reminders of weeks."""
    (row,) = _read(HEADER + JAN, exclusions="2026-12-25", validity_seconds=3600)
    assert (row.due, row.until) == (0, AT.timestamp() + 3600)
    (row,) = _read(HEADER + JAN, exclusions="2026-11-22", validity_seconds=3600)
    assert row.until == row.due + 3600


def test_what_waits_is_sent_once_there_is_no_calendar():
    """What waits for the morning would be lost as too late when its connector's hours are lifted."""
    assert DIALECT.again(settings_of(DIALECT, {}), AT) == (0, AT.timestamp() + 2 * 86_400)


def test_the_size_of_a_file():
    """A file over the page's 20 MB would be half read, or keep the others waiting."""
    data = HEADER + JAN * 10
    assert len(_read(data, max_batch_bytes=len(data))) == 10
    assert _cause(data, max_batch_bytes=100) == "the file has 171 bytes; at most 100 are allowed: split it"
    assert DIALECT.defaults["max_batch_bytes"] == 20 * 1024 * 1024


def test_the_number_of_rows():
    """A file over the page's 200,000 rows would be half sent."""
    rows = _read(HEADER + "32476123456,a\n" * 200_001)
    assert sum(isinstance(row, Message) for row in rows) == 200_000
    assert str(rows[-1]) == "line 200002: the file has over 200,000 rows, as many as are allowed: split it"


@pytest.mark.parametrize(
    ("data", "settings", "said"),
    [
        (HEADER, {}, "the file has no rows behind its column names"),
        (HEADER + JAN, {"template": ""}, "the connector has no text: set its template"),
        (
            "name\nJan\n",
            {"template": ""},
            "upload with that of a connector, which smsfs connector create makes",
        ),
        (
            HEADER + JAN,
            {"template": "{{ date }}"},
            'column 4: there is no column "date"; there are phone, name',
        ),
        (HEADER.encode() + b"1,\x81\n", {}, "no Windows-1252"),
        (b"PK\x03\x04xl/", {}, "Excel workbook (.xlsx)"),
        (HEADER + '32476123456,"Jan\n', {}, "a closing quote is missing"),
    ],
)
def test_files_that_cannot_be_read(data, settings, said):
    """The client would be told that a file is wrong, but not how to mend it."""
    assert said in _cause(data, **settings)


def test_a_template_that_explodes_stops_its_file_soon():
    """A file of 200,000 rows that each take their whole budget would keep the reader for hours."""
    begun = process_time()
    bomb = "{% for i in (1..100) %}{% for j in (1..100) %}{{ name }}{% endfor %}{% endfor %}"
    rows = _read(HEADER + JAN * 200_000, template=bomb)
    assert process_time() - begun < 10
    assert "the template is too much work for this file" in str(rows[-1])
    assert not any(isinstance(row, Message) for row in rows)


def test_rows_of_an_earlier_rejection_are_no_data():
    """A file that is sent again after its mending would hold the reasons as rows."""
    data = (HEADER + JAN).encode()
    tail = DIALECT.tail(data, [Cause("no text")], 1, Submission("x.csv"))
    assert _read(data + tail) == _read(data)


_characters = st.one_of(st.characters(exclude_categories=["Cc", "Cs"]), st.sampled_from("\r\n"))


@given(
    st.lists(
        st.tuples(st.from_regex(r"\A[1-9][0-9]{6,14}\Z"), st.text(_characters, max_size=20)),
        min_size=1,
    ),
    st.sampled_from(",;\t|"),
)
def test_cells_reach_the_text_as_they_are(rows, delimiter):
    """A name would be changed on its way into a message."""
    table = [("phone", "name"), *((n, normalize("NFC", t)) for n, t in rows)]
    lines = [f'"{n}"{delimiter}"{t.replace(chr(34), chr(34) * 2)}"\n' for n, t in table]
    read = _read("\ufeff" + "".join(lines))
    assert [(row.recipient, row.text) for row in read] == [(n, f"Hi {t}") for n, t in table[1:]]


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data):
    """A strange file would stop the reader for everybody."""
    for row in _read(HEADER.encode() + data):
        assert isinstance(row, (Message, Refused, Cause))


@pytest.mark.slow
def test_200_000_rows_in_bounded_memory(capsys):
    """A large file with Liquid would take the memory of the host."""
    rows = "".join(f"32476{n:06},Name {n},2026-12-{n % 28 + 1:02}\n" for n in range(200_000))
    data = f"phone,name,date\n{rows}".encode()
    tenth = data[: data.index(b"32476020000,")]
    settings = {**DIALECT.defaults, "dedupe_file": True}
    for template in (
        "Hi {{ name }}, see you on {{ date }}.",
        "Hi {{ name | upcase }}, see you on {{ date | date: '%d/%m' }}.",
    ):
        begun = perf_counter()
        stream = DIALECT.read(
            Upload(io.BytesIO(tenth), len(tenth), Submission("x.csv"), {**settings, "template": template}, AT)
        )
        assert sum(isinstance(row, Message) for row in stream) == 20_000
        with capsys.disabled():
            print(f"\n{20_000 / (perf_counter() - begun):,.0f} rows/s: {template}")  # noqa: T201 - a figure for whoever runs it
    tracemalloc.start()
    stream = DIALECT.read(Upload(io.BytesIO(data), len(data), Submission("x.csv"), {**settings, **HI}, AT))
    assert sum(isinstance(row, Message) for row in stream) == 200_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40 * 1024 * 1024
