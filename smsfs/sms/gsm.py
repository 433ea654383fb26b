"""The GSM 7 bit default alphabet and its extension table (3GPP TS 23.038, sections 6.2.1 and 6.2.1.1).

Septets are kept unpacked, one to an octet, as SMPP and the tests want them.
"""

import codecs
import re

ESCAPE = 0x1B

#: The character of each septet 0x00 to 0x7F; 0x1B, the escape, stands for itself and is no character.
BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ"
    " !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)

#: The characters that take two septets, each with the one that follows the escape.
EXTENSION = {
    "\f": 0x0A,
    "^": 0x14,
    "{": 0x28,
    "}": 0x29,
    "\\": 0x2F,
    "[": 0x3C,
    "~": 0x3D,
    "]": 0x3E,
    "|": 0x40,
    "€": 0x65,
}

#: The characters of one septet, to stand in a regular expression's brackets.
LETTERS = re.escape(BASIC.replace("\x1b", ""))
_EXTENDED = re.escape("".join(EXTENSION))

#: Finds the first character that does not fit one septet.
beyond_basic = re.compile(f"[^{LETTERS}]").search
#: Finds the first character that neither table has.
_beyond_both = re.compile(f"[^{LETTERS}{_EXTENDED}]").search
#: The septet of each character that Latin-1 and the default alphabet have; the escape for those it lacks.
_OF_LATIN1 = bytes(BASIC.index(c) if c in BASIC else ESCAPE for c in map(chr, range(256)))

_ENCODING: dict[int, int | bytes] = {
    **{ord(c): septet for septet, c in enumerate(BASIC) if septet != ESCAPE},
    **{ord(c): bytes((ESCAPE, septet)) for c, septet in EXTENSION.items()},
}
_ESCAPED = {BASIC[septet]: c for c, septet in EXTENSION.items()}
_ESCAPED_PAIR = re.compile("\x1b(.?)", re.DOTALL)


def is_gsm(text: str) -> bool:
    """Whether the whole text can be written in the default alphabet and its extension."""
    return _beyond_both(text) is None


def foreign(text: str) -> str | None:
    """The first character that neither table has; None if there is none."""
    found = _beyond_both(text)
    return found.group() if found else None


def encode(text: str) -> bytes:
    """The text as septets, one to an octet, extension characters as pairs.

    Raises:
        UnicodeEncodeError: a character is in neither table.
    """
    try:  # this does for most, in a twentieth of the time
        septets = text.encode("latin-1").translate(_OF_LATIN1)
    except UnicodeEncodeError:
        return _encode(text)
    return _encode(text) if ESCAPE in septets else septets


def _encode(text: str) -> bytes:
    return codecs.charmap_encode(text, "strict", _ENCODING)[0]


def decode(septets: bytes) -> str:
    """The text of septets, one to an octet.

    An escape before a septet that has no extension character leaves that septet's basic character, and
    one with nothing to escape reads as a space, as 3GPP TS 23.038 asks of a receiver.

    Raises:
        UnicodeDecodeError: an octet is over 0x7F.
    """
    text = codecs.charmap_decode(septets, "strict", BASIC)[0]
    return _ESCAPED_PAIR.sub(_extended, text) if "\x1b" in text else text


def _extended(pair: re.Match[str]) -> str:
    character = pair[1]
    return _ESCAPED.get(character, " " if character in {"", "\x1b"} else character)
