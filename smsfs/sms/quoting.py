"""How data that others wrote is shown, so that it cannot steer a terminal or forge a line.

Clients, carriers and the people who write back choose names, texts, versions and reasons. Wherever one of
these meets a person's eye, in a log, a table, a mail, a listing or a sentence, it goes through here:
``escaped`` for what only people read, ``tamed`` for names that programs take up again as well, ``json_text``
for JSON.
"""

import json
import re
from typing import Any

#: What acts on a terminal, or on the text around it, rather than being seen: the control characters C0, DEL
#: and C1, marks and overrides of direction, separators of lines and paragraphs, halves of surrogate pairs.
_ACTING = re.compile(
    "[\\x00-\\x1f\\x7f-\\x9f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u206f\\ud800-\\udfff\\ufff9-\\ufffb]"
)
_encode = json.JSONEncoder(ensure_ascii=False).encode
_BASIC_PLANE = 0xFFFF


def escaped(text: str) -> str:
    r"""The text with everything unprintable written as an escape, such as ``\n`` or ``\x00``."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _escape(c) for c in text)


def escaped_lines(text: str) -> str:
    """As ``escaped``, for a text of several lines: its line feeds stay."""
    return text if text.isprintable() else "\n".join(map(escaped, text.split("\n")))


def tamed(text: str) -> str:
    """The text with an escape for each character that acts; what is merely invisible stays.

    Names in use, of other alphabets or with emoji in them, have joiners and blanks that programs send back.
    """
    return text if text.isprintable() else _ACTING.sub(lambda found: _escape(found[0]), text)


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def quoted(text: str, limit: int = 40) -> str:
    """The text in quotes, escaped and cut to ``limit`` characters; three dots show that it was cut."""
    shown = escaped(text[: limit + 1])
    if len(shown) > limit:
        shown = shown[: limit - 3] + "..."
    return f"'{shown}'" if '"' in shown else f'"{shown}"'


def cut(text: str, limit: int) -> str:
    """The beginning of a text that takes at most ``limit`` characters with whatever escapes it gets.

    Three dots show that it was cut.
    """
    if len(text) * _width("\U0010ffff") <= limit:
        return text
    end = _fitting(text, limit)
    return text if end == len(text) else text[: _fitting(text, limit - 3)] + "..."


def _fitting(text: str, limit: int) -> int:
    """How many of its characters fit into ``limit``, each as long as its escape in JSON."""
    taken = 0
    for place, character in enumerate(text):
        taken += _width(character)
        if taken > limit:
            return place
    return len(text)


def _width(character: str) -> int:
    if " " <= character < "\x7f":
        return 2 if character in "\"'\\" else 1
    return 6 if ord(character) <= _BASIC_PLANE else 12


def json_text(value: Any, **options: Any) -> str:
    r"""A value as JSON on one line, each character that acts in it written as ``\u001b`` or such.

    Args:
        value: what ``json.dumps`` takes.
        options: for ``json.dumps``; letters of all alphabets stay as they are unless these say otherwise.
    """
    text = json.dumps(value, **{"ensure_ascii": False, **options}) if options else _encode(value)
    return text if text.isprintable() else _ACTING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
