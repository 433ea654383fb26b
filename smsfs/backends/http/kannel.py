"""Kannel, and gateways with its interface ``sendsms``: https://www.kannel.org/doc.shtml.

A request carries one message: of several recipients, Kannel leaves out those that it refuses, and does not
say so. Its answer is a line of text, without an id.
"""

import re
from collections.abc import Sequence
from http import HTTPStatus
from math import inf
from typing import Literal
from urllib.parse import urlencode

from attrs import define, field

from smsfs.backends import Accepted, Envelope
from smsfs.backends.http.contract import (
    OK,
    REDIRECT,
    Refused,
    Request,
    Response,
    Trouble,
    Verdict,
    by_status,
    own_id,
    status_words,
)
from smsfs.backends.http.kannel_hook import MASK, dlr_url
from smsfs.backends.http.options import HookedConfig
from smsfs.secret import Secret
from smsfs.sms import segments
from smsfs.sms.classes import ALL, class_of
from smsfs.sms.segments import UCS2

LONGEST_NAME, LONGEST_NUMBER = 11, 15
CODINGS = {UCS2: "2"}
ENCODED = "text/plain; charset=UTF-8"
#: With ``immediate-sendsms-reply``, it is the last.
_taken = re.compile(r"(?:0: |3: |Sent\.)").match
_path = re.compile(r"(?:/[\w.~-]+)+").fullmatch


@define
class KannelConfig(HookedConfig):
    """Kannel with the name and the password of a ``sendsms-user``; ``password_file`` names a file instead."""

    type: Literal["kannel"]
    url: str
    username: str
    password: Secret = field(factory=Secret)
    password_file: str = ""
    path: str = "/cgi-bin/sendsms"
    method: Literal["POST", "GET"] = "POST"
    smsc: str = ""
    batch: int = 1

    def __attrs_post_init__(self) -> None:
        """Refuse what could never work.

        Raises:
            ValueError: a clause that names the key.
        """
        self.check_secret("password")
        for key in ("username", "smsc"):
            text = getattr(self, key)
            if not text.isprintable() or text != text.strip():
                raise ValueError(f"{key} is {text!r}, and has to be a name without blanks around it")
        if not self.username:
            raise ValueError("username is empty, and has to be the name of a sendsms-user")
        if not _path(self.path):
            raise ValueError(f"path is {self.path!r}, and has to be a path such as /cgi-bin/sendsms")
        longest = LONGEST_NUMBER if self.default_sender.removeprefix("+").isdigit() else LONGEST_NAME
        if len(self.default_sender.removeprefix("+")) > longest:
            raise ValueError(f"default_sender is over the {longest} characters that a sender can have")
        self.check(1)

    @property
    def told_address(self) -> bool:
        """Each message tells it."""
        return True

    @property
    def classes(self) -> frozenset[int]:
        """All of them."""
        return ALL


class Kannel:
    """Messages to ``sendsms``, and its answers.

    Args:
        config: with the password itself.
        callback: the address that receipts go to; empty for none.
    """

    most = 1
    idempotent = False
    #: Receipts name what a ``dlr-url`` holds, which requests have where there is a webhook.
    traceable = False
    bundle = 0
    login = None
    balance = None
    query = None

    def __init__(self, config: KannelConfig, callback: str = "") -> None:
        self._config, self._password = config, config.password.shown()
        self._callback = callback
        self.secrets: tuple[str, ...] = (self._password, callback.rpartition("/")[2])

    def requests(self, envelopes: Sequence[Envelope]) -> list[Request]:
        """One request for each message."""
        make = self._get if self._config.method == "GET" else self._post
        return [make(item) for item in envelopes]

    def verdict(self, request: Request, response: Response) -> Verdict:
        """What became of the one message."""
        status, said = response.status, response.body.decode("utf-8", "replace").strip()
        if OK <= status < REDIRECT and _taken(said):
            [envelope] = request.envelopes
            parts = segments.count(envelope.message.text)[1]
            return [Accepted(own_id(envelope), parts)]
        words = status_words(status, said)
        if status == HTTPStatus.FORBIDDEN and said.startswith("Not routable"):
            return Refused(str(status), words)
        if status == HTTPStatus.UNSUPPORTED_MEDIA_TYPE or said.startswith("Invalid content-type"):
            return Trouble(f"no message is taken by this method: {words}")
        return by_status(response, said)

    def _get(self, envelope: Envelope) -> Request:
        """Everything in the address; what other gateways have of Kannel's interface."""
        query = urlencode({**self._fields(envelope), "text": envelope.message.text, "charset": "UTF-8"})
        return Request(((envelope,),), f"{self._config.path}?{query}", b"", {}, "GET")

    def _post(self, envelope: Envelope) -> Request:
        """The text as the body: it may be long, and no log of addresses shows the password."""
        headers = {f"X-Kannel-{name.title()}": value for name, value in self._fields(envelope).items()}
        text = envelope.message.text.encode()
        return Request(((envelope,),), self._config.path, text, {**headers, "Content-Type": ENCODED})

    def _fields(self, envelope: Envelope) -> dict[str, str]:
        """What is empty is left out."""
        message, asks = envelope.message, bool(self._callback)
        klass = class_of(message.klass)
        given = {
            "username": self._config.username,
            "password": self._password,
            "from": (message.sender or self._config.default_sender).removeprefix("+"),
            "to": message.recipient,
            "smsc": self._config.smsc,
            "mclass": "" if klass is None else str(klass),
            "coding": CODINGS.get(segments.count(message.text)[0], "0"),
            "validity": "" if envelope.left == inf else str(max(1, int(envelope.left // 60))),
            "dlr-mask": MASK if asks else "",
            "dlr-url": dlr_url(self._callback, own_id(envelope), message.recipient) if asks else "",
        }
        return {name: value for name, value in given.items() if value}
