"""The sections of the configuration, but for the store and the backends."""

import re
from ipaddress import ip_address
from typing import Literal

from attrs import define, field

from smsfs.ranges import networks, refuse_absurd, refuse_odd_text, refuse_port, refuse_repeated, refuse_zeros
from smsfs.secret import Secret, refuse_two_places

MOST_READERS = 64


@define
class SftpConfig:
    """The SFTP listener; times in seconds. ``public_host`` is the name clients use, perhaps with a port."""

    listen: list[str] = field(factory=lambda: ["127.0.0.1:8022"])
    login_timeout: float = 30
    idle_timeout: float = 900
    max_auth_tries: int = 6
    max_connections: int = 500
    max_connections_per_address: int = 20
    max_sessions: int = 10
    ban_after: int = 15
    ban_window: float = 600
    ban_time: float = 600
    legacy_algorithms: bool = False
    proxy_from: list[str] = field(factory=list)
    public_host: str = ""

    def __attrs_post_init__(self) -> None:
        """Refuse values that would let no client in."""
        _check_listener(self)


@define
class FtpConfig:
    """The FTP and FTPS listener; times in seconds. ``public_host`` is as above."""

    listen: list[str] = field(factory=lambda: ["127.0.0.1:8021"])
    implicit_listen: list[str] = field(factory=list)
    plain: bool = False
    certificate: str = ""
    key: str = ""
    passive_ports: str = "50000-50100"
    masquerade_address: str = ""
    login_timeout: float = 30
    idle_timeout: float = 900
    max_auth_tries: int = 6
    max_connections: int = 200
    max_connections_per_address: int = 20
    ban_after: int = 15
    ban_window: float = 600
    ban_time: float = 600
    proxy_from: list[str] = field(factory=list)
    public_host: str = ""

    def __attrs_post_init__(self) -> None:
        """Refuse values that would let no client in."""
        _check_listener(self)


def _check_listener(limits: "SftpConfig | FtpConfig") -> None:
    """Whoever writes 0 for no limit would have a server that turns everybody away.

    Raises:
        ValueError: a clause that names the key.
    """
    refuse_zeros(limits, but=["ban_time"])
    refuse_absurd(limits, ["login_timeout", "idle_timeout", "ban_window", "ban_time"])
    refuse_repeated("listen", limits.listen)


@define
class WebConfig:
    """The HTTP listener for health checks, webhooks and the web page.

    ``public_url`` is its address as others know it, before any path: that of the proxy in front of it.
    ``certificate`` and ``key`` are for TLS of its own; ``trusted_proxies`` are addresses and networks whose
    ``X-Forwarded-For`` says who calls. Who calls from elsewhere needs ``metrics_token``, or an address within
    ``metrics_from``, for ``/metrics``; ``metrics_accounts`` adds metrics by account. ``pages`` is whether
    people can log in to the web page.
    """

    listen: list[str] = field(factory=lambda: ["127.0.0.1:8080"])
    public_url: str = ""
    certificate: str = ""
    key: str = ""
    trusted_proxies: list[str] = field(factory=list)
    metrics_token: Secret = field(factory=Secret)
    metrics_token_file: str = ""
    metrics_from: list[str] = field(factory=list)
    metrics_accounts: bool = False
    pages: bool = False

    def __attrs_post_init__(self) -> None:
        """Refuse what nobody could call.

        Raises:
            ValueError: a clause that names the key.
        """
        if self.public_url and not re.fullmatch(r"https?://[^\s/@?#]+/?", self.public_url):
            raise ValueError(
                f"public_url is {self.public_url!r}, and has to be an address such as https://smsfs.example.com"
            )
        if self.key and not self.certificate:
            raise ValueError("key is set, and certificate is not: name both files")
        networks("trusted_proxies", self.trusted_proxies)
        networks("metrics_from", self.metrics_from)
        refuse_two_places(self, "metrics_token")
        private = all(map(_is_loopback, self.listen)) or self.certificate or self.trusted_proxies
        if self.pages and not private:
            raise ValueError(
                "pages is true, and passwords would cross the network as they are: name certificate and key, "
                "or the proxy that speaks TLS in trusted_proxies, or listen on 127.0.0.1"
            )


def _is_loopback(listen: str) -> bool:
    """Whether only programs on this host get to an address."""
    host = listen.rpartition(":")[0].strip("[]")
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@define
class MailConfig:
    """The SMTP relay that takes e-mails about files.

    ``sender`` is the address they come from; ``security`` says how to encrypt; an empty ``username`` means
    no login; ``on`` says for which files the verdict is mailed; ``password_file`` names a file that has
    the password instead.
    """

    host: str
    sender: str
    port: int = 25
    security: Literal["none", "starttls", "tls"] = "none"
    username: str = ""
    password: Secret = field(factory=Secret)
    password_file: str = ""
    on: Literal["all", "rejected"] = "all"

    def __attrs_post_init__(self) -> None:
        """Refuse what no mail could go to or come from.

        Raises:
            ValueError: a clause that names the key.
        """
        refuse_odd_text("host", self.host, "the relay's name")
        refuse_port("port", self.port)
        if (self.password or self.password_file) and not self.username:
            raise ValueError("password is there, and username is empty: name both, or neither")
        refuse_two_places(self, "password")
        if not re.fullmatch(r"[^@\s<>]+@[^@\s<>]+", self.sender):
            raise ValueError(f"sender is {self.sender!r}, and has to be an address such as smsfs@example.com")


@define
class PipelineConfig:
    """How files become messages and leave; ``default_backend`` is a route, as in ``backends.routing``.

    ``readers`` are processes that read files, 0 for as many as there are processors for; ``reader_memory``
    is what each may take, in MiB.
    """

    default_backend: str = "outbox"
    retry_seconds: float = 1800
    max_failures: int = 5
    stop_grace: float = 30
    breaker_failures: int = 10
    breaker_seconds: float = 30
    readers: int = 0
    reader_memory: int = 512

    def reader_processes(self, processors: int) -> int:
        """How many processes read files on a host with so many processors: half of them, four at most."""
        return self.readers or max(1, min(4, processors // 2))

    def __attrs_post_init__(self) -> None:
        """Refuse what can only be a mistake.

        Raises:
            ValueError: a clause that names the key.
        """
        refuse_zeros(self, but=["max_failures", "stop_grace", "breaker_failures", "readers"])
        refuse_absurd(self, ["retry_seconds", "stop_grace", "breaker_seconds"])
        if self.readers > MOST_READERS:
            raise ValueError(f"readers is {self.readers}, and has to be {MOST_READERS} at most")


@define
class LogConfig:
    """``console`` for people, ``json`` for machines."""

    format: Literal["console", "json"] = "console"
    level: Literal["debug", "info", "warning", "error"] = "info"


@define
class LimitsConfig:
    """What clients may take of a process together, beside what ``[sftp]``, ``[ftp]`` and accounts allow."""

    open_files: int = 4096
    connections_per_account: int = 200
    sessions_per_account: int = 200
    waiting: int = 250
    waiting_per_network: int = 100

    def __attrs_post_init__(self) -> None:
        """Refuse values that would let no client open a file."""
        refuse_zeros(self)
        refuse_absurd(self, [])
