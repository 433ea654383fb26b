"""Client data in sentences."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsfs.sms.quoting import quoted


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
