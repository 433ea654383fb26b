"""Twilio's resource ``Messages`` as a strict server; a messaging service and media are not part of it."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from attrs import define

from smsfs.simulator.http.taken import Asked, Message, Refusal, Taken, Wrong, basic_login
from smsfs.sms import segments

PATH = re.compile(r"/2010-04-01/Accounts/(AC[0-9a-f]{32})/Messages\.json").fullmatch
FIELDS = {
    *("To", "From", "MessagingServiceSid", "Body", "StatusCallback", "ValidityPeriod", "SmartEncoded"),
    *("ProvideFeedback", "Attempt", "ContentRetention", "AddressRetention", "ShortenUrls", "RiskCheck"),
}
LONGEST_TEXT, LONGEST_VALIDITY = 1600, 36_000
#: Code -> the HTTP status and the sentence.
ERRORS = {
    "20001": (400, "Unknown parameters"),
    "20003": (401, "Authenticate"),
    "20404": (404, "The requested resource was not found"),
    "20429": (429, "Too Many Requests"),
    "20500": (500, "Internal Server Error"),
    "21211": (400, "Invalid 'To' Phone Number"),
    "21212": (400, "Invalid From Number"),
    "21408": (403, "Permission to send an SMS has not been enabled for the region"),
    "21602": (400, "Message body is required"),
    "21603": (400, "A 'From' phone number is required"),
    "21610": (400, "Attempt to send to unsubscribed recipient"),
    "21611": (400, "This 'From' number has exceeded the maximum number of queued messages"),
    "21617": (400, "The concatenated message body exceeds the 1600 character limit"),
    "21640": (400, "ValidityPeriod is invalid"),
}


@define(eq=False)
class Twilio:
    """The contract.

    Args:
        login: the only ``SID:TOKEN`` that may send; empty for any.
    """

    _login: str = ""

    def take(self, asked: Asked, number: int, refusal: Refusal) -> Taken:
        """Take a message, or refuse it."""
        try:
            account = self._admitted(asked)
            message = _message(asked, f"SM{number + 1:032x}", refusal)
        except Wrong as wrong:
            status, sentence = ERRORS.get(wrong.code, (400, "Refused"))
            return Taken(status, _error(int(wrong.code), sentence, status))
        return Taken(201, msgspec.json.encode(_resource(account, message)), [message])

    def failure(self, status: int) -> bytes:
        """The body of an error that is not about the request."""
        return _error({429: 20429, 503: 20503}.get(status, 20500), "Error", status)

    def _admitted(self, asked: Asked) -> str:
        """The account that a request is for."""
        place = PATH(asked.path)
        if not place or asked.method != "POST":
            raise Wrong("20404")
        login = basic_login(asked)
        if not login or self._login not in ("", login):
            raise Wrong("20003")
        return place[1]


def _error(code: int, message: str, status: int) -> bytes:
    more = f"https://www.twilio.com/docs/errors/{code}"
    return msgspec.json.encode({"code": code, "message": message, "more_info": more, "status": status})


def _form(asked: Asked) -> dict[str, str]:
    if asked.headers.get("content-type", "").partition(";")[0] != "application/x-www-form-urlencoded":
        raise Wrong("20001")
    try:
        pairs = parse_qsl(
            asked.body.decode("ascii"), keep_blank_values=True, strict_parsing=True, errors="strict"
        )
    except ValueError as exc:
        raise Wrong("20001") from exc
    form = dict(pairs)
    if len(form) < len(pairs) or not set(form) <= FIELDS:
        raise Wrong("20001")
    return form


def _message(asked: Asked, sid: str, refusal: Refusal) -> Message:
    form = _form(asked)
    _check(form)
    to = form["To"].removeprefix("+")
    if code := refusal(to):
        raise Wrong(code)
    source = form.get("From", "") or form.get("MessagingServiceSid", "")
    validity = int(form.get("ValidityPeriod", LONGEST_VALIDITY))
    told = form.get("StatusCallback", "")
    return Message(source=source, destination=to, text=form["Body"], id=sid, validity=validity, callback=told)


def _check(form: Mapping[str, str]) -> None:
    if not re.fullmatch(r"\+[1-9][0-9]{7,14}", form.get("To", "")):
        raise Wrong("21211")
    if not form.get("Body"):
        raise Wrong("21602")
    if len(form["Body"]) > LONGEST_TEXT:
        raise Wrong("21617")
    sender = form.get("From", "")
    if not sender and not re.fullmatch("MG[0-9a-f]{32}", form.get("MessagingServiceSid", "")):
        raise Wrong("21603")
    if sender and not re.fullmatch(r"\+[1-9][0-9]{7,14}|[0-9]{3,7}|(?=.*[A-Za-z])[\w &+-]{1,11}", sender):
        raise Wrong("21212")
    validity = form.get("ValidityPeriod", "1")
    if not validity.isdigit() or not 1 <= int(validity) <= LONGEST_VALIDITY:
        raise Wrong("21640")


def _resource(account: str, message: Message) -> dict[str, Any]:
    """A message as Twilio shows it: numbers are strings, and there is no price at first."""
    return {
        "account_sid": account,
        "api_version": "2010-04-01",
        "body": message.text,
        "date_created": "Tue, 01 Dec 2026 10:00:00 +0000",
        "direction": "outbound-api",
        "error_code": None,
        "error_message": None,
        "from": message.source,
        "num_segments": str(segments.count(message.text)[1]),
        "price": None,
        "price_unit": "USD",
        "sid": message.id,
        "status": "queued",
        "to": f"+{message.destination}",
        "uri": f"/2010-04-01/Accounts/{account}/Messages/{message.id}.json",
    }
