"""How clients connect: what the person who makes a login has to pass on."""

import socket
from collections.abc import Collection, Iterator

import asyncssh
from attrs import evolve, frozen

from smsfs.cli.logs import configure
from smsfs.config import Config
from smsfs.frontends.logins import host_keys
from smsfs.store import Store

#: The kind of host key that takes no time to make, for a store that no server has run on yet.
QUICKEST_KEY = "ssh-ed25519"
_EVERYWHERE = {"0.0.0.0", "::", "", "*"}  # noqa: S104 - nothing is listened on here
_BEHIND_COLON = 1


@frozen
class Place:
    """Where a listener is, as its clients see it; port 0 is one that is found at the start of the server."""

    host: str
    port: int

    def __str__(self) -> str:
        port = f"port {self.port}" if self.port else "the port that smsfs serve prints"
        return f"{self.host}, {port}"


def place(listen: str, public: str) -> Place:
    """Where clients come to: ``public``, whose port may be left out, else the address that is listened on."""
    host, _, port = listen.rpartition(":")
    host = host.strip("[]")
    if public.count(":") == _BEHIND_COLON or public.startswith("["):
        shown, _, given = public.rpartition(":")
        if given.isascii() and given.isdigit():
            return Place(shown.strip("[]"), int(given))
    return Place(public.strip("[]") or (socket.getfqdn() if host in _EVERYWHERE else host), int(port))


def ways(config: Config, store: Store, protocols: Collection[str]) -> Iterator[str]:
    """A line for each way in, by some of ``sftp``, ``ftps`` and ``ftp``; host keys are made if need be."""
    if "sftp" in protocols and config.sftp.listen:
        yield f"  SFTP at {place(config.sftp.listen[0], config.sftp.public_host)}; its host keys:"
        configure(evolve(config.log, level="warning"))  # that a key is made shows below
        for key in host_keys(store, [QUICKEST_KEY]):
            yield f"    {_fingerprint(key)}"
    ftp = config.ftp
    if ftp is None:
        return
    if "ftps" in protocols and ftp.certificate:
        for listen in ftp.listen[:1]:
            yield f"  FTPS at {place(listen, ftp.public_host)}, explicit (AUTH TLS), passive mode"
        for listen in ftp.implicit_listen[:1]:
            host = place(listen, ftp.public_host.rpartition(":")[0] or ftp.public_host)
            yield f"  FTPS at {host}, implicit, passive mode"
    if "ftp" in protocols and ftp.plain and ftp.listen:
        yield f"  FTP without TLS at {place(ftp.listen[0], ftp.public_host)}, passive mode"


def _fingerprint(key: asyncssh.SSHKey) -> str:
    return f"{key.get_algorithm()} {key.get_fingerprint()}"
