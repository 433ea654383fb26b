"""Vonage's webhooks: receipts and replies, as a query, a form or JSON, whichever the account has.

The signature covers names and values in the order of the names, with underscores for what would part them.
"""

from hashlib import md5
from typing import Any, Literal

import msgspec

from smsfs.backends import Delivered, Receipt, ReplyPart
from smsfs.backends.http.hooks import (
    LONGEST_ID,
    LONGEST_WORD,
    Call,
    Hook,
    UnreadableCallError,
    digest,
    fields,
    name,
    number,
    query,
    same,
    stamped,
    understood,
    word,
)

#: State -> what became of the message; every other word says that it is still on its way.
EVENTS = {
    "DELIVERED": "delivered",
    "EXPIRED": "receipt_expired",
    **dict.fromkeys(("FAILED", "REJECTED"), "undelivered"),
}
Method = Literal["md5hash", "md5", "sha1", "sha256", "sha512"]
#: Of a reply; the number that its parts share is kept in so many bits.
MOST_PARTS, REFERENCE_BITS = 255, 31
_bare = str.maketrans("&=", "__")


class VonageHook(Hook):
    """What Vonage calls.

    Args:
        method: of the account's signatures.
    """

    advice = (
        "Enter the address in the settings of the Vonage account, as the webhook for inbound SMS and that "
        "for delivery receipts. hook_secret is the signature secret, once Vonage's support has switched on "
        "signed webhooks, and hook_signature_method is the method that the settings show."
    )
    methods = ("GET", "POST")

    def __init__(self, method: Method = "md5hash") -> None:
        self._method = method

    def genuine(self, call: Call, secret: str) -> bool:
        """By the one method that the account has."""
        try:
            found = _fields(call)
        except UnreadableCallError:
            return False
        given = found.pop("sig", "")
        text = "".join(f"&{key}={value.translate(_bare)}" for key, value in sorted(found.items()))
        data = text.encode("utf-8", "surrogateescape")
        if self._method == "md5hash":
            expected = md5(data + secret.encode(), usedforsecurity=False).hexdigest()
        else:
            expected = digest(secret, data, self._method).hex()
        return same(given.lower(), expected)

    def stamp(self, call: Call) -> float | None:
        """As its field says."""
        return stamped(_fields(call).get("timestamp", ""))

    def delivered(self, call: Call) -> list[Delivered]:
        """The one receipt or reply of a call."""
        return [understood(_fields(call), _read)]


def _fields(call: Call) -> dict[str, str]:
    """The names and values of a call.

    Raises:
        UnreadableCallError: there are none.
    """
    if call.method == "GET":
        return dict(query(call))
    if call.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        return dict(fields(call.body))
    try:
        found = msgspec.json.decode(call.body, type=dict[str, str | int | float | bool | None])
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise UnreadableCallError("the body is not an object of JSON with plain values") from None
    return {key: "" if value is None else str(value) for key, value in found.items()}


def _read(item: dict[str, Any]) -> Delivered:
    person, carrier_id = number(item.get("msisdn", "")), name(item.get("messageId", ""))
    if "text" not in item:
        state = word(item.get("status", ""))
        code = item.get("err-code", "")[:LONGEST_WORD]
        return Receipt(carrier_id, person, EVENTS.get(state, "passing"), code, state)
    receiver = item.get("to", "").removeprefix("+")[:LONGEST_ID]
    part, total = (int(number(item.get(f"concat-{key}", "1"))) for key in ("part", "total"))
    if not 1 <= part <= total <= MOST_PARTS:
        raise ValueError
    reference = int(number(item.get("concat-ref", "0"))) & ((1 << REFERENCE_BITS) - 1)
    return ReplyPart(person, receiver, item["text"], reference, part, total, id=carrier_id)
