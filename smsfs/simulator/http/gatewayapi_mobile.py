"""GatewayAPI's Mobile Messaging API as a strict server: single messages, and lists of them."""

from typing import Annotated, Literal

import msgspec

from smsfs.simulator.http.taken import Asked, Message, Refusal, Taken

SINGLE, MULTI = "/mobile/single", "/mobile/multi"
SECONDS = 432_000


class _Message(msgspec.Struct, forbid_unknown_fields=True):
    sender: Annotated[str, msgspec.Meta(min_length=3, max_length=18)]
    recipient: Annotated[int, msgspec.Meta(gt=1000)]
    message: Annotated[str, msgspec.Meta(min_length=1)]
    reference: str | None = None
    label: str = ""
    expiration: (
        Annotated[str, msgspec.Meta(pattern=r"^PT[1-9][0-9]*[SMH]$")]
        | Annotated[int, msgspec.Meta(ge=1, le=SECONDS)]
    ) = SECONDS
    priority: Literal["normal", "urgent"] = "normal"


class _Messages(msgspec.Struct, forbid_unknown_fields=True):
    messages: Annotated[list[_Message], msgspec.Meta(min_length=1, max_length=1000)]


def take(asked: Asked, number: int, refusal: Refusal, token: str) -> Taken:
    """Take all messages of a request, or refuse it."""
    scheme, _, given = asked.headers.get("authorization", "").partition(" ")
    if scheme != "Token" or not given:
        return _denied(401, "Unauthorized")
    if token not in ("", given):
        return _denied(403, "Forbidden")
    if asked.method != "POST" or asked.headers.get("content-type") != "application/json":
        return _wrong("header", "the content type is not JSON")
    try:
        messages = _messages(asked)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        return _wrong("body", str(exc))
    for message in messages:
        if code := refusal(str(message.recipient)):
            return _denied(403, code) if code.startswith("0x022") else _wrong("recipient", code)
    taken = [
        Message(
            source=message.sender,
            destination=str(message.recipient),
            text=message.message,
            id=f"01{number + count:024d}",
            reference=message.reference or "",
        )
        for count, message in enumerate(messages, 1)
    ]
    shown = [
        {"msg_id": item.id, "recipient": int(item.destination), "reference": item.reference or None}
        for item in taken
    ]
    return Taken(202, msgspec.json.encode(shown[0] if asked.path == SINGLE else {"responses": shown}), taken)


def _messages(asked: Asked) -> list[_Message]:
    if asked.path == SINGLE:
        return [msgspec.json.decode(asked.body, type=_Message)]
    return msgspec.json.decode(asked.body, type=_Messages).messages


def _denied(status: int, description: str) -> Taken:
    return Taken(status, msgspec.json.encode({"description": description, "detail": []}))


def _wrong(place: str, words: str) -> Taken:
    detail = [{"loc": ["body", place], "msg": words, "type": "value_error"}]
    return Taken(422, msgspec.json.encode({"detail": detail}))
