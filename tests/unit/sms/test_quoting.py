"""Client data in sentences."""

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsfs.sms.quoting import cut, escaped_lines, json_text, quoted, tamed

#: The marks of Unicode's property Bidi_Control.
DIRECTIONS = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
any_text = st.text(st.characters() | st.sampled_from("\x1b\x9b\x7f\r\n\u2028\ud83d\udc80" + DIRECTIONS))


def _acts(character):
    return unicodedata.category(character) in {"Cc", "Zl", "Zp", "Cs"} or character in DIRECTIONS


@given(st.text())
def test_a_quotation_stays_on_one_line_and_short(text):
    """A cell could forge lines of a log or of a rejected file, or fill a terminal."""
    shown = quoted(text)
    assert shown.isprintable()
    assert len(shown) <= 42


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Søren", '"Søren"'),
        ("a\tb\0", '"a\\tb\\x00"'),
        ("x" * 40, f'"{"x" * 40}"'),
        ("x" * 41, f'"{"x" * 37}..."'),
        ('5"', "'5\"'"),
    ],
)
def test_how_data_is_shown(text, shown):
    """A client could not find in the file what the cause speaks of."""
    assert quoted(text) == shown


@given(any_text)
def test_a_name_steers_no_terminal(text):
    """A file's name could clear the screen of who lists it, or show its ending in another place."""
    assert not any(map(_acts, tamed(text)))


@pytest.mark.parametrize(
    "name", ["Søren.csv", "a\u200db", "\u05e9\u05dc", "\U0001f469\u200d\U0001f467", "a\xa0b"]
)
def test_a_name_in_use_stays(name):
    """A program could not fetch a file by the name that it was shown."""
    assert tamed(name) == name


@given(any_text)
def test_json_is_read_back_and_steers_no_terminal(text):
    """A script would get other texts than were sent, or its user's terminal would obey them."""
    shown = json_text({text: [text]})
    assert not any(map(_acts, shown))
    kept = json.loads(json.dumps(text))  # halves of a pair that meet are one character in JSON
    assert json.loads(shown) == {kept: [kept]}


@given(any_text)
def test_lines_stay_lines(text):
    """A traceback would be one long line, or would steer the terminal."""
    assert not any(_acts(character) for character in escaped_lines(text) if character != "\n")
    assert escaped_lines(text).count("\n") == text.count("\n")


@given(st.text(max_size=300) | any_text, st.integers(20, 200))
def test_what_is_cut_fits_with_its_escapes(text, limit):
    """A stranger's name could fill the log."""
    shown = cut(text, limit)
    for line in (json.dumps(shown)[1:-1], repr(shown)[1:-1]):
        assert shown == text or len(line) <= limit
    assert shown == text or (shown.endswith("...") and text.startswith(shown[:-3]))
    assert shown != text or len(text) <= limit
