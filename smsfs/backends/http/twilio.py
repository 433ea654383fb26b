"""Twilio, by its resource ``Messages``: https://www.twilio.com/docs/messaging/api/message-resource.

A request carries one message, as a form.
"""

from collections.abc import Sequence
from math import inf
from typing import Any, Literal
from urllib.parse import quote, urlencode

import msgspec
from attrs import define, evolve, field

from smsfs.backends import Accepted, Envelope, Rejected, Throttled
from smsfs.backends.http.balances import balance
from smsfs.backends.http.contract import (
    OK,
    REDIRECT,
    Query,
    Refused,
    Request,
    Response,
    Verdict,
    basic,
    by_status,
    decoded,
)
from smsfs.backends.http.options import SignedConfig
from smsfs.backends.http.prices import price
from smsfs.backends.http.twilio_hook import queried
from smsfs.secret import Secret
from smsfs.sms import segments

LONGEST_VALIDITY = 36_000
#: A number with fewer digits is a short code, which is written without a plus.
SHORTEST_NUMBER = 8
#: More than ten hours of messages wait for this sender.
QUEUE_FULL = 21611
TOO_MANY = 20429
#: Numbers, senders, texts: about what is in the request.
MESSAGE = range(21_000, 22_000)
ENDED = frozenset({"failed", "undelivered", "canceled"})


@define
class TwilioConfig(SignedConfig):
    """Twilio with the account's own token, or with an API key of it and that key's secret.

    Messages without a sender leave by the messaging service, or by ``default_sender`` where there is none.
    """

    type: Literal["twilio"]
    account_sid: str
    url: str = "https://api.twilio.com"
    api_key: str = ""
    token: Secret = field(factory=Secret)
    token_file: str = ""
    messaging_service: str = ""
    batch: int = 1

    def __attrs_post_init__(self) -> None:
        """Refuse what could never work.

        Raises:
            ValueError: a clause that names the key.
        """
        self.check_secret("token")
        if not (self.default_sender or self.messaging_service):
            raise ValueError("it needs the key 'default_sender' or the key 'messaging_service', or both")
        for key, start in (("account_sid", "AC"), ("api_key", "SK"), ("messaging_service", "MG")):
            text = getattr(self, key)
            if text and not (text.startswith(start) and text.isascii() and text.isalnum()):
                raise ValueError(f"{key} is {text!r}, and has to begin with {start}")
        if not self.account_sid:
            raise ValueError("account_sid is empty, and has to begin with AC")
        self.check(1)

    @property
    def told_address(self) -> bool:
        """Each message tells it."""
        return True

    @property
    def tells_credit(self) -> bool:
        """It does."""
        return True

    @property
    def tells_states(self) -> bool:
        """It can be asked about each message."""
        return True


class _Message(msgspec.Struct):
    sid: str
    status: str = ""
    num_segments: str | int | None = None
    error_code: int | None = None
    error_message: str | None = None
    price: Any = None
    price_unit: Any = None


class _Error(msgspec.Struct):
    code: int
    message: str = ""


class Twilio:
    """Messages to ``Messages``, and its answers.

    Args:
        config: with the token itself.
        callback: the address that receipts go to; empty for none.
    """

    most = 1
    idempotent = False
    traceable = True
    bundle = 0
    login = None

    def __init__(self, config: TwilioConfig, callback: str = "") -> None:
        token = config.token.shown()
        login = basic(config.api_key or config.account_sid, token)
        self.secrets: tuple[str, ...] = (token, login, callback.rpartition("/")[2])
        self._config, self._callback = config, callback
        self._path = f"/2010-04-01/Accounts/{config.account_sid}/Messages.json"
        self._headers = {
            "Authorization": f"Basic {login}",
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/json",
        }
        self.balance = balance(
            f"/2010-04-01/Accounts/{config.account_sid}/Balance.json", self._headers, "balance", "currency"
        )

    def requests(self, envelopes: Sequence[Envelope]) -> list[Request]:
        """One request for each message."""
        return [
            Request(((item,),), self._path, urlencode(self._form(item)).encode(), self._headers)
            for item in envelopes
        ]

    def verdict(self, request: Request, response: Response) -> Verdict:
        """What became of the one message."""
        if OK <= response.status < REDIRECT:
            return _accepted(request.envelopes[0], response)
        error = decoded(response, _Error)
        if error is None:
            return by_status(response)
        found = by_status(response, f"{error.message} ({error.code})")
        if error.code in (QUEUE_FULL, TOO_MANY):
            return Throttled(response.retry_after)
        if error.code in MESSAGE and not isinstance(found, Refused):
            found = by_status(evolve(response, status=400), f"{error.message} ({error.code})")
        return evolve(found, code=str(error.code)) if isinstance(found, Refused) else found

    def query(self, carrier_id: str) -> Query:
        """About one message."""
        path = self._path.removesuffix(".json") + f"/{quote(carrier_id, safe='')}.json"
        return Query(Request((), path, b"", self._headers, "GET"), lambda response: queried(response.body))

    def _form(self, envelope: Envelope) -> dict[str, str]:
        message, sender = envelope.message, envelope.message.sender
        if not sender and not self._config.messaging_service:
            sender = self._config.default_sender
        form = {"To": f"+{message.recipient}", "Body": message.text}
        if sender:
            form["From"] = _address(sender)
        else:
            form["MessagingServiceSid"] = self._config.messaging_service
        if envelope.left != inf and envelope.left < LONGEST_VALIDITY:
            form["ValidityPeriod"] = str(max(1, int(envelope.left)))
        if self._callback:
            form["StatusCallback"] = self._callback
        return form


def _address(sender: str) -> str:
    """A sender as Twilio writes it: E.164 with a plus, a short code, or a name."""
    digits = sender.removeprefix("+")
    return f"+{digits}" if digits.isdigit() and len(digits) >= SHORTEST_NUMBER else digits


def _accepted(envelope: Envelope, response: Response) -> Verdict:
    found = decoded(response, _Message)
    if found is None:
        return by_status(response)
    if not found.sid:
        return by_status(response)
    if found.status in ENDED:
        return [Rejected(str(found.error_code or found.status), found.error_message or found.status)]
    counted = str(found.num_segments or "")
    parts = int(counted) if counted.isascii() and counted.isdigit() and int(counted) else 0
    cost = price(found.price, found.price_unit)
    return [Accepted(found.sid, parts or segments.count(envelope.message.text)[1], price=cost)]
