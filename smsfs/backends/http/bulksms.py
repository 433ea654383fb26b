"""BulkSMS, by its JSON REST API: https://www.bulksms.com/developer/json/v1/.

A request is a list of messages, under a number by which BulkSMS knows the request when it comes again: then
nothing is taken, and the answer is that of the first time. It names the messages that were in the request
then, so those that were not are sent under the next number. In this way it does not matter that a request may
have other messages when it comes again, nor that two requests may have the same number by chance.
"""

from collections import defaultdict
from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Literal
from urllib.parse import quote

import msgspec
from attrs import define, field

from smsfs.backends import Accepted, Envelope, Unknown
from smsfs.backends.http.balances import balance
from smsfs.backends.http.bulksms_hook import BulkSmsHook
from smsfs.backends.http.contract import (
    OK,
    REDIRECT,
    Again,
    Query,
    Request,
    Response,
    Verdict,
    basic,
    bundle_of,
    by_status,
    decoded,
    digest_of,
)
from smsfs.backends.http.hooks import receipts_of
from smsfs.backends.http.options import HookedConfig
from smsfs.backends.http.prices import price
from smsfs.secret import Secret
from smsfs.sms import segments
from smsfs.sms.classes import ALL, class_of
from smsfs.sms.segments import GSM7

PATH = "/v1/messages"
#: As many as BulkSMS advises; it takes more.
MOST = 4000
#: Of ``userSuppliedId``.
LONGEST_ID = 20
#: Numbers of requests are of 32 bits, and positive.
MOST_NUMBER = 2**31 - 1
#: A request that meets so many others in its place is given up for the time being.
MOST_TURNS = 100
CLASS_NAMES = ("FLASH_SMS", "ME_SPECIFIC", "SIM_SPECIFIC", "TE_SPECIFIC")
LONGEST_NAME, LONGEST_NUMBER, LONGEST_CODE = 11, 15, 6


@define
class BulkSmsConfig(HookedConfig):
    """BulkSMS with an API token: its ``token_id``, and its ``token_secret`` or a file that has it."""

    type: Literal["bulksms"]
    token_id: str
    url: str = "https://api.bulksms.com"
    token_secret: Secret = field(factory=Secret)
    token_secret_file: str = ""

    def __attrs_post_init__(self) -> None:
        """Refuse what could never work.

        Raises:
            ValueError: a clause that names the key.
        """
        self.check_secret("token_secret")
        if not self.token_id or ":" in self.token_id or not self.token_id.isprintable():
            raise ValueError("token_id has to be the ID of an API token, without a colon")
        longest = LONGEST_NUMBER if self.default_sender.removeprefix("+").isdigit() else LONGEST_NAME
        if len(self.default_sender.removeprefix("+")) > longest:
            raise ValueError(f"default_sender is over the {longest} characters that BulkSMS allows")
        self.check(MOST)

    @property
    def tells_credit(self) -> bool:
        """It does."""
        return True

    @property
    def classes(self) -> frozenset[int]:
        """All of them."""
        return ALL

    @property
    def tells_states(self) -> bool:
        """It can be asked about each message."""
        return True


class _Taken(msgspec.Struct, rename="camel"):
    id: str
    user_supplied_id: str | None = None
    credit_cost: Any = None


class _Problem(msgspec.Struct):
    title: str = ""
    detail: str | None = None


class BulkSms:
    """Messages to ``/v1/messages``, and its answers.

    Args:
        config: with the secret itself.
    """

    most = MOST
    idempotent = True
    traceable = True
    login = None

    def __init__(self, config: BulkSmsConfig) -> None:
        secret = config.token_secret.shown()
        login = basic(config.token_id, secret)
        self.secrets: tuple[str, ...] = (secret, login)
        self._sender, self._currency = config.default_sender, config.currency
        self._headers = {"Authorization": f"Basic {login}", "Content-Type": "application/json"}
        self.balance = balance("/v1/profile", self._headers, "credits.balance", known=config.currency)
        at_once = int(config.throughput) or 1 if config.throughput else config.batch
        self.bundle = min(config.batch, at_once)

    def requests(self, envelopes: Sequence[Envelope]) -> list[Request]:
        """One request for each bundle of rows."""
        bundles: dict[Any, list[Envelope]] = defaultdict(list)
        for item in envelopes:
            bundles[bundle_of(item, self.bundle)].append(item)
        return [self._request(bundle) for bundle in bundles.values()]

    def verdict(self, request: Request, response: Response) -> Verdict:
        """What was taken of a request, now or when it came before."""
        if not OK <= response.status < REDIRECT:
            return by_status(response, _said(response))
        found = decoded(response, list[_Taken])
        if found is None:
            return by_status(response)
        ids = {item.user_supplied_id: item.id for item in found if item.user_supplied_id and item.id}
        prices = {item.user_supplied_id: price(item.credit_cost, self._currency) for item in found}
        answers = {
            item.key: Accepted(
                ids[_name(item)], segments.count(item.message.text)[1], price=prices[_name(item)]
            )
            for item in request.envelopes
            if _name(item) in ids
        }
        left = [item for item in request.envelopes if item.key not in answers]
        another = found and len(ids) == len(found) and request.turn < MOST_TURNS
        if left and another:
            return Again(answers, self._request(left, request.turn + 1))
        doubt = Unknown("the carrier's answer does not name the message", requests=1)
        return [answers.get(item.key, doubt) for item in request.envelopes]

    def query(self, carrier_id: str) -> Query:
        """About one message: the answer is what BulkSMS posts."""
        request = Request((), f"{PATH}/{quote(carrier_id, safe='')}", b"", self._headers, "GET")
        hook = BulkSmsHook(self._currency)
        return Query(request, lambda response: receipts_of(hook, response.body))

    def _request(self, bundle: Sequence[Envelope], turn: int = 0) -> Request:
        place = (*bundle_of(bundle[0], self.bundle), self.bundle, turn)
        digest = sha256(msgspec.msgpack.encode(place)).digest()
        number = int.from_bytes(digest[:8]) % MOST_NUMBER + 1
        body = msgspec.json.encode([self._entry(item) for item in bundle])
        groups = tuple((item,) for item in bundle)
        return Request(groups, f"{PATH}?deduplication-id={number}", body, self._headers, turn=turn)

    def _entry(self, envelope: Envelope) -> dict[str, Any]:
        """A message; what is empty is left out."""
        message = envelope.message
        encoding, parts = segments.count(message.text)
        klass = class_of(message.klass)
        given = {
            "to": f"+{message.recipient}",
            "from": _from((message.sender or self._sender).removeprefix("+")),
            "body": message.text,
            "encoding": "TEXT" if encoding == GSM7 else "UNICODE",
            "longMessageMaxParts": parts,
            "messageClass": "" if klass is None else CLASS_NAMES[klass],
            "userSuppliedId": _name(envelope),
        }
        return {key: value for key, value in given.items() if value}


def _name(envelope: Envelope) -> str:
    """What a message is called, in every request that it is in."""
    return digest_of(envelope)[:LONGEST_ID]


def _from(sender: str) -> dict[str, str]:
    """A sender, with the type that BulkSMS wants beside it; empty for none."""
    if not sender:
        return {}
    if not sender.isdigit():
        return {"type": "ALPHANUMERIC", "address": sender}
    return {"type": "SHORTCODE" if len(sender) <= LONGEST_CODE else "INTERNATIONAL", "address": sender}


def _said(response: Response) -> str:
    """What a refusal says, for people."""
    found = decoded(response, _Problem)
    return ": ".join(text for text in (found.title, found.detail) if text) if found else ""
