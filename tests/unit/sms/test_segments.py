"""Parts of a text."""

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from smsfs.sms import gsm, segments

basic = st.sampled_from("abcæ@ \n")
mixed = st.one_of(
    st.text(basic, max_size=500),
    st.text(st.sampled_from("a€[^"), max_size=500),
    st.text(st.sampled_from("a日🎉\ud83d\udc00"), max_size=300),
    st.text(max_size=300),
)


def _units(encoding: str, text: str) -> int:
    if encoding == "gsm7":
        return len(gsm.encode(text))
    return len(text.encode("utf-16-be", "surrogatepass")) // 2


@given(mixed, st.sampled_from([8, 16]))
@example("a" * 152 + "€" + "b" * 152, 8)
@example("日" * 66 + "🎉" + "日" * 66, 8)
def test_parts_are_the_text_and_each_is_as_full_as_it_can_be(text, bits):
    """A long text would lose letters, be cut within a character, or cost more SMS than it must."""
    encoding, parts = segments.split(text, bits)
    assert segments.count(text, bits) == (encoding, len(parts))
    joined = b"".join(part.encode("utf-16-be", "surrogatepass") for part in parts)
    assert joined == text.encode("utf-16-be", "surrogatepass")
    limit = segments.SINGLE[encoding] if len(parts) == 1 else segments.JOINED[bits][encoding]
    assert all(_units(encoding, part) <= limit for part in parts)
    for part, following in pairwise(parts):
        assert _units(encoding, part + following[0]) > limit or "\ud800" <= following[0] <= "\udfff"


@given(st.text(st.sampled_from("a日🎉"), max_size=300), st.sampled_from([8, 16]))
def test_no_part_ends_within_a_character(text, bits):
    """An emoji at the seam of two parts would arrive as two boxes."""
    for part in segments.split(text, bits)[1]:
        part.encode("utf-8")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ("gsm7", 1)),
        ("a" * 160, ("gsm7", 1)),
        ("a" * 161, ("gsm7", 2)),
        ("a" * 306, ("gsm7", 2)),
        ("a" * 307, ("gsm7", 3)),
        ("€" * 80, ("gsm7", 1)),
        ("€" * 81, ("gsm7", 2)),
        ("€" * 153, ("gsm7", 3)),  # 76 pairs fit 153 septets, the odd one stays empty
        ("日" * 70, ("ucs2", 1)),
        ("日" * 71, ("ucs2", 2)),
        ("日" * 134, ("ucs2", 2)),
        ("日" * 135, ("ucs2", 3)),
        ("🎉" * 35, ("ucs2", 1)),
        ("🎉" * 67, ("ucs2", 3)),  # 33 pairs fit 67 units
    ],
)
def test_the_limits(text, expected):
    """A client would be billed for another number of SMS than the vendor's page says."""
    assert segments.count(text) == expected


def test_a_wider_reference_leaves_less_room():
    """Parts joined by a 16 bit reference would be one septet too long for the carrier."""
    assert segments.count("a" * 305, 16) == ("gsm7", 3)
    assert segments.count("日" * 133, 16) == ("ucs2", 3)
    assert [len(part) for part in segments.split("a" * 305, 16)[1]] == [152, 152, 1]
