"""The ways to an account's files, each by a real client of its protocol, and all used alike."""

# ruff: noqa: S321 - FTP is one of them

import contextlib
import ftplib
import io
import json
import socket
import ssl
import struct
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import DEVNULL, PIPE
from typing import Any, ClassVar

import paramiko

from tests.support.server import Mount, wait_for

HOST = "127.0.0.1"
SECONDS = 20.0
#: Close sends RST, as a network does that fails.
_RESET = struct.pack("ii", 1, 0)


def raw(path: str) -> bytes:
    """A path as bytes; surrogates stand for bytes that are no UTF-8."""
    return path.encode("utf-8", "surrogateescape")


class Door(ABC):
    """A way to the files of one account. Paths are relative to it; each method raises as its library does.

    Attributes:
        errors: what the library raises when the server says no.
    """

    errors: ClassVar[tuple[type[Exception], ...]] = (OSError,)

    @abstractmethod
    def put(self, path: str, data: bytes) -> None:
        """Upload a file, over one that is there."""

    @abstractmethod
    def get(self, path: str) -> bytes:
        """Download a file."""

    @abstractmethod
    def list(self, folder: str) -> list[str]:
        """The names in a folder, ``""`` being the root."""

    @abstractmethod
    def size(self, path: str) -> int:
        """The bytes of a file, by the protocol's question about one file."""

    @abstractmethod
    def rename(self, old: str, new: str) -> None:
        """Rename a file."""

    @abstractmethod
    def remove(self, path: str) -> None:
        """Delete a file."""

    @abstractmethod
    def make_folder(self, path: str) -> None:
        """Make a folder."""

    @abstractmethod
    def cut_upload(self, path: str, data: bytes) -> None:
        """Upload ``data``, by a client that is cut off before it closes the file."""

    def refused(self, attempt: Callable[..., object], *arguments: Any) -> str:
        """What the user is told when the server says no to an attempt.

        Raises:
            AssertionError: it said yes.
        """
        try:
            attempt(*arguments)
        except self.errors as error:
            return str(error)
        raise AssertionError("it was not refused")

    def _arrived(self, path: str) -> bool:
        with contextlib.suppress(*self.errors):
            return self.size(path) > 0
        return False


class SftpDoor(Door):
    """Paramiko.

    Args:
        port: of SFTP.
        account: the name.
        password: its password.
    """

    def __init__(self, port: int, account: str, password: str) -> None:
        self._login = port, account, password
        self._client = self._connected()

    def _connected(self) -> Any:
        port, account, password = self._login
        transport = paramiko.Transport(socket.create_connection((HOST, port), SECONDS))
        transport.connect(username=account, password=password)
        return paramiko.SFTPClient.from_transport(transport)

    @staticmethod
    def _hang_up(client: Any) -> None:
        client.get_channel().get_transport().close()

    def close(self) -> None:
        """Log out."""
        self._hang_up(self._client)

    def put(self, path: str, data: bytes) -> None:
        """Upload, and ask for the size afterwards, as paramiko does by itself."""
        self._client.putfo(io.BytesIO(data), raw(path), len(data), confirm=True)

    def get(self, path: str) -> bytes:
        """Download."""
        target = io.BytesIO()
        self._client.getfo(raw(path), target)
        return target.getvalue()

    def list(self, folder: str) -> list[str]:
        """READDIR."""
        names: list[str] = self._client.listdir(folder or ".")
        return names

    def size(self, path: str) -> int:
        """STAT."""
        return int(self._client.stat(raw(path)).st_size)

    def rename(self, old: str, new: str) -> None:
        """RENAME of version 3, which replaces nothing."""
        self._client.rename(raw(old), raw(new))

    def remove(self, path: str) -> None:
        """REMOVE."""
        self._client.remove(raw(path))

    def make_folder(self, path: str) -> None:
        """MKDIR."""
        self._client.mkdir(path)

    def cut_upload(self, path: str, data: bytes) -> None:
        """In a session of its own, whose connection is reset."""
        other = self._connected()
        file = other.open(path, "wb")
        file.set_pipelined(True)
        file.write(data)
        wait_for(lambda: self._arrived(path), "the first bytes")
        connection = other.get_channel().get_transport().sock
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        connection.close()
        self._hang_up(other)


class _Ftp(ftplib.FTP):
    """With names that are no UTF-8."""

    def putline(self, line: str) -> None:
        assert self.sock is not None
        self.sock.sendall(raw(line) + b"\r\n")


class _FtpTls(_Ftp, ftplib.FTP_TLS):
    """With the TLS session of the control connection on data connections, which some servers ask for."""

    def ntransfercmd(self, cmd: str, rest: int | str | None = None) -> tuple[socket.socket, int | None]:
        connection, size = ftplib.FTP.ntransfercmd(self, cmd, rest)
        session = getattr(self.sock, "session", None)
        return self.context.wrap_socket(connection, server_hostname=self.host, session=session), size


class FtpDoor(Door):
    """Ftplib, with a certificate over TLS.

    Args:
        port: of FTP.
        account: the name.
        password: its password.
        certificate: the server's; None for plain FTP.
    """

    errors = ftplib.all_errors

    def __init__(self, port: int, account: str, password: str, certificate: Path | None = None) -> None:
        self._login = port, account, password
        self._certificate = certificate
        self._client = self._connected()

    def _connected(self) -> _Ftp:
        port, account, password = self._login
        client = self._made()
        client.connect(HOST, port)
        client.login(account, password)
        if isinstance(client, _FtpTls):
            client.prot_p()
        return client

    def _made(self) -> _Ftp:
        if self._certificate:
            return _FtpTls(context=ssl.create_default_context(cafile=self._certificate), timeout=SECONDS)
        return _Ftp(timeout=SECONDS)

    def close(self) -> None:
        """Log out."""
        self._client.close()

    def put(self, path: str, data: bytes) -> None:
        """STOR."""
        self._client.storbinary(f"STOR {path}", io.BytesIO(data))

    def get(self, path: str) -> bytes:
        """RETR."""
        target = io.BytesIO()
        self._client.retrbinary(f"RETR {path}", target.write)
        return target.getvalue()

    def list(self, folder: str) -> list[str]:
        """MLSD."""
        return [name for name, _ in self._client.mlsd(folder)]

    def size(self, path: str) -> int:
        """SIZE."""
        self._client.voidcmd("TYPE I")
        size = self._client.size(path)
        assert size is not None
        return size

    def rename(self, old: str, new: str) -> None:
        """RNFR and RNTO, which replace a draft."""
        self._client.rename(old, new)

    def remove(self, path: str) -> None:
        """DELE."""
        self._client.delete(path)

    def make_folder(self, path: str) -> None:
        """MKD."""
        self._client.mkd(path)

    def cut_upload(self, path: str, data: bytes) -> None:
        """In a session of its own, whose data connection is reset; that must not be answered with success."""
        with self._connected() as other:
            other.voidcmd("TYPE I")
            connection = other.transfercmd(f"STOR {path}")
            connection.sendall(data)
            wait_for(lambda: self._arrived(path), "the first bytes")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            socket.socket.close(connection)  # without the good-bye of TLS
            answer = self.refused(other.voidresp)
        assert answer.startswith("426 "), answer


class FuseDoor(Door):
    """Plain files on a mount, whose log holds the sentences that FUSE cannot carry.

    Args:
        mount: what is mounted.
        folder: the account's in it.

    Attributes:
        folder: the same.
    """

    def __init__(self, mount: Mount, folder: Path) -> None:
        self._mount = mount
        self.folder = folder

    def put(self, path: str, data: bytes) -> None:
        """Open, write, close."""
        (self.folder / path).write_bytes(data)

    def get(self, path: str) -> bytes:
        """Open, read, close."""
        return (self.folder / path).read_bytes()

    def list(self, folder: str) -> list[str]:
        """Read the folder."""
        return [path.name for path in (self.folder / folder).iterdir()]

    def size(self, path: str) -> int:
        """The bytes as stat tells them."""
        return (self.folder / path).stat().st_size

    def rename(self, old: str, new: str) -> None:
        """Rename, which replaces a draft."""
        (self.folder / old).rename(self.folder / new)

    def remove(self, path: str) -> None:
        """Unlink."""
        (self.folder / path).unlink()

    def make_folder(self, path: str) -> None:
        """Mkdir."""
        (self.folder / path).mkdir()

    def cut_upload(self, path: str, data: bytes) -> None:
        """By a program that is killed."""
        with subprocess.Popen(["tee", self.folder / path], stdin=PIPE, stdout=DEVNULL) as program:
            assert program.stdin is not None
            program.stdin.write(data)
            program.stdin.flush()
            wait_for(lambda: self._arrived(path), "the first bytes")
            program.terminate()

    def refused(self, attempt: Callable[..., object], *arguments: Any) -> str:
        """The text of the errno, and the sentences that the mount's log got meanwhile."""
        before = len(self._mount.log)
        words = super().refused(attempt, *arguments)
        return "\n".join([words, *_reasons(self._mount.log[before:])])


def _reasons(log: str) -> Iterator[str]:
    for line in log.splitlines():
        with contextlib.suppress(ValueError):
            yield json.loads(line).get("reason", "")
