"""What carriers deliver, as receipts and replies."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from smsfs.backends import Receipt, ReplyPart
from smsfs.backends.smpp.constants import Tag
from smsfs.backends.smpp.delivered import delivered
from smsfs.backends.smpp.pdu import DataSm, DeliverSm
from smsfs.backends.smpp.text import split
from smsfs.backends.smpp.words import STATES

DONE = datetime(2026, 9, 1, 12, 31, tzinfo=UTC).timestamp()
REPLY = "Ja, tak 😀! " * 20


def deliver(words, esm_class=4, source="+4512345678", **fields):
    """What an SMSC sends."""
    data = words if isinstance(words, bytes) else words.encode("latin-1")
    return DeliverSm(1, source, "1204", data, esm_class=esm_class, **fields)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (
            "id:0FF done date:2609011231 stat:DELIVRD err:000 text:Hi",
            Receipt("255", "4512345678", "delivered", "000", "DELIVRD", DONE),
        ),
        ("id:1 stat:EXPIRED err:5", Receipt("1", "4512345678", "receipt_expired", "5", "EXPIRED")),
        ("id:1 stat:REJECTD err:E0A", Receipt("1", "4512345678", "undelivered", "E0A", "REJECTD")),
        ("id:1 err:7\0 stat:UNDELIV\0", Receipt("1", "4512345678", "undelivered", "7", "UNDELIV")),
        ("stat:DELIVRD", Receipt("", "4512345678", "delivered", "", "DELIVRD")),
        ("id:1 stat:WHATEVER", Receipt("1", "4512345678", "undelivered", "", "WHATEVER")),
        ("id:1 err:5", Receipt("1", "4512345678", "", "5")),
        ("it was delivered", Receipt("", "4512345678", "")),
        ("id:1 stat:ENROUTE", Receipt("1", "4512345678", "passing", "", "ENROUTE")),
        ("id:1 stat:ACCEPTED err:3", Receipt("1", "4512345678", "passing", "3", "ACCEPTD")),
        ("id:1 stat:BUFFERD", Receipt("1", "4512345678", "passing", "", "BUFFERD")),
        (
            "id:1 done date:260901143100008+ stat:2",
            Receipt("1", "4512345678", "delivered", "", "DELIVRD", DONE),
        ),
    ],
)
def test_receipts(words, expected):
    """A message would have another end than the carrier told, or none."""
    assert delivered(deliver(words), "hexadecimal") == expected


@pytest.mark.parametrize(
    ("stat", "event"), [("UNDELIV", "passing"), ("DELIVRD", "delivered"), ("ENROUTE", "passing"), ("", "")]
)
def test_receipt_of_one_attempt(stat, event):
    """A message would count as lost when the carrier is to try again."""
    assert delivered(deliver(f"id:1 stat:{stat}", 0x20), "text").event == event


def test_what_looks_like_a_receipt_is_both():
    """A receipt without its mark would be lost, or what a person wrote would."""
    found = delivered(deliver("id:0FF stat:DELIVRD", 0x08), "hexadecimal")
    told = Receipt("255", "4512345678", "delivered", "", "DELIVRD")
    assert found == ReplyPart("4512345678", "1204", "id:0FF stat:DELIVRD", receipt=told)
    assert delivered(deliver("Hi, my id:0FF", 0), "text").receipt is None


@pytest.mark.parametrize(
    ("source", "destination", "recipient"),
    [
        ("+4512345678", "1204", "4512345678"),
        ("Shop", "4512345678", "4512345678"),
        ("Shop", "Bank", ""),
        ("", "", ""),
    ],
)
def test_whom_it_went_to(source, destination, recipient):
    """Where a carrier gives no id, a receipt would be of nobody's message."""
    pdu = DeliverSm(1, source, destination, b"id:1 stat:DELIVRD", esm_class=4)
    assert delivered(pdu, "text").recipient == recipient


def test_data_sm():
    """At carriers that deliver by data_sm, nothing would ever come."""
    tlvs = ((Tag.MESSAGE_PAYLOAD, b"id:7 stat:DELIVRD"),)
    assert delivered(DataSm(1, "45", "1204", esm_class=4, tlvs=tlvs), "text").id == "7"
    tlvs = ((Tag.MESSAGE_PAYLOAD, b"Hej"),)
    assert delivered(DataSm(1, "45", "1204", tlvs=tlvs), "text") == ReplyPart("45", "1204", "Hej")


@pytest.mark.parametrize("concatenation", ["udh8", "udh16", "sar"])
def test_long_reply(concatenation):
    """A person's long answer would be read in the wrong order, or with its emoji broken."""
    _, parts = split(REPLY, concatenation, 77)
    found = [
        delivered(deliver(part.short_message, part.esm_class, data_coding=8, tlvs=part.tlvs), "text")
        for part in parts
    ]
    assert [(part.reference, part.part, part.total) for part in found] == [
        (77, number, len(parts)) for number in range(1, len(parts) + 1)
    ]
    assert "".join(part.text for part in found) == REPLY
    assert {(part.sender, part.recipient) for part in found} == {("4512345678", "1204")}


def test_reply_in_each_alphabet():
    """A person's answer would be unreadable."""
    for coding, data in ((0, b"\x00 \x1b\x65"), (3, b"\xe6"), (8, b"\x04\x2f"), (6, b"\xcf")):
        found = delivered(deliver(data, 0, data_coding=coding), "text")
        assert found.text == {0: "@ €", 3: "æ", 8: "Я", 6: "Я"}[coding]


def header(*elements):
    """A user data header."""
    data = b"".join(bytes((kind, len(value))) + value for kind, value in elements)
    return bytes((len(data),)) + data


def packed(septets, before=0):
    """Septets as a radio network has them, behind so many octets of a header."""
    bits = 0
    for place, septet in enumerate(septets):
        bits |= septet << 7 * place
    fill = -8 * before % 7
    return (bits << fill).to_bytes((7 * len(septets) + fill + 7) // 8, "little")


@pytest.mark.parametrize(
    ("coding", "data", "text"),
    [
        *((coding, b"\x01\x1b\x65", "£€") for coding in (0, 0x0C, 0x0F, 0x10, 0x13, 0x1C, 0x40, 0x43, 0x53)),
        *(
            (coding, b"\x01\x1b\x65", "£€")
            for coding in (0x80, 0x9F, 0xBF, 0xC0, 0xC8, 0xD3, 0xDF, 0xF0, 0xF3)
        ),
        *(
            (coding, "Я".encode("utf-16-be"), "Я")
            for coding in (8, 9, 11, 0x18, 0x1B, 0x48, 0x5A, 0xE0, 0xEF)
        ),
        *((coding, b"\x01\xff", "01ff") for coding in (2, 4, 0x14, 0x17, 0x44, 0x57, 0xF4, 0xFF)),
        (1, b"Ja", "Ja"),
        (3, b"\xe6", "æ"),
        (5, "はい".encode("shift_jis"), "はい"),
        (6, b"\xcf", "Я"),
        (7, "כן".encode("iso8859-8"), "כן"),
        (10, "はい".encode("iso2022_jp"), "はい"),
        (13, "はい".encode("euc_jp"), "はい"),
        (14, "네".encode("euc_kr"), "네"),
        (0x20, b"\x01\xff", "[compressed, data_coding 0x20] 01ff"),
        (0x3F, b"STOP", "[compressed, data_coding 0x3F] 53544f50"),
        (0x68, b"\x01", "[compressed, data_coding 0x68] 01"),
    ],
)
def test_every_group_of_codings(coding, data, text):
    """A person's answer would be read in another alphabet than it was written in."""
    assert delivered(deliver(data, 0, data_coding=coding), "text").text == text


@pytest.mark.parametrize(
    ("elements", "data", "text"),
    [
        ([(0x25, b"\x01")], b"\x1c\x07\x1b\x65", "Şı€"),
        ([(0x24, b"\x01")], b"\x1b\x53\x1c\x1b\x41", "ŞÆA"),
        ([(0x24, b"\x02")], b"\x1b\x41\x09", "ÁÇ"),
        ([(0x24, b"\x03"), (0x25, b"\x03")], b"\x5b\x1b\x7f", "Ãâ"),
        ([(0x25, b"\x06"), (0x24, b"\x06")], b"\x15\x1b\x1c\x1b\x41", "\u0915\u0966A"),
        ([(0x25, b"\x0d"), (0x24, b"\x06")], b"\x00\x1b\x1c", "\u0627\u0966"),
        ([(0x25, b"\x63")], b"\x1c", "Æ"),
        ([(0x25, b"\x01\x01")], b"\x1c", "Æ"),
        ([(0x25, b"\x02")], b"\x1c", "Æ"),
    ],
)
def test_national_tables(elements, data, text):
    """An answer in Turkish or Hindi would be read as other letters than its header says."""
    found = delivered(deliver(header(*elements) + data, 0x40), "text")
    assert found == ReplyPart("4512345678", "1204", text)
    parts = [
        delivered(deliver(header((0, bytes((9, 2, number))), *elements) + data, 0x40), "text").text
        for number in (1, 2)
    ]
    assert parts == [text, text]
    tlvs = tuple(zip((0x20C, 0x20E, 0x20F), (b"\0\x09", b"\x02", b"\x01"), strict=True))
    found = delivered(deliver(header(*elements) + data, 0x40, tlvs=tlvs), "text")
    assert (found.text, found.part, found.total) == (text, 1, 2)


@pytest.mark.parametrize("codec", ["utf-16-be", "utf-16-le"])
def test_byte_order_mark(codec):
    """A person's answer would be Chinese to its reader, or begin with a letter that nobody sees."""
    data = "\ufeffStopp 😀".encode(codec)
    assert delivered(deliver(data, 0, data_coding=8), "text").text == "Stopp 😀"
    assert delivered(deliver(data + b"\0", 0, data_coding=8), "text").text == "Stopp 😀"
    assert delivered(deliver(data + b"\0\0", 0, data_coding=8), "text").text == "Stopp 😀"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"STOP\0", "STOP"),
        (b"STOP\0\0\0", "STOP"),
        (b"\0\0", "@@"),
        (b"a\0", "a@"),
        (b"me \0 home", "me @ home"),
    ],
)
def test_padding(data, text):
    """An answer would end in a sign that nobody wrote: NUL is ``@`` in GSM 7 bit."""
    assert delivered(deliver(data, 0), "text").text == text
    part = [delivered(deliver(bytes((5, 0, 3, 1, 2, n)) + data, 0x40), "text").text for n in (1, 2)]
    assert part == [data.decode().replace("\0", "@"), text]


@pytest.mark.parametrize("length", range(7, 33))
def test_packed_septets(length):
    """An answer would be read as gibberish where a carrier delivers septets packed into octets."""
    text = ("Tak, vi ses i morgen kl. nine " * 2)[:length].strip()
    assert delivered(deliver(packed(text.encode()), 0), "text").text == text
    front = header((0, b"\x01\x02\x02"))
    found = delivered(deliver(front + packed(text.encode(), len(front)), 0x40), "text")
    assert (found.text, found.part) == (text, 2)


def test_windows_1252():
    """An answer with typographic quotes, from a carrier that sends Windows-1252, would lose them."""
    assert delivered(deliver("Ja … “tak”".encode("cp1252"), 0), "text").text == "Ja … “tak”"


def test_half_a_character():
    """An emoji that a phone cut in two would be lost, though the other half is in the next part."""
    halves = [delivered(deliver(data, 0, data_coding=8), "text").text for data in (b"\xd8\x3d", b"\xde\x00")]
    assert "".join(halves).encode("utf-16-be", "surrogatepass").decode("utf-16-be") == "😀"


def test_header_cut_short():
    """A carrier would send again and again what smsfs refuses to read."""
    assert delivered(deliver(b"\x05\x00", 0x40), "text").text == "é@"
    assert delivered(deliver(b"\x05", 0x44), "text") == Receipt("", "4512345678", "")


@pytest.mark.parametrize(
    ("source", "sender"), [("+45", "45"), ("4512", "4512"), ("Bank", "Bank"), ("+x", "+x")]
)
def test_who_wrote(source, sender):
    """A reply would be matched to nobody for the sign before its number."""
    assert delivered(deliver("Hi", 0, source), "text").sender == sender


@given(
    st.sampled_from([DeliverSm, DataSm]),
    st.text(st.characters(min_codepoint=1, max_codepoint=255), max_size=10),
    st.binary(max_size=80) | st.binary(max_size=80).map(b"id:1 stat:DELIVRD ".__add__),
    st.integers(0, 255),
    st.integers(0, 255),
    st.lists(st.tuples(st.sampled_from([*Tag]), st.binary(max_size=5)), max_size=4).map(tuple),
    st.sampled_from(["text", "decimal", "hexadecimal"]),
)
def test_anything(kind, address, data, coding, esm_class, tlvs, base):
    """One odd delivery would end the link, or be refused by the store for ever, and all others with it."""
    found = delivered(kind(1, address, address, data, coding, esm_class, tlvs=tlvs), base)
    if isinstance(found, Receipt):
        kept = found.id + found.code + found.reason + found.recipient
        assert "\0" not in kept
        kept.encode()
    elif found:
        assert "\0" not in found.text + found.sender + found.recipient
        assert 1 <= found.part <= found.total


@given(
    st.from_regex(r"[0-9A-Za-z_-]{1,12}", fullmatch=True),
    st.sampled_from([*STATES.values(), "Delivrd", "FAILED", "REJECTD", "5", "999", "___", "VENDOR"]),
    st.from_regex(r"[0-9]{10,14}", fullmatch=True),
    st.sampled_from(["000", "0x1F", "E_7"]),
    st.sampled_from(["text", "decimal", "hexadecimal"]),
)
def test_the_short_way_of_most_receipts_says_what_the_long_one_does(name, stat, done, error, base):
    """A message would show another fate when its carrier adds a parameter to receipts, or leaves one out."""
    text = (
        f"id:{name} sub:001 dlvrd:001 submit date:2611210915 done date:{done} stat:{stat} err:{error} text:A"
    )
    receipt = DeliverSm(1, "4512345678", "1204", text.encode(), esm_class=4)
    long = replace(receipt, tlvs=((Tag.SAR_MSG_REF_NUM, b"\0\1"),))
    assert delivered(receipt, base) == delivered(long, base)
