"""A real server under ``kill -9``, at random moments, while clients upload over SFTP."""

import asyncio
import os
import signal
import socket
from collections import Counter
from itertools import count

import asyncssh
import pytest
from attrs import define, field

from smsfs.testing.server import Installation, Server, wait_for

KILLS = 100
CLIENTS = 2
END_BOUND = 60.0
#: What is killed, and how often.
VICTIMS = {"all": 40, "main": 15, "dispatch": 25, "intake": 20}
SECTIONS = {
    "sftp": {"max_connections_per_address": 100, "ban_after": 1000},
    "pipeline": {"retry_seconds": 1, "max_failures": 50},
    "log": {"level": "warning"},
}


@define
class Sender:
    """A client that sends one file after the other, whatever happens to the server.

    Attributes:
        name: its files' names begin so.
        login: for ``asyncssh.connect``.
        chance: sizes, and which files are never renamed.
        rows: submitted file -> number of its rows.
        drafts: files that it uploaded without renaming them.
        told: files whose rename was answered with OK.
    """

    name: str
    login: dict
    chance: object
    rows: dict[str, int] = field(factory=dict)
    drafts: set[str] = field(factory=set)
    told: set[str] = field(factory=set)
    _connection: asyncssh.SSHClientConnection | None = None
    _sftp: asyncssh.SFTPClient | None = None

    async def run(self, over):
        """Send until ``over`` is set; the last file is sent to its end."""
        for number in count():
            if over.is_set():
                break
            name = f"{self.name}-{number}.csv"
            size = self.chance.choices([1, 5, 20, 60, 1500], [5, 5, 5, 3, 1])[0]
            if self.chance.random() < 0.1:
                self.drafts.add(name)
                await self._insist(self._upload, name, size)
            else:
                self.rows[name] = size
                await self._insist(self._submit, name, size)
        await self._close()

    async def _insist(self, step, name, size):
        """Try until it is done; after an error it may be done all the same, so a new connection looks."""
        for attempt in count():
            try:
                await self._connect()
                if attempt == 0 or not await self._is_submitted(name):
                    await step(name, size)
            except (OSError, asyncssh.Error):
                await self._close()
                await asyncio.sleep(0.02)
            else:
                return

    async def _connect(self):
        if self._sftp is None:
            self._connection = await asyncssh.connect(**self.login)
            self._sftp = await self._connection.start_sftp_client()

    async def _close(self):
        connection, self._connection, self._sftp = self._connection, None, None
        if connection:
            connection.abort()
            await connection.wait_closed()

    async def _is_submitted(self, name):
        return any(found.startswith(f"{name}.2") for found in await self._sftp.listdir())

    async def _upload(self, name, size):
        lines = ["msisdn,message,userref", *(f"4512{row:06},Row {row},{name}" for row in range(1, size + 1))]
        async with self._sftp.open(name, "wb") as file:
            await file.write("\n".join(lines).encode())

    async def _submit(self, name, size):
        await self._upload(name, size)
        await self._sftp.rename(name, f"{name}.ready")
        self.told.add(name)


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
    """Kill a hundred times; each time what is dead is started again, at last for good."""
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
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
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


def check(installation, senders):
    """Everything that is promised; what there was, to be shown."""
    rows = {name: size for sender in senders for name, size in sender.rows.items()}
    drafts = set().union(*(sender.drafts for sender in senders))
    assert set().union(*(sender.told for sender in senders)) <= rows.keys()
    names = {file["file"]: file["state"] for file in installation.rows("files")}
    assert Counter(names.values()) == {"success": len(rows), "draft": len(drafts)}
    assert {name for name, state in names.items() if state == "draft"} == drafts
    times = Counter((message["userref"], message["row"]) for message in installation.sent())
    assert times.keys() == {(name, row) for name, size in rows.items() for row in range(1, size + 1)}
    doubled = {key for key, number in times.items() if number > 1}
    messages = installation.rows("messages")
    assert {message["state"] for message in messages} == {"submitted"}
    assert doubled <= {(message["userref"], message["row"]) for message in messages if message["doubled"]}
    installation.run("fsck")
    return f"{len(rows)} files, {sum(rows.values())} rows, {len(doubled)} doubled, all of them recorded"


@pytest.mark.slow
def test_a_hundred_kills_lose_no_row_and_double_none_in_silence(installation, chance, capsys):
    """Messages of an accepted file would be lost, sent twice unseen, or stay stuck after a crash."""
    senders = [Sender(f"file-{number}", installation.login, chance) for number in range(CLIENTS)]
    server = Server(installation)
    with server:
        asyncio.run(stream(server, senders, chance))
        wait_for(lambda: is_at_rest(installation), "the last message to leave", END_BOUND)
        summary = check(installation, senders)
    with capsys.disabled():
        print(f"\n{KILLS} kills: {summary}")  # noqa: T201 -- the figures are for whoever runs the tests
