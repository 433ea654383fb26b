"""Texts with places to fill in, such as ``{to}``, each filled as its surroundings need it. Pure."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from math import inf
from typing import Any
from urllib.parse import quote, urlencode
from xml.sax.saxutils import escape

from smsfs.backends import Envelope
from smsfs.backends.http.contract import digest_of, own_id
from smsfs.sms import segments
from smsfs.sms.classes import CLASSES, FLASH, class_of
from smsfs.sms.segments import GSM7

PLACE = re.compile(r"\{([a-z_]+)(:number)?\}")
#: A number with fewer digits is a short code, which is written without a plus.
SHORTEST_NUMBER = 8

Values = Mapping[str, str]

#: What a message fills in; the sender it leaves with stands beside it.
OF_MESSAGE: dict[str, Callable[[Envelope, str], str]] = {
    "to": lambda item, _: item.message.recipient,
    "text": lambda item, _: item.message.text,
    "sender": lambda _, sender: sender,
    "sender_plus": lambda _, sender: with_plus(sender),
    "userref": lambda item, _: item.message.userref,
    "class": lambda item, _: item.message.klass,
    "mclass": lambda item, _: "" if (found := class_of(item.message.klass)) is None else str(found),
    "flash": lambda item, _: "yes" if class_of(item.message.klass) == CLASSES[FLASH] else "",
    "key": lambda item, _: item.key,
    "id": lambda item, _: own_id(item),
    "digest": lambda item, _: digest_of(item),
    "validity": lambda item, _: "" if item.left == inf else str(max(1, int(item.left))),
    "minutes": lambda item, _: "" if item.left == inf else str(max(1, int(item.left // 60))),
    "unicode": lambda item, _: "0" if segments.count(item.message.text)[0] == GSM7 else "1",
    "parts": lambda item, _: str(segments.count(item.message.text)[1]),
}
#: What the section itself fills in.
OF_LOGIN = ("username", "secret")
#: The address of the webhook.
OF_HOOK = ("hook",)
#: They differ from one attempt at a message to the next.
PASSING = frozenset({"validity", "minutes", "id", *OF_HOOK})
NUMBERS = frozenset({"to", "validity", "minutes", "unicode", "parts"})
#: A header can hold them, whatever a message is.
OF_HEADERS = frozenset(
    {"to", "key", "id", "digest", *OF_HOOK, "validity", "minutes", "unicode", "parts", *OF_LOGIN}
)


def with_plus(sender: str) -> str:
    """A sender that is a phone number, with a plus before it; any other as it is."""
    digits = sender.removeprefix("+")
    return f"+{digits}" if digits.isdigit() and len(digits) >= SHORTEST_NUMBER else digits


def places(text: str) -> Iterator[tuple[str, bool]]:
    """The names of the places of a text, and whether a number is to stand there."""
    return ((found[1], bool(found[2])) for found in PLACE.finditer(text))


def texts_of(tree: Any) -> Iterator[str]:
    """All texts of a tree of JSON."""
    if isinstance(tree, str):
        yield tree
    elif isinstance(tree, dict):
        for name, value in tree.items():
            yield name
            yield from texts_of(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from texts_of(value)


def filled(text: str, values: Values, change: Callable[[str], str] = str) -> str:
    """A text with its places filled in, each value changed so that it can stand there."""
    return PLACE.sub(lambda found: change(values[found[1]]), text)


def is_blank(text: Any, values: Values) -> bool:
    """Whether a text consists of places that all are empty: what holds it is left out then."""
    if not isinstance(text, str) or not PLACE.search(text):
        return False
    return not any(values[name] for name, _ in places(text))


def filled_path(path: str, values: Values) -> str:
    """An address from its first slash on, without the parameters that are empty."""
    place, mark, query = path.partition("?")
    pairs = [pair for pair in query.split("&") if not is_blank(pair.partition("=")[2], values)]
    return filled(place, values, _quoted) + mark + "&".join(filled(pair, values, _quoted) for pair in pairs)


def filled_form(form: Mapping[str, str], values: Values) -> bytes:
    """A form, without the fields that are empty."""
    pairs = {name: filled(text, values) for name, text in form.items() if not is_blank(text, values)}
    return urlencode(pairs).encode()


def filled_text(text: str, values: Values, *, xml: bool) -> bytes:
    """A text, or a document of XML."""
    return filled(text, values, _escaped if xml else str).encode()


def filled_tree(tree: Any, values: Values, many: Any = None, each: Sequence[Values] = ()) -> Any:
    """A tree of JSON, without the members and elements that are empty.

    Args:
        tree: it.
        values: to fill in.
        many: a list in it whose one element stands for each message.
        each: what to fill into that element, once for each message.
    """
    if isinstance(tree, str):
        number = PLACE.fullmatch(tree)
        return int(values[number[1]]) if number and number[2] else filled(tree, values)
    if isinstance(tree, dict):
        kept = {name: value for name, value in tree.items() if not is_blank(value, values)}
        return {filled(name, values): filled_tree(value, values, many, each) for name, value in kept.items()}
    if isinstance(tree, list) and tree is many:
        return [filled_tree(tree[0], one) for one in each]
    if isinstance(tree, list):
        return [filled_tree(item, values, many, each) for item in tree if not is_blank(item, values)]
    return tree


def repeated(tree: Any) -> list[Any] | None:
    """The outermost list of a tree whose one element holds the number: each message has such an element."""
    if isinstance(tree, list) and len(tree) == 1 and _has_number(tree):
        return tree
    inner = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ()
    return next((found for item in inner if (found := repeated(item)) is not None), None)


def _has_number(tree: Any) -> bool:
    return any(name == "to" for text in texts_of(tree) for name, _ in places(text))


def _quoted(text: str) -> str:
    return quote(text, safe="")


def _escaped(text: str) -> str:
    return escape(text, {'"': "&quot;", "'": "&apos;"})
