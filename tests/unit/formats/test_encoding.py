"""Which characters the bytes of a file are."""

import codecs
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsfs.errors import Unreadable
from smsfs.formats import encoding

HEADER = "msisdn,message\n"
UNICODE_WRITERS = {
    "utf-8": (b"", "utf-8"),
    "utf-8 with mark": (codecs.BOM_UTF8, "utf-8"),
    "utf-16-le": (b"", "utf-16-le"),
    "utf-16-be": (b"", "utf-16-be"),
    "utf-16-le with mark": (codecs.BOM_UTF16_LE, "utf-16-le"),
    "utf-16-be with mark": (codecs.BOM_UTF16_BE, "utf-16-be"),
    "utf-32-le": (b"", "utf-32-le"),
    "utf-32-be": (b"", "utf-32-be"),
    "utf-32-le with mark": (codecs.BOM_UTF32_LE, "utf-32-le"),
    "utf-32-be with mark": (codecs.BOM_UTF32_BE, "utf-32-be"),
}
CP1252 = "".join(
    bytes([byte]).decode("cp1252") for byte in range(1, 256) if byte not in {0x81, 0x8D, 0x8F, 0x90, 0x9D}
)
DANISH = "Kære Søren, din tid hos tandlægen på Nørrebro er i morgen.\n"


def _read(data: bytes, forced: str | None = None) -> str:
    stream = io.BytesIO(data)
    with encoding.open_text(stream, len(data), encoding.detect(stream, len(data), forced)) as text:
        return text.read()


@pytest.mark.parametrize("how", UNICODE_WRITERS)
@given(text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\ufeff")))
def test_every_unicode_encoding_comes_back(how, text):
    """A file saved as Unicode by a spreadsheet would be sent as nonsense."""
    mark, codec = UNICODE_WRITERS[how]
    assert _read(mark + (HEADER + text).encode(codec)) == HEADER + text


@given(st.text(st.sampled_from(CP1252)))
def test_windows_1252_comes_back(text):
    """A file from a Danish or French Windows would be sent as nonsense or refused."""
    data = (HEADER + text).encode("cp1252")
    assert _read(data, "cp1252") == HEADER + text
    letters = (HEADER + DANISH + "".join(c for c in text if c.isascii())).encode("cp1252")
    assert _read(letters) == letters.decode("cp1252")


def test_french_guillemets_stay_windows_1252():
    """French typography, whose bytes are UTF-8 by chance now and then, would be refused."""
    text = HEADER + "À Noël, le « café » d'été vous attend à côté: « à bientôt »\n" * 50
    assert _read(text.encode("cp1252")) == text


@pytest.mark.parametrize("rows", [0, 6000, 30_000])
def test_one_late_byte_decides(rows):
    """A large file whose only foreign letter is in its last row would be refused or mangled."""
    text = HEADER + "4512345678,plain text that is only ASCII\n" * rows + "4512345678,blåbær\n"
    assert _read(text.encode("cp1252")) == text
    assert _read(text.encode("utf-8")) == text


def test_a_character_across_two_steps_is_whole():
    """A file would be refused for a letter that happens to lie at the seam of two reads."""
    text = HEADER + "x" * (encoding.STEP - len(HEADER) - 1) + "æ" * encoding.STEP + "\n"
    assert _read(text.encode()) == text


@pytest.mark.parametrize("before", [0, 100, 20_000])
def test_utf8_with_stray_bytes_is_refused_with_its_line(before):
    """Recipients would get two wrong letters for each right one, for one bad byte elsewhere."""
    data = (HEADER + DANISH * before).encode() + b"r\xf8d\n" + (DANISH * 100).encode()
    with pytest.raises(Unreadable) as caught:
        encoding.detect(io.BytesIO(data), len(data), None, " or ask")
    assert caught.value.cause.line == before + 2
    assert "F8 is no UTF-8" in caught.value.cause.reason
    assert caught.value.cause.reason.endswith("mend it or ask")


def test_two_files_put_together_are_refused():
    """Two files put together, one in each encoding, would be sent half as nonsense."""
    data = (HEADER + DANISH * 80).encode("cp1252") + (DANISH * 20).encode()
    with pytest.raises(Unreadable, match="are: mend it"):
        encoding.detect(io.BytesIO(data), len(data))


@pytest.mark.parametrize("byte", [0x81, 0x8D, 0x8F, 0x90, 0x9D])
def test_bytes_that_windows_1252_lacks_are_refused_with_their_line(byte):
    """An invisible control character would be sent in place of the letter that was meant."""
    data = (HEADER + DANISH * 3000).encode("cp1252") + bytes([byte]) + b"\n"
    codec = encoding.detect(io.BytesIO(data), len(data))
    text = encoding.open_text(io.BytesIO(data), len(data), codec)
    with pytest.raises(UnicodeDecodeError) as caught:
        text.read()
    cause = encoding.undecodable(caught.value, 0).cause
    assert f"hexadecimal {byte:02X} is no Windows-1252" in cause.reason
    assert cause.line == 3002


@pytest.mark.parametrize(
    ("data", "forced", "said"),
    [
        (codecs.BOM_UTF16_LE + "msisdn".encode("utf-16-le"), "utf-8", "starts as UTF-16"),
        ("msisdn".encode("utf-32-be"), "cp1252", "starts as UTF-32"),
        (codecs.BOM_UTF8 + b"msisdn", "cp1252", "starts as UTF-8 although its name says .cp1252"),
    ],
)
def test_a_flag_that_the_file_contradicts_is_refused(data, forced, said):
    """The three letters of a byte order mark would be taken for the beginning of a column name."""
    with pytest.raises(Unreadable, match=said):
        encoding.detect(io.BytesIO(data), len(data), forced)


def test_a_flag_wins_over_detection():
    """A client who knows the encoding better than the rule could not say so."""
    data = HEADER.encode() + "Ã\N{CEDILLA}".encode("cp1252")
    assert _read(data) == HEADER + "ø"
    assert _read(data, "cp1252") == HEADER + "Ã\N{CEDILLA}"
    assert _read(codecs.BOM_UTF8 + HEADER.encode(), "utf-8") == HEADER


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500), r"Excel workbook \(.xls\)"),
        (b"PK\x03\x04\x14\0\x06\0" + b"[Content_Types].xml", r"Excel workbook \(.xlsx\)"),
        (b"PK\x03\x04\x14\0\0\0" + b"list.csv", "zip archive"),
    ],
)
def test_workbooks_and_archives_say_save_as_csv(data, said):
    """The commonest mistake of all would end in a cause about bytes."""
    with pytest.raises(Unreadable, match=f"{said}: save its table as CSV"):
        encoding.detect(io.BytesIO(data), len(data), "utf-8")


def test_a_file_that_ends_before_its_size_is_an_error_of_ours():
    """Half a batch would be sent as if it were the whole, after a fault of the disk."""
    stream = io.BytesIO(b"msisdn,message\n")
    with pytest.raises(OSError, match="ends before its size"):
        encoding.detect(stream, 100)
    with pytest.raises(OSError, match="ends before its size"):
        encoding.open_text(stream, 100, "utf-8").read()


def test_only_the_first_bytes_are_read():
    """The lines of an earlier rejection would decide what the client's own bytes are."""
    data = "msisdn\næ".encode()
    stream = io.BytesIO(data + b"\xff\xff")
    assert encoding.detect(stream, len(data)) == "utf-8"
    text = encoding.open_text(stream, len(data), "utf-8")
    assert text.read() == "msisdn\næ"
    text.close()
    assert not stream.closed
