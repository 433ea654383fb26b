"""Receipts as carriers write them, and ids as they write those."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsfs.backends.smpp.constants import Tag
from smsfs.backends.smpp.pdu import DeliverSm, SmppError
from smsfs.backends.smpp.receipt import STATES, Receipt, normal_id, receipt
from smsfs.backends.smpp.text import content

ID, STATE, ERROR = Tag.RECEIPTED_MESSAGE_ID, Tag.MESSAGE_STATE, Tag.NETWORK_ERROR_CODE
AT = datetime(2026, 9, 1, 12, 30)  # noqa: DTZ001 - a carrier's clock has no zone
DONE = datetime(2026, 9, 1, 12, 31, 5)  # noqa: DTZ001 - likewise


def parsed(words, esm_class=4, tlvs=(), coding=0):
    """The receipt of a text."""
    data = words.encode("utf-16-be" if coding == 8 else "latin-1")
    return receipt(DeliverSm(1, "45", "me", data, coding, esm_class, tlvs=tlvs))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (
            "id:0123456789 submit date:2609011230 done date:260901123105 stat:DELIVRD err:000 Text:A id:1",
            Receipt("0123456789", "DELIVRD", "000", AT, DONE, "A id:1"),
        ),
        ("id:a-1 stat:UNDELIV err:E0A", Receipt("a-1", "UNDELIV", "E0A")),
        ("stat:EXPIRED err: id:7 text:", Receipt("7", "EXPIRED")),
        ("ID:7 SUBMIT_DATE:20260901123000 STAT:delivrd ERR:", Receipt("7", "DELIVRD", "", AT)),
        ("id: 7 stat: UNDELIVERABLE, err: 12", Receipt("7", "UNDELIV", "12")),
        ("text:Hi id:7 stat:REJECTD", Receipt("7", "REJECTD", text="Hi id:7 stat:REJECTD")),
        ("id:7 done date:2613991230 stat:ENROUTE", Receipt("7", "ENROUTE")),
        ("id:7 stat:ODD", Receipt("7", "ODD")),
        ("delivered to the phone", Receipt("", "")),
    ],
)
def test_texts(words, expected):
    """A message that was delivered would stay without its receipt because a vendor writes it another way."""
    assert parsed(words) == expected
    assert parsed(words, coding=8) == expected


@pytest.mark.parametrize(
    ("stat", "outcome"),
    [
        ("DELIVRD", "delivered"),
        ("EXPIRED", "expired"),
        ("UNDELIV", "undelivered"),
        ("REJECTD", "undelivered"),
        ("ENROUTE", None),
        ("ACCEPTD", None),
        ("BUFFRED", None),
    ],
)
def test_outcomes(stat, outcome):
    """A message on its way would be shown as lost, or a lost one as on its way."""
    assert parsed(f"id:1 stat:{stat}").outcome == outcome


def test_parameters_count_for_more():
    """At carriers that cut the id in the text, no receipt would match."""
    tlvs = ((ID, b"123456789012\0"), (STATE, b"\x05"), (ERROR, b"\x03\x01\x02"))
    found = parsed("id:12345 stat:DELIVRD err:000 done date:260901123105", 0, tlvs)
    assert found == Receipt("123456789012", "UNDELIV", "258", done=DONE)
    assert parsed("", 4, tlvs) == Receipt("123456789012", "UNDELIV", "258")


def test_a_parameter_may_be_missing():
    """A carrier that gives the id as a parameter and the state in the text would not be understood."""
    assert parsed("id:1 stat:EXPIRED", 4, ((ID, b"9"),)) == Receipt("9", "EXPIRED")
    assert parsed("id:1 stat:EXPIRED", 4, ((STATE, b"\x02"),)) == Receipt("1", "DELIVRD")


def test_a_receipt_in_the_payload():
    """A receipt that the carrier put into message_payload would be an empty reply."""
    tlvs = ((Tag.MESSAGE_PAYLOAD, b"id:9 stat:DELIVRD"),)
    assert parsed("", 4, tlvs) == Receipt("9", "DELIVRD")


def test_a_reply_is_no_receipt():
    """A person who writes something that looks like a receipt would change what became of a message."""
    assert parsed("id:1 stat:DELIVRD", 0) is None


@given(
    st.binary(max_size=120),
    st.integers(0, 255),
    st.integers(0, 255),
    st.lists(st.tuples(st.sampled_from([*Tag]), st.binary(max_size=5)), max_size=4).map(tuple),
)
def test_any_receipt(data, coding, esm_class, tlvs):
    """A receipt that nobody thought of would end the link with a traceback."""
    pdu = DeliverSm(1, "1", "2", data, coding, esm_class, tlvs=tlvs)
    try:
        content(pdu)
    except SmppError:
        return
    found = receipt(pdu)
    assert found is None or found.outcome in {None, "delivered", "undelivered", "expired"}


@pytest.mark.parametrize(
    ("ours", "base", "theirs", "other"),
    [
        ("1a2b", "hexadecimal", "6699", "decimal"),
        ("0x1A2B", "hexadecimal", "00001a2b", "hexadecimal"),
        ("000123", "text", "123", "text"),
        ("AbC-1", "text", "aBc-1 ", "text"),
        ("0123", "decimal", "123", "decimal"),
        ("0000", "text", "0", "text"),
        ("0000", "decimal", "0", "hexadecimal"),
    ],
)
def test_ids_match(ours, base, theirs, other):
    """No receipt of a carrier that writes ids in two ways would ever be matched."""
    assert normal_id(ours, base) == normal_id(theirs, other)


@given(st.text(max_size=80), st.sampled_from(["text", "decimal", "hexadecimal"]))
def test_any_id(message_id, base):
    """An id of a kind that the configuration does not expect would stop its link."""
    found = normal_id(message_id, base)
    assert normal_id(found) == found  # as it is stored and compared
    assert normal_id(message_id.upper().lower(), base) == found or not message_id.isascii()
    assert normal_id("9" * 70_000, base) == "9" * 70_000


def test_states_are_words():
    """A state by number would be shown as a number."""
    assert all(word.isupper() and 6 < len(word) < 10 for word in STATES.values())
