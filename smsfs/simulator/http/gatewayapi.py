"""GatewayAPI's ``mtsms`` as a strict server, with the Mobile Messaging API beside it.

It knows JSON and the header ``Authorization: Token``, the two ways that the vendor's page begins with. A
request is taken as a whole or refused as a whole, with the provider's own error body.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from attrs import define

from smsfs.simulator.http import gatewayapi_mobile
from smsfs.simulator.http.taken import Asked, Message, Refusal, Taken, Wrong

PATH = "/rest/mtsms"
MOST_RECIPIENTS = 10_000
CLASSES = ("standard", "premium", "secret")
PRIORITIES = ("BULK", "NORMAL", "URGENT", "VERY_URGENT")
ENCODINGS = ("UTF8", "UCS2")
LONGEST_NAME, LONGEST_NUMBER, MOST_PARTS = 11, 15, 255

#: Of a message object: field -> type.
FIELDS: dict[str, type] = {
    "class": str,
    "message": str,
    "sender": str,
    "sendtime": int,
    "tags": list,
    "userref": str,
    "priority": str,
    "validity_period": int,
    "encoding": str,
    "destaddr": str,
    "callback_url": str,
    "label": str,
    "max_parts": int,
    "extra_details": str,
    "recipients": list,
}
RECIPIENT_FIELDS = {"msisdn", "tagvalues"}

#: Error code -> the HTTP status and the sentence; ``%1`` stands for what is meant.
ERRORS = {
    "0x0201": (500, "Unknown error"),
    "0x0209": (500, "Temporarily unavailable"),
    "0x0208": (422, "Invalid argument: %1"),
    "0x0213": (403, "Unauthorized IP address"),
    "0x0214": (403, "Temporary blacklist for MSISDN %1"),
    "0x0215": (403, "MSISDN %1 is blacklisted"),
    "0x0216": (403, "Insufficient credit"),
    "0x0217": (403, "Unauthorized destination country for %1"),
    "0x0218": (422, "Unknown message class %1"),
    "0x0220": (400, "Unsupported parameter %1"),
    "0x0222": (400, "Missing required parameter %1"),
    "0x0229": (401, "Invalid token"),
    "0x022A": (403, "Account is frozen"),
    "0x0310": (422, "Duplicate recipient %1 in one message"),
    "0x0312": (422, "Filtered on content"),
}
INCIDENT = "d8127429-fa0c-4316-b1f2-e610c3958f43"


@define(eq=False)
class GatewayApi:
    """The contract.

    Args:
        token: the only one that may send; empty for any.
    """

    _token: str = ""

    def take(self, asked: Asked, number: int, refusal: Refusal) -> Taken:
        """Take all messages of a request, or refuse it."""
        if asked.path in (gatewayapi_mobile.SINGLE, gatewayapi_mobile.MULTI):
            return gatewayapi_mobile.take(asked, number, refusal, self._token)
        try:
            objects = self._objects(asked)
            messages = [
                list(_messages(item, number + place, refusal)) for place, item in enumerate(objects, 1)
            ]
        except Wrong as wrong:
            return _refused(wrong)
        flat = [message for group in messages for message in group]
        ids = [int(group[0].id.partition("-")[0]) for group in messages]
        usage = {"countries": {"DK": len(flat)}, "currency": "DKK", "total_cost": round(0.15 * len(flat), 2)}
        return Taken(200, msgspec.json.encode({"ids": ids, "usage": usage}), flat)

    def failure(self, status: int) -> bytes:
        """The body of an error that is not about the request."""
        return msgspec.json.encode({"incident_uuid": INCIDENT, "message": f"Error {status}"})

    def _objects(self, asked: Asked) -> list[dict[str, Any]]:
        """The message objects of a request, each of the right form."""
        if asked.path != PATH or asked.method != "POST":
            raise _NotFound
        scheme, _, token = asked.headers.get("authorization", "").partition(" ")
        if scheme != "Token" or not token or self._token not in ("", token):
            raise Wrong("0x0229")
        if asked.headers.get("content-type", "").partition(";")[0] != "application/json":
            raise Wrong("0x0222", "message")
        try:
            root = msgspec.json.decode(asked.body)
        except (msgspec.DecodeError, UnicodeDecodeError) as exc:
            raise Wrong("0x0208", exc) from exc
        objects = root if isinstance(root, list) else [root]
        if not objects or not all(isinstance(item, dict) for item in objects):
            raise Wrong("0x0208", "body")
        for item in objects:
            _check(item)
        return objects


class _NotFound(Wrong):
    """No such page."""

    def __init__(self) -> None:
        super().__init__("")


def _refused(wrong: Wrong) -> Taken:
    if isinstance(wrong, _NotFound):
        return Taken(404, b"<html>Not Found</html>", headers={"Content-Type": "text/html"})
    status, sentence = ERRORS.get(wrong.code, (422, "Error"))
    body: dict[str, Any] = {"code": wrong.code, "incident_uuid": INCIDENT, "message": sentence}
    if "%1" in sentence:
        body["variables"] = [wrong.what]
    return Taken(status, msgspec.json.encode(body))


def _check(item: Mapping[str, Any]) -> None:
    """Refuse a message object that the contract does not have."""
    for name, value in item.items():
        if name not in FIELDS:
            raise Wrong("0x0220", name)
        if type(value) is not FIELDS[name]:
            raise Wrong("0x0208", name)
    for name in ("message", "recipients"):
        if not item.get(name):
            raise Wrong("0x0222", name)
    if item.get("class", CLASSES[0]) not in CLASSES:
        raise Wrong("0x0218", item["class"])
    for name, values in (("priority", PRIORITIES), ("encoding", ENCODINGS)):
        if item.get(name, values[0]) not in values:
            raise Wrong("0x0208", name)
    if not 1 <= item.get("max_parts", 1) <= MOST_PARTS or item.get("validity_period", 1) < 1:
        raise Wrong("0x0208", "max_parts" if "max_parts" in item else "validity_period")
    _check_sender(item.get("sender", ""))
    _check_recipients(item["recipients"], item.get("tags", []))


def _check_sender(sender: str) -> None:
    longest = LONGEST_NUMBER if sender.isdigit() else LONGEST_NAME
    if len(sender) > longest:
        raise Wrong("0x0208", "sender")


def _check_recipients(recipients: Sequence[Any], tags: Sequence[Any]) -> None:
    if len(recipients) > MOST_RECIPIENTS:
        raise Wrong("0x0208", "recipients")
    seen = set()
    for item in recipients:
        if not isinstance(item, dict) or not set(item) <= RECIPIENT_FIELDS:
            raise Wrong("0x0208", "recipients")
        number = item.get("msisdn")
        if type(number) not in (int, str) or not re.fullmatch("[1-9][0-9]{4,14}", str(number)):
            raise Wrong("0x0208", "msisdn")
        if str(number) in seen:
            raise Wrong("0x0310", number)
        seen.add(str(number))
        if len(item.get("tagvalues", [])) != len(tags):
            raise Wrong("0x0208", "tagvalues")


def _messages(item: Mapping[str, Any], number: int, refusal: Refusal) -> Iterator[Message]:
    for recipient in item["recipients"]:
        msisdn = str(recipient["msisdn"])
        if code := refusal(msisdn):
            raise Wrong(code, msisdn)
        text = item["message"]
        for tag, value in zip(item.get("tags", []), recipient.get("tagvalues", []), strict=True):
            text = text.replace(tag, value)
        yield Message(
            source=item.get("sender", ""),
            destination=msisdn,
            text=text,
            id=f"{1_000_000 + number}-{msisdn}",
            klass=item.get("class", CLASSES[0]),
            reference=item.get("userref", ""),
            encoding=item.get("encoding", ENCODINGS[0]),
            validity=item.get("validity_period", 0),
            callback=item.get("callback_url", ""),
        )
