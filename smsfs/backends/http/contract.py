"""What a provider's file and the machinery say to each other. Pure.

A provider turns messages into requests, and each response into what became of the messages of its request.
It does no I/O and has no clock: how long to wait, when to try again and what may leave is the machinery's.
"""

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from hashlib import sha256
from http import HTTPStatus
from typing import Protocol, TypeVar
from urllib.parse import quote, quote_plus

import msgspec
from attrs import evolve, field, frozen

from smsfs.backends import Answer, Envelope, Receipt, Rejected, Throttled, Unknown

T = TypeVar("T")

PHRASES = {item.value: item.phrase for item in HTTPStatus}
#: Of what a carrier says, so much is shown.
SAID = 200

OK, REDIRECT, BAD = 200, 300, 400
#: A shorter secret may stand in an answer by chance.
SECRET_BYTES = 8
#: Of a digest, in an id of our own: that two installations' ids are the same takes the same numbers as well.
OWN_DIGITS = 8
#: They say something about the account, not about the messages.
ACCOUNT = frozenset({401, 402, 403, 407})
#: Nothing takes messages at this address.
ADDRESS = frozenset({404, 405, 410})
#: Certainly not taken, and welcome later.
LATER = frozenset({425, 429, 503})


@frozen
class Request:
    """One request, complete but for the address that ``path`` is appended to.

    Attributes:
        groups: the messages that it carries; those of one group share an element of the body.
        path: from its first slash on; it may hold what the carrier knows us by.
        body: as it leaves.
        headers: among them what the carrier knows us by, so they are not shown.
        method: of HTTP.
        base: what ``path`` is appended to, where it is not the carrier's address.
        turn: how often its messages were in another request that the carrier knew already.
    """

    groups: tuple[tuple[Envelope, ...], ...]
    path: str = field(repr=False)
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    method: str = "POST"
    base: str = ""
    turn: int = 0

    @property
    def envelopes(self) -> list[Envelope]:
        """The messages that it carries."""
        return [envelope for group in self.groups for envelope in group]


@frozen
class Response:
    """A whole response.

    Attributes:
        status: of HTTP.
        body: all of it.
        headers: with names in lower case.
        retry_after: seconds to wait, where ``Retry-After`` says so in one of its two forms; else 0.
    """

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(factory=dict)
    retry_after: float = 0.0


@frozen
class Refused:
    """The whole request was refused because of something in it; nothing of it was taken.

    Of several messages, halves are sent apart until it is known which ones are meant.

    Attributes:
        code: the carrier's.
        reason: a clause.
        temporary: the message may be taken later.
    """

    code: str
    reason: str
    temporary: bool = False

    @property
    def answer(self) -> Answer:
        """For the one message of a request."""
        return Throttled(0) if self.temporary else Rejected(self.code, self.reason)


@frozen
class Trouble:
    """Nothing was taken, and nothing will be until a person has mended something; ``reason`` is a clause."""

    reason: str


@frozen
class Again:
    """The carrier knew the request already, and it was another one.

    Attributes:
        answers: of the messages that were in that one too, by their keys.
        request: for the others, which were certainly not taken.
    """

    answers: Mapping[str, Answer]
    request: Request


#: What became of a request: an answer for each of ``Request.envelopes``, or one thing for all of them.
Verdict = Sequence[Answer] | Throttled | Unknown | Refused | Trouble | Again


@frozen
class Token:
    """What requests carry for some time; ``seconds`` is 0 where nobody says how long."""

    text: str = field(repr=False)
    seconds: float = 0.0


@frozen
class Login:
    """How to get the token that requests carry, where it comes from an address of its own.

    Attributes:
        request: that asks for it; it carries no messages.
        read: the token of a response, or why there is none.
        header: which carries the token.
        prefix: what stands before it there.
    """

    request: Request = field(repr=False)
    read: Callable[[Response], Token | Throttled | Trouble] = field(eq=False, repr=False)
    header: str = "Authorization"
    prefix: str = "Bearer "


@frozen
class Balance:
    """How to ask for the credit that is left.

    Attributes:
        request: that asks for it; it carries no messages.
        read: the credit of a response, such as ``"12.5 EUR"``; empty where there is none.
    """

    request: Request = field(repr=False)
    read: Callable[[Response], str] = field(eq=False, repr=False)


@frozen
class Query:
    """How to ask what became of a message.

    Attributes:
        request: that asks; it carries no messages.
        read: what a good response says, of this message and perhaps of others.
    """

    request: Request = field(repr=False)
    read: Callable[[Response], list[Receipt]] = field(eq=False, repr=False)


class Provider(Protocol):
    """What one kind of carrier wants, and what its responses mean.

    Attributes:
        most: messages that one request may carry.
        idempotent: a request sent again is not taken twice.
        traceable: receipts may come, by the ids that it gives.
        secrets: what must never be shown.
    """

    most: int
    idempotent: bool
    traceable: bool
    secrets: tuple[str, ...]

    @property
    def bundle(self) -> int:
        """So many rows of a file leave together, and with no others; 0 where that does not matter."""

    @property
    def login(self) -> Login | None:
        """How requests get a token that they carry; None where they need none."""

    @property
    def balance(self) -> Balance | None:
        """How to ask for the credit that is left; None where the carrier does not tell it."""

    @property
    def query(self) -> Callable[[str], Query] | None:
        """Asks about a message, by the id of :class:`smsfs.backends.Accepted`; None where nobody can."""

    def requests(self, envelopes: Sequence[Envelope]) -> Sequence[Request]:
        """The requests that carry messages, at most ``most`` of them, each once."""

    def verdict(self, request: Request, response: Response) -> Verdict:
        """What became of the messages of a request."""


def without_secrets(response: Response, secrets: Sequence[str]) -> Response:
    """A response that does not repeat what it was asked with, as refusals do, whatever their status."""
    body = response.body
    for form in (form for secret in secrets if len(secret) >= SECRET_BYTES for form in _forms(secret)):
        body = body.replace(form, b"***")
    return response if body == response.body else evolve(response, body=body)


@cache
def _forms(secret: str) -> frozenset[bytes]:
    """A secret as it may stand in a body: itself, or as an address, a form or JSON has it."""
    escaped = msgspec.json.encode(secret).decode()[1:-1]
    forms = (secret, quote(secret, safe=""), quote_plus(secret), escaped, escaped.replace("/", "\\/"))
    return frozenset(form.encode() for form in forms)


def decoded(response: Response, kind: type[T]) -> T | None:
    """What a response holds, as JSON of this kind; None where it is something else."""
    try:
        return msgspec.json.decode(response.body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def digest_of(envelope: Envelope) -> str:
    """64 hexadecimal digits that are the same for every attempt at a message, and for no other message.

    Other installations may send over the same account, and one that was set up anew numbers from 1 again.
    """
    message = envelope.message
    known = (
        envelope.account,
        envelope.submitted,
        envelope.key,
        message.recipient,
        message.sender,
        message.text,
    )
    return sha256(msgspec.msgpack.encode(known)).hexdigest()


def own_id(envelope: Envelope) -> str:
    """What an attempt at a message is called where the carrier gives it no id.

    Other installations may send over the same carrier, so their ids differ after the numbers.
    """
    return f"{envelope.key}-{envelope.attempt}-{digest_of(envelope)[:OWN_DIGITS]}"


def bundle_of(envelope: Envelope, rows: int) -> tuple[str, float, str, int]:
    """What bundle of so many rows of a file a message is in, at every attempt."""
    batch = envelope.key.rpartition("-")[0]
    return envelope.account, envelope.submitted, batch, (envelope.message.row - 1) // rows


def basic(name: str, secret: str) -> str:
    """The credentials of HTTP Basic, without the word in front of them."""
    return b64encode(f"{name}:{secret}".encode()).decode()


def of_login(response: Response, found: Token | None, said: str = "") -> Token | Throttled | Trouble:
    """The token of a response, or why there is none."""
    words = status_words(response.status, said)
    if response.status in LATER:
        return Throttled(response.retry_after)
    if not OK <= response.status < REDIRECT:
        return Trouble(f"the carrier gives no token to this login: {words}")
    return found or Trouble("the carrier's answer with the token cannot be read")


def by_status(response: Response, said: str = "") -> Verdict:
    """What a response means whose body says nothing that its provider has a rule for.

    Args:
        response: it.
        said: what its body says, for people.
    """
    status, words = response.status, status_words(response.status, said)
    if status in LATER:
        return Throttled(response.retry_after)
    if status in ACCOUNT:
        return Trouble(f"the carrier does not let this account send: {words}")
    if REDIRECT <= status < BAD or status in ADDRESS:
        return Trouble(f"no message is taken at this url: {words}")
    if BAD <= status < HTTPStatus.INTERNAL_SERVER_ERROR and status != HTTPStatus.REQUEST_TIMEOUT:
        return Refused(str(status), words)
    if OK <= status < REDIRECT:
        return Unknown(f"the carrier's answer to {status} cannot be read")
    return Unknown(f"the carrier failed: {words}")


def status_words(status: int, said: str = "") -> str:
    """A status for people, such as ``'401 Unauthorized, "Invalid token"'``."""
    phrase = PHRASES.get(status, "")
    shown = "".join(mark for mark in said if mark.isprintable())[:SAID].replace('"', "'")
    return f"{status} {phrase}".strip() + (f', "{shown}"' if shown else "")
