"""What is done to texts before they are sent, and what their characters cost."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsfs.sms import gsm
from smsfs.sms.text import Cost, TextRules, cost

SMART = TextRules(smart="gsm")
DROP = TextRules(controls="drop")


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("Kære Bo", "Kære Bo"),
        ("Gru\u0308ße", "Grüße"),
        ("a\u030angstro\u0308m", "ångström"),
        ("cafe\u0301", "café"),
        ("line\r\nline\n", "line\r\nline\n"),
        ("\U0001f468\u200d\U0001f467", "\U0001f468\u200d\U0001f467"),
    ],
)
def test_letters_are_sent_whole(written, sent):
    """A name typed on a Mac would make each text twice as dear, or show its accent beside the letter."""
    assert TextRules().read(written) == sent


CONTROLS = ["\0", "\a", "\b", "\t", "\v", "\f", "\x1b", "\x1a", "\x7f", "\x80", "\x85", "\x9b"]


@pytest.mark.parametrize("control", CONTROLS)
def test_control_characters_are_refused_or_dropped(control):
    """A phone would show a box, and the carrier charge for UCS-2, because of a byte that nobody sees."""
    with pytest.raises(ValueError, match=rf"\(U\+{ord(control):04X}\) at character 3") as caught:
        TextRules().read(f"ab{control}c")
    assert 'set controls to "drop"' in str(caught.value)
    assert DROP.read(f"ab{control}c{control}\n") == "abc\n"


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("\u201cHi\u201d, it\u2019s \u201enow\u201f", '"Hi", it\'s "now"'),
        ("\u00abOui\u00bb \u2039non\u203a", "\"Oui\" 'non'"),
        ("9\u201310\u2014or\u2011so \u2212 5", "9-10-or-so - 5"),
        ("wait\u2026", "wait..."),
        ("10\u00a0kr\u202fnu", "10 kr nu"),
        ("soft\u00adly \u200bhere\ufeff", "softly here"),
        ("\u65e5\u672c \u2019", "\u65e5\u672c '"),
    ],
)
def test_smart_texts_leave_as_gsm(written, sent):
    """A text would cost double because of a word processor's quotes, although its account asks otherwise."""
    assert SMART.read(written) == sent
    assert TextRules().read(written) == written


@given(st.text())
def test_what_leaves_has_no_control_characters_and_is_composed(text):
    """Some character would slip through to phones that cannot show it."""
    for rules in (DROP, TextRules("drop", "gsm")):
        sent = rules.read(text)
        assert sent == unicodedata.normalize("NFC", sent) or rules.smart == "gsm"
        assert not [c for c in sent if unicodedata.category(c) == "Cc" and c not in "\r\n"]
        assert rules.read(sent) == sent


def test_what_costs_is_named_with_its_place():
    """A customer would look at two hundred letters for the one that doubled the price."""
    text = "x" * 70 + "\u2019" + "y\u2019\u0105"
    assert cost(text) == Cost((("\u2019", 71), ("\u0105", 74)), 2, 1)
    assert str(cost(text)) == "U+2019 at 71, U+0105 at 74: 2 SMS, 1 without"
    assert cost("Plain {text} in \u20ac") is None


@given(st.text())
def test_the_cost_is_that_of_the_text(text):
    """The preview would promise a saving that does not come."""
    found = cost(text)
    if found:
        assert found.without <= found.parts
        assert all(text[place - 1] == c and not gsm.is_gsm(c) for c, place in found.characters)
    else:
        assert gsm.is_gsm(text)
