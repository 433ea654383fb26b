import asyncio
import time

import asyncssh
import pytest

from smsfs.errors import StoreUnavailable


def test_wrong_passwords_end_the_connection(run, serve, events):
    """Passwords could be tried without end on one connection."""
    tried = []

    class Guesser(asyncssh.SSHClient):
        def password_auth_requested(self):
            tried.append(1)
            return f"guess {len(tried)}"

    async def scenario():
        async with serve(max_auth_tries=3) as serving:
            with pytest.raises(asyncssh.DisconnectError, match="Too many authentication failures"):
                await serving.connect(password=None, client_factory=Guesser, preferred_auth="password")

    run(scenario())
    assert len(tried) == 3
    failed = [event for event in events if event["event"] == "login_failed"]
    assert len(failed) == 3
    assert failed[0]["account"] == "shop"


@pytest.mark.parametrize("method", ["password", "key"])
def test_failed_logins_ban_the_address(run, until, serve, events, method):
    """Passwords and keys could be tried without end from one address, with a connection for each."""
    wrong = asyncssh.generate_private_key("ssh-ed25519")
    options = {"password": "wrong"} if method == "password" else {"password": None, "client_keys": [wrong]}

    async def scenario():
        async with serve(ban_after=2) as serving:
            for _ in range(2):
                with pytest.raises(asyncssh.DisconnectError):
                    await serving.connect(**options)
                await until(lambda: not serving.server._clients)
            with pytest.raises((asyncssh.DisconnectError, ConnectionError)):
                await serving.connect()

    run(scenario())
    assert [event["event"] for event in events].count("banned") == 1
    refused = [event["reason"] for event in events if event["event"] == "connection_refused"]
    assert refused == ["banned"]


def test_unknown_accounts_look_like_wrong_passwords(run, serve):
    """An attacker could find out which accounts there are."""

    async def answer(serving, username):
        with pytest.raises(asyncssh.PermissionDenied) as denied:
            await serving.connect(username=username, password="wrong")
        return str(denied.value).replace(username, "?")

    async def scenario():
        async with serve() as serving:
            return {await answer(serving, "shop"), await answer(serving, "nobody")}

    assert len(run(scenario())) == 1


def test_sha1_signatures_are_refused(run, serve):
    """A forged SHA-1 signature would let someone in."""
    rsa = asyncssh.generate_private_key("ssh-rsa", key_size=2048)

    async def login(serving, algorithm):
        serving.authenticator._public_key = rsa.convert_to_public().public_data
        async with serving.connect(password=None, client_keys=[rsa], signature_algs=[algorithm]):
            return True

    async def scenario():
        async with serve() as serving:
            assert await login(serving, "rsa-sha2-256")
            with pytest.raises(asyncssh.PermissionDenied):
                await login(serving, "ssh-rsa")
        async with serve(legacy_algorithms=True) as serving:
            assert await login(serving, "ssh-rsa")

    run(scenario())


@pytest.mark.filterwarnings("ignore:Diffie-Hellman over finite fields")
def test_old_algorithms_only_with_the_legacy_switch(run, serve):
    """Broken algorithms would be negotiated, or an old client be shut out for good."""
    old = {
        "encryption_algs": ["aes256-cbc"],
        "mac_algs": ["hmac-sha1"],
        "kex_algs": ["diffie-hellman-group14-sha1"],
    }

    async def scenario():
        async with serve() as serving:
            for name, value in old.items():
                with pytest.raises(asyncssh.KeyExchangeFailed):
                    await serving.connect(**{"encryption_algs": ["aes256-ctr"], name: value})
            async with serving.connect() as connection:
                assert connection.get_extra_info("server_version") == "SSH-2.0-smsfs"
        async with serve(legacy_algorithms=True) as serving, serving.connect(**old) as connection:
            assert (await connection.run("x")).exit_status == 1

    run(scenario())


def test_connections_of_one_address_are_limited(run, until, serve, events):
    """One client that leaks connections would lock all others out."""

    async def scenario():
        async with serve(max_connections_per_address=2) as serving:
            async with serving.connect(), serving.connect():
                with pytest.raises((asyncssh.DisconnectError, ConnectionError)):
                    await serving.connect()
            await until(lambda: not serving.server._clients)
            async with serving.connect():
                pass

    run(scenario())
    refused = [event["reason"] for event in events if event["event"] == "connection_refused"]
    assert refused == ["too many connections from this address"]


def test_sessions_of_one_connection_are_limited_and_given_back(run, until, serve):
    """One connection could open channels without end, or a long-lived one run out of them."""

    async def scenario():
        async with serve(max_sessions=2) as serving, serving.connect() as connection:
            for _ in range(3):
                assert (await connection.run("x")).exit_status == 1
                async with connection.start_sftp_client(), connection.start_sftp_client():
                    with pytest.raises(asyncssh.ChannelOpenError):
                        await connection.start_sftp_client()
                (client,) = serving.server._clients
                await until(lambda client=client: client._sessions == 0)

    run(scenario())


def test_login_timeout(run, until, serve):
    """Connections that never log in would use up the server's places."""

    async def scenario():
        async with serve(login_timeout=0.2) as serving:
            reader, writer = await asyncio.open_connection("127.0.0.1", serving.port)
            assert (await reader.read()).startswith(b"SSH-2.0-smsfs")
            writer.close()
            await until(lambda: not serving.server._clients)

    run(scenario())


def test_idle_connections_are_closed_and_active_ones_are_not(run, serve):
    """Forgotten connections would use up the server's places."""

    async def scenario():
        async with serve(idle_timeout=0.3) as serving, serving.connect() as connection:
            sftp = await connection.start_sftp_client()
            end = time.monotonic() + 0.6
            while time.monotonic() < end:
                await sftp.listdir(".")
            await connection.wait_closed()

    run(scenario())


def test_trouble_with_the_store_is_told(run, serve):
    """A client would see a connection that ends without a word."""

    async def scenario():
        async with serve() as serving:
            async with serving.connect() as connection:
                serving.authenticator.failure = StoreUnavailable("The store is away; try again.")
                with pytest.raises(asyncssh.ChannelOpenError, match=r"The store is away; try again\."):
                    await connection.start_sftp_client()
                serving.authenticator.failure = RuntimeError("secret path")
                with pytest.raises(asyncssh.ChannelOpenError, match="cannot open your files for now"):
                    await connection.start_sftp_client()
            with pytest.raises(asyncssh.DisconnectError, match="Logins cannot be checked for now"):
                await serving.connect()

    run(scenario())
