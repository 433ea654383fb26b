"""A filesystem in memory, a driver that speaks SFTP in bytes, and a listening server."""

# ruff: noqa: D102 - the methods of the doubles are documented where they are declared

import asyncio
import stat
import struct
import subprocess
from collections import deque
from contextlib import asynccontextmanager

import asyncssh
import pytest

from smsfs.frontends.sftp import SftpSettings, start
from smsfs.frontends.sftp.protocol import SftpSession
from smsfs.frontends.sftp.wire import Reader, Reply, Request, Splitter

MTIME = 1_700_000_000.0
LIMIT = 60


class Driver:
    """Sends requests to a session and takes its replies apart."""

    def __init__(self, filesystem, **kwargs):
        self.filesystem = filesystem
        self.session = SftpSession(filesystem, "shop", clock=lambda: MTIME + 60, **kwargs)
        self.send(struct.pack(">BI", Request.INIT, 3))
        self._number = 0

    @staticmethod
    def replies(data):
        splitter = Splitter()
        packets = list(splitter.feed(data))
        assert splitter.error is None
        return packets

    def send(self, *packets):
        """The reply packets to some request packets."""
        waiting, replies = deque(packets), []
        while waiting:
            replies += self.replies(self.session.handle(waiting))
        return replies

    def ask(self, request, *fields):
        """The type of the reply and what follows its number; an ``int`` is 32 bits, bytes are a string."""
        self._number += 1
        body = b"".join(self.encode(field) for field in fields)
        (packet,) = self.send(struct.pack(">BI", request, self._number) + body)
        assert struct.unpack_from(">I", packet, 1)[0] == self._number
        return packet[0], Reader(packet, 5)

    @staticmethod
    def encode(field):
        if isinstance(field, Raw):
            return field
        if isinstance(field, int):
            return struct.pack(">I", field)
        raw = field.encode() if isinstance(field, str) else field
        return struct.pack(">I", len(raw)) + raw

    def status(self, request, *fields):
        """The status and message of a request that is answered with one."""
        kind, reader = self.ask(request, *fields)
        assert kind == Reply.STATUS, f"{kind} instead of a status"
        return reader.u32(), reader.string().decode()

    def open(self, path, flags=0x1A, *attributes):
        """The handle of a file opened; by default created and truncated for writing."""
        kind, reader = self.ask(Request.OPEN, path, flags, *(attributes or (0,)))
        assert kind == Reply.HANDLE, reader.string() if kind != Reply.STATUS else self._message(reader)
        return reader.string()

    @staticmethod
    def _message(reader):
        return reader.u32(), reader.string()


class Raw(bytes):
    """A field already encoded."""

    __slots__ = ()

    @classmethod
    def u64(cls, number):
        return cls(struct.pack(">Q", number))


@pytest.fixture
def raw():
    """Fields that are already encoded; ``raw.u64(n)`` is a number of 64 bits."""
    return Raw


@pytest.fixture
def drive(memory):
    """A driver of a session on that filesystem, past its INIT."""
    return Driver(memory)


@pytest.fixture
def new_drive(new_memory):
    """Makes a driver with a filesystem of its own; for properties, which run many times."""
    return lambda: Driver(new_memory())


@pytest.fixture(scope="session")
def host_key():
    """A server's key."""
    return asyncssh.generate_private_key("ssh-ed25519")


@pytest.fixture(scope="session")
def client_key():
    """A client's key."""
    return asyncssh.generate_private_key("ssh-ed25519")


class OneAccount:
    """Lets in ``shop`` with the password ``secret`` or with its key."""

    def __init__(self, filesystem, public_key):
        self._filesystem, self._public_key = filesystem, public_key
        self.failure = None

    async def password(self, username, password, peer):
        assert peer == "127.0.0.1"
        if self.failure:
            raise self.failure
        return (username, password) == ("shop", "secret")

    async def key(self, username, key, peer):
        assert peer == "127.0.0.1"
        return username == "shop" and key.public_data == self._public_key

    async def filesystem(self, username):
        assert username == "shop"
        if self.failure:
            raise self.failure
        return self._filesystem


class Serving:
    """A listening server, and ways to connect to it."""

    def __init__(self, server, authenticator):
        self.server, self.authenticator = server, authenticator
        self.port = server.addresses[0][1]

    def connect(self, **options):
        """An asyncssh client, by default with the right password."""
        given = {"username": "shop", "password": "secret", "client_keys": None, **options}
        return asyncssh.connect(
            "127.0.0.1", self.port, known_hosts=None, config=None, agent_path=None, **given
        )


@pytest.fixture
def serve(memory, host_key, client_key):
    """Makes a listening server, an async context manager, with settings of the test."""

    @asynccontextmanager
    async def serving(**overrides):
        settings = SftpSettings([host_key], [("127.0.0.1", 0)], **overrides)
        authenticator = OneAccount(memory, client_key.convert_to_public().public_data)
        server = await start(settings, authenticator)
        try:
            yield Serving(server, authenticator)
        finally:
            await server.stop(0)

    return serving


@pytest.fixture
def openssh(client_key, tmp_path):
    """Runs an OpenSSH program as ``shop`` against a port."""
    key = tmp_path / "key"
    client_key.write_private_key(key)
    key.chmod(stat.S_IRUSR | stat.S_IWUSR)
    options = ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "IdentitiesOnly=yes")

    async def call(program, port, *arguments, text=None):
        flag = "-p" if program == "ssh" else "-P"
        command = [program, "-F", "none", "-i", key, flag, str(port)]
        for option in options:
            command += ["-o", option]
        return await asyncio.to_thread(
            subprocess.run,
            [*command, *arguments],
            input=text,
            capture_output=True,
            text=True,
            cwd=tmp_path,
            timeout=LIMIT,
            check=False,
        )

    return call
