"""GatewayAPI, by its REST interface ``mtsms``: https://gatewayapi.com/docs/apis/rest/.

A request is a list of message objects, each with the recipients that get the same. It is taken as a whole or
refused as a whole. The id of an object and a recipient's number are what a receipt names.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from math import inf
from typing import Any, Literal
from urllib.parse import quote

import msgspec
from attrs import define, evolve, field

from smsfs.backends import Accepted, Envelope, Throttled, Unknown
from smsfs.backends.http import gatewayapi_mobile
from smsfs.backends.http.balances import balance
from smsfs.backends.http.contract import (
    OK,
    REDIRECT,
    Query,
    Refused,
    Request,
    Response,
    Trouble,
    Verdict,
    by_status,
    decoded,
    status_words,
)
from smsfs.backends.http.gatewayapi_hook import queried
from smsfs.backends.http.options import SignedConfig
from smsfs.backends.http.prices import shared
from smsfs.secret import Secret
from smsfs.sms import segments
from smsfs.sms.classes import ALL, class_of
from smsfs.sms.segments import GSM7

URL, PATH = "https://gatewayapi.com", "/rest/mtsms"
#: The documented limit of one message object; of a list of them none is known.
MOST = 10_000
#: A shorter validity is taken for this one.
SHORTEST_VALIDITY = 60
#: By the number of a message class; what mtsms calls a class is a price.
DESTINATIONS, STANDARD = ("DISPLAY", "MOBILE", "SIMCARD", "EXTUNIT"), "standard"
LONGEST_NAME, LONGEST_NUMBER = 11, 15
#: In this encoding the text is UTF-8 in JSON as well, and GSM 03.38 on the air.
ENCODINGS = {GSM7: "UTF8"}

CREDIT = 0x0216
LOGIN = frozenset({0x0210, 0x0211, 0x0221, 0x0223, 0x0224, 0x0225, 0x0226, 0x0229})
#: Addresses that may not send, accounts that are frozen, and what the account was never given.
ACCOUNT = frozenset({0x0212, 0x0213, 0x0219, 0x021A, 0x021B, 0x021C, 0x021D, 0x022A})
#: About what is in the request: parameters, class, destination, doubled recipients, filtered texts.
MESSAGE = frozenset({0x0215, 0x0217, 0x0218, 0x021E, 0x021F, 0x0220, 0x0222, 0x0310, 0x0311, 0x0312})
MESSAGE_LATER = frozenset({0x0214})
#: The last two digits of any code: shutting down, out of resources, temporarily unavailable; not permitted.
LATER_SUFFIXES, DENIED_SUFFIXES = frozenset({0x05, 0x06, 0x09}), frozenset({0x03, 0x07})


@define
class GatewayApiConfig(SignedConfig):
    """GatewayAPI with the token of a REST key; ``token_file`` names a file that has it instead.

    ``interface`` is that of REST, or that of the Mobile Messaging API.
    """

    type: Literal["gatewayapi"]
    url: str = URL
    token: Secret = field(factory=Secret)
    token_file: str = ""
    interface: Literal["mtsms", "mobile"] = "mtsms"

    def __attrs_post_init__(self) -> None:
        """Refuse what could never work.

        Raises:
            ValueError: a clause that names the key.
        """
        self.check_secret("token")
        longest = LONGEST_NUMBER if self.default_sender.removeprefix("+").isdigit() else LONGEST_NAME
        if len(self.default_sender.removeprefix("+")) > longest:
            raise ValueError(f"default_sender is over the {longest} characters that GatewayAPI allows")
        if self.interface == "mtsms":
            self.check(MOST)
            return
        if not self.default_sender:
            raise ValueError("it needs the key 'default_sender', since interface is 'mobile'")
        self.url = gatewayapi_mobile.URL if self.url == URL else self.url
        self.check(gatewayapi_mobile.MOST)

    @property
    def tells_credit(self) -> bool:
        """By ``mtsms`` it does."""
        return self.interface == "mtsms"

    @property
    def classes(self) -> frozenset[int]:
        """By ``mtsms``, all of them."""
        return ALL if self.interface == "mtsms" else frozenset()

    @property
    def tells_states(self) -> bool:
        """By ``mtsms``, it can be asked about each message."""
        return self.interface == "mtsms"


class _Taken(msgspec.Struct):
    ids: list[int]
    usage: Any = None


class _Error(msgspec.Struct):
    code: str = ""
    message: str = ""
    variables: list[Any] = []


def made(config: GatewayApiConfig) -> "GatewayApi | gatewayapi_mobile.GatewayApiMobile":
    """The provider by the interface that its section names; the section has the token itself."""
    if config.interface == "mobile":
        return gatewayapi_mobile.GatewayApiMobile(config.token.shown(), config.default_sender)
    return GatewayApi(config)


class GatewayApi:
    """Messages to ``mtsms``, and its answers.

    Args:
        config: with the token itself.
    """

    most = MOST
    idempotent = False
    traceable = True
    bundle = 0
    login = None

    def __init__(self, config: GatewayApiConfig) -> None:
        token = config.token.shown()
        self.secrets: tuple[str, ...] = (token,)
        self._sender = config.default_sender
        self._headers = {"Authorization": f"Token {token}", "Content-Type": "application/json"}
        self.balance = balance("/rest/me", self._headers, "credit", "currency")

    def requests(self, envelopes: Sequence[Envelope]) -> list[Request]:
        """One request for all of them."""
        groups = [tuple(group) for group in _alike(envelopes)]
        body = msgspec.json.encode([self._object(group) for group in groups])
        return [Request(tuple(groups), PATH, body, self._headers)]

    def verdict(self, request: Request, response: Response) -> Verdict:
        """All of a request is taken, or nothing of it."""
        if OK <= response.status < REDIRECT:
            return _accepted(request, response)
        try:
            error = msgspec.json.decode(response.body, type=_Error)
            code = int(error.code, 16)
        except (msgspec.DecodeError, UnicodeDecodeError, ValueError):
            return by_status(response)
        words = status_words(response.status, f"{_filled(error)} ({error.code})")
        if found := _of_code(code, words, response):
            return found
        found = by_status(response, f"{_filled(error)} ({error.code})")
        return evolve(found, code=f"{code:#06x}") if isinstance(found, Refused) else found

    def query(self, carrier_id: str) -> Query:
        """About all recipients of a message object."""
        number = carrier_id.partition("-")[0]
        request = Request((), f"{PATH}/{quote(number, safe='')}", b"", self._headers, "GET")
        return Query(request, lambda response: queried(response.body))

    def _object(self, group: Sequence[Envelope]) -> dict[str, Any]:
        """The message object of a group; what is empty is left out."""
        first, message = group[0], group[0].message
        encoding, _ = segments.count(message.text)
        klass = class_of(message.klass)
        given = {
            "class": message.klass if klass is None else STANDARD,
            "destaddr": "" if klass is None else DESTINATIONS[klass],
            "sender": (message.sender or self._sender).removeprefix("+"),
            "message": message.text,
            "userref": message.userref,
            "validity_period": _validity(first.left),
            "encoding": ENCODINGS.get(encoding, "UCS2"),
            "recipients": [{"msisdn": int(item.message.recipient)} for item in group],
        }
        return {key: value for key, value in given.items() if value}


def _alike(envelopes: Iterable[Envelope]) -> Iterator[list[Envelope]]:
    """Messages that differ in nothing but the recipient, each recipient once in each group."""
    found: dict[tuple[Any, ...], list[dict[str, Envelope]]] = defaultdict(list)
    for envelope in envelopes:
        message = envelope.message
        rest = message.text, message.sender, message.klass, message.userref, _validity(envelope.left)
        groups, recipient = found[rest], message.recipient
        group = next((item for item in groups if recipient not in item), None)
        if group is None:
            groups.append(group := {})
        group[recipient] = envelope
    for groups in found.values():
        yield from (list(group.values()) for group in groups)


def _validity(left: float) -> int:
    """In seconds, whole minutes, so that messages of several slices can share an object; 0 for no end."""
    return 0 if left == inf else max(SHORTEST_VALIDITY, int(left // 60) * 60)


def _accepted(request: Request, response: Response) -> Verdict:
    answer = decoded(response, _Taken)
    if answer is None:
        return by_status(response)
    ids = answer.ids
    if len(ids) != len(request.groups):
        return Unknown(f"the carrier gave {len(ids)} ids for {len(request.groups)} messages")
    names = [
        f"{number}-{item.message.recipient}"
        for number, group in zip(ids, request.groups, strict=True)
        for item in group
    ]
    parts = [segments.count(item.message.text)[1] for item in request.envelopes]
    usage = answer.usage if isinstance(answer.usage, dict) else {}
    prices = shared(usage.get("total_cost"), usage.get("currency"), parts)
    return [
        Accepted(name, count, price=price) for name, count, price in zip(names, parts, prices, strict=True)
    ]


def _of_code(code: int, words: str, response: Response) -> Verdict | None:
    """What a code means; None for one that says no more than the status."""
    if code in LOGIN:
        return Trouble(f"the carrier refuses the token: {words}")
    if code == CREDIT:
        return Trouble(f"the credit is used up: {words}")
    if code in MESSAGE or code in MESSAGE_LATER:
        return Refused(f"{code:#06x}", words, code in MESSAGE_LATER)
    if code in ACCOUNT or code & 0xFF in DENIED_SUFFIXES:
        return Trouble(f"the carrier does not let this account send: {words}")
    return Throttled(response.retry_after) if code & 0xFF in LATER_SUFFIXES else None


def _filled(error: _Error) -> str:
    """Its sentence, with the values in their places."""
    text = error.message
    for number, value in reversed(list(enumerate(error.variables, 1))):
        text = text.replace(f"%{number}", str(value))
    return text
