"""The GSM alphabet."""

import gsm0338
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsfs.sms import gsm

gsm_text = st.text(st.sampled_from(sorted(set(gsm.BASIC) - {"\x1b"}) + sorted(gsm.EXTENSION)), max_size=400)


@given(gsm_text)
def test_what_is_encoded_comes_back(text):
    """A recipient would read another text than the client wrote."""
    assert gsm.decode(gsm.encode(text)) == text
    assert gsm.is_gsm(text)
    assert gsm.foreign(text) is None


@given(st.text())
def test_predicates_agree_with_the_encoder(text):
    """A text would be counted as GSM and then fail to be sent, or the other way round."""
    if gsm.is_gsm(text):
        gsm.encode(text)
        return
    with pytest.raises(UnicodeEncodeError) as caught:
        gsm.encode(text)
    assert gsm.foreign(text) == text[caught.value.start]


def test_known_septets():
    """Danish letters and the euro sign would arrive as others: the table would be shifted."""
    assert gsm.encode("@Åøæ_ ¿à`"[:-1]) == bytes([0x00, 0x0E, 0x0C, 0x1D, 0x11, 0x20, 0x60, 0x7F])
    assert gsm.encode("€[]{}~^|\\\f") == bytes.fromhex("1b65 1b3c 1b3e 1b28 1b29 1b3d 1b14 1b40 1b2f 1b0a")
    assert len(gsm.BASIC) == 128
    assert len(set(gsm.BASIC)) == 128


@pytest.mark.parametrize("text", ["`", "ç", "\x1b", "\t", "日", "🎉", "\u200b"])
def test_characters_that_look_at_home_but_are_not(text):
    """A backtick or a small c with cedilla would be sent as some other character."""
    assert gsm.foreign(f"ok {text}") == text


@pytest.mark.parametrize(
    ("septets", "text"), [(b"\x1b", " "), (b"\x1b\x1b", " "), (b"\x1b\x41", "A"), (b"a\x1b\x65b", "a€b")]
)
def test_odd_escapes_read_as_the_standard_asks(septets, text):
    """A message that another system segmented badly could not be shown at all."""
    assert gsm.decode(septets) == text


def test_octets_over_seven_bits_are_refused():
    """Text in another encoding would be taken for GSM and shown as nonsense."""
    with pytest.raises(UnicodeDecodeError):
        gsm.decode(b"\x80")


@given(gsm_text)
def test_another_implementation_agrees(text):
    """A phone would show other characters than we mean."""
    theirs = gsm0338.Codec()
    assert gsm.encode(text) == theirs.encode(text)[0]
    assert theirs.decode(gsm.encode(text))[0] == text
