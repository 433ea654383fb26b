"""Senders."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsfs.sms import gsm
from smsfs.sms.sender import sender


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("", ""),
        ("MyCompany", "MyCompany"),
        ("Fjord & Søn", "Fjord & Søn"),
        ("A1", "A1"),
        ("4510203040", "4510203040"),
        ("+4510203040", "4510203040"),
        ("123456789012345", "123456789012345"),
        ("1245", "1245"),
        (" MyCompany\u00a0", "MyCompany"),
        (" +4510203040 ", "4510203040"),
        ("Cafe\u0300", "Caf\u00e8"),
    ],
)
def test_names_and_numbers_are_taken(text, sent):
    """A sender that the vendor's page allows would reject the file, or be shown otherwise."""
    assert sender(text) == sent


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("Twelve chars", "at most 11 characters, and this one has 12"),
        ("1234567890123456", "at most 15 digits"),
        ("+1234567890123456", "at most 15 digits"),
        ("Prix €", 'cannot show "€"'),
        ("日本", "cannot show"),
        ("a\nb", r'cannot show "\\n"'),
        ("   ", "blank"),
        ("---", "neither a letter nor a digit"),
        ("&", "neither a letter nor a digit"),
    ],
)
def test_each_mistake_has_its_hint(text, hint):
    """A client would not learn which sender is wrong, or why."""
    with pytest.raises(ValueError, match=hint):
        sender(text)


@given(st.text(st.sampled_from("+19aÆ €\n日"), max_size=18))
def test_whatever_is_taken_can_be_sent(text):
    """A sender that no carrier takes would make every message of a batch fail later."""
    with suppress(ValueError):
        sent = sender(text)
        assert len(sent) <= (15 if sent.isdigit() else 11)
        assert set(sent) <= set(gsm.BASIC) - set("\r\n\x1b")
