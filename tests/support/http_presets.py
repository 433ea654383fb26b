"""The providers of ``packaging/http``, each strict about the requests that its documentation shows."""

import re
from base64 import b64encode
from collections.abc import Callable, Iterator
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl, urlsplit

import msgspec

from smsfs.simulator.http.own import Own
from smsfs.simulator.http.taken import Asked, Contract, Message, Refusal, Taken
from smsfs.sms import segments
from smsfs.sms.segments import GSM7

SECRET = "secret-0123456789"
E164 = r"^\+[1-9][0-9]{6,14}$"
Number = Annotated[str, msgspec.Meta(pattern=E164)]
Digits = Annotated[str, msgspec.Meta(pattern="^[1-9][0-9]{6,14}$")]
Text = Annotated[str, msgspec.Meta(min_length=1)]
#: What a request holds of a message: its sender, number and text.
Asking = tuple[str, str, str]


class _Strict(msgspec.Struct, forbid_unknown_fields=True):
    pass


class _Wrong(Exception):
    """A request is refused with a status and a body."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(status, body)
        self.status, self.body = status, body


class Preset:
    """A provider: how it reads a request, and what it answers.

    Args:
        method: of HTTP.
        path: of its interface.
        login: what it is known by; None for one that stands in the address.
        read: the messages of a request.
        answer: its status and body, of the ids and numbers.
        barred: the status and the body for a number that is refused.
        denied: the status and the body for a wrong login.
    """

    def __init__(
        self,
        method: str,
        path: str,
        login: str | None,
        read: Callable[[Asked], list[Asking]],
        answer: Callable[[list[tuple[str, str]]], tuple[int, Any]],
        barred: tuple[int, Any],
        denied: tuple[int, Any],
    ) -> None:
        self._method, self._path, self._login = method, path, login
        self._read, self._answer, self._barred, self._denied = read, answer, barred, denied

    def take(self, asked: Asked, number: int, refusal: Refusal) -> Taken:
        """Take the messages of a request, or refuse it."""
        try:
            self._admit(asked)
            found = list(self._messages(self._read(asked), number, refusal))
        except _Wrong as wrong:
            return Taken(wrong.status, _body(wrong.body))
        except (msgspec.DecodeError, UnicodeDecodeError, KeyError, ValueError) as exc:
            return Taken(400, _body({"error": str(exc)}))
        status, body = self._answer([(message.id, message.destination) for message in found])
        return Taken(status, _body(body), found)

    def failure(self, status: int) -> bytes:
        """The body of an error that is not about the request."""
        return _body({"error": f"Error {status}"})

    def _admit(self, asked: Asked) -> None:
        if (asked.method, urlsplit(asked.path).path) != (self._method, self._path):
            raise _Wrong(404, "Not Found")
        if self._login is not None and asked.headers.get("authorization", "") != self._login:
            raise _Wrong(*self._denied)

    def _messages(self, asking: list[Asking], number: int, refusal: Refusal) -> Iterator[Message]:
        for count, (sender, to, text) in enumerate(asking, number + 1):
            if refusal(to.removeprefix("+")):
                raise _Wrong(*self._barred)
            yield Message(source=sender, destination=to.removeprefix("+"), text=text, id=str(1000 + count))


class ClickSend(Preset):
    """ClickSend, which answers for each message by itself."""

    def take(self, asked: Asked, number: int, refusal: Refusal) -> Taken:
        """Take the messages of a request that can be taken."""
        taken = super().take(asked, number, lambda _: None)
        kept = [message for message in taken.messages if not refusal(message.destination)]
        if not taken.messages:
            return taken
        items = [
            {
                "message_id": "" if message not in kept else message.id,
                "to": f"+{message.destination}",
                "status": "SUCCESS" if message in kept else "INVALID_RECIPIENT",
                "message_parts": 1,
            }
            for message in taken.messages
        ]
        data = {"total_count": len(items), "messages": items}
        body = {"http_code": 200, "response_code": "SUCCESS", "response_msg": "Queued", "data": data}
        return Taken(200, _body(body), kept)


def _body(value: Any) -> bytes:
    return value.encode() if isinstance(value, str) else msgspec.json.encode(value)


def _basic(name: str) -> str:
    return f"Basic {b64encode(f'{name}:{SECRET}'.encode()).decode()}"


def _json(asked: Asked, kind: Any) -> Any:
    if asked.headers.get("content-type") != "application/json":
        raise ValueError("content type")
    return msgspec.json.decode(asked.body, type=kind)


class _ClickSendMessage(_Strict):
    to: Number
    body: Text
    sender: str = msgspec.field(default="", name="from")
    source: str = ""
    custom_string: str = ""


class _ClickSendBody(_Strict):
    messages: Annotated[list[_ClickSendMessage], msgspec.Meta(min_length=1, max_length=1000)]


def _clicksend(asked: Asked) -> list[Asking]:
    return [(item.sender, item.to, item.body) for item in _json(asked, _ClickSendBody).messages]


class _PlivoBody(_Strict):
    src: Text
    dst: Digits
    text: Text
    type: Literal["sms"] = "sms"


def _plivo(asked: Asked) -> list[Asking]:
    body = _json(asked, _PlivoBody)
    return [(body.src, body.dst, body.text)]


class _TelnyxBody(_Strict):
    to: Number
    text: Text
    sender: Text = msgspec.field(name="from")
    type: Literal["SMS"] = "SMS"


def _telnyx(asked: Asked) -> list[Asking]:
    if not re.fullmatch("[A-Za-z0-9_:-]{1,255}", asked.headers.get("idempotency-key", "")):
        raise ValueError("idempotency key")
    body = _json(asked, _TelnyxBody)
    return [(body.sender, body.to, body.text)]


def _elks(asked: Asked) -> list[Asking]:
    if asked.headers.get("content-type") != "application/x-www-form-urlencoded":
        raise ValueError("content type")
    form = dict(parse_qsl(asked.body.decode("ascii"), strict_parsing=True))
    if set(form) != {"from", "to", "message"} or not re.match(E164, form["to"]):
        raise ValueError("form")
    return [(form["from"], form["to"], form["message"])]


def _query(asked: Asked, names: set[str], login: dict[str, str], denied: tuple[int, Any]) -> dict[str, str]:
    query = dict(parse_qsl(urlsplit(asked.path).query, strict_parsing=True))
    if not set(query) <= names or asked.body:
        raise ValueError("parameters")
    if any(query.get(name) != value for name, value in login.items()):
        raise _Wrong(*denied)
    return query


EAGLE_DENIED = (401, "Invalid access token")
PLAY_DENIED = (200, {"status": "ERR", "error": "100", "error_string": "authentication failed"})


def _smseagle(asked: Asked) -> list[Asking]:
    names = {"access_token", "to", "message", "unicode"}
    query = _query(asked, names, {"access_token": SECRET}, EAGLE_DENIED)
    text = query["message"]
    if (query["unicode"] == "1") is (segments.count(text)[0] == GSM7):
        raise ValueError("unicode")
    return [("", query["to"], text)]


def _playsms(asked: Asked) -> list[Asking]:
    names = {"app", "op", "u", "h", "to", "msg", "from", "unicode"}
    query = _query(asked, names, {"u": "admin", "h": SECRET, "app": "ws", "op": "pv"}, PLAY_DENIED)
    return [(query.get("from", ""), query["to"], query["msg"])]


def _played(taken: list[tuple[str, str]]) -> tuple[int, Any]:
    [(number, to)] = taken
    item = {"status": "OK", "error": "0", "smslog_id": number, "queue": "q1", "to": to}
    return 200, {"data": [item], "error_string": None, "timestamp": 1796038556}


class Telnyx(Preset):
    """Telnyx, which answers a key that comes again as it did before, and refuses it with another body."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._known: dict[str, tuple[bytes, Taken]] = {}

    def take(self, asked: Asked, number: int, refusal: Refusal) -> Taken:
        """Take a message that was not there before."""
        key = asked.headers.get("idempotency-key", "")
        if key in self._known:
            body, before = self._known[key]
            return Taken(before.status, before.body) if body == asked.body else Taken(422, _body({}))
        taken = super().take(asked, number, refusal)
        if taken.messages:
            self._known[key] = asked.body, taken
        return taken


def contract(name: str) -> Contract:
    """The provider of an example."""
    made: dict[str, Callable[[], Contract]] = {
        "own": lambda: Own(SECRET),
        "clicksend": lambda: ClickSend(
            "POST",
            "/v3/sms/send",
            _basic("me@example.com"),
            _clicksend,
            lambda _: (200, {}),
            (400, {}),
            (401, {"response_code": "UNAUTHORIZED"}),
        ),
        "plivo": lambda: Preset(
            "POST",
            "/v1/Account/MAXXXXXXXXXXXXXXXXXX/Message/",
            _basic("MAXXXXXXXXXXXXXXXXXX"),
            _plivo,
            lambda taken: (202, {"api_id": "a", "message": "queued", "message_uuid": [taken[0][0]]}),
            (400, {"api_id": "a", "error": "dst is barred"}),
            (401, "Could not verify your access level"),
        ),
        "telnyx": lambda: Telnyx(
            "POST",
            "/v2/messages",
            f"Bearer {SECRET}",
            _telnyx,
            lambda taken: (200, {"data": {"id": taken[0][0], "record_type": "message", "parts": 1}}),
            (422, {"errors": [{"code": "40310", "title": "Invalid", "detail": "The number is barred"}]}),
            (401, {"errors": [{"code": "10009", "detail": "Could not find any usable credentials"}]}),
        ),
        "46elks": lambda: Preset(
            "POST",
            "/a1/sms",
            _basic("u0123456789abcdef"),
            _elks,
            lambda taken: (200, {"id": taken[0][0], "status": "created", "direction": "outgoing"}),
            (400, "Invalid to number"),
            (401, "API access requires Basic HTTP authentication"),
        ),
        "smseagle": lambda: Preset(
            "GET",
            "/http_api/send_sms",
            None,
            _smseagle,
            lambda taken: (200, f"OK; ID={taken[0][0]}"),
            (200, "Wrong parameters"),
            EAGLE_DENIED,
        ),
        "playsms": lambda: Preset(
            "GET",
            "/index.php",
            None,
            _playsms,
            _played,
            (200, {"status": "ERR", "error": "106", "error_string": "invalid destination"}),
            PLAY_DENIED,
        ),
    }
    return made[name]()
