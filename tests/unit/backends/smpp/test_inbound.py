"""What carriers deliver, as receipts and replies."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsfs.backends import Receipt, ReplyPart
from smsfs.backends.smpp.constants import Tag
from smsfs.backends.smpp.inbound import inbound
from smsfs.backends.smpp.pdu import DataSm, DeliverSm
from smsfs.backends.smpp.text import split

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
        ("id:1 stat:WHATEVER", Receipt("1", "4512345678", "", "", "WHATEVER")),
        ("it was delivered", Receipt("", "4512345678", "")),
        ("id:1 stat:ENROUTE", None),
        ("id:1 stat:ACCEPTED", None),
        ("id:1 stat:BUFFERD", None),
    ],
)
def test_receipts(words, expected):
    """A message would have another end than the carrier told, or none."""
    assert inbound(deliver(words), "hexadecimal") == expected


@pytest.mark.parametrize(("stat", "event"), [("UNDELIV", None), ("DELIVRD", "delivered"), ("ENROUTE", None)])
def test_receipt_of_one_attempt(stat, event):
    """A message would count as lost when the carrier is to try again."""
    found = inbound(deliver(f"id:1 stat:{stat}", 0x20), "text")
    assert (found and found.event) == event


def test_data_sm():
    """At carriers that deliver by data_sm, nothing would ever come."""
    tlvs = ((Tag.MESSAGE_PAYLOAD, b"id:7 stat:DELIVRD"),)
    assert inbound(DataSm(1, "45", "1204", esm_class=4, tlvs=tlvs), "text").id == "7"
    tlvs = ((Tag.MESSAGE_PAYLOAD, b"Hej"),)
    assert inbound(DataSm(1, "45", "1204", tlvs=tlvs), "text") == ReplyPart("45", "1204", "Hej")


@pytest.mark.parametrize("concatenation", ["udh8", "udh16", "sar"])
def test_long_reply(concatenation):
    """A person's long answer would be read in the wrong order, or with its emoji broken."""
    _, parts = split(REPLY, concatenation, 77)
    found = [
        inbound(deliver(part.short_message, part.esm_class, data_coding=8, tlvs=part.tlvs), "text")
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
        found = inbound(deliver(data, 0, data_coding=coding), "text")
        assert found.text == {0: "@ €", 3: "æ", 8: "Я", 6: "Я"}[coding]


def test_half_a_character():
    """An emoji that a phone cut in two would be lost, though the other half is in the next part."""
    halves = [inbound(deliver(data, 0, data_coding=8), "text").text for data in (b"\xd8\x3d", b"\xde\x00")]
    assert "".join(halves).encode("utf-16-be", "surrogatepass").decode("utf-16-be") == "😀"


def test_header_cut_short():
    """A carrier would send again and again what smsfs refuses to read."""
    assert inbound(deliver(b"\x05\x00", 0x40), "text").text == "é@"
    assert inbound(deliver(b"\x05", 0x44), "text") == Receipt("", "4512345678", "")


@pytest.mark.parametrize(
    ("source", "sender"), [("+45", "45"), ("4512", "4512"), ("Bank", "Bank"), ("+x", "+x")]
)
def test_who_wrote(source, sender):
    """A reply would be matched to nobody for the sign before its number."""
    assert inbound(deliver("Hi", 0, source), "text").sender == sender


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
    found = inbound(kind(1, address, address, data, coding, esm_class, tlvs=tlvs), base)
    if isinstance(found, Receipt):
        kept = found.id + found.code + found.reason + found.recipient
        assert "\0" not in kept
        kept.encode()
    elif found:
        assert "\0" not in found.text + found.sender + found.recipient
        assert 1 <= found.part <= found.total
