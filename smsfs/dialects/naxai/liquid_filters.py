"""Filters of Liquid that the library reads otherwise than the reference implementation, which is Ruby's."""

import math
import re
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from liquid.exceptions import FilterArgumentError
from liquid.undefined import Undefined

Number = int | float
_leading = re.compile(r"\s*([+-]?\d+)", re.ASCII).match
_blocks = re.compile(r"<script.*?</script>|<!--.*?-->|<style.*?</style>", re.DOTALL)
_tags = re.compile(r"<.*?>", re.DOTALL)
_ESCAPES = {"&": "&amp;", ">": "&gt;", "<": "&lt;", '"': "&quot;", "'": "&#39;"}
_special = re.compile("[&<>\"']").sub
_unescaped = re.compile(r"[\"><']|&(?!(?:[a-zA-Z]+|#\d+);)").sub
#: Decimal places beyond which nothing is rounded.
_MOST_PLACES = 100
#: Filters of numbers, which read the number that a text begins with: "3 apples" is 3, "apples" 0.
MATHS = frozenset(
    ["abs", "at_least", "at_most", "ceil", "divided_by", "floor", "minus", "modulo", "plus", "round", "times"]
)


def number_of(value: Any) -> Any:
    """A value as filters of numbers read it: what the library takes for no number is what it begins with."""
    if not isinstance(value, str):
        return value
    try:
        float(value)
    except ValueError:
        found = _leading(value)
        return int(found[1]) if found else 0
    return value


def _decimal(value: Any) -> Decimal:
    if value is None or isinstance(value, Undefined):
        return Decimal(0)
    return Decimal(str(value).strip())


def _plain(value: Decimal, *like: Any) -> Number:
    """A number to show: whole if all that it was made of are."""
    whole = all(isinstance(item, int) or (isinstance(item, str) and "." not in item) for item in like)
    return int(value) if whole else float(value)


def round_(value: Any, places: Any = 0) -> Number:
    """Rounded, a half away from zero."""
    number, count = _decimal(value), int(_decimal(number_of(places)))
    if not number.is_finite():
        raise FilterArgumentError("round: the number is too large", token=None)
    if abs(count) > _MOST_PLACES or number.adjusted() > _MOST_PLACES:
        raise FilterArgumentError("round: over 100 places", token=None)
    rounded = number.scaleb(count).quantize(Decimal(1), ROUND_HALF_UP).scaleb(-count)
    return int(rounded) if count == 0 else _plain(rounded, value)


def modulo(value: Any, by: Any) -> Number:
    """What a division leaves, with the sign of what it was divided by."""
    number, divisor = _decimal(value), _decimal(by)
    if not divisor:
        raise FilterArgumentError("modulo: can't divide by 0", token=None)
    return _plain(number - divisor * math.floor(number / divisor), value, by)


def _whole(value: Any, name: str) -> int:
    try:
        return int(str(value))
    except ValueError:
        raise FilterArgumentError(f"{name} takes a whole number", token=None) from None


def truncate(value: Any, length: Any = 50, end: Any = "...") -> str:
    """The beginning of a text and, if something is missing, its mark, together that long."""
    text, end, length = _text(value), str(end), _whole(length, "truncate")
    return text if len(text) <= length else text[: max(0, length - len(end))] + end


def truncatewords(value: Any, words: Any = 15, end: Any = "...") -> str:
    """So many words, and a mark if there are more; a text with no more words stays as it is."""
    text, most = _text(value), max(1, _whole(words, "truncatewords"))
    found = text.split()
    if len(found) < most or (len(found) == most and text == text.rstrip()):
        return text
    return " ".join(found[:most]) + str(end)


def strip_html(value: Any) -> str:
    """A text without tags, comments, scripts and styles."""
    return _tags.sub("", _blocks.sub("", _text(value)))


def escape(value: Any) -> str:
    """A text as HTML shows it."""
    return _special(lambda found: _ESCAPES[found[0]], _text(value))


def escape_once(value: Any) -> str:
    """Likewise, but what is escaped already stays."""
    return _unescaped(lambda found: _ESCAPES[found[0]], _text(value))


def _text(value: Any) -> str:
    return "" if value is None or isinstance(value, Undefined) else str(value)


OWN: dict[str, Callable[..., Any]] = {
    "round": round_,
    "modulo": modulo,
    "truncate": truncate,
    "truncatewords": truncatewords,
    "strip_html": strip_html,
    "escape": escape,
    "escape_once": escape_once,
    "h": escape,
}
