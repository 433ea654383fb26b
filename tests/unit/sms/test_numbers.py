"""Phone numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsfs.sms.numbers import is_msisdn, msisdn


@given(st.from_regex(r"[1-9][0-9]{6,14}", fullmatch=True), st.sampled_from(["", "+"]))
def test_numbers_with_country_code_are_taken(digits, plus):
    """A good number would be refused, and with it the whole file."""
    assert msisdn(plus + digits) == digits
    assert is_msisdn(plus + digits)


@given(st.text())
def test_whatever_is_taken_is_a_number(text):
    """Something that no carrier takes would be sent, or a wrong cell end the reading with a traceback."""
    if is_msisdn(text):
        digits = msisdn(text)
        assert digits.isascii()
        assert digits.isdigit()
        assert 7 <= len(digits) <= 15
        return
    with pytest.raises(ValueError) as caught:
        msisdn(text)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("", "the phone number is missing"),
        ("+45 12 34 56 78", "without spaces, dashes or brackets"),
        ("45-1234-5678", "without spaces, dashes or brackets"),
        ("+1 (555) 0100", "without spaces, dashes or brackets"),
        ("004512345678", "country code"),
        ("012345678", "country code"),
        ("0044 12 34", "country code"),
        ("4.51E+09", "a spreadsheet shortened it"),
        ("4,51e+09", "a spreadsheet shortened it"),
        ("4512345678.0", "decimal"),
        ("123456", "7 to 15 digits"),
        ("+1234567890123456", "7 to 15 digits"),
        ("٤٥١٢٣٤٥٦٧٨", "not the plain 0 to 9"),
        ("call me", "digits only"),
        ("++4512345678", "digits only"),
        ("4512345678\n", "without spaces"),
    ],
)
def test_each_mistake_has_its_hint(text, hint):
    """A client would be told that a number is wrong, but not what to do about it."""
    with pytest.raises(ValueError, match=hint):
        msisdn(text)


def test_a_huge_cell_is_quoted_in_part():
    """One lost quote would put a whole file into the cause, and the log."""
    with pytest.raises(ValueError) as caught:
        msisdn("9" * 130_000)
    assert len(str(caught.value)) < 150
