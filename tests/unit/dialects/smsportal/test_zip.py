"""Zip archives of documents: sent whole or not at all."""

import io
import json
import struct
import time
import zipfile
import zlib
from datetime import UTC, datetime
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsfs.dialects import Submission, Upload
from smsfs.dialects.smsportal import SmsPortal
from smsfs.errors import Unreadable
from smsfs.sms.message import Message

AT = datetime(2026, 11, 22, 9, 45, tzinfo=UTC)
MIB = 1024 * 1024


def one(text="Hi", number="27821234567", **options):
    """A document with one contact."""
    return "version: 7\n" + json.dumps({**options, "contacts": [{"msisdn": number, "message": text}]})


def packed(*documents, method=zipfile.ZIP_DEFLATED):
    """A zip of names and contents."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in documents:
            archive.writestr(name, content)
    return out.getvalue()


PAIR = packed(("a.json", one("A", email="a@b.example")), ("B.TXT", one("B", check_optouts=False)))


def test_every_document_is_sent(read):
    """The second file of an archive would be lost, or told to the wrong address."""
    reading = read(PAIR, "all.zip")
    assert [(message.row, message.text) for message in reading.messages] == [(1, "A"), (2, "B")]
    assert [(sheet.name, sheet.key, sheet.email, sheet.optouts) for sheet in reading.sheets] == [
        ("all.zip/a.json", "a.json", "a@b.example", True),
        ("all.zip/B.TXT", "b.txt", "", False),
    ]
    assert isinstance(reading.rows[1], Message)
    assert (reading.causes, reading.fatal) == ([], None)


def test_the_unique_name_is_the_same_inside_an_archive(read):
    """A file would be sent twice: once as it is, once packed."""
    alone = read(one(), "List.json")
    inside = read(packed(("LIST.json", one())), "other.ZIP")
    assert alone.sheets[0].key == inside.sheets[0].key == "list.json"


def zip64(archive):
    """The archive with its numbers moved into a ZIP64 record, as streaming packers write small ones."""
    body, end = archive[:-22], archive[-22:]
    number, size, offset = struct.unpack("<10xHLL2x", end)
    record = struct.pack("<4sQHHLLQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, number, number, size, offset)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, len(body), 1)
    masked = struct.pack("<4s4HLLH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 2**32 - 1, 2**32 - 1, 0)
    return body + record + locator + masked


def commented(archive, comment):
    """The archive with a comment."""
    return archive[:-2] + struct.pack("<H", len(comment)) + comment


class Pipe(io.RawIOBase):
    """What cannot be sought in: sizes then stand behind each file."""

    def __init__(self):
        self.data = b""

    def writable(self):
        """It is."""
        return True

    def write(self, data):
        """Keep it."""
        self.data += bytes(data)
        return len(data)


def streamed():
    """A zip written to a pipe, by data descriptors."""
    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in (("a.json", "A"), ("b.json", "B")):
            with archive.open(zipfile.ZipInfo(name), "w", force_zip64=name == "b.json") as file:
                file.write(one(text).encode())
    return pipe.data


FORMS = {
    "zip64": zip64(PAIR),
    "zip64 with a comment": commented(zip64(PAIR), b"made by a mainframe"),
    "comment": commented(PAIR, b"x" * 60_000),
    "bytes in front": b"#!/bin/sh\nexit 0\n" + PAIR,
    "zip64 with bytes in front": b"MZ" * 500 + zip64(PAIR),
    "bytes behind": PAIR + b"\r\n\x1a",
    "data descriptors": streamed(),
    "stored": packed(("a.json", one("A")), ("b.json", one("B")), method=zipfile.ZIP_STORED),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_archive_is_read(read, form):
    """A whole archive would be refused as damaged because of how some program packs."""
    assert [message.text for message in read(FORMS[form], "all.zip").messages] == ["A", "B"]


@pytest.mark.parametrize("form", sorted(FORMS.keys() - {"bytes behind"}))
def test_an_archive_that_lacks_its_last_byte_is_damaged(read, form):
    """The rest of an archive whose upload was cut would be lost without a word."""
    assert read(FORMS[form][:-1], "all.zip").fatal.code == "File.Corrupt"


def test_a_name_in_the_unicode_field_is_the_file_s(read):
    """A report would name files as nobody knows them, and a name be taken for another."""
    name = "r\u00e4tt.json".encode()
    raw = name.decode("cp437")
    good = struct.pack("<HHBL", 0x7075, 5 + len(name), 1, zlib.crc32(raw.encode("cp437"))) + name
    for extra, shown in ((good, "r\u00e4tt.json"), (b"\x75\x70\x05\0\1abcd", raw), (good[:-3], raw)):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            info = zipfile.ZipInfo("placehold.json"[: len(raw)].ljust(len(raw), "x"))
            info.filename, info.extra = "x" * len(raw), extra if len(extra) != len(good) - 3 else b""
            archive.writestr(info, one("A"))
        data = out.getvalue().replace(b"x" * len(raw), name)
        assert [sheet.name for sheet in read(data, "all.zip").sheets] == [f"all.zip/{shown}"]


def test_what_desktops_add_is_passed_over(read):
    """An archive made on a Mac would be refused for a file that its owner never saw."""
    added = [("__MACOSX/._a.json", "x"), ("._a.json", "x"), (".DS_Store", "x"), ("Thumbs.db", "x")]
    assert len(read(packed(*added, ("a.json", one())), "all.zip").messages) == 1
    assert "the archive is empty" in str(read(packed(*added), "all.zip").fatal)


def test_one_wrong_document_stops_the_whole_archive(read):
    """Half an archive would be sent, and the mended one be refused because of its names."""
    archive = packed(("a.json", one("A")), ("b.json", "{}"), ("c.json", one("C", start="?")))
    reading = read(archive, "all.zip")
    assert [(str(c.code), c.document) for c in [*reading.causes, reading.fatal]] == [
        ("File.InvalidVersion", "all.zip/b.json"),
        ("File.ParseError", "all.zip/c.json"),
    ]


def test_a_document_without_a_valid_message_does_not_stop_the_others(read):
    """One wrong number, alone in its file, would stop everybody else's message."""
    archive = packed(("a.json", one(number="1")), ("b.json", one("B")))
    reading = read(archive, "all.zip")
    assert [(message.row, message.text) for message in reading.messages] == [(2, "B")]
    assert reading.codes == ["MSISDN.NoNetworkFound", "EmptySend.NoValidMessages"]
    assert (reading.causes[1].document, reading.fatal) == ("all.zip/a.json", None)
    empty = read(packed(("a.json", one(number="1")), ("b.json", one(number="2"))), "all.zip")
    assert empty.codes[-2:] == ["EmptySend.NoValidMessages"] * 2
    assert empty.fatal is not None


def _renamed(old, new, data=None):
    """An archive in which a name was changed behind the library's back."""
    return (data or packed((old, one()))).replace(old.encode(), new.encode())


def _encrypted():
    data = bytearray(packed(("a.json", one())))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + offset] |= 1
    return bytes(data)


def _lying(size):
    """An archive whose document is longer than both of its headers say."""
    content = one("Hi").encode()
    data = packed(("a.json", content + b" " * size))
    return data.replace((len(content) + size).to_bytes(4, "little"), len(content).to_bytes(4, "little"))


@pytest.mark.parametrize(
    ("archive", "said"),
    [
        (
            packed(("x/a.json", one())),
            '"x/a.json" inside the archive lies in a folder: pack the files themselves',
        ),
        (packed(("x/", "")), '"x/" inside the archive lies in a folder'),
        (packed(("../a.json", one())), "lies in a folder"),
        (packed(("/etc/a.json", one())), "lies in a folder"),
        (_renamed("x-a.json", "x\\a.json"), "lies in a folder"),
        (_renamed("C-a.json", "C:a.json"), "lies in a folder"),
        (_renamed("a.json-.exe", "a.json\0.exe"), "has a name that no file to be sent can have"),
        (packed((".a.json", one())), "has a name that no file to be sent can have"),
        (packed(("æ" * 126 + ".json", one())), "has a name that no file to be sent can have"),
        (packed(("b.zip", PAIR)), '"b.zip" inside the archive is an archive itself'),
        (
            packed(("a.json", one()), ("b.csv", "x")),
            '"b.csv" inside the archive cannot be sent: its name must end',
        ),
        (_encrypted(), '"a.json" inside the archive is encrypted: pack it without a password'),
        (packed(("a.json", one()), method=zipfile.ZIP_BZIP2), "is packed by a method other than deflate"),
        (packed(("a.json", one()), method=zipfile.ZIP_LZMA), "is packed by a method other than deflate"),
        (packed(), "the archive is empty"),
        (
            lambda: packed(*((f"{n}.json", "") for n in range(1001))),
            "holds 1,001 files; at most 1,000 are read",
        ),
        (
            lambda: packed(*((f"{n:0>200}.json", "") for n in range(5000))),
            "holds too many files; at most 1,000 are read",
        ),
        (_lying(1000), "the archive is damaged or was not uploaded completely"),
        (PAIR[:-1], "the archive is damaged or was not uploaded completely"),
        (PAIR[: len(PAIR) // 2], "the archive is damaged or was not uploaded completely"),
        (b"", "the archive is damaged or was not uploaded completely"),
        (one().encode(), "the archive is damaged or was not uploaded completely"),
        (b"PK\x05\x06" + bytes(18), "the archive is empty"),
    ],
    ids=count(),  # not the archives themselves
)
def test_a_wrong_archive_is_refused(read, archive, said):
    """A part of an archive would be sent, or a file from it land where it has no business."""
    reading = read(archive() if callable(archive) else archive, "all.zip")
    assert (reading.codes, reading.messages) == (["File.Corrupt"], [])
    assert said in str(reading.fatal)
    assert str(reading.fatal).startswith("all.zip")


def test_the_same_name_twice_in_an_archive_is_a_duplicate(read):
    """The same list would be sent twice."""
    archive = _renamed("B.json", "A.JSON"[:2] + "json", packed(("a.json", one()), ("B.json", one())))
    reading = read(archive, "all.zip")
    assert (reading.codes, reading.messages) == (["File.DuplicateFound"], [])
    assert "twice" in str(reading.fatal)


#: Packed when they are wanted: each process that collects tests would hold them to its end.
BOMBS = {
    "ratio": (lambda: packed(("a.json", b" " * 19 * MIB)), "inflates to over 500 times its size"),
    "document": (
        lambda: packed(("a.json", b" " * 21 * MIB)),
        "inflates to 22,020,096 bytes; a file has at most 20,971,520",
    ),
    "total": (
        lambda: packed(*((f"{n}.json", b" " * 15 * MIB) for n in range(14)), method=zipfile.ZIP_STORED)[:],
        "inflates to 220,200,960 bytes; at most 209,715,200 are read: split it",
    ),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_bombs_are_refused_within_a_second(read, bomb):
    """One small archive would keep the server busy, or take its memory."""
    pack, said = BOMBS[bomb]
    archive = pack()
    start = time.process_time()
    reading = read(archive, "all.zip")
    assert time.process_time() - start < 1
    assert (reading.codes, reading.messages) == (["File.Corrupt"], [])
    assert said in str(reading.fatal)


@given(st.integers(0, len(PAIR) - 1), st.integers(1, 255))
def test_a_changed_byte_never_changes_a_message(place, change):
    """A recipient would get a text that was damaged on its way, or the server stop with a traceback."""
    damaged = bytearray(PAIR)
    damaged[place] ^= change
    dialect, rows = SmsPortal(), []
    try:
        rows.extend(
            dialect.read(Upload(io.BytesIO(damaged), len(damaged), Submission("a.zip"), dialect.defaults, AT))
        )
    except Unreadable as error:
        code = error.cause.code
    else:
        code = None
    assert code or [row.text for row in rows if isinstance(row, Message)] == ["A", "B"]


class _Failing(io.BytesIO):
    """A store that fails behind the first reads."""

    def __init__(self, data, reads):
        super().__init__(data)
        self.reads = reads

    def read(self, size=-1):
        self.reads -= 1
        if self.reads < 0:
            raise OSError(5, "the disk fails")
        return super().read(size)


@pytest.mark.parametrize("reads", range(9))
def test_a_failing_store_is_not_a_damaged_archive(reads):
    """A file would be refused for good because the server's disk failed for a moment."""
    dialect = SmsPortal()
    rows = dialect.read(Upload(_Failing(PAIR, reads), len(PAIR), Submission("a.zip"), dialect.defaults, AT))
    with pytest.raises(OSError, match="the disk fails"):
        list(rows)


def test_an_archive_cut_short_in_the_store_is_tried_again():
    """A file that came whole would be refused as incomplete."""
    dialect = SmsPortal()
    rows = dialect.read(Upload(io.BytesIO(PAIR[:-30]), len(PAIR), Submission("a.zip"), dialect.defaults, AT))
    with pytest.raises(OSError, match="ends before its size"):
        list(rows)
