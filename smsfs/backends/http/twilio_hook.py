"""Twilio's webhooks: statuses and replies, as forms.

The signature covers the address as Twilio knows it, and the fields; of a body that is no form, the
address has a digest.
"""

import re
from base64 import b64encode
from collections.abc import Iterable
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlsplit

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
    same,
    understood,
    word,
)
from smsfs.backends.http.prices import price

#: State -> what became of the message; every other word says that it is still on its way.
EVENTS = {
    **dict.fromkeys(("DELIVERED", "READ"), "delivered"),
    **dict.fromkeys(("UNDELIVERED", "FAILED", "CANCELED"), "undelivered"),
}
FORM = "application/x-www-form-urlencoded"
#: Ports that may be left out of an address, or not.
PORTS = {"https": "443", "http": "80"}
_address = re.compile(r"(https?)://([^/?#]*?)(?::([0-9]+))?([/?#].*)?", re.DOTALL).fullmatch


class _Message(msgspec.Struct, rename="pascal"):
    message_sid: str
    to: str
    message_status: str = ""
    sms_status: str = ""
    error_code: str = ""
    price: str = ""
    price_unit: str = ""


class _Reply(msgspec.Struct, rename="pascal"):
    message_sid: str
    to: str
    from_: str = msgspec.field(name="From")
    body: str = ""


class TwilioHook(Hook):
    """What Twilio posts."""

    advice = (
        "Enter the address at Twilio, with the method POST, where messages come in: at the number, or as the "
        "incoming webhook of the messaging service. Receipts need no entry: each message asks for them. "
        "hook_secret is the auth token of the account, or the shared key if webhooks are signed with one."
    )
    answer = '<?xml version="1.0" encoding="UTF-8"?><Response></Response>'

    def genuine(self, call: Call, secret: str) -> bool:
        """By HMAC-SHA1, or by HMAC-SHA256 where a header says so."""
        settings = call.headers.get("x-twilio-webhooks-signature-settings", "")
        algorithm = _algorithm(settings)
        signed = _signed(call)
        if not algorithm or signed is None:
            return False
        given, found = call.headers.get("x-twilio-signature", "").strip(), False
        for url in _addresses(call.url):
            data = (url + signed).encode("utf-8", "surrogateescape")
            found |= same(given, b64encode(digest(secret, data, algorithm)).decode())
        return found

    def delivered(self, call: Call) -> list[Delivered]:
        """The one receipt or reply of a call."""
        return [understood(dict(fields(call.body)), _read)]


class _Resource(msgspec.Struct):
    sid: str
    to: str
    status: str
    error_code: int | None = None
    price: Any = None
    price_unit: Any = None


def queried(body: bytes) -> list[Receipt]:
    """What the resource of a message says, when it is asked for."""
    try:
        found = msgspec.json.decode(body, type=_Resource)
        state = word(found.status)
        cost, code = price(found.price, found.price_unit), str(found.error_code or "")
        event = EVENTS.get(state, "passing")
        return [Receipt(name(found.sid), number(found.to), event, code, state, price=cost)]
    except (msgspec.MsgspecError, ValueError):
        return []


def _algorithm(settings: str) -> str:
    """Of the signature; empty for one that is not known."""
    if not settings:
        return "sha1"
    named = dict(item.strip().partition("=")[::2] for item in settings.split(","))
    return "sha256" if named.get("algorithm") == "HMAC_SHA256" else ""


def _signed(call: Call) -> str | None:
    """What is signed after the address; None for a body that is not the one the address has a digest of."""
    if call.headers.get("content-type", "").partition(";")[0].strip().lower() == FORM:
        try:
            found = fields(call.body)
        except UnreadableCallError:
            return None
        return "".join(key + value for key, value in sorted(set(found)))
    known = parse_qs(urlsplit(call.url).query).get("bodySHA256", [""])
    return "" if same(known[0], sha256(call.body).hexdigest()) else None


def _addresses(url: str) -> Iterable[str]:
    """An address as it is, and with or without the port that it has anyway."""
    found = _address(url)
    if not found:
        return {url}
    scheme, host, port, rest = found[1], found[2], found[3], found[4] or ""
    return {url, f"{scheme}://{host}{rest}", f"{scheme}://{host}:{port or PORTS[scheme]}{rest}"}


def _read(item: dict[str, Any]) -> Delivered:
    if item.get("SmsStatus") == "received":
        reply = msgspec.convert(item, _Reply)
        receiver = reply.to.removeprefix("+")[:LONGEST_ID]
        return ReplyPart(number(reply.from_), receiver, reply.body, id=name(reply.message_sid))
    status = msgspec.convert(item, _Message)
    state = word(status.message_status or status.sms_status)
    event, code = EVENTS.get(state, "passing"), status.error_code[:LONGEST_WORD]
    cost = price(status.price, status.price_unit)
    return Receipt(name(status.message_sid), number(status.to), event, code, state, price=cost)
