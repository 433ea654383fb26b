"""Vonage, by its SMS API: https://developer.vonage.com/en/api/sms.

A request carries one message, as a form. The answer is 200 even when it is a refusal, and has an element for
each part of the message: some parts can be taken, and others not.
"""

from collections.abc import Sequence
from math import inf
from typing import Any, Literal
from urllib.parse import urlencode

import msgspec
from attrs import define, field

from smsfs.backends import Accepted, Envelope, Rejected, Throttled, Unknown
from smsfs.backends.http.balances import balance
from smsfs.backends.http.contract import (
    OK,
    REDIRECT,
    SAID,
    Refused,
    Request,
    Response,
    Trouble,
    Verdict,
    basic,
    by_status,
    decoded,
)
from smsfs.backends.http.options import TimedConfig
from smsfs.backends.http.prices import summed
from smsfs.backends.http.vonage_hook import Method
from smsfs.secret import Secret
from smsfs.sms import segments
from smsfs.sms.classes import ALL, class_of
from smsfs.sms.segments import GSM7

PATH = "/sms/json"
#: In this encoding, Vonage writes question marks for characters that GSM 03.38 lacks.
TYPES = {GSM7: "text"}
SHORTEST_VALIDITY, LONGEST_VALIDITY = 20_000, 604_800_000
LONGEST_NAME, LONGEST_NUMBER = 11, 15

TAKEN = "0"
#: Too many requests, too many binds. After an internal error, 5, nobody knows.
LATER = frozenset({"1", "10"})
#: Credentials, barred account, quota, no HTTP, signature, demo account.
ACCOUNT = frozenset({"4", "8", "9", "11", "14", "29", "32"})
#: Parameters, text, barred or deactivated number, sender.
MESSAGE = frozenset({"2", "3", "6", "7", "12", "15", "22", "23", "33"})


@define
class VonageConfig(TimedConfig):
    """Vonage with the account's ``api_key``, and its ``api_secret`` or a file that has it."""

    type: Literal["vonage"]
    api_key: str
    url: str = "https://rest.nexmo.com"
    api_secret: Secret = field(factory=Secret)
    api_secret_file: str = ""
    batch: int = 1
    hook_signature_method: Method = "md5hash"

    def __attrs_post_init__(self) -> None:
        """Refuse what could never work.

        Raises:
            ValueError: a clause that names the key.
        """
        self.check_secret("api_secret")
        if not (self.api_key.isascii() and self.api_key.isalnum()):
            raise ValueError(f"api_key is {self.api_key!r}, and has to be letters and digits")
        if not self.default_sender:
            raise ValueError("it needs the key 'default_sender': Vonage takes no message without a sender")
        longest = LONGEST_NUMBER if self.default_sender.removeprefix("+").isdigit() else LONGEST_NAME
        if len(self.default_sender.removeprefix("+")) > longest:
            raise ValueError(f"default_sender is over the {longest} characters that Vonage allows")
        self.check(1)

    @property
    def tells_credit(self) -> bool:
        """It does."""
        return True

    @property
    def classes(self) -> frozenset[int]:
        """All of them."""
        return ALL


class _Part(msgspec.Struct, rename="kebab"):
    status: str
    message_id: str = ""
    error_text: str = ""
    message_price: Any = None

    @property
    def words(self) -> str:
        """What is wrong with it, for people."""
        text = "".join(mark for mark in self.error_text if mark.isprintable())[:SAID].replace('"', "'")
        return f'status {self.status[:SAID]}, "{text}"'


class _Answer(msgspec.Struct):
    messages: list[_Part]


class _Problem(msgspec.Struct):
    title: str = ""
    detail: str = ""


class Vonage:
    """Messages to ``/sms/json``, and its answers.

    Args:
        config: with the secret itself.
    """

    most = 1
    idempotent = False
    traceable = True
    bundle = 0
    login = None
    query = None

    def __init__(self, config: VonageConfig) -> None:
        secret = config.api_secret.shown()
        login = basic(config.api_key, secret)
        self.secrets: tuple[str, ...] = (secret, login)
        self._sender, self._currency = config.default_sender, config.currency
        self._headers = {
            "Authorization": f"Basic {login}",
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/json",
        }
        self.balance = balance("/account/get-balance", self._headers, "value", known=config.currency)

    def requests(self, envelopes: Sequence[Envelope]) -> list[Request]:
        """One request for each message."""
        return [
            Request(((item,),), PATH, urlencode(self._form(item)).encode(), self._headers)
            for item in envelopes
        ]

    def verdict(self, request: Request, response: Response) -> Verdict:
        """What became of the one message."""
        del request
        if not OK <= response.status < REDIRECT:
            return by_status(response, _said(response))
        answer = decoded(response, _Answer)
        if answer is None:
            return by_status(response)
        parts = answer.messages
        ids = tuple(part.message_id for part in parts if part.status == TAKEN)
        if not parts or not all(ids):
            return Unknown("the carrier took the message, or parts of it, and gave no id", requests=1)
        failed = next((part for part in parts if part.status != TAKEN), None)
        if failed is None:
            cost = summed([part.message_price for part in parts], self._currency)
            return [Accepted(ids[0], len(ids), ids[1:], price=cost)]
        return _torn(failed, ids) if ids else _refused(failed, response)

    def _form(self, envelope: Envelope) -> dict[str, str]:
        message = envelope.message
        form = {
            "from": (message.sender or self._sender).removeprefix("+"),
            "to": message.recipient,
            "text": message.text,
            "type": TYPES.get(segments.count(message.text)[0], "unicode"),
            "client-ref": envelope.key,
        }
        klass = class_of(message.klass)
        if klass is not None:
            form["message-class"] = str(klass)
        if envelope.left != inf:
            validity = int(envelope.left * 1000)
            form["ttl"] = str(min(max(validity, SHORTEST_VALIDITY), LONGEST_VALIDITY))
        return form


def _refused(failed: _Part, response: Response) -> Verdict:
    """What the status of a message means of which nothing was taken."""
    if failed.status in LATER:
        return Throttled(response.retry_after)
    if failed.status in ACCOUNT:
        return Trouble(f"the carrier does not let this account send: {failed.words}")
    if failed.status in MESSAGE:
        return Refused(failed.status, failed.words)
    return Unknown(f"the carrier failed: {failed.words}")


def _torn(failed: _Part, ids: tuple[str, ...]) -> Verdict:
    """Some parts are on their way: the message cannot be sent again without a word about it."""
    if failed.status in MESSAGE:
        return [Rejected(failed.status, failed.words, ids)]
    return [Unknown(f"the carrier took only a part of the message: {failed.words}", ids)]


def _said(response: Response) -> str:
    """What an error that is not about a message says, for people."""
    found = decoded(response, _Problem)
    if found is None:
        return ""
    return ": ".join(text for text in (found.title, found.detail) if text)
