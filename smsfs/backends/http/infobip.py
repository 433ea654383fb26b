"""Infobip, by its SMS API, version 3: https://www.infobip.com/docs/api/channels/sms.

A request is a list of messages, each with the recipients that get the same. The answer is 200 even when some
are refused: it has a status for each recipient.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from math import inf
from typing import Any, Literal
from urllib.parse import quote

import msgspec
from attrs import define, field

from smsfs.backends import Accepted, Answer, Envelope, Rejected, Throttled, Unknown
from smsfs.backends.http.balances import balance
from smsfs.backends.http.contract import (
    OK,
    REDIRECT,
    Query,
    Request,
    Response,
    Trouble,
    Verdict,
    by_status,
    decoded,
)
from smsfs.backends.http.hooks import receipts_of
from smsfs.backends.http.infobip_hook import InfobipHook
from smsfs.backends.http.options import HookedConfig
from smsfs.secret import Secret
from smsfs.sms import segments
from smsfs.sms.classes import CLASSES, FLASH, class_of

PATH, LOGS = "/sms/3/messages", "/sms/3/logs"
#: No limit is documented.
MOST, USUAL = 1000, 100
#: In minutes. Infobip takes a longer validity for this one.
LONGEST_VALIDITY = 48 * 60
LONGEST_NAME, LONGEST_NUMBER = 11, 15

#: Groups of statuses: accepted, pending, delivered; undeliverable, expired, rejected.
TAKEN, REFUSED = frozenset({0, 1, 3}), frozenset({2, 4, 5})
#: They say something about the account, not about the message.
ACCOUNT = frozenset(
    {
        "REJECTED_NOT_ENOUGH_CREDITS",
        "REJECTED_PREPAID_PACKAGE_EXPIRED",
        "REJECTED_DESTINATION_NOT_REGISTERED",  # of a trial account
    }
)
LATER = frozenset({"REJECTED_SYSTEM_ERROR"})
#: A message waits so long that is not to be sent now, when others of its request were taken.
PAUSE_SECONDS = 30.0


@define
class InfobipConfig(HookedConfig):
    """Infobip with an API key; ``api_key_file`` names a file that has it instead.

    ``url`` is the base URL of the account.
    """

    type: Literal["infobip"]
    url: str
    api_key: Secret = field(factory=Secret)
    api_key_file: str = ""
    batch: int = USUAL

    def __attrs_post_init__(self) -> None:
        """Refuse what could never work.

        Raises:
            ValueError: a clause that names the key.
        """
        self.check_secret("api_key")
        longest = LONGEST_NUMBER if self.default_sender.removeprefix("+").isdigit() else LONGEST_NAME
        if len(self.default_sender.removeprefix("+")) > longest:
            raise ValueError(f"default_sender is over the {longest} characters that Infobip allows")
        self.check(MOST)

    @property
    def told_address(self) -> bool:
        """Each message tells it."""
        return True

    @property
    def tells_credit(self) -> bool:
        """It does."""
        return True

    @property
    def classes(self) -> frozenset[int]:
        """Flash messages alone."""
        return frozenset({CLASSES[FLASH]})

    @property
    def tells_states(self) -> bool:
        """It can be asked about each message."""
        return True


class _To(msgspec.Struct, gc=False):
    to: str


class _Content(msgspec.Struct, gc=False):
    text: str


class _Element(msgspec.Struct, omit_defaults=True):
    """Messages that get the same; what is empty is left out."""

    sender: str = ""
    destinations: list[_To] = []
    content: _Content | None = None
    options: dict[str, Any] = {}
    webhooks: dict[str, Any] = {}


class _Status(msgspec.Struct, rename="camel"):
    group_id: int
    name: str = ""
    description: str = ""

    @property
    def words(self) -> str:
        """What it says, for people."""
        return f"{self.description} ({self.name})" if self.description else self.name


class _Details(msgspec.Struct, rename="camel"):
    message_count: int = 0


class _Taken(msgspec.Struct, rename="camel"):
    destination: str
    status: _Status
    message_id: str = ""
    details: _Details | None = None


class _Answer(msgspec.Struct):
    messages: list[_Taken]


class _Violation(msgspec.Struct):
    property: str = ""
    violation: str = ""


class _Exception(msgspec.Struct, rename="camel"):
    message_id: str = ""
    text: str = ""


class _RequestError(msgspec.Struct, rename="camel"):
    service_exception: _Exception = msgspec.field(default_factory=_Exception)


class _Error(msgspec.Struct, rename="camel"):
    """Of version 3, or, in ``request_error``, of the older ones."""

    error_code: str = ""
    description: str = ""
    violations: list[_Violation] = []
    request_error: _RequestError | None = None


class Infobip:
    """Messages to ``/sms/3/messages``, and its answers.

    Args:
        config: with the key itself.
        callback: the address that receipts go to; empty for none.
    """

    most = MOST
    idempotent = False
    traceable = True
    bundle = 0
    login = None

    def __init__(self, config: InfobipConfig, callback: str = "") -> None:
        key = config.api_key.shown()
        self.secrets: tuple[str, ...] = (key, callback.rpartition("/")[2])
        self._sender, self._callback = config.default_sender, callback
        self._headers = {
            "Authorization": f"App {key}",
            "Content-Type": "application/json",
            "Accept": "application/json",
        }
        self.balance = balance("/account/1/balance", self._headers, "balance", "currency")

    def requests(self, envelopes: Sequence[Envelope]) -> list[Request]:
        """One request, and more where a number has several messages: the answer names the number."""
        return [self._request(envelopes) for envelopes in _numbers_once(envelopes)]

    def verdict(self, request: Request, response: Response) -> Verdict:
        """What was taken of a request, and what was not."""
        if not OK <= response.status < REDIRECT:
            return by_status(response, _said(response))
        answer = decoded(response, _Answer)
        if answer is None:
            return by_status(response)
        found = answer.messages
        by_number = {item.destination.removeprefix("+"): item for item in found}
        wanted = [(item, by_number.get(item.message.recipient)) for item in request.envelopes]
        about_account = [item.status for _, item in wanted if item and _is_about_account(item.status)]
        if about_account and len(about_account) == len(wanted):
            return Trouble(f"the carrier does not let this account send: {about_account[0].words}")
        return [_answer(envelope, item) for envelope, item in wanted]

    def query(self, carrier_id: str) -> Query:
        """About one message, in the logs: a report that is fetched by itself is gone."""
        path = f"{LOGS}?messageId={quote(carrier_id, safe='')}"
        hook = InfobipHook()
        return Query(
            Request((), path, b"", self._headers, "GET"), lambda found: receipts_of(hook, found.body)
        )

    def _request(self, envelopes: Sequence[Envelope]) -> Request:
        alike: dict[tuple[str, str, int, bool], list[Envelope]] = defaultdict(list)
        for item in envelopes:
            message = item.message
            sender = (message.sender or self._sender).removeprefix("+")
            flash = class_of(message.klass) == CLASSES[FLASH]
            alike[sender, message.text, _validity(item.left), flash].append(item)
        body = {
            "messages": [_message(*shared, group, self._callback) for shared, group in alike.items()],
            "options": {"includeSmsCountInResponse": True},
        }
        groups = tuple(tuple(group) for group in alike.values())
        return Request(groups, PATH, msgspec.json.encode(body), self._headers)


def _numbers_once(envelopes: Sequence[Envelope]) -> Iterator[list[Envelope]]:
    """Lists of messages, each with messages to different numbers."""
    if len({envelope.message.recipient for envelope in envelopes}) == len(envelopes):
        return iter([list(envelopes)])  # nearly always
    lists: list[dict[str, Envelope]] = []
    for envelope in envelopes:
        number = envelope.message.recipient
        place = next((item for item in lists if number not in item), None)
        if place is None:
            lists.append(place := {})
        place[number] = envelope
    return (list(item.values()) for item in lists)


def _validity(left: float) -> int:
    """In whole minutes, so that messages of several slices can share an element; 0 for no end."""
    return 0 if left == inf else min(max(1, int(left // 60)), LONGEST_VALIDITY)


def _message(
    sender: str,
    text: str,
    validity: int,
    flash: bool,  # noqa: FBT001 -- of the key that they share
    group: Sequence[Envelope],
    callback: str,
) -> _Element:
    """The element of messages that get the same."""
    options: dict[str, Any] = {"flash": True} if flash else {}
    if validity:
        options["validityPeriod"] = {"amount": validity, "timeUnit": "MINUTES"}
    webhooks = {"delivery": {"url": callback}, "contentType": "application/json"} if callback else {}
    numbers = [_To(item.message.recipient) for item in group]
    return _Element(sender, numbers, _Content(text), options, webhooks)


def _is_about_account(status: _Status) -> bool:
    return status.group_id in REFUSED and status.name in ACCOUNT


def _answer(envelope: Envelope, item: _Taken | None) -> Answer:
    """What became of one message."""
    if item is None:
        return Unknown("the carrier's answer does not name the message", requests=1)
    status = item.status
    if status.group_id in TAKEN and item.message_id:
        parts = item.details.message_count if item.details else 0
        return Accepted(item.message_id, parts or segments.count(envelope.message.text)[1])
    if status.group_id in REFUSED:
        if status.name in ACCOUNT | LATER:
            return Throttled(PAUSE_SECONDS)
        return Rejected(status.name or "refused", status.words or "the carrier does not say why")
    return Unknown(f"the carrier's status is not known: {status.words}", requests=1)


def _said(response: Response) -> str:
    """What a refusal of a whole request says, for people."""
    found = decoded(response, _Error)
    if found is None:
        return ""
    if found.request_error:
        older = found.request_error.service_exception
        return f"{older.text} ({older.message_id})"
    violations = [f"{item.property}: {item.violation}" for item in found.violations]
    words = "; ".join(text for text in (found.description, *violations) if text)
    return f"{words} ({found.error_code})" if found.error_code else words
