"""National language tables, held against another implementation: gsmcodecs, of TS 23.038 release 18."""

import pytest
from gsmcodecs.charmaps import GSMCHARMAPS
from hypothesis import given
from hypothesis import strategies as st

from smsfs.sms import gsm
from smsfs.sms.alphabets import LANGUAGES, NUMBERS, VOID, alphabet

#: Where gsmcodecs has another character than Android's GsmAlphabet, which agrees with us: a misread comma in
#: the ten Indic locking tables, Kannada's second U+0CAA, and a missing euro sign in Telugu.
THEIRS = {("locking", number, 0x2C): "'" for number in range(4, 14)}
THEIRS |= {("locking", 7, 0x24): "\u0caa", ("singleShift", 12, 0x65): VOID}

ANYTHING = st.integers(0, 15)


def theirs(kind, number):
    """The other implementation's table, 128 characters."""
    table = GSMCHARMAPS[number][kind]["decode"]
    return [chr(table.get(place, ord(VOID))) for place in range(128)]


@pytest.mark.parametrize("kind", ["locking", "singleShift"])
@pytest.mark.parametrize("number", range(14))
def test_every_place_of_every_table(number, kind):
    """A person in Turkey or India would read another letter than was written, or we would."""
    if kind not in GSMCHARMAPS[number]:
        assert number == 2, "Spanish has no locking shift table"
        assert alphabet(number).basic == gsm.BASIC
        return
    found = alphabet(locking=number) if kind == "locking" else alphabet(single=number)
    ours = found.basic if kind == "locking" else found.extension
    for place, expected in enumerate(theirs(kind, number)):
        if place != gsm.ESCAPE:
            other = THEIRS.get((kind, number, place))
            assert other in (None, expected)
            assert other or ours[place] == expected, f"{kind} {number} 0x{place:02X}"


@pytest.mark.parametrize(
    ("code", "kind", "septets", "text"),
    [
        ("tr", "locking", b"\x1c\x07\x0c\x40\x60\x04", "Şığİç€"),
        ("tr", "single", b"\x1b\x53\x1b\x69\x1b\x67\x1b\x49\x1b\x63\x1b\x65", "Şığİç€"),
        ("es", "single", b"\x1b\x41\x1b\x75\x1b\x09", "Áúç"),
        ("pt", "locking", b"\x5b\x0e\x15\x7f", "ÃÁ\u221eà"),
        ("pt", "single", b"\x1b\x05\x1b\x61\x1b\x7f", "êÂâ"),
        ("kn", "locking", b"\x24\x2d\x2c", "\u0ca1\u0ca7,"),
        ("hi", "locking", b"\x15\x5d\x50", "\u0915\u094b\u093e"),
        ("te", "single", b"\x1b\x1c\x1b\x65\x1b\x41", "\u0c66€A"),
        ("ur", "locking", b"\x00\x69(", "\u0627i)"),
        ("hi", "single", b"\x1b\x13\x1b\x15\x1b\x19", "¡¡\u0964"),
        ("tr", "single", b"\x1b\x41\x1b\x1b\x1b", "A  "),
    ],
)
def test_known_texts(code, kind, septets, text):
    """A table would be put to the wrong language, or an escape that means nothing would eat a letter."""
    number = NUMBERS[code]
    found = alphabet(number, 0) if kind == "locking" else alphabet(0, number)
    assert found.decode(septets) == text


def test_the_default_tables_are_the_default_alphabet():
    """What a text takes by the default tables would be counted in two ways."""
    found, septets = alphabet(), bytes(range(128))
    assert found.decode(septets) == gsm.decode(septets)
    assert found.encode("Hej {€}") == gsm.encode("Hej {€}")
    assert alphabet(99, 77) == found, "a language that nobody knows is passed over"


def test_codes():
    """An operator could not name a language that has tables."""
    assert list(NUMBERS) == ["tr", "es", "pt", "bn", "gu", "hi", "kn", "ml", "or", "pa", "ta", "te", "ur"]
    assert [LANGUAGES[number].code for number in range(1, 14)] == list(NUMBERS)


@given(ANYTHING, ANYTHING, st.data())
def test_there_and_back(locking, single, data):
    """A text would come out otherwise than it went in."""
    found = alphabet(locking, single)
    text = data.draw(st.text(st.sampled_from(sorted(found.codes)), max_size=50))
    septets = found.encode(text)
    assert (found.decode(septets), len(septets)) == (text, found.length(text))


@given(ANYTHING, ANYTHING, st.binary(max_size=80))
def test_any_septets(locking, single, data):
    """A reply that no table explains would end the link."""
    text = alphabet(locking, single).decode(data)
    assert len(text) <= len(data)
    assert "\x1b" not in text
