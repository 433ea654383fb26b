"""Replies as files of smstools3."""

from datetime import UTC, datetime

import pytest

from smsfs.dialects.replies import ReplyToShow
from smsfs.dialects.smstools import SmsTools
from smsfs.dialects.smstools.headers import parted
from smsfs.dialects.smstools.text import alphabet, decoded

DIALECT = SmsTools()
SETTINGS = DIALECT.defaults
AT = datetime(2026, 11, 22, 9, 45, 7, tzinfo=UTC)


def reply(text="Ja tak", *, backend="carrier", number=7, whole=True):
    """A reply."""
    return ReplyToShow(number, backend, "4512345678", text, whole, AT)


def test_a_reply_is_a_file_as_smstools3_writes_it():
    """A program that reads what smstools3 received would find no sender, or no text."""
    path, data = DIALECT.reply(reply(), SETTINGS)
    assert path == "incoming/carrier.000007"
    assert data.decode().split("\n") == [
        "From: 4512345678",
        "From_TOA: 91 international, ISDN/telephone",
        "Sent: 26-11-22 09:45:07",
        "Received: 26-11-22 09:45:07",
        "Subject: carrier",
        "Modem: carrier",
        "Alphabet: ISO",
        "Length: 6",
        "",
        "Ja tak",
    ]


@pytest.mark.parametrize(
    ("text", "utf8", "named", "length"),
    [
        ("Prices: 5 €, æøå", False, "ISO", 16),
        ("Prices: 5 €, æøå", True, "UTF-8", 16),
        ("Γειά", False, "UCS2", 4),
        ("Γειά 😀", True, "UTF-8", 6),
        ("😀", False, "UCS2", 2),
        ("To: 4510000001\n\nnot a header", False, "ISO", 28),
        ("", False, "ISO", 0),
    ],
)
def test_every_text_can_be_read_by_its_alphabet(text, utf8, named, length):
    """A program would show question marks where a person wrote letters, or take a text for headers."""
    _, data = DIALECT.reply(reply(text), {**SETTINGS, "incoming_utf8": utf8})
    spool = parted(data, ignore_unknown=False)
    assert spool.causes == []
    assert (spool.get("Alphabet").value, spool.get("Length").value) == (named, str(length))
    assert decoded(spool.text, alphabet(named), spool.line) == text


def test_a_reply_of_which_a_part_is_missing_says_so():
    """Half an answer would be taken for all of it."""
    assert b"\nIncomplete: yes\n" in DIALECT.reply(reply(whole=False), SETTINGS)[1]
    assert b"Incomplete" not in DIALECT.reply(reply(), SETTINGS)[1]


def test_names_are_unique_and_stay_in_their_folder():
    """A reply would hide another, or lie where its program does not look."""
    paths = [DIALECT.reply(reply(number=number), SETTINGS)[0] for number in (1, 1_000_000, 10_000_000)]
    assert paths == ["incoming/carrier.000001", "incoming/carrier.1000000", "incoming/carrier.10000000"]
    (odd, data) = DIALECT.reply(reply(backend="../a/b: ü\n"), SETTINGS)
    assert odd == "incoming/___a_b____.000007"
    assert b"\nModem: ___a_b____\n" in data
    (long, _) = DIALECT.reply(reply(backend="x" * 300), SETTINGS)
    assert len(long) < 200
