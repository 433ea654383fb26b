import asyncio
import contextlib
import itertools
import socket

import asyncssh
import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st

from smsfs.frontends.proxy import networks
from smsfs.frontends.sftp import SftpSettings, start
from tests.support.server import until

LIMIT = 60
BALANCER, STRANGER, CLIENT = "192.0.2.7", "198.51.100.9", "203.0.113.5"


def run(scenario):
    """Run a coroutine with a bound on its time."""
    return uvloop.run(asyncio.wait_for(scenario, LIMIT))


def chunks_of(data, cuts):
    """``data`` in pieces, cut at those places."""
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[start:end] for start, end in itertools.pairwise(places)]


@given(st.sampled_from(["line", "binary"]), st.lists(st.integers(0, 200), max_size=8))
def test_pieces_do_not_matter(headers, gated, version, cuts):
    """Clients on slow lines would fail now and then."""

    async def scenario():
        connection = gated(BALANCER)
        connection.feed(*chunks_of(getattr(headers, version)(CLIENT, 50000) + b"SSH-2.0-client\r\n", cuts))
        return connection

    connection = run(scenario())
    assert connection.inner.peer == (CLIENT, 50000)
    assert connection.inner.local == ("192.0.2.1", 8022)
    assert connection.inner.data == b"SSH-2.0-client\r\n"
    assert not connection.waiting


@pytest.mark.parametrize("version", ["line", "binary"])
def test_a_forged_header_changes_nothing(headers, gated, version):
    """Anybody could get another's address banned, or dodge a ban."""
    header = getattr(headers, version)(CLIENT, 50000)

    async def scenario():
        connection = gated(STRANGER)
        connection.feed(header)
        return connection

    connection = run(scenario())
    assert (connection.inner.peer, connection.inner.data) == ((STRANGER, 40000), header)


def test_without_its_header_a_balancer_is_refused(gated, events):
    """With send-proxy forgotten, all clients would share the balancer's address, its limits and its bans."""

    async def scenario():
        connection = gated(BALANCER)
        connection.feed(b"SSH-2.0-client\r\n")
        return connection

    connection = run(scenario())
    assert connection.transport.aborted.is_set()
    assert connection.inner is None
    assert [(event["event"], event["log_level"], event["proxy"]) for event in events] == [
        ("proxy_header_missing", "warning", BALANCER)
    ]


def test_a_header_is_not_waited_for_forever(gated, events):
    """Connections that say nothing would gather until no file can be opened."""

    async def scenario():
        connection = gated(BALANCER, timeout=0.01)
        connection.feed(b"PROXY TCP4 ")
        await connection.transport.aborted.wait()
        return connection

    connection = run(scenario())
    assert not connection.waiting
    assert [event["reason"] for event in events] == ["it did not come in time"]


def test_the_wait_ends_with_the_header(gated, headers):
    """Every session would be cut, in the middle of its upload, when the time to log in has passed."""

    async def scenario():
        connection = gated(BALANCER, timeout=0.01)
        connection.feed(headers.binary(CLIENT, 50000))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(connection.transport.aborted.wait(), 0.1)

    run(scenario())


@pytest.mark.parametrize("sent", [b"", b"PROXY ", b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"])
def test_health_checks_are_no_noise(gated, events, sent):
    """A line every second from each balancer would hide what matters in the log."""

    async def scenario():
        connection = gated(BALANCER)
        if sent:
            connection.feed(sent)
        if connection.inner is None:
            connection.gate.connection_lost(None)
        return connection

    connection = run(scenario())
    assert {event["log_level"] for event in events} <= {"debug"}
    assert not connection.waiting
    assert connection.inner is None or connection.inner.peer == (BALANCER, 40000)


class Nobody:
    """Lets nobody in; notes who tried."""

    def __init__(self):
        self.peers = []

    async def password(self, username, password, peer):
        """Say no."""
        del username, password
        self.peers.append(peer)
        return False

    async def key(self, username, key, peer):
        """Say no."""
        return await self.password(username, key, peer)


async def login(server, header):
    """What becomes of a login with a password over a connection that begins with this header."""
    sock = socket.create_connection(server.addresses[0])
    sock.sendall(header)
    sock.setblocking(False)
    options = {"known_hosts": None, "config": None, "agent_path": None, "client_keys": None}
    try:
        async with asyncssh.connect(sock=sock, username="shop", password="wrong", **options):
            return "let in"
    except asyncssh.PermissionDenied:
        return "denied"
    except (OSError, asyncssh.Error):
        return "refused"


@pytest.fixture
def behind():
    """Runs a scenario with such a server."""

    async def serving(scenario, **limits):
        nobody = Nobody()
        key = asyncssh.generate_private_key("ssh-ed25519")
        settings = SftpSettings([key], [("127.0.0.1", 0)], proxy_from=networks(["127.0.0.0/8"]), **limits)
        server = await start(settings, nobody)
        try:
            await scenario(server, nobody)
        finally:
            await server.stop(0)

    return lambda scenario, **limits: run(serving(scenario, **limits))


def test_bans_are_of_clients(behind, headers):
    """One customer with a wrong password would lock out all that come by the same balancer."""

    async def scenario(server, nobody):
        first, second = headers.binary(CLIENT, 50000), headers.line("2001:db8::5", 50001)
        assert await login(server, first) == "denied"
        assert await login(server, first) == "refused"
        assert await login(server, second) == "denied"
        assert nobody.peers == [CLIENT, "2001:db8::5"]

    behind(scenario, ban_after=1)


def test_limits_are_of_clients(behind, headers):
    """All clients together could hold no more connections than one."""

    async def connections(server, *clients):
        made = []
        for client in clients:
            reader, writer = await asyncio.open_connection(*server.addresses[0])
            writer.write(headers.binary(client, 50000))
            made.append((await reader.read(4), writer))
        for _, writer in made:
            writer.close()
        return [beginning for beginning, _ in made]

    async def scenario(server, _):
        assert await connections(server, CLIENT, "203.0.113.6", CLIENT) == [b"SSH-", b"SSH-", b""]

    behind(scenario, max_connections_per_address=1)


def test_the_server_stops_though_a_header_is_due(behind):
    """An upgrade would wait for a connection that says nothing."""

    async def scenario(server, _):
        reader, writer = await asyncio.open_connection(*server.addresses[0])
        writer.write(b"PROXY ")
        await until(lambda: server._gates, "the connection")
        await server.stop(20)
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""
        writer.close()

    behind(scenario)
