"""PDUs to bytes and back; what is wrong is a typed error and never another one."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from smsfs.backends.smpp.constants import Command, Status, status_meaning, status_name
from smsfs.backends.smpp.decoder import MAX_LENGTH, Decoder, decode
from smsfs.backends.smpp.form import Form
from smsfs.backends.smpp.pdu import (
    BindReceiver,
    BindReceiverResp,
    BindTransceiver,
    BindTransceiverResp,
    BindTransmitter,
    BindTransmitterResp,
    DataSm,
    DataSmResp,
    DeliverSm,
    DeliverSmResp,
    EnquireLink,
    EnquireLinkResp,
    GenericNack,
    Outbind,
    Pdu,
    Raw,
    SmppError,
    SubmitSm,
    SubmitSmResp,
    Unbind,
    UnbindResp,
)

NUMBERS = st.integers(0, 0xFFFFFFFF)
OCTETS = st.integers(0, 255)
TLVS = st.lists(st.tuples(st.integers(0, 65535), st.binary(max_size=40)), max_size=3).map(tuple)


def strings(limit):
    """C-octet strings; ``limit`` counts the NUL."""
    return st.text(st.characters(min_codepoint=1, max_codepoint=255), max_size=limit - 1)


def messages(kind):
    """Messages with every field drawn."""
    return st.builds(
        kind,
        sequence=NUMBERS,
        source_addr=strings(21),
        destination_addr=strings(21),
        short_message=st.binary(max_size=254),
        tlvs=TLVS,
        service_type=strings(6),
        schedule_delivery_time=strings(17),
        validity_period=strings(17),
        **dict.fromkeys(
            [
                "data_coding",
                "esm_class",
                "registered_delivery",
                "source_addr_ton",
                "source_addr_npi",
                "dest_addr_ton",
                "dest_addr_npi",
                "protocol_id",
                "priority_flag",
                "replace_if_present_flag",
                "sm_default_msg_id",
            ],
            OCTETS,
        ),
    )


def data_messages():
    """Each data_sm."""
    return st.builds(
        lambda sequence, source, destination, octets, tlvs, service: DataSm(
            sequence, source, destination, b"", *octets, tlvs, service
        ),
        NUMBERS,
        strings(65),
        strings(65),
        st.tuples(*[OCTETS] * 7),
        TLVS,
        strings(6),
    )


def binds(kind):
    """Logins with every field drawn."""
    texts = [strings(16), strings(9), strings(13)]
    return st.builds(kind, NUMBERS, *texts, OCTETS, OCTETS, OCTETS, strings(41))


PDUS = st.one_of(
    *map(messages, [SubmitSm, DeliverSm]),
    data_messages(),
    *map(binds, [BindReceiver, BindTransmitter, BindTransceiver]),
    *(
        st.builds(kind, NUMBERS, NUMBERS, strings(16), TLVS)
        for kind in (BindReceiverResp, BindTransmitterResp, BindTransceiverResp)
    ),
    *(
        st.builds(kind, NUMBERS, NUMBERS, strings(65), TLVS)
        for kind in (SubmitSmResp, DeliverSmResp, DataSmResp)
    ),
    *(st.builds(kind, NUMBERS, NUMBERS) for kind in (EnquireLinkResp, UnbindResp, GenericNack)),
    *(st.builds(kind, NUMBERS) for kind in (EnquireLink, Unbind)),
    st.builds(Outbind, NUMBERS, strings(16), strings(9)),
    st.builds(Raw, NUMBERS, st.just(0x112), NUMBERS, st.binary(max_size=50)),
)


def outcome(found):
    """Comparable: an error by what it says."""
    return [
        item if isinstance(item, Pdu) else (str(item), item.status, item.command, item.sequence, item.fatal)
        for item in found
    ]


def by_pieces(data, sizes):
    """What a decoder makes of data that comes in pieces; after the sizes given, byte by byte."""
    decoder = Decoder()
    found, start = [], 0
    for size in [*sizes, *[1] * len(data)]:
        found += decoder.feed(data[start : start + size])
        start += size
    return outcome(found)


@given(PDUS)
def test_round_trip(pdu):
    """A field would arrive at the carrier as another value, or in another field."""
    assert decode(pdu.encode()) == pdu


@given(st.lists(PDUS, max_size=5), st.lists(st.integers(0, 60)))
def test_pieces_do_not_matter(pdus, sizes):
    """An answer that TCP cut in two would be lost, and its message unknown."""
    data = b"".join(pdu.encode() for pdu in pdus)
    assert outcome(Decoder().feed(data)) == pdus
    assert by_pieces(data, sizes) == pdus


@given(st.lists(PDUS, max_size=5), st.lists(st.integers(0, 60)))
def test_answers_are_read_alike_without_records(pdus, sizes):
    """At full speed an answer would go to another message than one that is read at leisure."""
    data = b"".join(pdu.encode() for pdu in pdus)
    decoder, answers, others, start = Decoder(), [], [], 0
    for size in [*sizes, len(data)]:
        others += decoder.feed(data[start : start + size], answers)
        start += size
    expected = [pdu for pdu in pdus if isinstance(pdu, SubmitSmResp)]
    assert answers == [(pdu.sequence, pdu.status, pdu.message_id) for pdu in expected]
    assert others == [pdu for pdu in pdus if not isinstance(pdu, SubmitSmResp)]


@given(messages(SubmitSm), strings(21), st.binary(max_size=254))
def test_a_form_is_filled_in_like_a_pdu(pdu, recipient, text):
    """A message of a file would go to another number, or as another text, than one that is sent alone."""
    whole = replace(pdu, destination_addr=recipient, short_message=text, tlvs=())
    assert Form(pdu).filled(recipient, text) == whole.encode()[16:]


@pytest.mark.parametrize(
    ("recipient", "text", "status"),
    [
        ("1" * 21, b"", Status.RINVDSTADR),
        ("45\0", b"", Status.RINVDSTADR),
        ("Δ", b"", Status.RINVDSTADR),
        ("45", b"x" * 255, Status.RINVMSGLEN),
    ],
)
def test_limits_of_a_form(recipient, text, status):
    """A carrier would read what does not fit as other fields, or as another message."""
    with pytest.raises(SmppError) as caught:
        Form(SubmitSm(1)).filled(recipient, text)
    assert caught.value.status == status


@given(
    st.one_of(
        st.binary(max_size=200),
        # Whole PDUs of known commands with any body.
        st.lists(st.tuples(st.sampled_from(list(Command)), st.binary(max_size=60)), max_size=4).map(
            lambda items: b"".join(
                struct.pack(">IIII", 16 + len(body), command, 0, 7) + body for command, body in items
            )
        ),
        # Real ones with some octets changed.
        st.tuples(messages(SubmitSm), st.integers(0), OCTETS).map(
            lambda drawn: spoilt(drawn[0].encode(), drawn[1], drawn[2])
        ),
    ),
    st.lists(st.integers(0, 60)),
)
def test_garbage(data, sizes):
    """One odd PDU of a carrier would end the link, or the process, with a traceback."""
    whole = outcome(Decoder().feed(data))
    assert by_pieces(data, sizes) == whole
    assert all(isinstance(item, Pdu) or item[1] in set(Status) - {Status.ROK} for item in whole)


def spoilt(data, place, octet):
    """The data with one octet replaced."""
    place %= len(data)
    return data[:place] + bytes((octet,)) + data[place + 1 :]


def test_bytes_of_the_specification():
    """Two mistakes that cancel out would pass every round trip and fail at the first carrier."""
    bind = BindTransmitter(1, "SMPP3TEST", "secret08", "SUBMIT1", 0x34, 1, 1).encode()
    assert bind.hex(" ") == (
        "00 00 00 2f 00 00 00 02 00 00 00 00 00 00 00 01 "
        "53 4d 50 50 33 54 45 53 54 00 73 65 63 72 65 74 30 38 00 53 55 42 4d 49 54 31 00 34 01 01 00"
    )
    submit = SubmitSm(2, "555", "5551", b"Hi", 8, 0x40, 1, 5, 0, 1, 1, ((0x0204, b"\0\1"),), priority_flag=3)
    assert submit.encode().hex(" ") == (
        "00 00 00 30 00 00 00 04 00 00 00 00 00 00 00 02 00 05 00 35 35 35 00 01 01 35 35 35 31 00 "
        "40 00 03 00 00 01 00 08 00 02 48 69 02 04 00 02 00 01"
    )
    assert SubmitSmResp(2, 0, "abc").encode().hex(" ") == (
        "00 00 00 14 80 00 00 04 00 00 00 00 00 00 00 02 61 62 63 00"
    )


@pytest.mark.parametrize(
    ("pdu", "status"),
    [
        (SubmitSm(1, source_addr="1" * 21), Status.RINVSRCADR),
        (SubmitSm(1, source_addr="Δ"), Status.RINVSRCADR),
        (SubmitSm(1, destination_addr="45\0"), Status.RINVDSTADR),
        (SubmitSm(1, short_message=b"x" * 255), Status.RINVMSGLEN),
        (SubmitSm(1, service_type="123456"), Status.RINVSERTYP),
        (SubmitSm(1, validity_period="1" * 17), Status.RINVEXPIRY),
        (SubmitSm(1, schedule_delivery_time="1" * 17), Status.RINVSCHED),
        (SubmitSm(1, data_coding=256), Status.RSYSERR),
        (SubmitSm(1, tlvs=((5, b"x" * 65536),)), Status.RINVPARLEN),
        (BindTransceiver(1, "a" * 16), Status.RINVSYSID),
        (BindTransceiver(1, "a", "123456789"), Status.RINVPASWD),
        (BindTransceiver(1, "a", "b", "1" * 13), Status.RINVSYSTYP),
        (BindTransceiver(1, addr_ton=-1), Status.RSYSERR),
        (SubmitSmResp(1, 0, "1" * 65), Status.RINVMSGID),
        (EnquireLink(2**32), Status.RSYSERR),
    ],
)
def test_limits(pdu, status):
    """A carrier would cut the link over a field that does not fit, or read the rest as other fields."""
    with pytest.raises(SmppError) as caught:
        pdu.encode()
    assert caught.value.status == status


@pytest.mark.parametrize("body", [b"", b"\0", b"17\0", b"17"])
def test_short_answers(body):
    """A carrier that leaves out the body or the NUL would have its answer taken for none."""
    pdu = decode(struct.pack(">IIII", 16 + len(body), Command.SUBMIT_SM_RESP, 0x58, 9) + body)
    assert pdu == SubmitSmResp(9, 0x58, body.rstrip(b"\0").decode())


@pytest.mark.parametrize("more", [b"\0\0\0", b"\x02\x10", b"\0\x05\xff\xffabc"])
def test_answers_with_nonsense_at_their_end(more):
    """A carrier that pads its ids would have each message taken for unanswered, and get it a second time."""
    body = b"17\0" + more
    pdu = decode(struct.pack(">IIII", 16 + len(body), Command.SUBMIT_SM_RESP, 0, 9) + body)
    assert pdu == SubmitSmResp(9, 0, "17")


def test_a_torn_request_can_be_answered():
    """The carrier would wait for the answer to a request that we could not read."""
    data = DeliverSm(77, "1", "2", b"Hello").encode()[:-3]
    data = struct.pack(">I", len(data)) + data[4:]
    [error] = Decoder().feed(data)
    assert (error.command, error.sequence, error.status, error.fatal) == (
        Command.DELIVER_SM,
        77,
        Status.RINVCMDLEN,
        False,
    )


def test_padding_is_no_parameter():
    """A receipt with a NUL at its end would be refused, and come again and again."""
    data = DeliverSm(77, "1", "2", b"id:1 stat:DELIVRD").encode() + b"\0"
    assert decode(struct.pack(">I", len(data)) + data[4:]) == DeliverSm(77, "1", "2", b"id:1 stat:DELIVRD")


def test_after_a_torn_request_the_next_is_read():
    """One PDU with a torn parameter would take the link down with it."""
    torn = DeliverSm(1, tlvs=((5, b"abc"),)).encode()
    torn = torn[:-5] + b"\xff\xff" + torn[-3:]
    first, second = Decoder().feed(torn + EnquireLink(2).encode())
    assert (first.sequence, first.status, second) == (1, Status.RINVPARLEN, EnquireLink(2))


@pytest.mark.parametrize("length", [0, 15, MAX_LENGTH + 1, 2**32 - 1])
def test_a_length_out_of_bounds_ends_the_link(length):
    """A peer with a bad length would have us wait for gigabytes, and keep them."""
    decoder = Decoder()
    first, error = decoder.feed(EnquireLink(1).encode() + struct.pack(">IIII", length, 4, 0, 5) + b"x" * 99)
    assert first == EnquireLink(1)
    assert error.fatal
    assert decoder.feed(EnquireLink(2).encode()) == []


def test_a_long_payload_passes():
    """A text sent as one payload would be refused for its length."""
    pdu = SubmitSm(1, "1", "2", tlvs=((0x0424, b"x" * 65535),))
    assert Decoder().feed(pdu.encode()) == [pdu]


def test_statuses_are_told():
    """A refusal would reach its reader as a bare number."""
    assert status_name(0x58) == "ESME_RTHROTTLED"
    assert status_name(0x410) == "0x00000410"
    assert all(status_meaning(status) for status in [*Status, 0x410])
