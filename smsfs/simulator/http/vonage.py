"""Vonage's SMS API as a strict server: a form or JSON, with HTTP Basic or the key and the secret in it.

Where Vonage passes over what it does not know, this server refuses it. A text of the type ``text`` arrives as
with Vonage: with question marks for characters that GSM 03.38 lacks.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from attrs import define

from smsfs.simulator.http.taken import Asked, Message, Refusal, Taken, Wrong, basic_login
from smsfs.sms import gsm, segments

PATH = "/sms/json"
FIELDS = {
    *("api_key", "api_secret", "from", "to", "text", "type", "ttl", "status-report-req", "callback"),
    *("message-class", "client-ref", "account-ref", "entity-id", "content-id", "trusted-number"),
}
#: What the others have to look like; the text is checked apart.
FORMS = {
    "to": r"[1-9][0-9]{6,14}",
    "type": "text|unicode",
    "ttl": "[0-9]{5,9}",
    "status-report-req": "(?i:true|false)|0|1",
    "trusted-number": "(?i:true|false)|0|1",
    "callback": "https?://.{1,92}",
    "message-class": "[0-3]",
    "client-ref": ".{1,40}",
}
SENDER = re.compile(r"[0-9]{1,15}|.{1,11}")
LONGEST_TEXT = 3200
TTL = range(20_000, 604_800_001)
ERRORS = {
    "1": "Throttled",
    "2": "Missing {} param",
    "3": "Invalid value for param: {}",
    "4": "Bad Credentials",
    "5": "Internal Error",
    "7": "Number barred",
    "8": "Partner account barred",
    "9": "Partner quota violation",
    "12": "Message too long",
    "15": "Invalid sender address",
    "29": "Non White-listed Destination",
    "33": "Number De-activated",
}
#: By this code, the first part of a message is taken, and the others are throttled.
TORN = "torn"


@define(eq=False)
class Vonage:
    """The contract.

    Args:
        login: the only ``API_KEY:SECRET`` that may send; empty for any.
    """

    _login: str = ""

    def take(self, asked: Asked, number: int, refusal: Refusal) -> Taken:
        """Take a message, or refuse it with 200."""
        if (asked.path, asked.method) != (PATH, "POST"):
            return Taken(404, b"<html>Not Found</html>", headers={"Content-Type": "text/html"})
        try:
            form = _form(asked)
            self._admit(asked, form)
            message = _message(form, number + 1)
            torn = _is_torn(refusal(message.destination))
        except Wrong as wrong:
            text = ERRORS.get(wrong.code, "Error").format(wrong.what)
            return _answer([{"status": wrong.code, "error-text": text}])
        parts = [_part(message, place) for place in range(segments.count(message.text)[1])]
        if torn:
            lost = {"to": message.destination, "status": "1", "error-text": ERRORS["1"]}
            return _answer([parts[0], *(lost for _ in parts[1:])], message)
        return _answer(parts, message)

    def failure(self, status: int) -> bytes:
        """The body of an error that is not about the request."""
        return msgspec.json.encode({"title": f"Error {status}", "detail": "Try again later"})

    def _admit(self, asked: Asked, form: Mapping[str, str]) -> None:
        login = basic_login(asked)
        if not login and "api_secret" in form:
            login = f"{form.get('api_key', '')}:{form['api_secret']}"
        if not login or self._login not in ("", login):
            raise Wrong("4")


def _is_torn(code: str | None) -> bool:
    if code and code != TORN:
        raise Wrong(code)
    return code == TORN


def _answer(parts: list[dict[str, str]], message: Message | None = None) -> Taken:
    body = {"message-count": str(len(parts)), "messages": parts}
    return Taken(200, msgspec.json.encode(body), [message] if message else [])


def _part(message: Message, place: int) -> dict[str, str]:
    """One part as Vonage answers it: numbers are strings."""
    return {
        "to": message.destination,
        "message-id": message.id if not place else f"{message.id}-{place}",
        "status": "0",
        "remaining-balance": "100.00000000",
        "message-price": "0.03330000",
        "network": "23801",
        "client-ref": message.reference,
    }


def _form(asked: Asked) -> dict[str, str]:
    kind = asked.headers.get("content-type", "").partition(";")[0]
    try:
        if kind == "application/json":
            return _flat(msgspec.json.decode(asked.body))
        if kind != "application/x-www-form-urlencoded":
            raise Wrong("2", "api_key")
        pairs = parse_qsl(
            asked.body.decode("ascii"), keep_blank_values=True, strict_parsing=True, errors="strict"
        )
    except (msgspec.DecodeError, ValueError) as exc:
        raise Wrong("3", "body") from exc
    form = dict(pairs)
    if len(form) < len(pairs):
        raise Wrong("3", "body")
    return form


def _flat(body: Any) -> dict[str, str]:
    if not isinstance(body, dict) or not all(isinstance(value, str | int) for value in body.values()):
        raise Wrong("3", "body")
    return {name: str(value) for name, value in body.items()}


def _check(form: Mapping[str, str]) -> None:
    for name in form:
        if name not in FIELDS:
            raise Wrong("3", name)
    for name in ("to", "from", "text"):
        if not form.get(name):
            raise Wrong("2", name)
    for name, pattern in FORMS.items():
        if name in form and not re.fullmatch(pattern, form[name]):
            raise Wrong("3", name)
    if int(form.get("ttl", TTL.start)) not in TTL:
        raise Wrong("3", "ttl")
    if not SENDER.fullmatch(form["from"]):
        raise Wrong("15")
    if len(form["text"]) > LONGEST_TEXT:
        raise Wrong("12")


def _message(form: Mapping[str, str], number: int) -> Message:
    _check(form)
    kind = form.get("type", "text")
    return Message(
        source=form["from"],
        destination=form["to"],
        text=form["text"] if kind == "unicode" else "".join(map(_basic, form["text"])),
        id=f"0A{number:014X}",
        klass=form.get("message-class", ""),
        reference=form.get("client-ref", ""),
        encoding=kind,
        validity=int(form.get("ttl", "0")) // 1000,
        callback=form.get("callback", ""),
    )


def _basic(character: str) -> str:
    try:
        gsm.encode(character)
    except UnicodeEncodeError:
        return "?"
    return character
