"""A small gateway of one's own as a strict server, for backends of the type ``http``.

It takes ``POST /send`` of JSON with ``to``, ``text``, ``from``, ``reference`` and ``callback``, and a bearer
token.
"""

from typing import Annotated

import msgspec
from attrs import define

from smsfs.simulator.http.taken import Asked, Message, Refusal, Taken

PATH = "/send"
#: Error code -> the HTTP status and the sentence.
ERRORS = {
    "token": (401, "The token is not known"),
    "credit": (402, "There is no credit"),
    "path": (404, "There is no such page"),
    "form": (400, "The request is not valid"),
    "barred": (422, "The recipient is barred"),
}


class _Message(msgspec.Struct, forbid_unknown_fields=True):
    to: Annotated[str, msgspec.Meta(pattern="^[1-9][0-9]{6,14}$")]
    text: Annotated[str, msgspec.Meta(min_length=1)]
    sender: str = msgspec.field(default="", name="from")
    reference: str = ""
    callback: Annotated[str, msgspec.Meta(pattern="^(https?://.+)?$")] = ""


@define(eq=False)
class Own:
    """The contract.

    Args:
        token: the only one that may send; empty for any.
    """

    _token: str = ""

    def take(self, asked: Asked, number: int, refusal: Refusal) -> Taken:
        """Take a message, or refuse it."""
        if (asked.path, asked.method) != (PATH, "POST"):
            return _error("path")
        scheme, _, token = asked.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or self._token not in ("", token):
            return _error("token")
        try:
            message = msgspec.json.decode(asked.body, type=_Message)
        except (msgspec.DecodeError, UnicodeDecodeError) as exc:
            return _error("form", str(exc))
        if code := refusal(message.to):
            return _error(code)
        shown = {"id": f"own-{number + 1}", "status": "queued"}
        taken = Message(
            source=message.sender,
            destination=message.to,
            text=message.text,
            id=shown["id"],
            reference=message.reference,
            callback=message.callback,
        )
        return Taken(202, msgspec.json.encode(shown), [taken])

    def failure(self, status: int) -> bytes:
        """The body of an error that is not about the request."""
        return msgspec.json.encode({"error": f"Error {status}"})


def _error(code: str, what: str = "") -> Taken:
    status, sentence = ERRORS.get(code, ERRORS["barred"])
    return Taken(status, msgspec.json.encode({"error": f"{sentence}: {what}" if what else sentence}))
