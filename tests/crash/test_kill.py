"""A real server under ``kill -9``, at random moments, while clients upload over SFTP."""

import asyncio
import json
import os
import signal
from collections import Counter
from pathlib import Path

import asyncssh
import pytest

from tests.support import kills
from tests.support.sender import Sender, tally
from tests.support.server import Installation, Server, free_ports, wait_for

KILLS = int(os.environ.get(kills.KILLS) or kills.ROUND)
CLIENTS = 2
END_BOUND = 60.0
#: What is killed, and how often.
VICTIMS = {"all": 40, "main": 15, "dispatch": 25, "intake": 20}
SECTIONS = {
    "sftp": {"max_connections_per_address": 100, "ban_after": 1000},
    "pipeline": {"retry_seconds": 1, "max_failures": 50},
    "log": {"level": "warning"},
}


def kill(server, victim):
    """End the server and its workers, the server alone, or one worker alone."""
    if victim == "all":
        server.kill_all()
    elif victim == "main":
        server.kill()
    elif pid := server.workers().get(victim):
        os.kill(pid, signal.SIGKILL)


async def start(server, chance):
    """Start the server, to be killed before it is ready or after."""
    if chance.random() < 0.2:
        server.launch()
    else:
        await asyncio.to_thread(server.start)


async def kill_again_and_again(server, chance):
    """Kill so often; each time what is dead is started again, at last for good."""
    for _ in range(KILLS):
        if server.process.poll() is not None:
            await start(server, chance)
        await asyncio.sleep(chance.uniform(0, 0.4))
        kill(server, chance.choices([*VICTIMS], [*VICTIMS.values()])[0])
    if server.process.poll() is not None:
        await asyncio.to_thread(server.start)


async def stream(server, senders, chance):
    """Have the clients send while the server is killed."""
    over = asyncio.Event()
    running = [asyncio.create_task(sender.run(over)) for sender in senders]
    try:
        await kill_again_and_again(server, chance)
    finally:
        over.set()
    async with asyncio.timeout(END_BOUND):
        await asyncio.gather(*running)


@pytest.fixture
def installation(tmp_path):
    """A store with an account that logs in with a key, always on the same port."""
    (port,) = free_ports(1)
    sftp = {**SECTIONS["sftp"], "listen": [f"127.0.0.1:{port}"]}
    made = Installation(tmp_path, {**SECTIONS, "sftp": sftp})
    key = asyncssh.generate_private_key("ssh-ed25519")
    key.write_public_key(tmp_path / "key.pub")
    made.add_account("clinic", "a password", "--key", str(tmp_path / "key.pub"))
    made.login = {"host": "127.0.0.1", "port": port, "username": "clinic", "client_keys": [key]}
    made.login |= {"known_hosts": None, "config": None, "agent_path": None}
    return made


def is_at_rest(installation):
    """Whether no file is being read and no message waits."""
    if any(file["state"] == "processing" for file in installation.rows("files")):
        return False
    return not any(message["state"] in ("queued", "submitting") for message in installation.rows("messages"))


def tell(found):
    """Write down what was found, for who asked for it."""
    if path := os.environ.get(kills.FOUND):
        counts = {"files": found.files, "rows": found.rows, "lost": len(found.lost)}
        counts |= {"doubled": len(found.doubled), "unrecorded": len(found.silent)}
        Path(path).write_text(json.dumps(counts))


def check(installation, senders):
    """Everything that is promised; what there was."""
    messages = installation.rows("messages")
    found = tally(senders, installation.sent(), messages)
    tell(found)
    assert found.is_sound, str(found)
    submitted = {name for sender in senders for name in sender.rows}
    drafts = set().union(*(sender.drafts for sender in senders))
    assert set().union(*(sender.told for sender in senders)) <= submitted
    names = {file["file"]: file["state"] for file in installation.rows("files")}
    assert Counter(names.values()) == {"success": len(submitted), "draft": len(drafts)}
    assert {name for name, state in names.items() if state == "draft"} == drafts
    assert {message["state"] for message in messages} == {"submitted"}
    installation.run("fsck")
    return found


@pytest.mark.slow
def test_a_hundred_kills_lose_no_row_and_double_none_in_silence(installation, chance, capsys):
    """Messages of an accepted file would be lost, sent twice unseen, or stay stuck after a crash."""
    senders = [Sender(f"file-{number}", [installation.login], chance) for number in range(CLIENTS)]
    server = Server(installation)
    with server:
        asyncio.run(stream(server, senders, chance))
        wait_for(lambda: is_at_rest(installation), "the last message to leave", END_BOUND)
        summary = check(installation, senders)
    with capsys.disabled():
        print(f"\n{KILLS} kills: {summary}")  # noqa: T201 -- the figures are for whoever runs the tests
