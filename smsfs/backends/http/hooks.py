"""What a provider posts to our webhook, and what its file says to that. Pure."""

import hmac
import re
from collections.abc import Callable, Mapping
from typing import Any, Protocol
from urllib.parse import parse_qsl, quote

import msgspec
from attrs import field, frozen

from smsfs.backends import Delivered, Receipt

#: Receipts and replies in one call; providers send one, or some hundreds.
MOST_ITEMS = 1000
#: Of a provider's words and ids, so much is kept.
LONGEST_WORD, LONGEST_ID = 32, 100
#: Seconds since the epoch after which a time is taken for a mistake: the year 2100.
LAST_TIME = 4_102_444_800


@frozen
class Call:
    """A request to our webhook.

    Attributes:
        url: as the provider knows it.
        headers: with names in lower case.
        body: all of it.
        method: of HTTP.
    """

    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    method: str = "POST"


class UnreadableCallError(Exception):
    """A call is not in the provider's form at all, so nothing of it can be stored; says why, as a clause."""


class Hook(Protocol):
    """What one kind of carrier posts to us.

    Attributes:
        advice: what to enter at the provider, in sentences.
        methods: of HTTP, by which it calls.
        answer: a document of XML that it wants for an answer; empty for none.
    """

    advice: str
    methods: tuple[str, ...] = ("POST",)
    answer: str = ""

    def genuine(self, call: Call, secret: str) -> bool:
        """Whether the provider signed this call with the secret; takes as long for any wrong signature."""

    def stamp(self, call: Call) -> float | None:
        """The time that the signature covers, seconds since the epoch; None where there is none."""
        del call
        return None

    def delivered(self, call: Call) -> list[Delivered]:
        """The receipts and replies of a call.

        Raises:
            UnreadableCallError: it is no call of this provider.
        """


def items(data: bytes, read: Callable[[dict[str, Any]], Delivered], inside: str = "") -> list[Delivered]:
    """What a body of JSON holds: one object, or a list of them, perhaps inside another object.

    An object that cannot be read is kept as a receipt without an id, and does not hold up the others.

    Raises:
        UnreadableCallError: it is neither, or a list that is too long.
    """
    root = root_of(data)
    if inside:
        root = root.get(inside) if isinstance(root, dict) else None
    return each(root, read)


def root_of(data: bytes) -> Any:
    """A body of JSON.

    Raises:
        UnreadableCallError: it is not JSON.
    """
    try:
        return msgspec.json.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise UnreadableCallError("the body is not JSON") from None


def each(root: Any, read: Callable[[dict[str, Any]], Delivered]) -> list[Delivered]:
    """What an object holds, or a list of them; as :func:`items`.

    Raises:
        UnreadableCallError: it is neither, or a list that is too long.
    """
    found = root if isinstance(root, list) else [root]
    if not all(isinstance(item, dict) for item in found):
        raise UnreadableCallError("the body is neither an object nor a list of objects")
    if len(found) > MOST_ITEMS:
        raise UnreadableCallError(f"the list has over {MOST_ITEMS} objects")
    return [understood(item, read) for item in found]


def receipts_of(hook: Hook, body: bytes) -> list[Receipt]:
    """The receipts of an answer that is what the provider posts."""
    try:
        found = hook.delivered(Call("", {}, body))
    except UnreadableCallError:
        return []
    return [item for item in found if isinstance(item, Receipt) and item.id]


def understood(item: dict[str, Any], read: Callable[[dict[str, Any]], Delivered]) -> Delivered:
    """A receipt or a reply; one that cannot be read is kept as a receipt without an id."""
    try:
        return read(item)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return Receipt("", "", "", reason=f"neither a receipt nor a reply: {', '.join(item)[:LONGEST_ID]}")


def fields(data: bytes) -> list[tuple[str, str]]:
    """The names and values of a form, or of the query of an address, in their order.

    Raises:
        UnreadableCallError: it is neither, or has no fields, or too many.
    """
    try:
        found = parse_qsl(
            data.decode("ascii"), keep_blank_values=True, strict_parsing=True, max_num_fields=MOST_ITEMS
        )
    except ValueError:
        found = []
    if not found:
        raise UnreadableCallError("there is no form in it")
    return found


def query(call: Call) -> list[tuple[str, str]]:
    """The names and values of a call by GET.

    Raises:
        UnreadableCallError: it has none, or too many.
    """
    return fields(call.url.partition("?")[2].encode("ascii", "replace"))


def path_of(backend: str, token: str) -> str:
    """The path of a backend's webhook."""
    return f"/hooks/{quote(backend, safe='')}/{token}"


def name(value: int | str) -> str:
    """A provider's id.

    Raises:
        ValueError: there is none.
    """
    text = str(value).strip()[:LONGEST_ID]
    if not text:
        raise ValueError
    return text


def word(text: str) -> str:
    """A provider's word for a state, in capitals.

    Raises:
        ValueError: it is not a word.
    """
    bare = text.strip().upper()
    if not re.fullmatch(rf"[A-Z_]{{1,{LONGEST_WORD}}}", bare):
        raise ValueError
    return bare


def number(value: int | str) -> str:
    """A phone number or another number, as digits.

    Raises:
        ValueError: it is neither.
    """
    text = str(value).strip().removeprefix("+")
    if not re.fullmatch("[0-9]{1,20}", text):
        raise ValueError
    return text


def moment(value: Any) -> float | None:
    """Seconds since the epoch; None for what cannot be meant so."""
    return float(value) if type(value) in (int, float) and 0 < value < LAST_TIME else None


def stamped(text: str) -> float | None:
    """A time as a header or a field has it, in seconds or milliseconds; None for anything else."""
    if not re.fullmatch("[0-9]{1,13}", text.strip()):
        return None
    value = int(text)
    return value / 1000 if value > LAST_TIME else float(value)


def digest(secret: str, data: bytes, algorithm: str = "sha256") -> bytes:
    """HMAC, with SHA-256 unless it says otherwise."""
    return hmac.digest(secret.encode(), data, algorithm)


def same(given: str, expected: str) -> bool:
    """Whether two texts are equal, in a time that does not say where they differ."""
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), expected.encode())
