"""Texts in parts and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsfs.backends.smpp import text
from smsfs.backends.smpp.constants import UDHI, Status, Tag
from smsfs.backends.smpp.pdu import DeliverSm, SmppError, SubmitSm
from smsfs.backends.smpp.text import Fragment, Reassembler
from smsfs.sms import gsm, segments

WAYS = ["udh8", "udh16", "sar", "payload"]
CODINGS = {"gsm7": 0, "latin1": 3, "ucs2": 8}
TEXTS = st.one_of(
    st.text(max_size=700),
    st.text(gsm.BASIC.replace("\x1b", "") + "€{}", max_size=1000),
    st.text("é{}€ab", max_size=700),
    st.text("a🎉\ud83c", max_size=300),
)


def sent(words, way, reference=7, default="gsm7"):
    """The PDUs of a text."""
    alphabet, parts = text.split(words, way, reference, default)
    return [
        SubmitSm(1, "a", "1", part.short_message, CODINGS[alphabet], part.esm_class, tlvs=part.tlvs)
        for part in parts
    ]


def read(pdus):
    """The text that arrives, whatever the order of its parts."""
    reassembler = Reassembler()
    data = None
    for pdu in pdus:
        fragment, octets = text.content(pdu)
        data = [octets] if fragment is None else reassembler.add("x", fragment, octets, 0.0)
    assert len(reassembler) == 0
    return text.decode(b"".join(data), text.alphabet(pdus[0].data_coding))


@given(TEXTS, st.sampled_from(WAYS), st.sampled_from(["gsm7", "latin1"]), st.randoms(use_true_random=False))
def test_any_text_arrives(words, way, default, chance):
    """A recipient would read another text than the client wrote."""
    pdus = sent(words, way, chance.randrange(70_000), default)
    chance.shuffle(pdus)
    assert read(pdus) == words
    for pdu in pdus:
        assert way == "payload" or len(pdu.short_message) <= (140 if pdu.data_coding == 8 else 160)


@given(TEXTS)
def test_parts_are_those_that_were_counted(words):
    """A client would be charged for another number of SMS than leave."""
    encoding, count = segments.count(words)
    assert len(sent(words, "udh8")) == len(sent(words, "sar")) == count
    assert {pdu.data_coding for pdu in sent(words, "udh8")} == {CODINGS[encoding]}


def test_headers_are_those_of_the_standard():
    """Phones would show the parts as messages of their own, each with odd characters in front."""
    words = "a" * 160 + "b"
    first, last = sent(words, "udh8", 0x1234)
    assert (first.short_message[:6].hex(), last.short_message[:6].hex()) == ("050003340201", "050003340202")
    assert first.esm_class == last.esm_class == UDHI
    assert sent(words, "udh16", 0x1234)[1].short_message[:7].hex() == "06080412340202"
    assert sent(words, "sar", 0x1234)[1].tlvs == (
        (Tag.SAR_MSG_REF_NUM, b"\x12\x34"),
        (Tag.SAR_TOTAL_SEGMENTS, b"\x02"),
        (Tag.SAR_SEGMENT_SEQNUM, b"\x02"),
    )
    [whole] = sent(words, "payload")
    assert (whole.short_message, whole.tlvs) == (b"", ((Tag.MESSAGE_PAYLOAD, words.encode()),))


@pytest.mark.parametrize(("words", "way"), [("a" * 153 * 256, "udh8"), ("日" * 40_000, "payload")])
def test_too_long(words, way):
    """Parts after the 255th would overwrite the first ones on the phone."""
    with pytest.raises(ValueError, match="over the"):
        text.split(words, way)


@pytest.mark.parametrize(
    ("coding", "data", "expected"),
    [
        (0, b"\x00\x1b\x65", "@€"),
        (0, b"\xe6", "æ"),
        (1, b"a\xff", "a\ufffd"),
        (3, b"\xe6", "æ"),
        (4, b"\x00\xff", "00ff"),
        (6, b"\xb0", "А"),  # noqa: RUF001 - Cyrillic
        (7, b"\xe0", "א"),
        (8, b"\x65\xe5", "日"),
        (8, b"\x65\xe5\x00", "日\ufffd"),
        (0x18, b"\x65\xe5", "日"),
        (0xF0, b"\x00", "@"),
        (0xF4, b"\x00", "00"),
        (0x77, b"\x01", "01"),
    ],
)
def test_data_codings(coding, data, expected):
    """A person's reply would reach its reader as other characters, or not at all."""
    assert text.decode(data, text.alphabet(coding)) == expected


def test_a_carrier_of_latin1():
    """At a carrier whose coding 0 is Latin-1 every umlaut would be another letter."""
    assert text.alphabet(0, "latin1") == "latin1"
    assert text.split("Grüße", default="latin1") == ("latin1", [text.Part("Grüße".encode("latin-1"))])
    assert text.split("5 €", default="latin1")[0] == "ucs2"


@pytest.mark.parametrize("data", [b"", b"\x05", b"\x05\x00\x03\x01\x02", b"\xff" + b"x" * 200])
def test_a_torn_header(data):
    """A part with a torn header would be joined to a message that it does not belong to."""
    with pytest.raises(SmppError) as caught:
        text.content(DeliverSm(3, short_message=data, esm_class=UDHI))
    assert (caught.value.status, caught.value.sequence) == (Status.RINVESMCLASS, 3)


@pytest.mark.parametrize(
    ("header", "fragment"),
    [
        ("050003090302", Fragment(9, 3, 2)),
        ("06080401020302", Fragment(0x102, 3, 2, 16)),
        ("0b0504158200000003090302", Fragment(9, 3, 2)),
        ("050003090304", None),  # part 4 of 3
        ("050003090300", None),
        ("050003090000", None),
        ("050003090101", None),  # the only part
        ("0400020903", None),
        ("00", None),
    ],
)
def test_headers_of_others(header, fragment):
    """A reply of a phone that writes its header in another way would stay in pieces."""
    pdu = DeliverSm(1, short_message=bytes.fromhex(header) + b"Hi", esm_class=UDHI)
    assert text.content(pdu) == (fragment, b"Hi")


@given(st.binary(max_size=40))
def test_any_header(data):
    """A header that nobody thought of would end the link with a traceback."""
    try:
        fragment, rest = text.content(DeliverSm(1, short_message=data, esm_class=UDHI))
    except SmppError:
        return
    assert data.endswith(rest)
    assert fragment is None or 1 <= fragment.sequence <= fragment.total


def test_parts_of_many_messages():
    """Two long replies that cross would be mixed into one."""
    both = [(key, pdu) for key in "xy" for pdu in sent(key * 400, "udh8")]
    both.sort(key=lambda item: text.content(item[1])[0].sequence, reverse=True)
    reassembler = Reassembler()
    found = {}
    for key, pdu in both:
        whole = reassembler.add(key, *text.content(pdu), 0.0)
        found |= {key: b"".join(whole)} if whole else {}
    assert found == {"x": b"x" * 400, "y": b"y" * 400}


def test_a_part_that_comes_twice():
    """A part that the carrier sends again would stand in the text twice."""
    reassembler = Reassembler()
    assert reassembler.add("x", Fragment(1, 2, 1), b"a", 0.0) is None
    assert reassembler.add("x", Fragment(1, 2, 1), b"a", 1.0) is None
    assert reassembler.add("x", Fragment(1, 2, 2), b"b", 2.0) == [b"a", b"b"]


def test_what_stays_incomplete():
    """Parts whose others never come would fill the memory, or never be shown to anyone."""
    reassembler = Reassembler(patience=10, limit=2)
    for number in range(3):
        reassembler.add(number, Fragment(1, 2, 2), b"%d" % number, number)
    assert reassembler.expired(3) == [[b"0"]]
    assert reassembler.expired(11) == [[b"1"]]
    assert reassembler.expired(11) == []
    assert len(reassembler) == 1
