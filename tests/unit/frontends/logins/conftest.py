"""The servers of a host in front of a real store, on either engine, and clients that log in."""

# ruff: noqa: S321 - FTP is one of the doors

import asyncio
import ftplib
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing
from functools import partial

import asyncssh
import pytest
import uvloop

from smsfs.dialects.registry import dialect
from smsfs.filesystem import Filesystems
from smsfs.frontends.bans import Ledger
from smsfs.frontends.ftp import FtpServer, FtpSettings
from smsfs.frontends.logins import Logins, hash_password
from smsfs.frontends.sftp import SftpServer, SftpSettings
from smsfs.store.postgresql import PostgresStore
from smsfs.store.sqlite import SqliteStore
from tests.support.server import until

LIMIT = 60
HOST = "127.0.0.1"


@pytest.fixture
def run():
    """Runs a scenario with a bound on its time."""
    return lambda scenario: uvloop.run(asyncio.wait_for(scenario, LIMIT))


@pytest.fixture(scope="session")
def keys():
    """The server's key, one of the account, one of nobody."""
    return [asyncssh.generate_private_key("ssh-ed25519") for _ in range(3)]


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request):
    """Which engine the store has."""
    return request.param


@pytest.fixture
def connect(engine, request, tmp_path):
    """Opens the store as another process would."""
    stores = []

    def connect(path=None):
        if engine == "sqlite":
            stores.append(SqliteStore(tmp_path / "smsfs.db"))
        else:
            stores.append(PostgresStore(path or request.getfixturevalue("database")))
        return stores[-1]

    yield connect
    for store in stores:
        store.close()


def add_account(store, name, keys, **options):
    """An account with the password ``right`` and the second key."""
    account = store.accounts.add(name, options.pop("dialect", "gatewayapi"), {}, 0.0, **options)
    store.accounts.set_password(account.id, hash_password("right"))
    store.accounts.add_key(account.id, keys[1].export_public_key().decode())
    return account


class Front:
    """The servers of one host."""

    def __init__(self, store, keys, *, watches=True, **limits):
        self.keys = keys
        self._clients = ThreadPoolExecutor(thread_name_prefix="clients")
        self.logins = Logins(store, Filesystems(store, store.register("front"), dialect))
        self._looks, several = 0, store.accounts.several

        def counted(numbers):
            self._looks += 1
            return several(numbers)

        store.accounts.several = counted
        given = {"ban_after": 2, "max_connections_per_address": 100, **limits}
        listen = [(HOST, 0)]
        watcher = self.logins if watches else None
        self.ledger = Ledger(store)
        self.sftp = SftpServer(SftpSettings(keys[:1], listen, **given), self.logins, watcher, self.ledger)
        self.ftp = FtpServer(
            FtpSettings(plain=True, listen=listen, **given), self.logins, watcher, self.ledger
        )

    @asynccontextmanager
    async def running(self):
        """Listen."""
        try:
            await self.sftp.listen()
            await self.ftp.listen()
            yield self
        finally:
            await self.sftp.stop(0)
            await self.ftp.stop(0)
            self.ledger.close()
            self.logins.close()
            self._clients.shutdown()

    async def looked(self):
        """Wait until all sessions have been looked at, from now on: the next look but one shows that."""
        after = self._looks + 2
        await until(lambda: self._looks >= after, "the logins to be looked at")

    def ssh(self, username="shop", **options):
        """An asyncssh client."""
        options = {"password": "right", "client_keys": None, **options}
        port = self.sftp.addresses[0][1]
        return asyncssh.connect(
            HOST, port, known_hosts=None, config=None, agent_path=None, username=username, **options
        )

    def ftp_client(self, username="shop", *, password):
        """An ftplib client that has logged in."""
        client = ftplib.FTP(timeout=LIMIT)
        try:
            client.connect(HOST, self.ftp.addresses[0][1])
            client.login(username, password)
        except BaseException:
            client.close()
            raise
        return client

    def in_thread(self, function, *args, **options):
        """Call what blocks, in a thread that the servers do not need."""
        loop = asyncio.get_running_loop()
        return loop.run_in_executor(self._clients, partial(function, *args, **options))

    async def log_in(self, door, *, right=True):
        """Log in by a door and leave; what the client was told if that was refused, else None."""
        word = "right" if right else "wrong"
        method = {"password": "password", "interactive": "keyboard-interactive", "key": "publickey"}
        try:
            if door == "ftp":
                with closing(await self.in_thread(self.ftp_client, password=word)):
                    return None
            options = {"password": word, "preferred_auth": method[door]}
            if door == "key":
                options |= {"password": None, "client_keys": [self.keys[1 if right else 2]]}
            async with self.ssh(**options):
                return None
        except (asyncssh.Error, ftplib.Error, OSError, EOFError) as exc:
            return str(exc) or type(exc).__name__


@pytest.fixture
def front(keys):
    """Makes the servers of a host."""
    return lambda store, **limits: Front(store, keys, **limits)


@pytest.fixture
def new_account(keys):
    """Makes an account with the password ``right`` and a key."""
    return lambda store, name="shop", **options: add_account(store, name, keys, **options)
