"""Clients that take all they can get from a real server, and an honest one beside them."""

import asyncio
import contextlib
import errno
import ftplib
import socket
import time

import asyncssh
import pytest

from tests.support.server import Installation, Server, wait_for

pytestmark = pytest.mark.logs("connection_refused")  # there is no room for it

ROWS = "msisdn,message\n4512345678,hello\n"
#: Within this an honest client has to be served on a slow machine; without room kept it took half a minute.
BOUND = 15.0
#: So few open files that one login could use them all up.
FEW = 420
SILENT, ADDRESSES = 500, 25


class Cramped(Installation):
    """An installation whose programs may have few open files."""

    def command(self, *arguments):
        """The command, behind a shell that lowers the limit."""
        return ["sh", "-c", f'ulimit -n {FEW}; exec "$@"', "sh", *super().command(*arguments)]


@pytest.fixture
def cramped(tmp_path):
    """A server with two accounts that may have few open files."""
    installation = Cramped(tmp_path, {"sftp": {"max_connections_per_address": 100, "ban_after": 1000}})
    for name in ("greedy", "honest"):
        installation.add_account(name, "secret123")
    with Server(installation) as server:
        yield server


@pytest.fixture
def roomy(tmp_path):
    """A server with SFTP and FTP, and its own limits."""
    ftp = {"listen": ["127.0.0.1:0"], "plain": True}
    installation = Installation(tmp_path, {"ftp": ftp})
    installation.add_account("honest", "secret123")
    with Server(installation) as server:
        yield server


def connect(server, account):
    """An SSH connection that has logged in."""
    return asyncssh.connect(
        "127.0.0.1", server.port, username=account, password="secret123", known_hosts=None, client_keys=None
    )


async def send_one(server, name):
    """What an honest client does: connect, upload, rename, and look."""
    async with connect(server, "honest") as connection, connection.start_sftp_client() as sftp:
        async with sftp.open(f"{name}.csv", "w") as file:
            await file.write(ROWS)
        await sftp.rename(f"{name}.csv", f"{name}.csv.ready")
        assert any(found.startswith(f"{name}.csv.2") for found in await sftp.listdir("."))


async def hold_files_open(server, sessions, each):
    """Ten connections of one account, with all the files that they are given; how many were refused."""
    connections, clients, refused = [], [], 0
    connections += [await connect(server, "greedy") for _ in range(sessions)]
    clients += [await connection.start_sftp_client() for connection in connections]
    async with clients[0].open("one.csv", "w") as file:
        await file.write(ROWS)
    files = []
    for client in clients:
        for _ in range(each):
            try:
                files.append(await client.open("one.csv", "r"))
            except asyncssh.SFTPError:
                refused += 1
    return connections, files, refused


def test_one_login_cannot_use_up_the_descriptors(cramped):
    """One login with many files open for reading would shut every other client out, and fill the log."""

    async def scenario():
        connections, files, refused = await hold_files_open(cramped, sessions=10, each=100)
        assert files
        assert refused >= 1000 - FEW
        for number in range(3):
            await asyncio.wait_for(send_one(cramped, f"file{number}"), BOUND)
        for connection in connections:
            connection.abort()

    asyncio.run(scenario())
    assert "descriptors_short" in cramped.log
    assert "Traceback" not in cramped.log
    assert "accept_paused" not in cramped.log
    assert len(cramped.log) < 500_000


def test_all_descriptors_used_up_is_one_line(cramped):
    """A crowd of connections would have the server write tracebacks until the disk is full."""

    async def scenario():
        crowd = []
        with contextlib.ExitStack() as stack:
            for number in range(3 * FEW):
                source = (f"127.0.{number % 50}.{1 + number % 200}", 0)
                with contextlib.suppress(OSError):
                    sock = socket.create_connection(("127.0.0.1", cramped.port), 5, source)
                    crowd.append(stack.enter_context(sock))
            await asyncio.wait_for(send_one(cramped, "beside"), BOUND)

    asyncio.run(scenario())
    assert "Traceback" not in cramped.log
    assert cramped.log.count("accept_paused") <= 1
    assert len(cramped.log) < 100_000


def silent_crowd(port):
    """Connections from many addresses that say nothing."""
    crowd = contextlib.ExitStack()
    for number in range(SILENT):
        source = (f"127.0.0.{10 + number % ADDRESSES}", 0)
        with contextlib.suppress(OSError):
            crowd.enter_context(socket.create_connection(("127.0.0.1", port), 5, source))
    return crowd


def test_silent_connections_do_not_shut_sftp(roomy):
    """Who only connects would keep honest clients out for half a minute, and again."""

    async def keep_trying():
        while True:
            with contextlib.suppress(OSError, asyncssh.Error):
                return await send_one(roomy, "through")

    with silent_crowd(roomy.port):
        began = time.monotonic()
        asyncio.run(asyncio.wait_for(keep_trying(), BOUND))
        assert time.monotonic() - began < BOUND


def test_silent_connections_do_not_shut_ftp(roomy):
    """Who only connects would keep honest clients out for half a minute, and again."""

    def listed():
        with contextlib.suppress(OSError, EOFError, ftplib.Error), ftplib.FTP(timeout=BOUND) as client:  # noqa: S321 - it is what is tested
            client.connect("127.0.0.1", roomy.ftp_port)
            client.login("honest", "secret123")
            return client.nlst() == []
        return False

    with silent_crowd(roomy.ftp_port):
        wait_for(listed, "an honest client to get in", BOUND, pause=0.1)


def test_an_account_has_only_so_many_connections(tmp_path):
    """One account would hold all connections of the server, and every other be refused."""
    limits = {"connections_per_account": 2, "sessions_per_account": 3}
    ftp = {"listen": ["127.0.0.1:0"], "plain": True}
    installation = Installation(tmp_path, {"limits": limits, "ftp": ftp})
    for name in ("greedy", "honest"):
        installation.add_account(name, "secret123")

    async def scenario(server):
        first, second = await connect(server, "greedy"), await connect(server, "greedy")
        third = await connect(server, "greedy")
        with pytest.raises((asyncssh.Error, OSError)):
            await third.start_sftp_client()
        clients = [await first.start_sftp_client(), await first.start_sftp_client()]
        clients.append(await second.start_sftp_client())
        with pytest.raises(asyncssh.ChannelOpenError):
            await second.start_sftp_client()
        await send_one(server, "beside")
        first.abort()
        await first.wait_closed()
        wait_for(lambda: "session_end" in server.log, "the sessions to end")
        async with connect(server, "greedy") as again, again.start_sftp_client():
            pass
        second.abort()

    def log_in(server, account):
        client = ftplib.FTP(timeout=BOUND)  # noqa: S321 - it is what is tested
        client.connect("127.0.0.1", server.ftp_port)
        try:
            client.login(account, "secret123")
        except ftplib.Error:
            client.close()
            raise
        return client

    with Server(installation) as server:
        asyncio.run(scenario(server))
        held = [log_in(server, "greedy") for _ in range(2)]
        with pytest.raises(ftplib.error_temp, match="421 This account has too many connections"):
            log_in(server, "greedy")
        log_in(server, "honest").close()
        for client in held:
            client.close()


def test_far_offsets_are_the_end(roomy):
    """A client that asks far behind the end of a file would be told of an error, and give the download up."""

    async def scenario():
        async with connect(roomy, "honest") as connection, connection.start_sftp_client() as sftp:
            async with sftp.open("a.csv", "w") as file:
                await file.write(ROWS)
            for offset in (1000, 2**44, 2**62, 2**63 - 1, 2**63, 2**64 - 1):
                async with sftp.open("a.csv", "rb") as file:
                    assert await file.read(1000, offset) == b""

    asyncio.run(scenario())
    client = ftplib.FTP(timeout=BOUND)  # noqa: S321 - it is what is tested
    client.connect("127.0.0.1", roomy.ftp_port)
    client.login("honest", "secret123")
    for offset in (1000, 2**63 - 1, 2**63, 2**64):
        with pytest.raises(ftplib.error_perm, match="is behind the file's end"):
            client.transfercmd("RETR a.csv", offset)
    client.close()
    assert errno.errorcode[errno.EINVAL] not in roomy.log
    assert "request_failed" not in roomy.log
