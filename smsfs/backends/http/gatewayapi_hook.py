"""GatewayAPI's webhooks: delivery statuses and replies, of ``mtsms`` and of the Mobile Messaging API.

``mtsms`` signs with a JSON Web Token whose claims are the payload once more; the Mobile Messaging API with an
HMAC of the body.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import msgspec

from smsfs.backends import Delivered, Receipt, ReplyPart
from smsfs.backends.http.hooks import (
    LONGEST_ID,
    LONGEST_WORD,
    Call,
    Hook,
    UnreadableCallError,
    digest,
    items,
    moment,
    number,
    same,
    word,
)

#: State -> what became of the message; every other word says that it is still on its way.
EVENTS = {
    "DELIVERED": "delivered",
    "EXPIRED": "receipt_expired",
    **dict.fromkeys(("DELETED", "UNDELIVERABLE", "REJECTED", "SKIPPED"), "undelivered"),
}
#: Of a token: its header, its claims and its signature.
PARTS = 3


class _Status(msgspec.Struct):
    id: int | str
    msisdn: int | str
    status: str
    time: Any = None
    code: Any = None


class _Reply(msgspec.Struct):
    id: int | str
    msisdn: int | str
    message: str
    receiver: int | str = ""


class _Event(msgspec.Struct):
    msg_id: str
    recipient: int | str
    status: str
    error: Any = None


class _Envelope(msgspec.Struct):
    event: _Event


class _Header(msgspec.Struct):
    alg: str


class _Recipient(msgspec.Struct):
    msisdn: int | str
    dsnstatus: str
    dsnerrorcode: Any = None
    dsntime: Any = None


class _Queried(msgspec.Struct):
    id: int | str
    recipients: list[_Recipient]


def queried(body: bytes) -> list[Receipt]:
    """What a message object says of its recipients, when it is asked for."""
    try:
        found = msgspec.json.decode(body, type=list[_Queried])
        return [
            _receipt(
                f"{number(item.id)}-{number(each.msisdn)}",
                number(each.msisdn),
                each.dsnstatus,
                each.dsnerrorcode,
                moment(each.dsntime),
            )
            for item in found
            for each in item.recipients
        ]
    except (msgspec.MsgspecError, ValueError):
        return []


class GatewayApiHook(Hook):
    """What GatewayAPI posts."""

    advice = (
        "Enter the address at GatewayAPI as a webhook of the REST interface, for delivery statuses and for "
        "incoming messages. Where it asks for a token that signs the calls, enter the text of hook_secret."
    )

    def genuine(self, call: Call, secret: str) -> bool:
        """By one of the two kinds of signatures."""
        if token := call.headers.get("x-gwapi-signature"):
            return _signed(token.strip(), secret) and self._claims(token, call)
        given = call.headers.get("signature", "").strip()
        return same(given, f"v1={digest(secret, call.body).hex()}")

    def delivered(self, call: Call) -> list[Delivered]:
        """Statuses and replies, or events of the Mobile Messaging API."""
        return items(call.body, _read)

    def _claims(self, token: str, call: Call) -> bool:
        """Whether a token is that of this body, and not of another call that somebody has seen."""
        try:
            return items(_decoded(token.split(".")[1]), _read) == self.delivered(call)
        except UnreadableCallError:
            return False


def _signed(token: str, secret: str) -> bool:
    parts = token.split(".")
    if len(parts) != PARTS:
        return False
    expected = urlsafe_b64encode(digest(secret, f"{parts[0]}.{parts[1]}".encode("utf-8", "surrogateescape")))
    if not same(parts[2], expected.decode().rstrip("=")):
        return False
    try:
        return msgspec.json.decode(_decoded(parts[0]), type=_Header).alg == "HS256"
    except (msgspec.MsgspecError, ValueError):
        return False


def _decoded(text: str) -> bytes:
    """Base64 of a token; empty where it is not."""
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return b""


def _read(item: dict[str, Any]) -> Delivered:
    if "event" in item:
        event = msgspec.convert(item, _Envelope).event
        code = event.error.get("hex_code") if isinstance(event.error, dict) else None
        return _receipt(event.msg_id[:LONGEST_ID], number(event.recipient), event.status, code)
    if "message" in item:
        reply = msgspec.convert(item, _Reply)
        receiver = str(reply.receiver)[:LONGEST_ID]
        return ReplyPart(number(reply.msisdn), receiver, reply.message, id=str(reply.id)[:LONGEST_ID])
    status = msgspec.convert(item, _Status)
    recipient = number(status.msisdn)
    name = f"{number(status.id)}-{recipient}"
    return _receipt(name, recipient, status.status, status.code, moment(status.time))


def _receipt(name: str, recipient: str, status: str, code: Any, done: float | None = None) -> Receipt:
    state = word(status)
    event = EVENTS.get(state, "passing")
    return Receipt(name, recipient, event, str(code or "")[:LONGEST_WORD], state, done)
