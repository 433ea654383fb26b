"""SMSPortal's webhooks: receipts and replies, by the default template in JSON or the one before it.

Both have the same words in other cases. The signature covers a timestamp, the method, the address and the
body; the names of its two headers are not published, so the configuration says them.
"""

from base64 import b64encode
from typing import Any

import msgspec

from smsfs.backends import Delivered, Receipt, ReplyPart
from smsfs.backends.http.hooks import (
    LONGEST_ID,
    Call,
    Hook,
    digest,
    items,
    moment,
    number,
    same,
    stamped,
    word,
)

#: State -> what became of the message; every other word says that it is still on its way.
EVENTS = {
    "DELIVRD": "delivered",
    "EXPIRED": "receipt_expired",
    **dict.fromkeys(("UNDELIV", "BLIST", "CANCELLED", "NOROUTE"), "undelivered"),
}
#: Under which of these a template has the number, in the order in which they count.
NUMBERS = ("msisdn", "phonenumber", "sourcephonenumber", "destination")


class _Status(msgspec.Struct):
    eventid: int | str
    status: str
    received: Any = None


class _Reply(msgspec.Struct):
    incomingdata: str
    incomingid: int | str = ""
    destinationphonenumber: int | str = ""


class SmsPortalHook(Hook):
    """What SMSPortal posts.

    Args:
        signature: the header with the signature.
        timestamp: the header with the time that it covers.
        header: one of the headers that a webhook can be given, whose value is the secret; "" for a signature.
    """

    advice = (
        "Enter the address at SMSPortal as a webhook for delivery receipts and as one for replies, with the "
        "method POST and the default template in JSON. hook_secret is the value of a header of your own "
        "that you add there, whose name is hook_header; or else the key of the signature, whose headers are "
        "hook_signature_header and hook_timestamp_header."
    )

    def __init__(self, signature: str, timestamp: str, header: str = "") -> None:
        self._signature, self._timestamp = signature.lower(), timestamp.lower()
        self._header = header.lower()

    def genuine(self, call: Call, secret: str) -> bool:
        """In hexadecimal or in Base64, of the address with its query or without it; or by the header."""
        if self._header:
            return same(call.headers.get(self._header, "").strip(), secret)
        given = call.headers.get(self._signature, "").strip()
        stamp = call.headers.get(self._timestamp, "").strip()
        found = False
        for url in (call.url, call.url.partition("?")[0]):
            head = f"v1:{stamp}|{call.method}|{url}|".encode("utf-8", "surrogateescape")
            expected = digest(secret, head + call.body)
            found |= same(given.lower(), expected.hex()) | same(given, b64encode(expected).decode())
        return found

    def stamp(self, call: Call) -> float | None:
        """As its header says."""
        return stamped(call.headers.get(self._timestamp, ""))

    def delivered(self, call: Call) -> list[Delivered]:
        """Receipts and replies."""
        return items(call.body, _read)


def _read(item: dict[str, Any]) -> Delivered:
    values = {name.lower(): value for name, value in item.items()}
    person = number(next((values[name] for name in NUMBERS if values.get(name)), ""))
    if "incomingdata" in values:
        reply = msgspec.convert(values, _Reply)
        name, receiver = str(reply.incomingid)[:LONGEST_ID], str(reply.destinationphonenumber)[:LONGEST_ID]
        return ReplyPart(person, receiver, reply.incomingdata, id=name)
    status = msgspec.convert(values, _Status)
    state = word(status.status)
    event, done = EVENTS.get(state, "passing"), moment(status.received)
    return Receipt(f"{number(status.eventid)}-{person}", person, event, "", state, done)
