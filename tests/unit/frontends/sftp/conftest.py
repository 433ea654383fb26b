"""A filesystem in memory, a driver that speaks SFTP in bytes, and a listening server."""

# ruff: noqa: D102 - the methods of the doubles are documented where they are declared

import asyncio
import os
import struct
import threading
from collections import deque
from contextlib import asynccontextmanager

import asyncssh
import pytest
import structlog

from smsfs.errors import Exists, Missing, NotFolder, NotPermitted
from smsfs.filesystem.entry import Entry, Usage
from smsfs.filesystem.interface import Filesystem, relative
from smsfs.filesystem.openfile import OpenFile
from smsfs.frontends.sftp import SftpSettings, start
from smsfs.frontends.sftp.protocol import SftpSession
from smsfs.frontends.sftp.wire import Reader, Reply, Request, Splitter

MTIME = 1_700_000_000.0
LIMIT = 20


class MemoryFile(OpenFile):
    def __init__(self, filesystem, name):
        self._filesystem, self.name = filesystem, name
        self.data = filesystem.files[name]
        self.ended = None

    def read(self, offset, size):
        return bytes(self.data[offset : offset + size])

    def write(self, offset, data):
        if self._filesystem.failure:
            raise self._filesystem.failure
        self._filesystem.pass_gate()
        self.data[len(self.data) :] = bytes(max(0, offset - len(self.data)))
        self.data[offset : offset + len(data)] = data
        return len(data)

    def truncate(self, size):
        self._filesystem.did("truncate", size)
        del self.data[size:]

    def set_times(self, mtime):
        self._filesystem.did("set_times", mtime)

    def chmod(self, mode):
        self._filesystem.did("chmod", mode)

    def sync(self):
        self._filesystem.did("sync", self.name)

    def stat(self):
        return self._filesystem.stat(self.name)

    def _end(self, how):
        if self.ended is None:
            self.ended = how
            self._filesystem.did(how, self.name)

    def close(self):
        if self._filesystem.failure:
            raise self._filesystem.failure
        self._end("close")

    def abandon(self):
        self._end("abandon")


class MemoryFilesystem(Filesystem):
    """Files of one folder; ``calls`` tells what was asked, ``failure`` is raised by what changes anything."""

    def __init__(self):
        self.files = {}
        self.calls = []
        self.failure = None
        self.gate = None
        self.changed = threading.Condition()

    def did(self, *call):
        with self.changed:
            self.calls.append(call)
            self.changed.notify_all()

    def wait_for(self, call):
        with self.changed:
            assert self.changed.wait_for(lambda: call in self.calls, 10), f"{call} not in {self.calls}"

    def pass_gate(self):
        if self.gate:
            self.did("at the gate")
            assert self.gate.wait(10)

    def _entry(self, name):
        if not name:
            return Entry("", is_folder=True, size=0, mode=0o755, mtime=MTIME, inode=1)
        return Entry(name, False, len(self.files[name]), 0o644, MTIME, 2)

    def stat(self, path):
        where = relative(path)
        if where and where not in self.files:
            raise Missing(f"There is no file {where}.")
        return self._entry(where)

    def listdir(self, path):
        if not self.stat(path).is_folder:
            raise NotFolder(f"{path} is a file.")
        return [self._entry(name) for name in self.files]

    def open(self, path, flags):
        where = relative(path)
        self.did("open", where, flags)
        if self.failure:
            raise self.failure
        if where in self.files and flags & os.O_EXCL:
            raise Exists(f"{where} is there already.")
        if where not in self.files and not flags & os.O_CREAT:
            raise Missing(f"There is no file {where}.")
        data = self.files.setdefault(where, bytearray())
        if flags & os.O_TRUNC:
            data.clear()
        return MemoryFile(self, where)

    def rename(self, old, new, *, replace):
        self.did("rename", old, new, replace)
        self.stat(old)
        if relative(new) in self.files and not replace:
            raise Exists(f"{new} is there already.")
        self.files[relative(new)] = self.files.pop(relative(old))

    def remove(self, path):
        self.stat(path)
        del self.files[relative(path)]

    def set_times(self, path, mtime):
        self.stat(path)
        self.did("set_times", path, mtime)

    def truncate(self, path, size):
        self.stat(path)
        self.did("truncate", path, size)
        del self.files[relative(path)][size:]

    def chmod(self, path, mode):
        self.stat(path)
        raise NotPermitted(f"Permissions are fixed here, also for {mode:o}.")

    def chown(self, path, uid, gid):
        self.stat(path)
        self.did("chown", path, uid, gid)

    def usage(self):
        return Usage(files=len(self.files), max_files=100, bytes=8192, max_bytes=2**20)


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
def memory():
    """A filesystem in memory."""
    return MemoryFilesystem()


@pytest.fixture
def drive(memory):
    """A driver of a session on that filesystem, past its INIT."""
    return Driver(memory)


@pytest.fixture
def new_drive():
    """Makes a driver with a filesystem of its own; for properties, which run many times."""
    return lambda: Driver(MemoryFilesystem())


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
def run():
    """Runs a scenario with a bound on its time."""
    return lambda scenario: asyncio.run(asyncio.wait_for(scenario, LIMIT))


@pytest.fixture
def until():
    """Waits for a condition."""

    async def wait(ready):
        async with asyncio.timeout(LIMIT):
            while not ready():  # noqa: ASYNC110 - what is waited for is state of the server, which has no event
                await asyncio.sleep(0.01)

    return wait


@pytest.fixture
def events():
    """The log events of a test, also of the threads."""
    captured = structlog.testing.LogCapture()
    before = structlog.get_config()["processors"]
    structlog.configure(processors=[captured])
    yield captured.entries
    structlog.configure(processors=before)
