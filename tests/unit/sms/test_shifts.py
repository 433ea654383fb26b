"""Texts in national tables."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsfs.sms import gsm, segments
from smsfs.sms.alphabets import LANGUAGES, NUMBERS, alphabet
from smsfs.sms.shifts import count, shift

TR, ES, PT, HI, UR = (NUMBERS[code] for code in ("tr", "es", "pt", "hi", "ur"))
S_CEDILLA, G_BREVE = "\u015f", "\u011e"


@pytest.mark.parametrize(
    ("text", "languages", "bits", "expected"),
    [
        (S_CEDILLA * 70, [TR], 8, ("ucs2", 1)),
        (S_CEDILLA * 71, [TR], 8, ("gsm7", 1)),
        (S_CEDILLA * 155, [TR], 8, ("gsm7", 1)),
        (S_CEDILLA * 156, [TR], 8, ("gsm7", 2)),
        (S_CEDILLA * 298, [TR], 8, ("gsm7", 2)),
        (S_CEDILLA * 299, [TR], 8, ("gsm7", 3)),
        (S_CEDILLA * 296, [TR], 16, ("gsm7", 2)),
        (S_CEDILLA * 297, [TR], 16, ("gsm7", 3)),
        ("á" + "a" * 153, [ES], 8, ("gsm7", 1)),
        ("á" + "a" * 154, [ES], 8, ("gsm7", 2)),
        ("Ã" * 140 + "ç" * 6, [PT], 8, ("gsm7", 1)),
        ("\u0915\u0966" * 40, [HI], 8, ("gsm7", 1)),
        (("\u0915\u094b" * 40 + "A"), [HI], 8, ("gsm7", 1)),
        ("\u0915" * 150 + "A", [HI], 8, ("gsm7", 1)),
        ("\u0915" * 151 + "A", [HI], 8, ("gsm7", 2)),
        ("\u0627" * 100, [HI], 8, ("ucs2", 2)),
        ("\u0627" * 100, [HI, UR], 8, ("gsm7", 1)),
        (S_CEDILLA * 71 + "á", [TR], 8, ("ucs2", 2)),
        (S_CEDILLA * 71 + "á", [TR, ES], 8, ("gsm7", 1)),
        (S_CEDILLA * 71, [ES, PT], 8, ("ucs2", 2)),
        (S_CEDILLA * 71 + "😀", [TR], 8, ("ucs2", 2)),
        (S_CEDILLA * 71, [], 8, ("ucs2", 2)),
        ("a" * 161, [TR, ES], 8, ("gsm7", 2)),
        ("", [TR], 8, ("gsm7", 1)),
    ],
)
def test_counts(text, languages, bits, expected):
    """A client would pay for more SMS than it was told, or for twice as many as it takes."""
    assert count(text, languages, bits) == expected


def test_the_tables_with_fewest_septets():
    """A text would cost an SMS more because its tables are ill chosen."""
    few, many = shift("Bugün è " * 12 + S_CEDILLA, (TR,)), shift((G_BREVE + S_CEDILLA) * 50, (TR,))
    assert (few.locking, few.single) == (0, TR)
    assert (many.locking, many.single) == (TR, 0)
    both = shift((G_BREVE + S_CEDILLA) * 60 + "á", (TR, ES))
    assert (both.locking, both.single) == (TR, ES)


@given(
    st.lists(st.sampled_from(sorted(LANGUAGES)), min_size=1, max_size=3),
    st.sampled_from([8, 16]),
    st.data(),
)
def test_any_text_comes_back(languages, bits, data):
    """A person would read another text than was sent, or a part would be over what one SMS holds."""
    number = data.draw(st.sampled_from(languages))
    characters = sorted({*alphabet(number, number).codes, *gsm.EXTENSION})
    text = data.draw(st.text(st.sampled_from(characters), min_size=60, max_size=500))
    found = shift(text, tuple(languages), bits)
    encoding, parts = segments.count(text, bits)
    if found is None:
        assert count(text, languages, bits) == (encoding, parts)
        return
    assert (encoding, count(text, languages, bits)) == ("ucs2", ("gsm7", len(found.parts)))
    assert len(found.parts) < parts
    tables = alphabet(found.locking, found.single)
    assert "".join([tables.decode(septets) for septets in found.parts]) == text
    header = 1 + 3 * (bool(found.locking) + bool(found.single))
    header += {8: 5, 16: 6}[bits] if len(found.parts) > 1 else 0
    for septets in found.parts:
        assert header + (len(septets) * 7 + (-header * 8 % 7) + 7) // 8 <= 140
