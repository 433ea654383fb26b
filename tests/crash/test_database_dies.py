"""The database crashes at random moments, as in a power cut, while clients upload over SFTP."""

import asyncio
import os

import asyncssh
import pytest

from tests.support.postgres import PostgresServer
from tests.support.sender import Sender, tally
from tests.support.server import Installation, Server, free_ports, wait_for

#: For a night, two hundred.
CRASHES = int(os.environ.get("SMSFS_MOMENTS") or 5)
CLIENTS = 2
BOUND = 120.0


@pytest.fixture
def database_server():
    """A server of this test's own."""
    server = PostgresServer()
    yield server
    server.stop()


@pytest.fixture
def installation(tmp_path, database_server):
    """A store there, with an account that logs in with a key, always on the same port."""
    (port,) = free_ports(1)
    sftp = {"listen": [f"127.0.0.1:{port}"], "max_connections_per_address": 100, "ban_after": 1000}
    outbox = {"type": "outbox", "path": str(tmp_path / "outbox.jsonl")}
    store = {"url": database_server.new_database()}
    sections = {"store": store, "sftp": sftp, "backends.outbox": outbox}
    made = Installation(tmp_path, {**sections, "pipeline": {"retry_seconds": 1, "max_failures": 50}})
    key = asyncssh.generate_private_key("ssh-ed25519")
    key.write_public_key(tmp_path / "key.pub")
    made.add_account("clinic", "a password", "--key", str(tmp_path / "key.pub"))
    login = {"host": "127.0.0.1", "port": port, "username": "clinic", "client_keys": [key]}
    made.login = {**login, "known_hosts": None, "config": None, "agent_path": None}
    return made


async def crash_again_and_again(database_server, senders, chance):
    """Have the clients send while the database crashes and recovers."""
    over = asyncio.Event()
    running = [asyncio.create_task(sender.run(over)) for sender in senders]
    try:
        for _ in range(CRASHES):
            await asyncio.sleep(chance.uniform(0.1, 1.5))
            await asyncio.to_thread(database_server.kill)
            await asyncio.to_thread(database_server.start)
    finally:
        over.set()
    async with asyncio.timeout(BOUND):
        await asyncio.gather(*running)


def is_at_rest(installation):
    """Whether no file is being read and no message waits."""
    if any(file["state"] == "processing" for file in installation.rows("files")):
        return False
    return not any(message["state"] in ("queued", "submitting") for message in installation.rows("messages"))


@pytest.mark.slow
def test_a_database_that_crashes_at_random_moments_loses_no_row(installation, database_server, chance):
    """Messages of an accepted file would be lost, sent twice unseen, or stay stuck."""
    senders = [Sender(f"file-{number}", [installation.login], chance) for number in range(CLIENTS)]
    with Server(installation):
        asyncio.run(crash_again_and_again(database_server, senders, chance))
        wait_for(lambda: is_at_rest(installation), "the last message to leave", BOUND, 0.5)
        found = tally(senders, installation.sent(), installation.rows("messages"))
        assert found.is_sound, str(found)
        installation.run("fsck")
    assert found.files
    print(f"{CRASHES} crashes: {found}")  # noqa: T201 -- for who repeats it
