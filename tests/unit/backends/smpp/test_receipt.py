"""Receipts as carriers write them, and ids as they write those."""

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsfs.backends.smpp.constants import Tag
from smsfs.backends.smpp.delivered import delivered
from smsfs.backends.smpp.pdu import DeliverSm, SmppError
from smsfs.backends.smpp.receipt import STATES, ReceiptText, doubtful, normal_id, other_id, receipt
from smsfs.backends.smpp.text import content
from smsfs.sms import gsm

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
            ReceiptText("0123456789", "DELIVRD", "000", AT, DONE, "A id:1"),
        ),
        ("id:a-1 stat:UNDELIV err:E0A", ReceiptText("a-1", "UNDELIV", "E0A")),
        ("stat:EXPIRED err: id:7 text:", ReceiptText("7", "EXPIRED")),
        ("ID:7 SUBMIT_DATE:20260901123000 STAT:delivrd ERR:", ReceiptText("7", "DELIVRD", "", AT)),
        ("id: 7 stat: UNDELIVERABLE, err: 12", ReceiptText("7", "UNDELIV", "12")),
        ("text:Hi id:7 stat:REJECTD", ReceiptText("7", "REJECTD", text="Hi id:7 stat:REJECTD")),
        ("id:7 done date:2613991230 stat:ENROUTE", ReceiptText("7", "ENROUTE")),
        ("id:7 stat:ODD", ReceiptText("7", "ODD")),
        ("delivered to the phone", ReceiptText("", "")),
    ],
)
def test_texts(words, expected):
    """A message that was delivered would stay without its receipt because a vendor writes it another way."""
    assert parsed(words) == expected
    assert parsed(words, coding=8) == expected


VALUES = st.one_of(
    st.from_regex(re.compile(r"[\w-]{0,8}", re.ASCII), fullmatch=True),
    st.sampled_from(["id", "stat", "text", "sub", "DELIVRD", "a b", "001", "2609011230"]),
)


@given(st.tuples(*[VALUES] * 7), st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40))
def test_usual_receipts_are_read_like_odd_ones(values, text):
    """A carrier that writes as the specification has it would have its words taken for others."""
    labels = ("id", "sub", "dlvrd", "submit date", "done date", "stat", "err")
    words = (
        " ".join(f"{label}:{value}" for label, value in zip(labels, values, strict=True)) + f" Text:{text}"
    )
    assert parsed(words) == parsed(f" {words}")


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
        *((word, None) for word in ("Accepted", "EN_ROUTE", "1", "006", "0", "Queued", "SENT", "pending")),
        *((word, "delivered") for word in ("delivered", "2", "002", "DELIVERD", "DELVRD")),
        *((word, "expired") for word in ("3", "EXPIRD", "Expired")),
        *((word, "undelivered") for word in ("5", "8", "9", "7", "4", "undeliverable", "FAILED", "SKIPPED")),
        *(
            (word, "undelivered")
            for word in ("BLCKLST", "BLIST", "NOROUTE", "UNKNOWN", "No-Credit", "14", "ÄÖ")
        ),
    ],
)
def test_outcomes(stat, outcome):
    """A message on its way would be shown as lost, or a lost one as on its way."""
    assert parsed(f"id:1 stat:{stat}").outcome == outcome


def test_parameters_count_for_more():
    """At carriers that cut the id in the text, no receipt would match."""
    tlvs = ((ID, b"123456789012\0"), (STATE, b"\x05"), (ERROR, b"\x03\x01\x02"))
    found = parsed("id:12345 stat:DELIVRD err:000 done date:260901123105", 0, tlvs)
    assert found == ReceiptText("123456789012", "UNDELIV", "258", done=DONE)
    assert parsed("", 4, tlvs) == ReceiptText("123456789012", "UNDELIV", "258")


def test_a_parameter_may_be_missing():
    """A carrier that gives the id as a parameter and the state in the text would not be understood."""
    assert parsed("id:1 stat:EXPIRED", 4, ((ID, b"9"),)) == ReceiptText("9", "EXPIRED")
    assert parsed("id:1 stat:EXPIRED", 4, ((STATE, b"\x02"),)) == ReceiptText("1", "DELIVRD")


@pytest.mark.parametrize("number", [0, 1, 6, 7, 10, 200])
@pytest.mark.parametrize("word", ["UNDELIV", "DELIVRD", "EXPIRED", "REJECTD", "BLCKLST"])
def test_a_parameter_that_says_nothing_gives_way(number, word):
    """A message would be on its way for ever, though the carrier wrote what became of it."""
    assert parsed(f"id:1 stat:{word}", 4, ((STATE, bytes((number,))),)).stat == word


@pytest.mark.parametrize(
    ("number", "word", "stat"),
    [
        (5, "ENROUTE", "UNDELIV"),
        (2, "", "DELIVRD"),
        (7, "ACCEPTD", "UNKNOWN"),
        (1, "", "ENROUTE"),
        (2, "5", "DELIVRD"),
    ],
)
def test_a_parameter_that_says_more_counts(number, word, stat):
    """A carrier's final word would be passed over for the word in the text."""
    assert parsed(f"id:1 stat:{word} err:1", 4, ((STATE, bytes((number,))),)).stat == stat


@pytest.mark.parametrize("nothing", [b"", b"\0", b"\0\0\0", b" \0"])
def test_empty_parameters_give_way(nothing):
    """A carrier that sends every parameter, filled or not, would have no receipt matched."""
    found = parsed("id:77 stat:UNDELIV err:027", 4, ((ID, nothing), (STATE, nothing), (ERROR, nothing)))
    assert found == ReceiptText("77", "UNDELIV", "027")
    assert parsed("Hi, my id:77", 0, ((ID, nothing),)) is None
    assert parsed("id:7 err:11", 4, ((ERROR, b"\x03\0\0"),)).error == "11"
    assert parsed("id:7", 4, ((ERROR, b"\x03\0\0"),)).error == "0"


def test_two_ids():
    """A carrier that has our id in the text alone, and its own in the parameter, would have none matched."""
    pdu = DeliverSm(1, "45", "me", b"id:77 stat:DELIVRD", esm_class=4, tlvs=((ID, b"x-1\0"),))
    assert (receipt(pdu).id, other_id(pdu)) == ("x-1", "77")
    found = delivered(pdu, "hexadecimal")
    assert (found.id, found.other) == ("x-1", "119")
    assert other_id(DeliverSm(1, "45", "me", b"id:77 stat:DELIVRD", esm_class=4, tlvs=((ID, b"77"),))) == ""


WORDS = "id:0a_1@x sub:001 dlvrd:001 submit date:2609011230 done date:2609011231 stat:DELIVRD err:000 text:æ"
CODECS = {"ascii": 1, "latin-1": 3, "utf-16-be": 8, "utf-16-le": 8, "gsm": 0}


def gsm_packed(septets):
    """Septets as a radio network has them."""
    bits = sum(septet << 7 * place for place, septet in enumerate(septets))
    return bits.to_bytes((7 * len(septets) + 7) // 8, "little")


@pytest.mark.parametrize("coding", [0, 1, 3, 4, 8, 0x18, 0xF0, 0xF5, 0x20, 0xBF])
@pytest.mark.parametrize("codec", CODECS)
def test_the_coding_is_a_hint(codec, coding):
    """A carrier that names the coding of the message in its receipt would have no receipt read."""
    text = WORDS[:-1] if codec == "ascii" else WORDS
    data = gsm.encode(text) if codec == "gsm" else text.encode(codec)
    found = receipt(DeliverSm(1, "45", "me", data, coding, 4))
    assert (found.id, found.stat, found.error, found.done) == (
        "0a_1@x",
        "DELIVRD",
        "000",
        AT.replace(minute=31),
    )
    assert doubtful(DeliverSm(1, "45", "me", data, coding, 0)).id == "0a_1@x"


def test_a_packed_receipt():
    """A carrier that packs septets would have no receipt read."""
    data = gsm_packed(b"id:1234567890 stat:UNDELIV err:1")
    found = receipt(DeliverSm(1, "45", "me", data, 0, 4))
    assert (found.id, found.stat, found.error) == ("1234567890", "UNDELIV", "1")


@pytest.mark.parametrize(
    ("digits", "at"),
    [
        ("2609011230", AT),
        ("260901123105", DONE),
        ("202609011230", AT),
        ("20260901123105", DONE),
        ("201112131415", datetime(2020, 11, 12, 13, 14, 15)),  # noqa: DTZ001 - a carrier's clock has no zone
        ("260901123105000+", DONE.replace(tzinfo=UTC)),
        ("260901143105008+", DONE.replace(tzinfo=UTC)),
        ("260901093105012-", DONE.replace(tzinfo=UTC)),
        ("260901181605523+", DONE.replace(tzinfo=UTC, microsecond=500_000)),
        *(
            (odd, None)
            for odd in ("", "0", "260931123a", "2613011230", "000007000000000R", "260901123105049+")
        ),
        *((odd, None) for odd in ("26090112301", "202613011230", "2609011231050000", "²609011230")),
    ],
)
def test_dates(digits, at):
    """A message would have arrived in another year, or at another hour, than the carrier says."""
    assert parsed(f"id:1 done date:{digits} stat:DELIVRD").done == at


@pytest.mark.parametrize(
    ("counts", "stat"),
    [("sub:001 dlvrd:001", "DELIVRD"), ("sub:2 dlvrd:1", ""), ("sub:0 dlvrd:0", ""), ("", "")],
)
def test_counts_speak_where_no_word_does(counts, stat):
    """The receipts of a carrier without ``stat`` could not be read."""
    assert parsed(f"id:1 {counts}").stat == stat
    assert parsed(f"id:1 {counts} stat:ENROUTE").stat == "ENROUTE"


@pytest.mark.parametrize("esm_class", [0, 0x08, 0x10])
def test_what_only_looks_like_a_receipt(esm_class):
    """A receipt without its mark would be a reply for nobody, or a reply with "id:" in it a receipt."""
    for words in ("id:1 stat:DELIVRD", "ID: 1 STAT: UNDELIV", "stat:2 id:1"):
        pdu = DeliverSm(1, "45", "me", words.encode(), 0, esm_class)
        assert receipt(pdu) is None
        assert doubtful(pdu).id == "1"
    for words in ("my id:1", "id: stat:", "stat:DELIVRD", "stat id", "", "id:1 status: fine", "idstat:1"):
        assert doubtful(DeliverSm(1, "45", "me", words.encode(), 0, esm_class)) is None


def test_a_reply_may_name_the_message_that_it_answers():
    """A person's answer would be gone because the carrier says which message it is an answer to."""
    assert parsed("Ja tak", 0, ((ID, b"77"),)) is None
    assert parsed("", 0, ((ID, b"77"), (STATE, b"\x02"))) == ReceiptText("77", "DELIVRD")
    assert parsed("Ja tak", 0, ((ID, b"77"), (STATE, b"\x02"))).stat == "DELIVRD"


def test_a_receipt_in_the_payload():
    """A receipt that the carrier put into message_payload would be an empty reply."""
    tlvs = ((Tag.MESSAGE_PAYLOAD, b"id:9 stat:DELIVRD"),)
    assert parsed("", 4, tlvs) == ReceiptText("9", "DELIVRD")


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
