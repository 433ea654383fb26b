"""SMSPortal, by its REST interface ``BulkMessages``, version 3: https://docs.smsportal.com/.

The sender stands once in a request, so messages of several senders are several requests. One request can be
taken in part, and be answered with 200 nevertheless: what was refused is named in a report, or only counted.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import msgspec
from attrs import define, field

from smsfs.backends import Accepted, Answer, Envelope, Rejected, Unknown
from smsfs.backends.http.balances import balance
from smsfs.backends.http.contract import (
    OK,
    REDIRECT,
    Refused,
    Request,
    Response,
    Verdict,
    basic,
    by_status,
    decoded,
)
from smsfs.backends.http.options import TimedConfig
from smsfs.backends.http.prices import shared
from smsfs.secret import Secret
from smsfs.sms import segments

PATH = "/v3/BulkMessages"
#: The documented limit of one request.
MOST = 100
LONGEST_NAME, LONGEST_NUMBER = 11, 15


@define
class SmsPortalConfig(TimedConfig):
    """SMSPortal with an API key: its ``client_id``, and its ``api_secret`` or a file that has it."""

    type: Literal["smsportal"]
    client_id: str
    url: str = "https://rest.smsportal.com"
    api_secret: Secret = field(factory=Secret)
    api_secret_file: str = ""
    batch: int = MOST
    hook_signature_header: str = ""
    hook_timestamp_header: str = ""
    hook_header: str = ""

    def __attrs_post_init__(self) -> None:
        """Refuse what could never work.

        Raises:
            ValueError: a clause that names the key.
        """
        self.check_secret("api_secret")
        if not self.client_id or ":" in self.client_id or not self.client_id.isprintable():
            raise ValueError("client_id has to be the client ID of an API key, without a colon")
        longest = LONGEST_NUMBER if self.default_sender.removeprefix("+").isdigit() else LONGEST_NAME
        if len(self.default_sender.removeprefix("+")) > longest:
            raise ValueError(f"default_sender is over the {longest} characters that SMSPortal allows")
        headers = self.hook_signature_header, self.hook_timestamp_header
        secret = bool(self.hook_secret or self.hook_secret_file)
        if secret != (all(headers) or bool(self.hook_header)) or any(headers) != all(headers):
            raise ValueError(
                "hook_secret goes with hook_header, or with both hook_signature_header and "
                "hook_timestamp_header: set it and the one or the others, or none"
            )
        if self.hook_header and any(headers):
            raise ValueError("hook_header and hook_signature_header are set, and there can be one of them")
        self.check(MOST)

    @property
    def tells_credit(self) -> bool:
        """It does."""
        return True


class _Fault(msgspec.Struct, rename="camel"):
    customer_id: str | None = None
    error_message: str | None = None
    status: str | None = None
    scrubbed_destination: str | None = None
    raw_destination: str | None = None

    def means(self, envelope: Envelope) -> bool:
        """Whether it is about a message: by our key for it, or else by its number."""
        if self.customer_id:
            return self.customer_id == envelope.key
        number = self.scrubbed_destination or self.raw_destination or ""
        return number.removeprefix("+") == envelope.message.recipient


class _Report(msgspec.Struct, rename="camel"):
    no_network: int = 0
    no_contents: int = 0
    content_to_long: int = 0
    duplicates: int = 0
    opted_outs: int = 0
    faults: list[_Fault] = []


class _Sent(msgspec.Struct, rename="camel"):
    event_id: int
    messages: int
    error_report: _Report | None = None
    cost: Any = None


class _Taken(msgspec.Struct, rename="camel"):
    send_response: _Sent


class _Error(msgspec.Struct, rename="camel"):
    error_code: str = ""
    error_message: str = ""


class _Errors(msgspec.Struct, rename="camel"):
    errors: list[_Error] = []
    error_code: str = ""
    error_message: str = ""


class SmsPortal:
    """Messages to ``BulkMessages``, and its answers.

    Args:
        config: with the secret itself.
    """

    most = MOST
    idempotent = False
    traceable = True
    bundle = 0
    login = None
    query = None

    def __init__(self, config: SmsPortalConfig) -> None:
        secret = config.api_secret.shown()
        login = basic(config.client_id, secret)
        self.secrets: tuple[str, ...] = (secret, login)
        self._sender, self._currency = config.default_sender, config.currency
        self._headers = {"Authorization": f"Basic {login}", "Content-Type": "application/json"}
        self.balance = balance("/v3/Balance", self._headers, "balance", known=config.currency)

    def requests(self, envelopes: Sequence[Envelope]) -> list[Request]:
        """One request for each sender, and more where a number has several messages."""
        return [self._request(sender, group) for sender, group in self._alike(envelopes)]

    def verdict(self, request: Request, response: Response) -> Verdict:
        """What was taken of a request, and what was not."""
        if not OK <= response.status < REDIRECT:
            return by_status(response, _said(response))
        answer = decoded(response, _Taken)
        if answer is None:
            return by_status(response)
        sent = answer.send_response
        return _of_report(request.envelopes, sent, self._currency)

    def _alike(self, envelopes: Sequence[Envelope]) -> Iterator[tuple[str, list[Envelope]]]:
        """Messages of one sender, each number once: the number tells messages of one request apart."""
        found: dict[str, list[dict[str, Envelope]]] = defaultdict(list)
        for envelope in envelopes:
            message = envelope.message
            groups = found[(message.sender or self._sender).removeprefix("+")]
            group = next((item for item in groups if message.recipient not in item), None)
            if group is None:
                groups.append(group := {})
            group[message.recipient] = envelope
        for sender, groups in found.items():
            yield from ((sender, list(group.values())) for group in groups)

    def _request(self, sender: str, group: Sequence[Envelope]) -> Request:
        options = {"allowContentTrimming": False, "duplicateCheck": False}
        messages = [
            {"content": item.message.text, "destination": item.message.recipient, "customerId": item.key}
            for item in group
        ]
        body: dict[str, Any] = {
            "sendOptions": {**options, "senderId": sender} if sender else options,
            "messages": messages,
        }
        return Request(tuple((item,) for item in group), PATH, msgspec.json.encode(body), self._headers)


def _of_report(envelopes: Sequence[Envelope], sent: _Sent, currency: str) -> Verdict:
    """An answer for each message, as far as the report says which ones were taken."""
    report = sent.error_report or _Report()
    refused = {item.key: fault for fault in report.faults for item in envelopes if fault.means(item)}
    left = [item for item in envelopes if item.key not in refused]
    if not sent.messages and left:
        return Refused("refused", f"the carrier took nothing: {_counted(report)}")
    if sent.messages > len(envelopes) - len(refused):
        return Unknown(
            f"the carrier took {sent.messages} messages and refused {len(refused)} of {len(envelopes)}"
        )
    doubt = f"the carrier took {sent.messages} of {len(envelopes)} messages, and does not say which"
    known = sent.messages == len(left)
    parts = [segments.count(item.message.text)[1] for item in left]
    prices = dict(zip((item.key for item in left), shared(sent.cost, currency, parts), strict=True))

    def answer(item: Envelope) -> Answer:
        if fault := refused.get(item.key):
            reason = fault.error_message or "the carrier does not say why"
            return Rejected(fault.status or "refused", reason)
        if not known:
            return Unknown(doubt, requests=1)
        number = f"{sent.event_id}-{item.message.recipient}"
        return Accepted(number, segments.count(item.message.text)[1], price=prices[item.key])

    return [answer(item) for item in envelopes]


def _counted(report: _Report) -> str:
    """What the report counts, in words."""
    counts = {
        "no network for the number": report.no_network,
        "no text": report.no_contents,
        "text too long": report.content_to_long,
        "a duplicate": report.duplicates,
        "the recipient opted out": report.opted_outs,
    }
    return ", ".join(words for words, count in counts.items() if count) or "it does not say why"


def _said(response: Response) -> str:
    """What a refusal says, for people."""
    found = decoded(response, _Errors)
    if found is None:
        return ""
    first = found.errors[0] if found.errors else _Error(found.error_code, found.error_message)
    return f"{first.error_message} ({first.error_code})" if first.error_code else first.error_message
