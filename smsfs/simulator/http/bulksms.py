"""BulkSMS's ``/v1/messages`` as a strict server; groups and fields of a phone book are not part of it.

A request whose ``deduplication-id`` was there before is answered as it was then, whatever else it has.
"""

import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl, urlsplit

import msgspec
from attrs import define, field

from smsfs.simulator.http.taken import Asked, Message, Refusal, Taken, Wrong, basic_login
from smsfs.sms import gsm, segments

PATH = "/v1/messages"
#: Error -> the HTTP status and the title.
ERRORS = {
    "unauthorized": (401, "Unauthorized"),
    "insufficient-credits": (403, "Insufficient Credits"),
    "not-found": (404, "Not Found"),
    "bad-request": (400, "Bad Request"),
}
#: What a sender of each type looks like.
SENDERS = {"INTERNATIONAL": r"\+?[0-9]{7,15}", "ALPHANUMERIC": ".{1,11}", "SHORTCODE": "[0-9]{1,6}"}
QUERY = {"deduplication-id": "-?[0-9]{1,10}", "auto-unicode": "true|false"}


class _From(msgspec.Struct, forbid_unknown_fields=True):
    type: Literal["INTERNATIONAL", "ALPHANUMERIC", "SHORTCODE"]
    address: str


class _Entry(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    to: str | Annotated[list[str], msgspec.Meta(min_length=1)]
    body: Annotated[str, msgspec.Meta(min_length=1)]
    sender: _From | str | None = msgspec.field(default=None, name="from")
    encoding: Literal["TEXT", "UNICODE"] = "TEXT"
    routing_group: Literal["ECONOMY", "STANDARD", "PREMIUM"] = "STANDARD"
    long_message_max_parts: Annotated[int, msgspec.Meta(ge=1, le=99)] = 3
    message_class: str = ""
    protocol_id: str = ""
    delivery_reports: Literal["ALL", "ERRORS", "NONE"] = "ALL"
    user_supplied_id: Annotated[str, msgspec.Meta(max_length=20)] = ""


@define(eq=False)
class BulkSms:
    """The contract.

    Args:
        login: the only ``TOKEN_ID:SECRET`` that may send; empty for any.
    """

    _login: str = ""
    _known: dict[str, bytes] = field(factory=dict, init=False)

    def take(self, asked: Asked, number: int, refusal: Refusal) -> Taken:
        """Take all messages of a request, or refuse it."""
        place = urlsplit(asked.path)
        try:
            self._admit(asked, place.path)
            name = _query(place.query).get("deduplication-id", "")
            if name in self._known:
                return Taken(201, self._known[name])
            wanted = [(entry, to) for entry in _entries(asked) for to in _numbers(entry)]
            messages = [
                _message(entry, to, number + count, refusal) for count, (entry, to) in enumerate(wanted, 1)
            ]
        except Wrong as wrong:
            status, title = ERRORS.get(wrong.code, ERRORS["bad-request"])
            return Taken(status, _problem(wrong.code, title, status, wrong.what))
        answer = msgspec.json.encode([_shown(message, number) for message in messages])
        if name:
            self._known[name] = answer
        return Taken(201, answer, messages)

    def failure(self, status: int) -> bytes:
        """The body of an error that is not about the request."""
        return _problem("internal", f"Error {status}", status, "Try again later")

    def _admit(self, asked: Asked, path: str) -> None:
        if (path, asked.method) != (PATH, "POST"):
            raise Wrong("not-found")
        login = basic_login(asked)
        if not login or self._login not in ("", login):
            raise Wrong("unauthorized")


def _problem(code: str, title: str, status: int, detail: str) -> bytes:
    kind = f"https://developer.bulksms.com/json/v1/errors#{code}"
    body = {"type": kind, "title": title, "status": status}
    return msgspec.json.encode({**body, "detail": detail} if detail else body)


def _query(text: str) -> dict[str, str]:
    query = dict(parse_qsl(text, keep_blank_values=True))
    for name, value in query.items():
        if name not in QUERY or not re.fullmatch(QUERY[name], value):
            raise Wrong("bad-request", f"parameter {name}")
    if abs(int(query.get("deduplication-id", "0"))) >= 2**31:
        raise Wrong("bad-request", "parameter deduplication-id")
    return query


def _entries(asked: Asked) -> Sequence[_Entry]:
    if asked.headers.get("content-type") != "application/json":
        raise Wrong("bad-request", "content type")
    try:
        found = msgspec.json.decode(asked.body, type=list[_Entry] | _Entry)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise Wrong("bad-request", str(exc)) from exc
    return found if isinstance(found, list) else [found]


def _numbers(entry: _Entry) -> Sequence[str]:
    return [entry.to] if isinstance(entry.to, str) else entry.to


def _sender(given: _From | str | None) -> _From | None:
    """A sender whose type is seen from what it looks like has one here too."""
    if not isinstance(given, str):
        return given
    number = given.removeprefix("+").isdigit()
    return _From("INTERNATIONAL" if number else "ALPHANUMERIC", given)


def _message(entry: _Entry, address: str, number: int, refusal: Refusal) -> Message:
    to = address.removeprefix("+")
    if not re.fullmatch("[1-9][0-9]{6,14}", to):
        raise Wrong("bad-request", "to")
    if code := refusal(to):
        raise Wrong(code, f"to {to}")
    sender = _sender(entry.sender)
    if sender and not re.fullmatch(SENDERS[sender.type], sender.address):
        raise Wrong("bad-request", "from")
    if segments.count(entry.body)[1] > entry.long_message_max_parts:
        raise Wrong("bad-request", "body has too many parts")
    text = entry.body if entry.encoding == "UNICODE" else "".join(map(_basic, entry.body))
    return Message(
        source=sender.address if sender else "",
        destination=to,
        text=text,
        id=f"bulk-{number}",
        reference=entry.user_supplied_id,
        encoding=entry.encoding,
    )


def _basic(character: str) -> str:
    try:
        gsm.encode(character)
    except UnicodeEncodeError:
        return "?"
    return character


def _shown(message: Message, number: int) -> dict[str, Any]:
    """A message as BulkSMS shows it: there is no cost and no number of parts at first."""
    return {
        "id": message.id,
        "type": "SENT",
        "from": message.source,
        "to": message.destination,
        "body": message.text,
        "encoding": message.encoding,
        "protocolId": 0,
        "messageClass": 0,
        "numberOfParts": None,
        "creditCost": None,
        "submission": {"id": f"1-{number + 1}", "date": "2026-12-01T10:00:00Z"},
        "status": {"id": "ACCEPTED.null", "type": "ACCEPTED", "subtype": None},
        "relatedSentMessageId": None,
        "userSuppliedId": message.reference,
    }
