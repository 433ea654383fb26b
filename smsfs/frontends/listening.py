"""What an operator is told when a server cannot listen."""

import errno
import os

from smsfs.errors import ConfigurationError

_ADVICE = {
    errno.EADDRINUSE: "Stop what listens there, or change",
    errno.EACCES: "Ports below 1024 are root's: lower sysctl net.ipv4.ip_unprivileged_port_start, or change",
}


def cannot_listen(what: str, section: str, host: str, port: int, exc: OSError) -> ConfigurationError:
    """The error for an address that cannot be listened on: why, and what to do.

    Args:
        what: the protocol, such as ``"FTP"``.
        section: of the configuration, whose key ``listen`` names the address.
        host: the address.
        port: likewise.
        exc: what opening it gave.
    """
    advice = _ADVICE.get(exc.errno or 0, "Change")
    return ConfigurationError(
        f"{what} cannot listen on {host}:{port}: {reason(exc)}. {advice} listen under [{section}]."
    )


def reason(exc: OSError) -> str | None:
    """Why an address cannot be used."""
    # since Python 3.12, asyncio passes over addresses that the host has not, and then names no error
    number = exc.errno or errno.EADDRNOTAVAIL
    # its own text names the address again; the errors of name resolution are negative
    return os.strerror(number) if number > 0 else exc.strerror
