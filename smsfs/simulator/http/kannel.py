"""Kannel's ``sendsms`` as a strict server: GET with a query, or POST of the text with headers.

Where Kannel passes over what it does not know, this server refuses it. It changes texts as Kannel does: it
cuts those of many parts, and writes question marks for what the coding lacks.
"""

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl

from attrs import define

from smsfs.simulator.http.taken import Asked, Message, Refusal, Taken
from smsfs.sms import gsm, segments

PATH = "/cgi-bin/sendsms"
HEADER = "x-kannel-"
HTML = {"Content-Type": "text/html"}
#: Kannel's own limit, ``max-messages``.
MOST_PARTS = 10
TEXTS = {"username", "password", "from", "to", "smsc", "text", "charset", "dlr-url", "account", "binfo"}
#: Numbers: field -> how the error names it, and the highest value.
NUMBERS = {
    "mclass": ("MClass", 3),
    "coding": ("Coding", 2),
    "mwi": ("MWI", 7),
    "rpi": ("RPI", 2),
    "compress": ("Compress", 1),
    "alt-dcs": ("Alt-DCS", 1),
    "pid": ("PID", 255),
    "priority": ("Priority", 3),
    "dlr-mask": ("DLR-Mask", 63),
    "validity": ("Validity", 2**31),
    "deferred": ("Deferred", 2**31),
}
UCS2 = "2"
#: By the name that ``--refuse`` and ``--error`` give it: the status and the answer.
ERRORS = {
    "login": (403, "Authorization failed for sendsms"),
    "denied": (400, "Number(s) has/have been denied by white- and/or black-lists."),
    "route": (403, "Not routable. Do not try again."),
    "failed": (500, "Sending failed."),
    "later": (503, "Temporal failure, try again later."),
}


class _Wrong(Exception):
    """A request is refused: the status, and the answer."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(status, said)
        self.status, self.said = status, said


@define(eq=False)
class Kannel:
    """The contract.

    Args:
        login: the only ``USERNAME:PASSWORD`` that may send; empty for any.
    """

    _login: str = ""

    def take(self, asked: Asked, number: int, refusal: Refusal) -> Taken:
        """Take a message for each of its recipients, or refuse it."""
        try:
            fields = _fields(asked)
            self._admit(fields)
            _check(fields)
            messages = [
                _message(fields, recipient, number + place)
                for place, recipient in enumerate(_recipients(fields, refusal), 1)
            ]
        except _Wrong as wrong:
            return Taken(wrong.status, wrong.said.encode(), headers=HTML)
        return Taken(202, b"0: Accepted for delivery", messages, HTML)

    def failure(self, status: int) -> bytes:
        """The body of an error that is not about the request."""
        return ERRORS["later" if status == ERRORS["later"][0] else "failed"][1].encode()

    def _admit(self, fields: Mapping[str, str]) -> None:
        login = f"{fields.get('username', '')}:{fields.get('password', '')}"
        if not fields.get("username") or self._login not in ("", login):
            raise _Wrong(*ERRORS["login"])


def _fields(asked: Asked) -> dict[str, str]:
    """What a request says, with the octets of the text as Latin-1."""
    path, _, query = asked.path.partition("?")
    if path != PATH:
        raise _Wrong(404, "Unknown request.")
    if asked.method == "GET":
        try:
            pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True, encoding="latin-1")
        except ValueError as exc:
            raise _Wrong(400, "Query misformed, rejected") from exc
        if len(dict(pairs)) < len(pairs):
            raise _Wrong(400, "A field stands twice, rejected")
        return {name: value if name == "text" else _utf8(value) for name, value in pairs}
    kind, _, charset = asked.headers.get("content-type", "").partition("; charset=")
    if asked.method != "POST" or kind not in ("text/plain", "application/octet-stream"):
        raise _Wrong(400, "Invalid content-type")
    fields = {
        name.removeprefix(HEADER): value.strip()
        for name, value in asked.headers.items()
        if name.startswith(HEADER)
    }
    if query or {"text", "charset"} & set(fields):
        raise _Wrong(400, "Text field misformed, rejected")
    return {**fields, "text": asked.body.decode("latin-1"), "charset": charset or "ISO-8859-1"}


def _utf8(value: str) -> str:
    return value.encode("latin-1").decode("utf-8", "replace")


def _check(fields: Mapping[str, str]) -> None:
    for name, value in fields.items():
        if name not in TEXTS and name not in NUMBERS:
            raise _Wrong(400, f"{name} field misformed, rejected")
        shown, most = NUMBERS.get(name, ("", 0))
        if shown and not (re.fullmatch("[0-9]{1,10}", value) and int(value) <= most):
            raise _Wrong(400, f"{shown} field misformed, rejected")
    if not re.match("https?://|$", fields.get("dlr-url", "")):
        raise _Wrong(400, "DLR-URL field misformed, rejected")
    if "to" not in fields:
        raise _Wrong(400, "Missing receiver number, rejected")
    if not fields["to"]:
        raise _Wrong(400, "Empty receiver number not allowed, rejected")
    if not fields.get("from"):
        raise _Wrong(400, "Sender missing and no global set, rejected")


def _recipients(fields: Mapping[str, str], refusal: Refusal) -> list[str]:
    """Those that are not refused; of several, Kannel does not say which ones it left out."""
    codes = {item: refusal(item) for item in fields["to"].split() if re.fullmatch(r"\+?[0-9]+", item)}
    for code in codes.values():
        if code and code != "denied":
            raise _Wrong(*ERRORS.get(code, (400, code)))
    allowed = [item for item, code in codes.items() if not code]
    if not allowed:
        raise _Wrong(*ERRORS["denied"])
    return allowed


def _message(fields: Mapping[str, str], recipient: str, number: int) -> Message:
    coding = fields.get("coding", "0")
    charset = fields.get("charset") or ("UTF-16BE" if coding == UCS2 else "UTF-8")
    try:
        text = fields.get("text", "").encode("latin-1").decode(charset)
    except (LookupError, UnicodeError) as exc:
        raise _Wrong(400, "Charset or body misformed, rejected") from exc
    _, parts = segments.split(text if coding == UCS2 else "".join(map(_basic, text)))
    return Message(
        source=fields["from"],
        destination=recipient,
        text="".join(parts[:MOST_PARTS]),
        id=f"kannel-{number}",
        klass=fields.get("mclass", ""),
        encoding=coding,
        validity=60 * int(fields.get("validity", "0")),
        callback=fields.get("dlr-url", ""),
    )


def _basic(character: str) -> str:
    try:
        gsm.encode(character)
    except UnicodeEncodeError:
        return "?"
    return character
