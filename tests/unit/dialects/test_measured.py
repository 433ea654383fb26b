"""Texts as they are sent, and what they take."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsfs.dialects.measured import measured
from smsfs.sms import gsm, segments
from smsfs.sms.text import DROP, GSM, OFF, REFUSE, TextRules

ALL_RULES = [TextRules(controls, smart) for controls in (REFUSE, DROP) for smart in (OFF, GSM)]


@pytest.mark.parametrize("rules", ALL_RULES)
@given(
    st.text(st.sampled_from(gsm.BASIC + "".join(gsm.EXTENSION) + "ê\u0301“\x07ж"), min_size=1, max_size=170)
)
def test_common_texts_are_read_as_all_others(rules, text):
    """A short way for most texts would send one that the account's rules change or refuse."""
    try:
        expected = rules.read(text)
    except ValueError:
        with pytest.raises(ValueError, match="control character"):
            measured(rules, text)
        return
    if expected:
        assert measured(rules, text) == (expected, *segments.count(expected))


@pytest.mark.parametrize("length", [1, 159, 160, 161, 306, 307])
def test_parts_are_counted_at_their_borders(length):
    """A text would be charged as one SMS and sent as two."""
    assert measured(TextRules(), "å" * length) == ("å" * length, *segments.count("å" * length))
