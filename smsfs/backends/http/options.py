"""What the configuration says about a provider, whichever it is."""

import re
from typing import Literal
from urllib.parse import urlsplit

from attrs import define, field

from smsfs.backends.options import BackendConfig
from smsfs.ranges import networks, refuse_absurd
from smsfs.secret import Secret, refuse_no_place, refuse_two_places

MOST_CONNECTIONS = 1000
LEAST_THROUGHPUT = 0.001
MOST_CREDIT = 1e9
#: The least and the most of what is said about polling.
POLLS = {"poll_seconds": (60, 86_400), "poll_hours": (1, 168), "poll_rate": (0.01, 100)}
SCHEMES = ("http", "https")


@define(kw_only=True)
class HttpConfig(BackendConfig):
    """What all providers have in common; times in seconds.

    Attributes:
        url: the provider's address, without the path of its interface.
        connections: at a time, of each host.
        throughput: messages per second over all connections of a host; 0 for no limit.
        batch: the most messages in one request. All of them are in doubt when its answer is lost.
        default_sender: for messages that name none; empty leaves it to the provider.
        currency: of prices, and of the credit, that the provider tells without one.
        low_credit: the log says when less credit is left; 0 for never.
        credit_email: who gets a mail then.
        poll_seconds: from one round of asking what became of messages to the next; 0: it is not asked.
        poll_hours: how old messages may be that are asked about.
        poll_rate: questions per second, of all hosts.
        proxy: the address of an HTTP proxy; empty for none.
        ca: a file of PEM certificates to trust; empty for the system's.
        verify: whether the certificate must be good and name the host.
        connect_timeout: after so long without a connection, nothing was sent.
        response_timeout: after so long without a whole answer, the fate of its messages is unknown.
    """

    url: str
    connections: int = 8
    throughput: float = 0
    batch: int = 500
    default_sender: str = ""
    currency: str = ""
    low_credit: float = 0
    credit_email: str = ""
    poll_seconds: float = 0
    poll_hours: float = 72
    poll_rate: float = 1
    proxy: str = ""
    ca: str = ""
    verify: bool = True
    connect_timeout: float = 10
    response_timeout: float = 60
    on_unknown: Literal["resend", "hold"] = "resend"

    def check_secret(self, key: str) -> None:
        """Refuse a secret that is in both of its places, or in neither.

        Raises:
            ValueError: a clause that names both keys.
        """
        refuse_no_place(self, key)

    def check(self, most: int) -> None:
        """Refuse what could never work.

        Args:
            most: messages in one request, by the provider's contract.

        Raises:
            ValueError: a clause that names the key.
        """
        refuse_address("url", self.url)
        if self.proxy:
            refuse_address("proxy", self.proxy)
        for key, highest in (("connections", MOST_CONNECTIONS), ("batch", most)):
            if not 1 <= getattr(self, key) <= highest:
                raise ValueError(f"{key} is {getattr(self, key)}, and has to be from 1 to {highest}")
        for key in ("connect_timeout", "response_timeout"):
            if not getattr(self, key):
                raise ValueError(f"{key} is 0, and has to be more")
        refuse_absurd(self, ["connect_timeout", "response_timeout"])
        if self.currency and not re.fullmatch("[A-Z]{2,8}", self.currency):
            raise ValueError(f"currency is {self.currency!r}, and has to be a code such as EUR")
        self._check_credit()
        self._check_polls()
        if 0 < self.throughput < LEAST_THROUGHPUT:
            raise ValueError(
                f"throughput is {self.throughput:g}, and has to be {LEAST_THROUGHPUT} or more, or 0"
            )

    @property
    def polled(self) -> bool:
        """Whether the carrier is asked what became of messages."""
        return bool(self.poll_seconds)

    @property
    def tells_states(self) -> bool:
        """Whether the carrier can be asked."""
        return False

    def _check_polls(self) -> None:
        if self.poll_seconds and not self.tells_states:
            raise ValueError(
                "poll_seconds is set, and this provider cannot be asked what became of a message"
            )
        for key, (least, most) in POLLS.items():
            value = getattr(self, key)
            if not least <= value <= most and (value or key != "poll_seconds"):
                raise ValueError(f"{key} is {value:g}, and has to be from {least:g} to {most:g}")

    def _check_credit(self) -> None:
        if self.low_credit and not self.tells_credit:
            raise ValueError("low_credit is set, and this provider does not tell the credit that is left")
        if not 0 <= self.low_credit <= MOST_CREDIT:
            raise ValueError(f"low_credit is {self.low_credit:g}, and has to be from 0 to {MOST_CREDIT:g}")
        if self.credit_email and not self.low_credit:
            raise ValueError("credit_email is set, and low_credit is not: without it no mail is sent")
        if self.credit_email and not re.fullmatch(r"[^@\s<>]+@[^@\s<>]+", self.credit_email):
            raise ValueError(f"credit_email is {self.credit_email!r}, and has to be an address of e-mail")


@define(kw_only=True)
class HookedConfig(HttpConfig):
    """Also what providers with a webhook have in common.

    Attributes:
        hook_token: the last part of our webhook's address; without one there is no webhook.
        hook_from: addresses and networks that calls may come from; empty for any.
    """

    hook_token: Secret = field(factory=Secret)
    hook_token_file: str = ""
    hook_from: list[str] = field(factory=list)

    @property
    def hooked(self) -> bool:
        """Whether there is a webhook."""
        return bool(self.hook_token or self.hook_token_file)

    def check(self, most: int) -> None:
        """Refuse what could never work.

        Raises:
            ValueError: a clause that names the key.
        """
        HttpConfig.check(self, most)
        refuse_two_places(self, "hook_token")
        if self.hook_token and not self.hook_token.elsewhere:
            refuse_hook_token(self.hook_token)
        networks("hook_from", self.hook_from)
        if self.hook_from and not self.hooked:
            raise ValueError("hook_from is set, and hook_token is not: without it there is no webhook")

    @property
    def window(self) -> float:
        """How old a signed call may be, in seconds; 0 for any age."""
        return 0


@define(kw_only=True)
class SignedConfig(HookedConfig):
    """Also what those have in common that can sign their calls, or send a secret with them.

    Attributes:
        hook_secret: what the provider signs its calls with; without one, it is enough to know the address.
    """

    hook_secret: Secret = field(factory=Secret)
    hook_secret_file: str = ""

    def check(self, most: int) -> None:
        """Refuse what could never work.

        Raises:
            ValueError: a clause that names the key.
        """
        HookedConfig.check(self, most)
        refuse_two_places(self, "hook_secret")
        if (self.hook_secret or self.hook_secret_file) and not self.hooked:
            raise ValueError("hook_secret is set, and hook_token is not: without it there is no webhook")


@define(kw_only=True)
class TimedConfig(SignedConfig):
    """Also what those have in common whose signature covers a time.

    Attributes:
        hook_window: how far that time may be from ours, in seconds; 0 for any. Providers call again for a
            day, and it is not known whether they sign anew.
    """

    hook_window: float = 90_000

    def check(self, most: int) -> None:
        """Refuse what could never work.

        Raises:
            ValueError: a clause that names the key.
        """
        SignedConfig.check(self, most)
        refuse_absurd(self, ["hook_window", "connect_timeout", "response_timeout"])

    @property
    def window(self) -> float:
        """How old a signed call may be."""
        return self.hook_window


def refuse_hook_token(token: Secret) -> None:
    """Refuse what can be guessed, or cannot stand in an address.

    Raises:
        ValueError: a clause that names the key.
    """
    if not re.fullmatch(r"[A-Za-z0-9_-]{16,200}", token.shown()):
        raise ValueError("hook_token has to be 16 to 200 letters of A to Z, digits, hyphens and underscores")


def refuse_address(key: str, text: str) -> None:
    """Refuse what is no address of HTTP, and one with a login in it, which logs would show.

    Raises:
        ValueError: a clause that names the key.
    """
    if "@" in text:
        raise ValueError(f"{key} has a login in it, which it cannot have")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in SCHEMES or not parts.hostname or port == 0 or re.search(r"\s", text):
        raise ValueError(f"{key} is {text!r}, and has to be an address such as https://gatewayapi.eu")
    if parts.query or parts.fragment:
        raise ValueError(f"{key} is {text!r}, and has to end before any ? or #")
