"""Which replies ask for no more messages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsfs.dialects.settings import COMMON
from smsfs.sms.stopwords import bare, is_stop_word

DEFAULT = COMMON["stop_words"].split(",")


@pytest.mark.parametrize(
    "text",
    [
        *(
            "STOP",
            "stop",
            "Stop.",
            "STOP!",
            " stop \n",
            "«stop»",
            '"Stop"',
            "S T O P",
            "stop 🛑",
            "stop✋\ufe0f",
        ),
        *(
            "\ufeffSTOP",
            "\u200bSTOP\u200d",
            "st\u00adop",
            "STOP\u3164",
            "\uff33\uff34\uff2f\uff30",
            "stop@",
            "STOP\0",
            "(stop)…",
        ),
        *("stop all", "Opt-Out", "opt out", "OPTOUT", "revoke", "Unsubscribe.", "cancel!", "END", "quit\r"),
    ],
)
def test_words_of_regulators(text):
    """Who asked for no more messages, as people and phones write it, would get the next one."""
    assert is_stop_word(text, DEFAULT)


@pytest.mark.parametrize(
    "text",
    ["", " ", "!?", "stop it", "stop please", "nonstop", "don't stop", "the end", "опт", "stop1", "ST"],
)
def test_other_replies(text):
    """Who wrote something else would be written to no more."""
    assert not is_stop_word(text, DEFAULT)


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("İPTAL", "iptal"),
        ("IPTAL", "iptal."),
        ("\u0131ptal", "İptal"),
        ("AFMELD", "Afmeld!"),
        ("ARRÊT", "arre\u0302t"),
        ("रोकें", "रोकें।"),
        ("СТОП", "Стоп"),
        ("停止", "停止。"),
        ("opt-out", "OPT OUT"),
        ("STRASSE", "straße"),
    ],
)
def test_local_words(word, text):
    """A stop word of a country would be known in one spelling alone."""
    assert is_stop_word(text, ["x", word])
    assert not is_stop_word(text, ["", "x"])


@given(st.text(max_size=40))
def test_any_text(text):
    """A reply that nobody thought of would end the reading of all."""
    assert bare(bare(text)) == bare(text)
    assert is_stop_word(text, [text]) is bool(bare(text))
