"""What a provider's contract says to a request: what it takes, and the answer. Pure."""

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import msgspec
from attrs import field, frozen


class Message(msgspec.Struct, kw_only=True):
    """One message that was taken; a line of the ledger.

    Attributes:
        source: its sender.
        destination: its recipient.
        text: what the recipient reads.
        id: the carrier's.
        klass: its class.
        reference: of the client.
        encoding: as the client asked for.
        validity: in seconds; 0 if it has no end.
        at: when it came, seconds since the epoch.
        callback: where the client wants its receipts; empty if it does not say.
    """

    source: str
    destination: str
    text: str
    id: str
    klass: str = msgspec.field(default="", name="class")
    reference: str = ""
    encoding: str = ""
    validity: int = 0
    at: float = 0.0
    callback: str = ""


@frozen
class Asked:
    """A request, with the names of its headers in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@frozen
class Taken:
    """The answer to a request, and the messages that were taken with it."""

    status: int
    body: bytes
    messages: Sequence[Message] = field(factory=list)
    headers: Mapping[str, str] = field(factory=lambda: {"Content-Type": "application/json"})


class Wrong(Exception):
    """A request, or a message of it, is refused: the contract's code, and what is meant."""

    def __init__(self, code: str, what: object = "") -> None:
        super().__init__(code, what)
        self.code, self.what = code, str(what)


def basic_login(asked: Asked) -> str:
    """``NAME:SECRET`` of a request with HTTP Basic; empty for any other."""
    scheme, _, data = asked.headers.get("authorization", "").partition(" ")
    try:
        login = b64decode(data, validate=True).decode() if scheme == "Basic" else ""
    except (Base64Error, UnicodeDecodeError):
        return ""
    return login if ":" in login else ""


#: The error code for a recipient who is refused; None for one who is not.
Refusal = Callable[[str], str | None]


class Contract(Protocol):
    """One provider as a strict server: it refuses whatever its contract does not have."""

    def take(self, asked: Asked, number: int, refusal: Refusal) -> Taken:
        """What becomes of a request; ids begin after ``number``."""

    def failure(self, status: int) -> bytes:
        """The body of an error that is not about the request."""
