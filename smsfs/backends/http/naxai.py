"""Naxai, by its SMS API: https://docs.naxai.com/reference/sendsms.

A request carries one message, under a key by which Naxai knows it when it comes again. Then the answer is
409, which does not say what messages the key stands for, so no request carries several.
"""

from collections.abc import Sequence
from http import HTTPStatus
from math import inf
from typing import Any, Literal
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from attrs import define, field

from smsfs.backends import Accepted, Envelope, Throttled
from smsfs.backends.http.contract import (
    OK,
    REDIRECT,
    Login,
    Request,
    Response,
    Token,
    Trouble,
    Verdict,
    by_status,
    decoded,
    digest_of,
    of_login,
)
from smsfs.backends.http.options import SignedConfig, refuse_address
from smsfs.secret import Secret
from smsfs.sms import segments
from smsfs.sms.segments import GSM7

PATH, VERSION = "/sms/send", "2023-03-25"
LONGEST_SENDER, LONGEST_REFERENCE, MOST_PARTS = 15, 128, 30
#: In minutes.
SHORTEST_VALIDITY, LONGEST_VALIDITY = 5, 4320


@define
class NaxaiConfig(SignedConfig):
    """Naxai with the client ID of an API credential, and its ``client_secret`` or a file that has it.

    Messages without a sender leave by the sender service, or by ``default_sender`` where there is none.
    """

    type: Literal["naxai"]
    client_id: str
    url: str = "https://api.naxai.com"
    auth_url: str = "https://auth.naxai.com/oauth2/token"
    client_secret: Secret = field(factory=Secret)
    client_secret_file: str = ""
    sender_service: str = ""
    batch: int = 1
    hook_header: str = "Authorization"

    def __attrs_post_init__(self) -> None:
        """Refuse what could never work.

        Raises:
            ValueError: a clause that names the key.
        """
        self.check_secret("client_secret")
        refuse_address("auth_url", self.auth_url)
        if not self.client_id or not self.client_id.isprintable():
            raise ValueError("client_id has to be the client ID of an API credential")
        if not (self.default_sender or self.sender_service):
            raise ValueError("it needs the key 'default_sender' or the key 'sender_service', or both")
        if len(self.default_sender.removeprefix("+")) > LONGEST_SENDER:
            raise ValueError(f"default_sender is over the {LONGEST_SENDER} characters that Naxai allows")
        if self.sender_service and not _is_uuid(self.sender_service):
            raise ValueError(
                f"sender_service is {self.sender_service!r}, and has to be the ID of one, a UUID"
            )
        self.check(1)


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False


class _Granted(msgspec.Struct):
    access_token: str
    expires_in: float = 0.0


class _Message(msgspec.Struct, rename="camel"):
    message_id: str


class _Taken(msgspec.Struct):
    messages: list[_Message]


class _Said(msgspec.Struct):
    code: str | int = ""
    message: str = ""


class _Error(msgspec.Struct):
    error: _Said


class Naxai:
    """Messages to ``/sms/send``, and its answers.

    Args:
        config: with the secret itself.
    """

    most = 1
    idempotent = True
    traceable = True
    bundle = 0
    balance = None
    query = None

    def __init__(self, config: NaxaiConfig) -> None:
        self._config, secret = config, config.client_secret.shown()
        form = {"client_id": config.client_id, "client_secret": secret, "grant_type": "client_credentials"}
        body = urlencode(form).encode()
        self.secrets: tuple[str, ...] = (secret,)
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        self.login = Login(Request((), "", body, kind, base=config.auth_url), _granted)

    def requests(self, envelopes: Sequence[Envelope]) -> list[Request]:
        """One request for each message."""
        headers = {"X-version": VERSION, "Content-Type": "application/json"}
        return [
            Request(((item,),), PATH, msgspec.json.encode(self._fields(item)), headers) for item in envelopes
        ]

    def verdict(self, request: Request, response: Response) -> Verdict:
        """What became of the one message."""
        [envelope] = request.envelopes
        answer = decoded(response, _Taken)
        number = answer.messages[0].message_id if answer and len(answer.messages) == 1 else ""
        again = response.status == HTTPStatus.CONFLICT
        if number and (again or OK <= response.status < REDIRECT):
            return [Accepted(number, segments.count(envelope.message.text)[1])]
        if again:  # it was taken before, and its receipt brings the one id
            return [Accepted("", 1)]
        return by_status(response, _said(response))

    def _fields(self, envelope: Envelope) -> dict[str, Any]:
        """The body; what is empty is left out."""
        message = envelope.message
        encoding, parts = segments.count(message.text)
        sender = message.sender or ("" if self._config.sender_service else self._config.default_sender)
        given = {
            "to": [f"+{message.recipient}"],
            "body": message.text,
            "from": sender.removeprefix("+"),
            "senderServiceId": "" if sender else self._config.sender_service,
            "type": "text" if encoding == GSM7 else "unicode",
            "maxParts": min(parts, MOST_PARTS),
            "validity": _validity(envelope.left),
            "reference": (message.userref or envelope.key)[:LONGEST_REFERENCE],
            "idempotencyKey": digest_of(envelope),
        }
        return {key: value for key, value in given.items() if value}


def _validity(left: float) -> int:
    """In whole minutes; 0 for no end."""
    return 0 if left == inf else min(max(SHORTEST_VALIDITY, int(left // 60)), LONGEST_VALIDITY)


def _granted(response: Response) -> Token | Throttled | Trouble:
    found = decoded(response, _Granted)
    return of_login(response, Token(found.access_token, max(0.0, found.expires_in)) if found else None)


def _said(response: Response) -> str:
    """What a refusal says, for people."""
    found = decoded(response, _Error)
    if found is None:
        return ""
    return f"{found.error.message} ({found.error.code})" if found.error.code else found.error.message
