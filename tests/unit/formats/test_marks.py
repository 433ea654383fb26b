"""The lines at the bottom of a rejected file."""

import codecs
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsfs.errors import Cause
from smsfs.formats import encoding, marks

CAUSES = [Cause('"+45" is no phone number', 2, "msisdn"), Cause("Ærø 🎉\n日本", 7)]
CODECS = ["utf-8", "cp1252", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"]
MARKS = {"utf-16-le": codecs.BOM_UTF16_LE, "utf-32-be": codecs.BOM_UTF32_BE}


def _size(data: bytes) -> int:
    return marks.client_size(io.BytesIO(data), len(data))


@given(st.binary(), st.sampled_from(CODECS), st.sampled_from(["\n", "\r\n"]), st.integers(0, 300))
def test_whatever_the_client_wrote_ends_where_the_marks_begin(body, codec, end, total):
    """A file mended and sent again would have grown or lost bytes by its rejection."""
    data = f"msisdn,message{end}".encode(codec) + body
    head = data[:4096]
    causes = CAUSES[:total]
    with_tail = data + marks.tail(head, causes, total)
    assert _size(with_tail) == len(data)
    assert _size(data) == len(data)


@given(st.text(st.sampled_from('a\r\n"#ø'), max_size=30), st.sampled_from(CODECS))
def test_line_ends_at_the_seam_stay_the_clients(body, codec):
    """A CR at the end of a file would be eaten with the marks, or added to its last row."""
    data = ("msisdn\n" + body).encode(codec)
    assert _size(data + marks.tail(data[:4096], CAUSES, 2)) == len(data)


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_lines_read_well_in_the_files_own_encoding(codec, end):
    """The client would open a rejected file and see nonsense where the cause should be."""
    data = f"msisdn,message{end}4512345678,Sørens blåbær".encode(codec)
    whole = (data + marks.tail(data, CAUSES, 12)).decode(codec)
    lines = whole.split(end)[2:]
    assert lines[0] == '#smsfs rejected: line 2, column msisdn: "+45" is no phone number'
    assert lines[1].startswith("#smsfs rejected: line 7: Ærø ")
    assert lines[2:] == ["#smsfs rejected: and 10 more", ""]


def test_what_the_encoding_lacks_is_escaped():
    """An emoji in a cause would break the encoding of the client's file."""
    data = "msisdn\nblåbær".encode("cp1252")
    assert rb": \xc6" not in marks.tail(data, CAUSES, 2)
    assert r"Ærø \U0001f389\n\u65e5\u672c".encode("cp1252") in marks.tail(data, CAUSES, 2)
    assert marks.tail(b"msisdn\n", CAUSES, 2).isascii()


def test_a_hundred_causes_and_the_count_of_the_rest():
    """A file with a fault in every row would be buried under its own causes."""
    lines = marks.tail(b"msisdn\n", (Cause("bad", n) for n in range(5000)), 5000).decode().splitlines()
    assert len([line for line in lines if line.endswith(": bad")]) == 100
    assert lines[-1] == "#smsfs rejected: and 4,900 more"


@pytest.mark.parametrize("codec", CODECS)
def test_the_longest_tail_is_found_whole(codec):
    """Part of the marks would be left in the file when it is rejected again."""
    data = MARKS.get(codec, b"") + ("msisdn,message\n" + "ø" * 50_000).encode(codec)
    tail = marks.tail(data[:4096], [Cause("日" * 5000, n) for n in range(100)], 10**9)
    assert len(tail) < marks.WINDOW
    assert _size(data + tail) == len(data)


@pytest.mark.parametrize(
    ("head", "forced", "codec"),
    [
        (b"", None, "ascii"),
        (b"msisdn", None, "ascii"),
        (b"msisdn", "utf-8", "utf-8"),
        (b"msisdn \xf8", None, "cp1252"),
        ("msisdn ø".encode(), None, "utf-8"),
        ("msisdn ø".encode()[:-1], None, "ascii"),
        (codecs.BOM_UTF8 + b"msisdn", None, "utf-8"),
        (codecs.BOM_UTF16_BE + b"\0m", None, "utf-16-be"),
        (codecs.BOM_UTF16_LE + b"m\0", None, "utf-16-le"),
        (codecs.BOM_UTF32_BE + b"\0\0\0m", None, "utf-32-be"),
        (codecs.BOM_UTF32_LE + b"m\0\0\0", "utf-8", "utf-32-le"),
    ],
)
def test_the_encoding_of_the_lines(head, forced, codec):
    """The marks would be written with a byte order mark of their own, or in bytes of another width."""
    assert encoding.guess(head, forced) == codec
