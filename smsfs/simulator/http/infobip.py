"""Infobip's SMS API, version 3, as a strict server; an unknown field is refused.

Single recipients are refused as Infobip does it: the others are taken, and the answer is 200.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

import msgspec
from attrs import define

from smsfs.simulator.http.taken import Asked, Message, Refusal, Taken, Wrong
from smsfs.sms import segments

PATH = "/sms/3/messages"
#: Error code -> the HTTP status, the description and the action.
ERRORS = {
    "E400": (400, "Request cannot be processed.", "Check the request."),
    "E401": (401, "The request lacks valid authentication credentials.", "Check the API key."),
    "E403": (403, "Not enough permissions.", "Check the permissions of the API key."),
    "E404": (404, "Requested resource was not found.", "Check the URL."),
    "E429": (429, "Too many requests.", "Retry later."),
    "E500": (500, "Something went wrong.", "Contact support."),
    "E503": (503, "Service is not available.", "Retry later."),
}
#: Status -> its group, the name of that, and its number.
PENDING = ("PENDING_ACCEPTED", 1, "PENDING", 26)
BAD_NUMBER = "REJECTED_DESTINATION"
MINUTES = {"SECONDS": 1 / 60, "MINUTES": 1, "HOURS": 60}

Short = Annotated[str, msgspec.Meta(max_length=255)]


class _Strict(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    pass


class _Destination(_Strict):
    to: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    message_id: Annotated[str, msgspec.Meta(max_length=200)] = ""
    network_id: int = 0


class _Content(_Strict):
    text: Annotated[str, msgspec.Meta(min_length=1)]
    transliteration: str = ""
    language: dict[str, str] = {}


class _Validity(_Strict):
    amount: Annotated[int, msgspec.Meta(ge=1)]
    time_unit: Literal["SECONDS", "MINUTES", "HOURS"] = "MINUTES"


class _MessageOptions(_Strict):
    validity_period: _Validity | None = None
    delivery_time_window: dict[str, Any] = {}
    campaign_reference_id: Short = ""
    flash: bool = False
    platform: dict[str, Short] = {}
    regional: dict[str, Any] = {}


class _Delivery(_Strict):
    url: str
    intermediate_report: bool = False
    notify: bool = True


class _Webhooks(_Strict):
    delivery: _Delivery
    content_type: Literal["application/json", "application/xml"] = "application/json"
    callback_data: Annotated[str, msgspec.Meta(max_length=4000)] = ""


class _Message(_Strict):
    destinations: Annotated[list[_Destination], msgspec.Meta(min_length=1)]
    content: _Content
    sender: str = ""
    options: _MessageOptions = msgspec.field(default_factory=_MessageOptions)
    webhooks: _Webhooks | None = None


class _Options(_Strict):
    schedule: dict[str, Any] = {}
    tracking: dict[str, Any] = {}
    include_sms_count_in_response: bool = False
    conversion_tracking: dict[str, Any] = {}


class _Request(_Strict):
    messages: Annotated[list[_Message], msgspec.Meta(min_length=1)]
    options: _Options = msgspec.field(default_factory=_Options)


@define(eq=False)
class Infobip:
    """The contract.

    Args:
        key: the only one that may send; empty for any.
    """

    _key: str = ""

    def take(self, asked: Asked, number: int, refusal: Refusal) -> Taken:
        """Take the messages of a request that can be taken."""
        try:
            self._admit(asked)
            request = _checked(asked)
            found = list(_sorted_out(request, number, refusal))
        except Wrong as wrong:
            return Taken(ERRORS[wrong.code][0], _error(wrong.code, wrong.what))
        body = {"bulkId": f"bulk-{number + 1}", "messages": [shown for _, shown in found]}
        return Taken(200, msgspec.json.encode(body), [message for message, _ in found if message])

    def failure(self, status: int) -> bytes:
        """The body of an error that is not about the request."""
        return _error(f"E{status}" if f"E{status}" in ERRORS else "E500")

    def _admit(self, asked: Asked) -> None:
        if (asked.path, asked.method) != (PATH, "POST"):
            raise Wrong("E404")
        scheme, _, key = asked.headers.get("authorization", "").partition(" ")
        if scheme != "App" or not key or self._key not in ("", key):
            raise Wrong("E401")


def _error(code: str, what: str = "") -> bytes:
    _, description, action = ERRORS[code]
    violations = [{"property": "body", "violation": what}] if what else []
    body = {"errorCode": code, "description": description, "action": action, "violations": violations}
    return msgspec.json.encode({**body, "resources": []})


def _checked(asked: Asked) -> _Request:
    if asked.headers.get("content-type", "").partition(";")[0] != "application/json":
        raise Wrong("E400", "content type")
    try:
        request = msgspec.json.decode(asked.body, type=_Request)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise Wrong("E400", str(exc)) from exc
    for message in request.messages:
        if message.sender and not re.fullmatch(r"[0-9]{1,15}|.{1,11}", message.sender):
            raise Wrong("E400", "sender")
    return request


def _sorted_out(
    request: _Request, number: int, refusal: Refusal
) -> Iterator[tuple[Message | None, Mapping[str, Any]]]:
    """What is taken of each recipient, and the answer to it."""
    counted = request.options.include_sms_count_in_response
    for message in request.messages:
        parts = segments.count(message.content.text)[1]
        for item in message.destinations:
            number += 1
            to = item.to.removeprefix("+")
            code = refusal(to) or ("" if re.fullmatch("[1-9][0-9]{6,14}", to) else BAD_NUMBER)
            if code in ERRORS:
                raise Wrong(code)
            taken = None if code else _taken(message, item, to, number)
            shown: dict[str, Any] = {
                "messageId": taken.id if taken else f"refused-{number}",
                "status": _status(*((code, 5, "REJECTED", 6) if code else PENDING)),
                "destination": to,
            }
            yield taken, {**shown, "details": {"messageCount": parts}} if counted else shown


def _status(name: str, group: int, group_name: str, number: int) -> dict[str, Any]:
    words = name.replace("_", " ").capitalize()
    return {"groupId": group, "groupName": group_name, "id": number, "name": name, "description": words}


def _taken(message: _Message, item: _Destination, to: str, number: int) -> Message:
    validity = message.options.validity_period
    return Message(
        source=message.sender,
        destination=to,
        text=message.content.text,
        id=item.message_id or f"{2_250_000_000_000 + number}",
        klass="flash" if message.options.flash else "",
        reference=message.webhooks.callback_data if message.webhooks else "",
        callback=message.webhooks.delivery.url if message.webhooks else "",
        validity=int(60 * MINUTES[validity.time_unit] * validity.amount) if validity else 0,
    )
