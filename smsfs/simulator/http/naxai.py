"""Naxai's SMS API and its address for tokens as a strict server.

A key that comes again is answered with 409 and nothing is taken, whatever else the request has.
"""

import re
from typing import Annotated, Literal
from urllib.parse import parse_qsl

import msgspec
from attrs import define, field

from smsfs.simulator.http.taken import Asked, Message, Refusal, Taken, Wrong

TOKEN_PATH, PATH, VERSION = "/oauth2/token", "/sms/send", "2023-03-25"
TOKEN_SECONDS = 86_400
#: Error code -> the HTTP status and the sentence.
ERRORS = {
    "unauthorized": (401, "The token is not valid"),
    "forbidden": (403, "The account may not send"),
    "not-found": (404, "There is no such resource"),
    "duplicate": (409, "The idempotency key was used before"),
    "invalid": (422, "The request is not valid"),
    "rejected": (422, "The recipient is not allowed"),
}

Sender = Annotated[str, msgspec.Meta(min_length=1, max_length=15)]
Key = Annotated[str, msgspec.Meta(pattern="^[a-zA-Z0-9_-]{1,128}$")]


class _Message(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    to: Annotated[list[str], msgspec.Meta(min_length=1, max_length=1000)]
    body: Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]
    sender: Sender = msgspec.field(default="", name="from")
    sender_service_id: str = ""
    type: Literal["text", "unicode", "auto"] = "text"
    scheduled_at: int | str = 0
    validity: Annotated[int, msgspec.Meta(ge=5, le=4320)] = 4320
    idempotency_key: Key = ""
    reference: Annotated[str, msgspec.Meta(max_length=128)] = ""
    calendar_id: str = ""
    max_parts: Annotated[int, msgspec.Meta(ge=1, le=30)] = 1
    truncate: bool = False
    batch_id: Annotated[str, msgspec.Meta(max_length=64)] = ""


@define(eq=False)
class Naxai:
    """The contract.

    Args:
        login: the only ``CLIENT_ID:SECRET`` that gets a token; empty for any.

    Attributes:
        tokens: those that are good; a test takes them back by clearing it.
    """

    _login: str = ""
    _granted: int = field(default=0, init=False)
    tokens: set[str] = field(factory=set, init=False)
    _keys: set[str] = field(factory=set, init=False)

    def take(self, asked: Asked, number: int, refusal: Refusal) -> Taken:
        """Give a token, or take the messages of a request."""
        try:
            if (asked.path, asked.method) == (TOKEN_PATH, "POST"):
                return self._grant(asked)
            message = self._admitted(asked)
            taken = _messages(message, number, refusal)
        except Wrong as wrong:
            return Taken(ERRORS[wrong.code][0], _error(wrong.code, wrong.what))
        self._keys.add(message.idempotency_key)
        shown = [{"to": item.destination, "messageId": item.id} for item in taken]
        answer = {"batchId": f"batch-{number + 1}", "count": len(taken), "messages": shown}
        return Taken(202, msgspec.json.encode(answer), taken)

    def failure(self, status: int) -> bytes:
        """The body of an error that is not about the request."""
        return msgspec.json.encode({"error": {"code": f"{status}", "message": "Try again later"}})

    def _grant(self, asked: Asked) -> Taken:
        form = dict(parse_qsl(asked.body.decode("ascii", "replace"), keep_blank_values=True))
        encoded = asked.headers.get("content-type") == "application/x-www-form-urlencoded"
        if not encoded or set(form) != {"client_id", "client_secret", "grant_type"}:
            return Taken(400, b'{"error":"invalid_request"}')
        login = f"{form['client_id']}:{form['client_secret']}"
        if form["grant_type"] != "client_credentials" or self._login not in ("", login):
            return Taken(401, b'{"error":"invalid_client"}')
        self._granted += 1
        token = f"naxai-token-{self._granted}"
        self.tokens.add(token)
        body = {"access_token": token, "expires_in": TOKEN_SECONDS, "token_type": "Bearer"}
        return Taken(200, msgspec.json.encode(body))

    def _admitted(self, asked: Asked) -> _Message:
        """The message of a request, of the right form."""
        if (asked.path, asked.method) != (PATH, "POST"):
            raise Wrong("not-found")
        scheme, _, token = asked.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or token not in self.tokens:
            raise Wrong("unauthorized")
        if (
            asked.headers.get("x-version") != VERSION
            or asked.headers.get("content-type") != "application/json"
        ):
            raise Wrong("invalid", "headers")
        try:
            message = msgspec.json.decode(asked.body, type=_Message)
        except (msgspec.DecodeError, UnicodeDecodeError) as exc:
            raise Wrong("invalid", str(exc)) from exc
        if not message.sender and not message.sender_service_id:
            raise Wrong("invalid", "from or senderServiceId")
        if message.idempotency_key in self._keys - {""}:
            raise Wrong("duplicate")
        return message


def _error(code: str, what: str) -> bytes:
    details = [what] if what else []
    return msgspec.json.encode({"error": {"code": code, "message": ERRORS[code][1], "details": details}})


def _messages(message: _Message, number: int, refusal: Refusal) -> list[Message]:
    taken = []
    for to in message.to:
        if not re.fullmatch(r"\+[1-9][0-9]{6,14}", to):
            raise Wrong("invalid", "to")
        if code := refusal(to.removeprefix("+")):
            raise Wrong(code)
        number += 1
        taken.append(
            Message(
                source=message.sender or message.sender_service_id,
                destination=to.removeprefix("+"),
                text=message.body,
                id=f"naxai-{number}",
                reference=message.reference,
                encoding=message.type,
                validity=message.validity * 60,
            )
        )
    return taken
