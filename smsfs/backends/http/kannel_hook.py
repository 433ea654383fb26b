"""Kannel's webhooks: reports at the ``dlr-url`` of each message, and replies from a service's ``post-url``.

A report names what we wrote into the address, because Kannel's own id is another in each report.
"""

import re
from email.message import Message
from typing import Any
from urllib.parse import urlencode

import msgspec

from smsfs.backends import Delivered, Receipt, ReplyPart
from smsfs.backends.http.hooks import (
    LONGEST_ID,
    LONGEST_WORD,
    Call,
    Hook,
    digest,
    name,
    number,
    query,
    understood,
)

#: Delivered, not delivered, queued at the SMSC, handed to it, refused by it.
MASK = "31"
#: Kind of a report -> its word, and what became of the message.
EVENTS = {
    "1": ("DELIVERED", "delivered"),
    "2": ("UNDELIVERED", "undelivered"),
    "4": ("QUEUED", "passing"),
    "8": ("HANDED_OVER", "passing"),
    "16": ("REJECTED", "undelivered"),
    "32": ("INTERMEDIATE", "passing"),
}
_expired = re.compile(r"\bstat:EXPIRED\b", re.IGNORECASE).search
_code = re.compile(r"\berr:(\w{1,10})").search


class _Report(msgspec.Struct):
    id: str
    to: str
    kind: str
    said: str = ""


class KannelHook(Hook):
    """What Kannel calls."""

    advice = (
        "Enter the address in Kannel as the post-url of a sms-service, with send-sender = true, or Kannel "
        "does not say who wrote, and max-messages = 0, so that it answers nobody. Reports need no entry: "
        "each message asks for them."
    )
    methods = ("GET", "POST")

    def genuine(self, call: Call, secret: str) -> bool:
        """Never: no call is signed, and the configuration has no secret."""
        del call, secret
        return False

    def delivered(self, call: Call) -> list[Delivered]:
        """The one report or reply of a call."""
        if call.method == "POST":
            headers = {key: value for key, value in call.headers.items() if key.startswith("x-kannel-")}
            return [understood({**headers, "text": _text(call)}, _reply)]
        return [understood(dict(query(call)), _report)]


def dlr_url(callback: str, key: str, recipient: str) -> str:
    """The address that reports about a message go to; Kannel writes over what has a percent sign."""
    return f"{callback}?{urlencode({'id': key, 'to': recipient})}&kind=%d&said=%A"


def _report(item: dict[str, Any]) -> Delivered:
    report = msgspec.convert(item, _Report)
    state, event = EVENTS.get(report.kind, ("", ""))
    if not state:
        raise ValueError
    if report.kind == "2" and _expired(report.said):
        event = "receipt_expired"
    code = _code(report.said)
    shown = code[1][:LONGEST_WORD] if code else ""
    return Receipt(name(report.id), number(report.to), event, shown, state)


def _reply(item: dict[str, Any]) -> Delivered:
    sender, receiver = number(item.get("x-kannel-from", "")), item.get("x-kannel-to", "")
    text, time = item["text"], item.get("x-kannel-time", "")
    told = f"{sender} {receiver} {text}".encode("utf-8", "replace")
    known = digest(time, told).hex() if time else ""  # Kannel gives a reply no id
    return ReplyPart(sender, receiver.removeprefix("+")[:LONGEST_ID], text, id=known)


def _text(call: Call) -> str:
    """The body of a reply, by the charset that it names."""
    kind = Message()
    kind["Content-Type"] = call.headers.get("content-type", "")
    try:
        return call.body.decode(str(kind.get_content_charset("utf-8")), "replace")
    except LookupError:
        return call.body.decode("utf-8", "replace")
