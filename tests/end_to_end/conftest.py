"""A real server with its workers, an account on it, its mount, and sessions of paramiko."""

import contextlib
import os
import pty
import select
import socket
import subprocess
import tempfile
from pathlib import Path

import asyncssh
import paramiko
import pytest

from tests.support.clients import Login, make_key
from tests.support.ftp_clients import make_certificate
from tests.support.server import Installation, Mount, Server, wait_for

PASSWORD = "correct-horse-battery"
HOST = "127.0.0.1"
SECTIONS = {
    "sftp": {"max_connections_per_address": 100, "ban_after": 1000},
    "pipeline": {"stop_grace": 10},
    "log": {"format": "json"},
}


def host_key(port, kind="ssh-ed25519"):
    """The server's host key of a kind."""
    with (
        socket.create_connection((HOST, port)) as raw,
        contextlib.closing(paramiko.Transport(raw)) as transport,
    ):
        transport.get_security_options().key_types = (kind,)
        transport.start_client(timeout=20)
        return transport.get_remote_server_key()


class Account:
    """An account on a server: how to log in, and what came of its files."""

    def __init__(self, server, name, home, *options):
        self.server, self.name, self.home = server, name, home
        self.installation = server.installation
        self.key = make_key(home)
        self.installation.add_account(name, PASSWORD, "--key", str(self.key.with_suffix(".pub")), *options)

    @property
    def login(self):
        """For the clients of the test kit."""
        fingerprint = asyncssh.import_public_key(f"ssh-ed25519 {host_key(self.server.port).get_base64()}")
        return Login(
            self.server.port, self.name, PASSWORD, self.key, fingerprint.get_fingerprint(), self.home
        )

    @contextlib.contextmanager
    def session(self, password=PASSWORD, key=None):
        """An SFTP session of paramiko."""
        with contextlib.closing(
            paramiko.Transport(socket.create_connection((HOST, self.server.port)))
        ) as transport:
            transport.connect(username=self.name, password=None if key else password, pkey=key)
            yield paramiko.SFTPClient.from_transport(transport)

    def sent(self, stem):
        """The messages in the outbox of files that begin so."""
        return [message for message in self.installation.sent(self.name) if message["file"].startswith(stem)]

    def wait_for_state(self, sftp, stem, state, bound=60.0):
        """Wait until the one file that begins so has the state in its name; that name."""

        def ended():
            return [name for name in sftp.listdir() if name.startswith(stem) and name.endswith(f".{state}")]

        (name,) = wait_for(ended, f"{stem} to be {state}", bound)
        return name

    def wait_for_sent(self, stem, count):
        """Wait until that many messages have left; no more may have. They are given back."""
        wait_for(lambda: len(self.sent(stem)) >= count, f"{count} messages of {stem}")
        messages = self.sent(stem)
        assert len(messages) == count
        return messages


def csv_of(stem, rows=3):
    """A file of that many rows, each with a reference of its own."""
    lines = [f"45{10_000_000 + row},Row {row} of {stem},smsfs,{stem}-{row}\n" for row in range(rows)]
    return "".join(["msisdn,message,sender,userref\n", *lines])


def references(stem, rows=3):
    """The references of ``csv_of``, sorted."""
    return sorted(f"{stem}-{row}" for row in range(rows))


def nano(file, text, shown):
    """Write at the beginning of a file with nano, which locks it, once the terminal shows something; save."""
    main, terminal = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "LC_ALL": "C.UTF-8"}
    command = ["nano", "-I", "-G", file.name]
    with subprocess.Popen(command, cwd=file.parent, env=environment, stdin=terminal, stdout=terminal) as nano:
        os.close(terminal)
        screen = bytearray()

        def read():
            if select.select([main], [], [], 0)[0]:
                try:
                    screen.extend(os.read(main, 65536))
                except OSError:  # the terminal is closed
                    return True
            return nano.poll() is not None

        try:
            wait_for(lambda: read() or shown.encode() in screen, "nano to show the file")
            os.write(main, f"{text}\x18y\n".replace("\n", "\r").encode())
            wait_for(read, "nano to end")
        finally:
            nano.kill()
            os.close(main)


@pytest.fixture(scope="session")
def base():
    """A folder with a short path, for mounts."""
    with tempfile.TemporaryDirectory(prefix="smsfs-") as name:
        yield Path(name).resolve()


@pytest.fixture(scope="session")
def certificate(base):
    """The certificate and the key of servers with FTPS."""
    (base / "certificate").mkdir()
    return make_certificate(base / "certificate")


def ftp_section(certificate, *listen, **more):
    """The configuration of FTP and FTPS, for many clients."""
    limits = {"max_connections_per_address": 100, "ban_after": 1000}
    files = {"certificate": str(certificate[0]), "key": str(certificate[1])}
    return {"listen": [*listen], "plain": True, "passive_ports": "", **files, **limits, **more}


@pytest.fixture(scope="session")
def server(base):
    """One server for all tests that do not end it; each uses names of its own. Its log has no traceback."""
    (base / "server").mkdir()
    with Server(Installation(base / "server", SECTIONS), exact=True) as server:
        yield server
        assert server.process.poll() is None, "the server has died"
    assert server.process.returncode == 0
    assert "Traceback" not in server.log


@pytest.fixture(scope="session")
def shop(server, base):
    """An account with a password and a key."""
    (base / "shop").mkdir()
    return Account(server, "shop", base / "shop")


@pytest.fixture(scope="session")
def mount(shop, base):
    """The account mounted as a folder."""
    with Mount(shop.installation, base / "mount", shop.name) as mount:
        yield mount
    assert mount.process.returncode == 0
    assert "Traceback" not in mount.log


@pytest.fixture
def sftp(shop):
    """A session of paramiko as the account."""
    with shop.session() as sftp:
        yield sftp


@pytest.fixture(scope="session")
def kit():
    """What test modules share; a fixture, as they cannot import this one."""
    return Kit


class Kit:
    """Functions and classes for tests."""

    Account = Account
    csv_of = staticmethod(csv_of)
    references = staticmethod(references)
    host_key = staticmethod(host_key)
    nano = staticmethod(nano)
    ftp_section = staticmethod(ftp_section)
    sections = SECTIONS
    password = PASSWORD
