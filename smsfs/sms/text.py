"""What is done to a text before its alphabet is chosen, and what its characters cost.

Programs write characters that nobody typed: letters taken apart as macOS keeps them in file names, control
characters of old printers, the typographic quotes of a word processor. One of them makes a text UCS-2, of
which an SMS has room for 70 characters in place of 160.
"""

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from attrs import frozen

from smsfs.sms import gsm, segments

REFUSE, DROP = "refuse", "drop"
OFF, GSM = "off", "gsm"
#: What each refusal of one says.
CONTROL = "control character"

_plain = re.compile(r"[\n\r -~]*").fullmatch
#: C0 and C1 but LF and CR, and DEL.
_control = re.compile(r"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f]")

_SINGLE = "\u2018\u2019\u201a\u201b\u2032\u2035\u2039\u203a\u00b4\u02b9\u02bb\u02bc\u02bd\u0060\u275b\u275c"
_DOUBLE = "\u201c\u201d\u201e\u201f\u2033\u2036\u00ab\u00bb\u02ba\u301d\u301e\u301f\u275d\u275e"
_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2043\ufe58\ufe63\uff0d"
_BLANKS = "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
#: Invisible; the joiners of scripts and emoji are not among them.
_NOTHING = "\u00ad\u200b\u2060\ufeff"
_SMART = str.maketrans(
    {
        **dict.fromkeys(_SINGLE, "'"),
        **dict.fromkeys(_DOUBLE, '"'),
        **dict.fromkeys(_DASHES, "-"),
        **dict.fromkeys(_BLANKS, " "),
        **dict.fromkeys(_NOTHING, ""),
        "\u2026": "...",
    }
)


@frozen
class TextRules:
    """What an account wants done to texts.

    Attributes:
        controls: ``"refuse"`` or ``"drop"`` control characters other than LF and CR.
        smart: ``"gsm"`` to write typographic characters as their neighbours in GSM's alphabet, or ``"off"``.
    """

    controls: str = REFUSE
    smart: str = OFF

    def read(self, text: str) -> str:
        """The text as it is sent: letters composed, and what the rules say.

        Raises:
            ValueError: it holds a control character that is refused; the text is a clause that names it.
        """
        if _plain(text):
            return text
        text = unicodedata.normalize("NFC", text)
        if found := _control.search(text):
            if self.controls != DROP:
                character = f"a {CONTROL} (U+{ord(found[0]):04X}) at character {found.start() + 1}"
                raise ValueError(
                    f'the message holds {character}: leave it out, or set controls to "drop" for the account'
                )
            text = _control.sub("", text)
        return text.translate(_SMART) if self.smart == GSM else text


DEFAULT_RULES = TextRules()


def rules_of(settings: Mapping[str, Any]) -> TextRules:
    """The rules that an account's settings ask for."""
    return TextRules(settings.get("controls", REFUSE), settings.get("smart", OFF))


@frozen
class Cost:
    """What the characters beyond the GSM alphabet cost a text.

    Attributes:
        characters: each of them with its place, from 1; the same one once.
        parts: SMS that the text takes.
        without: SMS that it would take with a character of the alphabet in place of each.
    """

    characters: tuple[tuple[str, int], ...]
    parts: int
    without: int

    def __str__(self) -> str:
        """Such as ``U+201C at 5, U+2019 at 30: 2 SMS, 1 without``."""
        shown = [f"U+{ord(character):04X} at {place}" for character, place in self.characters[:_SHOWN]]
        more = len(self.characters) - len(shown)
        listed = ", ".join(shown) + (f" and {more} more" if more else "")
        return f"{listed}: {self.parts} SMS, {self.without} without"


_SHOWN = 5


def cost(text: str) -> Cost | None:
    """What makes a text UCS-2; None where nothing does."""
    if gsm.is_gsm(text):
        return None
    found: dict[str, int] = {}
    for place, character in enumerate(text, 1):
        if character not in found and not gsm.is_gsm(character):
            found[character] = place
    plain = "".join("?" if character in found else character for character in text)
    return Cost(tuple(found.items()), segments.count(text)[1], segments.count(plain)[1])
