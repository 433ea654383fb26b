"""SMSPortal's ``BulkMessages``, version 3, as a strict server.

It knows JSON and HTTP Basic, and refuses single recipients as SMSPortal does: the others are taken, and the
answer is 200.
"""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

import msgspec
from attrs import define

from smsfs.simulator.http.taken import Asked, Message, Refusal, Taken, Wrong, basic_login

PATH = "/v3/BulkMessages"
MOST, LONGEST_ID, LONGEST_SENDER, LONGEST_TEXT = 100, 100, 15, 1530
FIELDS = {"content": str, "destination": str, "customerId": str}
OPTIONS: dict[str, type] = {
    "senderId": str,
    "allowContentTrimming": bool,
    "duplicateCheck": bool,
    "startDeliveryUtc": str,
    "endDeliveryUtc": str,
    "campaignName": str,
    "costCentre": str,
    "checkOptOuts": bool,
    "validityPeriod": int,
    "testMode": bool,
}
#: Error code -> the HTTP status and the sentence.
ERRORS = {
    "InvalidCredentials": (401, "The client id or the secret is wrong."),
    "AuthenticationHeader.Missing": (401, "There is no authentication header."),
    "InsufficientCredits": (403, "There are not enough credits."),
    "AccountDeactivated": (403, "The account is deactivated."),
    "InvalidParameter.Format": (400, "A parameter has the wrong format: "),
    "InvalidParameter.Type": (400, "A parameter has the wrong type: "),
    "RequiredParameter.Missing": (400, "A required parameter is missing: "),
}
#: Reasons that are only counted in the report, not named with their recipient.
COUNTERS = ("noNetwork", "noContents", "contentToLong", "duplicates", "optedOuts")


@define(eq=False)
class SmsPortal:
    """The contract.

    Args:
        login: the only ``CLIENTID:SECRET`` that may send; empty for any.
    """

    _login: str = ""

    def take(self, asked: Asked, number: int, refusal: Refusal) -> Taken:
        """Take the messages of a request that can be taken."""
        if (asked.path, asked.method) != (PATH, "POST"):
            return Taken(404, b"<html>Not Found</html>", headers={"Content-Type": "text/html"})
        try:
            self._admit(asked)
            body = _checked(asked)
            return _sorted_out(body, number, refusal)
        except Wrong as wrong:
            status, sentence = ERRORS[wrong.code]
            error = {"errorCode": wrong.code, "errorMessage": sentence + wrong.what}
            bare = status in (401, 403)
            whole = error if bare else {"statusCode": status, "errors": [error], "sendResponse": None}
            return Taken(status, msgspec.json.encode(whole))

    def failure(self, status: int) -> bytes:
        """The body of an error that is not about the request."""
        return msgspec.json.encode({"errorCode": f"Http{status}", "errorMessage": f"Error {status}"})

    def _admit(self, asked: Asked) -> None:
        if not asked.headers.get("authorization", "").startswith("Basic "):
            raise Wrong("AuthenticationHeader.Missing")
        login = basic_login(asked)
        if not login or self._login not in ("", login):
            raise Wrong("InvalidCredentials")


def _checked(asked: Asked) -> dict[str, Any]:
    """The body of a request, of the right form."""
    if asked.headers.get("content-type", "").partition(";")[0] != "application/json":
        raise Wrong("InvalidParameter.Format", "content type")
    try:
        body = msgspec.json.decode(asked.body)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise Wrong("InvalidParameter.Format", exc) from exc
    if not isinstance(body, dict) or not set(body) <= {"messages", "sendOptions"}:
        raise Wrong("InvalidParameter.Format", "body")
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise Wrong("RequiredParameter.Missing", "messages")
    if len(messages) > MOST:
        raise Wrong("InvalidParameter.Format", f"more than {MOST} messages")
    _check_types(body.get("sendOptions", {}), OPTIONS)
    if len(body.get("sendOptions", {}).get("senderId", "")) > LONGEST_SENDER:
        raise Wrong("InvalidParameter.Format", "senderId")
    for message in messages:
        _check_types(message, FIELDS)
        if not message.get("destination") or "content" not in message:
            raise Wrong("RequiredParameter.Missing", "destination and content")
        if len(message.get("customerId", "")) > LONGEST_ID:
            raise Wrong("InvalidParameter.Format", "customerId")
    return body


def _check_types(item: Any, types: Mapping[str, type]) -> None:
    if not isinstance(item, dict):
        raise Wrong("InvalidParameter.Type", "object")
    for name, value in item.items():
        if name not in types or type(value) is not types[name]:
            raise Wrong("InvalidParameter.Type", name)


def _why(message: Mapping[str, str], refusal: Refusal) -> str | None:
    """Why a message is not taken; None if it is."""
    if not re.fullmatch(r"\+?[1-9][0-9]{7,14}", message["destination"]):
        return "noNetwork"
    if not message["content"]:
        return "noContents"
    if len(message["content"]) > LONGEST_TEXT:
        return "contentToLong"
    code = refusal(message["destination"])
    if code in ERRORS:
        raise Wrong(code)
    return code


def _sorted_out(body: Mapping[str, Any], number: int, refusal: Refusal) -> Taken:
    """What is taken, and the report about the rest."""
    event, sender = 1_000_000 + number + 1, body.get("sendOptions", {}).get("senderId", "")
    counts: Counter[str] = Counter()
    faults, taken = [], []
    for message in body["messages"]:
        why = _why(message, refusal)
        to, reference = message["destination"].removeprefix("+"), message.get("customerId", "")
        if why is None:
            text = message["content"]
            taken.append(
                Message(source=sender, destination=to, text=text, id=f"{event}-{to}", reference=reference)
            )
        elif why in COUNTERS:
            counts[why] += 1
        else:
            names = {"rawDestination": message["destination"], "scrubbedDestination": to}
            faults.append({**names, "customerId": reference, "errorMessage": "Not allowed", "status": why})
    sent = {
        "eventId": event,
        "messages": len(taken),
        "parts": len(taken),
        "cost": float(len(taken)),
        "remainingBalance": 1000.0,
        "sample": taken[0].text if taken else "",
        "costBreakdown": [],
        "errorReport": {**{name: counts[name] for name in COUNTERS}, "faults": faults},
    }
    return Taken(200, msgspec.json.encode({"statusCode": 200, "errors": [], "sendResponse": sent}), taken)
