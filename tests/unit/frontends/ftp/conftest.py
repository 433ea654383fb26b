"""A listening FTP server on a filesystem in memory, and clients that speak FTP by hand."""

# ruff: noqa: D102, S321 - the double's methods are documented where they are declared; FTP is what is tested

import asyncio
import ftplib
import io
import socket
import ssl
import struct
import threading
from contextlib import contextmanager

import pytest
import uvloop

from smsfs.dialects.registry import dialect
from smsfs.filesystem import Filesystems
from smsfs.frontends.ftp import Certificate, FtpServer, FtpSettings
from smsfs.store.sqlite import SqliteStore
from tests.support.ftp_clients import make_certificate

LIMIT = 60


class OneAccount:
    """Lets in ``shop`` with the password ``secret``."""

    def __init__(self, filesystem):
        self._filesystem = filesystem
        self.failure = None

    async def password(self, username, password, peer):
        assert peer
        if self.failure:
            raise self.failure
        return (username, password) == ("shop", "secret")

    async def filesystem(self, username):
        assert username == "shop"
        if self.failure:
            raise self.failure
        return self._filesystem


class Serving:
    """A server in a thread of its own."""

    def __init__(self, settings, filesystem):
        self.account = OneAccount(filesystem)
        self._settings = settings
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: uvloop.run(self._run()))
        self._thread.start()
        assert self._ready.wait(LIMIT)

    async def _run(self):
        self._loop = asyncio.get_running_loop()
        self._asked = asyncio.Event()
        self._grace = 0
        try:
            self.server = FtpServer(self._settings, self.account)
            await self.server.listen()
            self.addresses = self.server.addresses
            self.port = self.addresses[0][1]
        finally:
            self._ready.set()
        await self._asked.wait()
        await self.server.stop(self._grace)

    def begin_to_stop(self, grace):
        """Tell it to stop, without waiting."""
        self._grace = grace
        self._loop.call_soon_threadsafe(self._asked.set)

    def stop(self, grace=0):
        """Stop it."""
        if self._thread.is_alive():
            self.begin_to_stop(grace)
        self._thread.join(LIMIT)
        assert not self._thread.is_alive()

    def threads(self):
        """How many sessions there are."""
        return len(self.server._threads)

    def connect(self, host="127.0.0.1", source=None):
        """ftplib, connected and greeted."""
        client = ftplib.FTP(timeout=LIMIT)
        try:
            client.connect(host, self.port, source_address=source)
        except ftplib.Error:
            client.close()
            raise
        return client

    def log_in(self, **options):
        """ftplib, logged in without TLS."""
        client = self.connect(**options)
        client.login("shop", "secret")
        return client


class Stored:
    """The account ``shop`` on a store in a folder."""

    def __init__(self, folder):
        self._folder = folder
        self._begin()
        self.account = self.store.accounts.add("shop", "gatewayapi", {}, self.store.now())
        self.fs = self._files()

    def _begin(self):
        self.store = SqliteStore(self._folder / "smsfs.db")

    def _files(self):
        return Filesystems(self.store, self.store.register("front"), dialect).of(self.account)

    def set(self, **settings):
        """Settings of the account, from now on."""
        self.store.accounts.update(self.account.id, settings)

    def find(self, name):
        """A file as the store has it."""
        return self.store.files.view().find(self.account.id, name)

    def restart(self):
        """As after the death of the process."""
        self.store.close()
        self._begin()
        self.store.settle()
        self.fs = self._files()


@pytest.fixture
def stored(tmp_path):
    """A store, and a filesystem on it, for tests of what a file is once it was uploaded."""
    stored = Stored(tmp_path)
    yield stored
    stored.store.close()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """The paths of a certificate and its key."""
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def serve(memory, certificate):
    """Makes a listening server, a context manager, with settings of the test; plain FTP is on."""

    @contextmanager
    def serving(**overrides):
        defaults = {"certificate": Certificate(*certificate), "plain": True, "listen": [("127.0.0.1", 0)]}
        server = Serving(FtpSettings(**{**defaults, **overrides}), memory)
        try:
            yield server
        finally:
            server.stop()

    return serving


@pytest.fixture
def serving(serve):
    """A server without anything special."""
    with serve() as serving:
        yield serving


@pytest.fixture
def client(serving):
    """Logged in on it without TLS."""
    client = serving.log_in()
    yield client
    client.close()


@pytest.fixture
def secure(serving, certificate):
    """Logged in on it with TLS, for the data too."""
    trusted = ssl.create_default_context(cafile=certificate[0])
    with ftplib.FTP_TLS(context=trusted, timeout=LIMIT) as client:
        client.connect("127.0.0.1", serving.port)
        client.login("shop", "secret")
        client.prot_p()
        yield client


class Hand:
    """What ftplib does not do by itself."""

    @staticmethod
    def put(client, name, data, command="STOR"):
        """Upload; the reply to its end."""
        return client.storbinary(f"{command} {name}", io.BytesIO(data))

    @staticmethod
    def get(client, name, **options):
        """Download."""
        parts = []
        client.retrbinary(f"RETR {name}", parts.append, **options)
        return b"".join(parts)

    @staticmethod
    def reset(sock):
        """Close so that the other side gets a reset in place of an end."""
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        socket.socket.close(sock)

    @staticmethod
    def rest(sock):
        """What arrives until the end of a connection, however it ends."""
        parts = []
        try:
            while data := sock.recv(4096):
                parts.append(data)
        except ConnectionResetError:
            pass
        return b"".join(parts).decode()

    @staticmethod
    def refused(client, command):
        """The reply to a command that is refused."""
        with pytest.raises((ftplib.error_perm, ftplib.error_temp)) as caught:
            client.sendcmd(command)
        return str(caught.value)


@pytest.fixture(scope="session")
def hand():
    """What ftplib does not do by itself."""
    return Hand
