"""Files that are no documents, or no complete ones."""

import codecs
import io
import json
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsfs.dialects import Submission, Upload
from smsfs.dialects.smsportal import SmsPortal
from smsfs.errors import Unreadable

AT = datetime(2026, 11, 22, 9, 45, tzinfo=UTC)
GOOD = 'version: 7\n{"message_template": "Hé", "contacts": [{"msisdn": "27821234567"}]}\n'


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", 'line 1, column 1: the file ends here, but the line "version: 7" and then { must stand here'),
        (b"\xef\xbb\xbf \r\n", "line 2, column 1: the file ends here"),
        (b"version: 7\n", "line 2, column 1: the file ends here, but { must stand here"),
        (b"msisdn,message\n", 'line 1, column 1: the line "version: 7" and then { must stand here'),
        (b"version: 7\n[]", "line 2, column 1: { must stand here"),
        (
            GOOD.encode()[:-20],
            "line 2, column 42: the text that starts here has no closing quote; the file may not",
        ),
        (GOOD.encode() + b"{}", "line 3, column 1: nothing may follow the closing bracket"),
        (GOOD.encode() + b"\0", "line 3, column 1: nothing may follow the closing bracket"),
        (GOOD.encode("cp1252"), "line 2: hexadecimal E9 is no UTF-8: save the file in the encoding UTF-8"),
        (codecs.BOM_UTF16_LE + GOOD.encode("utf-16-le"), "the file is UTF-16: save it in the encoding UTF-8"),
        (GOOD.encode("utf-16-be"), "the file is UTF-16: save it in the encoding UTF-8"),
        (GOOD.encode("utf-32-le"), "the file is UTF-32: save it in the encoding UTF-8"),
        (b"PK\x03\x04" + b"x" * 99, "a zip archive needs a name that ends in .zip"),
        (
            GOOD.replace('"contacts"', '"Message_Template"').encode(),
            'column 28: "messagetemplate" is given twice',
        ),
        (GOOD.replace('"27821234567"', '1, "MSISDN": 2').encode(), '"msisdn" is given twice'),
        (GOOD.replace('"Hé"', "NaN").encode(), "NaN is no number"),
        (GOOD.replace("}]", "},]").encode(), "the comma before it may be too many"),
        (GOOD.replace("Hé", "H\né").encode(), "a control character stands in a text"),
        (GOOD.replace('"Hé"', "[" * 100_000).encode(), "nested too deeply"),
        (GOOD.replace("{", "[" * 100_000, 1).encode(), "{ must stand here"),
        (GOOD.replace('"Hé"', '{"a":' * 100_000).encode(), "nested too deeply"),
    ],
)
def test_a_file_that_cannot_be_read_is_corrupt(read, data, said):
    """A file that is cut, damaged or none at all would be sent in part, or refused without a reason."""
    start = time.process_time()
    reading = read(data)
    assert time.process_time() - start < 1
    assert (reading.codes, reading.rows) == (["File.Corrupt"], [])
    assert said in str(reading.fatal)
    assert str(reading.fatal).startswith("list.json")


@given(st.integers(0, len(GOOD.encode()) - 2))
def test_no_part_of_a_file_is_a_file(cut):
    """Half of a file would be sent."""
    dialect = SmsPortal()
    data = GOOD.encode()[:cut]
    with pytest.raises(Unreadable):
        list(dialect.read(Upload(io.BytesIO(data), len(data), Submission("x.json"), dialect.defaults, AT)))


@given(
    st.binary(max_size=80) | st.text(st.sampled_from('{}[]",:\\u0 \n7version'), max_size=80).map(str.encode)
)
def test_any_bytes_give_rows_or_a_cause(data):
    """An unforeseen file would end the intake with a traceback."""
    dialect = SmsPortal()
    for whole in (data, b"version: 7\n" + data, b'version: 7\n{"contacts": [' + data + b"]}"):
        with pytest.raises(Unreadable) as caught:
            list(
                dialect.read(Upload(io.BytesIO(whole), len(whole), Submission("x.txt"), dialect.defaults, AT))
            )
        assert str(caught.value).isprintable()
        assert caught.value.cause.code


def test_a_document_over_the_limit_gives_both_sizes(read):
    """A client would not learn how far to split a file that is too large."""
    size = len(GOOD.encode())
    assert read(GOOD, max_batch_bytes=size).fatal is None
    reading = read(GOOD, max_batch_bytes=50)
    assert str(reading.fatal) == f"list.json: the file has {size} bytes; at most 50 are read: split it"
    assert reading.codes == ["File.ParseError"]


def test_a_contact_without_end_is_refused_within_a_second(read):
    """A file that is one endless text would take the server's memory."""
    start = time.process_time()
    contacts = json.dumps([{"msisdn": "x" * 19_000_000}])
    reading = read('version: 7\n{"contacts": ' + contacts + "}")
    assert "over 1,048,576 characters: a quote may be missing" in str(reading.fatal)
    assert time.process_time() - start < 1
