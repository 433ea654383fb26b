"""The settings of an FTP server."""

import ipaddress
import re
from collections.abc import Sequence

from attrs import field, frozen

from smsfs.errors import ConfigurationError
from smsfs.frontends.certificate import Certificate
from smsfs.frontends.doorway import SharedLimits
from smsfs.ranges import Network

_LAST_PORT = 65535
_RANGE = re.compile(r"([0-9]+)(?:-([0-9]+))?")


def _ipv4_or_none(_: object, __: object, value: str) -> None:
    try:
        if value:
            ipaddress.IPv4Address(value)
    except ValueError as exc:
        raise ConfigurationError(
            f"[ftp] masquerade_address: {value!r} is no IPv4 address such as 192.0.2.10; "
            "with IPv6, clients use the address that they know already."
        ) from exc


@frozen
class FtpSettings:
    """The limits of an FTP server; times are seconds.

    Attributes:
        certificate: for FTPS; None: there is no FTPS.
        plain: whether FTP without TLS is served, too.
        listen: host and port pairs; port 0 takes a free one.
        implicit_listen: the same, where TLS begins with the first byte.
        passive_ports: for data connections that clients make; empty: any free port.
        masquerade_address: the IPv4 address that clients get for them; "" for the one they connected to.
        login_timeout: from connecting to being logged in; before that, as long again for a balancer's header.
        max_auth_tries: wrong passwords before the connection is closed.
        max_connections: of all addresses.
        max_connections_per_address: of one IPv4 address or one IPv6 /64.
        ban_after: failed logins within ``ban_window`` that ban an address for ``ban_time``.
        idle_timeout: without a command, and of a transfer without a byte, the connection is closed.
        proxy_from: where load balancers connect from, which say by the PROXY protocol whose connection it is.
        calls: calls of the filesystem at a time.
        limits: what accounts, and connections without a login, may take.
    """

    certificate: Certificate | None = None
    plain: bool = field(default=False, kw_only=True)
    listen: Sequence[tuple[str, int]] = (("127.0.0.1", 8021),)
    implicit_listen: Sequence[tuple[str, int]] = ()
    passive_ports: Sequence[int] = ()
    masquerade_address: str = field(default="", validator=_ipv4_or_none)
    login_timeout: float = 30
    max_auth_tries: int = 6
    max_connections: int = 200
    max_connections_per_address: int = 20
    ban_after: int = 15
    ban_window: float = 600
    ban_time: float = 600
    idle_timeout: float = 900
    proxy_from: Sequence[Network] = ()
    calls: int = 4
    limits: SharedLimits = field(factory=SharedLimits)

    def __attrs_post_init__(self) -> None:
        """Refuse to start with nothing that a client could log in by."""
        if self.certificate is None and self.implicit_listen:
            raise ConfigurationError(
                "[ftp] implicit_listen is for TLS: name the PEM files certificate and key, or leave it out."
            )
        if self.certificate is None and not self.plain:
            raise ConfigurationError(
                "[ftp] has no certificate: name the PEM files certificate and key for FTPS, or allow FTP "
                "without encryption by plain = true."
            )


def passive_range(text: str) -> range:
    """The ports of ``first-last``, or of one number; an empty range for an empty text.

    Raises:
        ConfigurationError: it is something else.
    """
    if not text:
        return range(0)
    found = _RANGE.fullmatch(text)
    first, last = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
    if not 0 < first <= last <= _LAST_PORT:
        raise ConfigurationError(
            f"[ftp] passive_ports: {text!r} is not of the form 50000-50100; empty means any free port."
        )
    return range(first, last + 1)
