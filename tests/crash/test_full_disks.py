"""A disk that is full for a while, with one of the things on it that smsfs writes, all others elsewhere."""

import asyncio
import os
import signal
import subprocess
from contextlib import ExitStack, closing, contextmanager

import asyncssh
import pytest

from smsfs.config import load, open_store
from smsfs.errors import DiskFull
from tests.support.server import Installation, Server, wait_for

KIB, MIB = 1024, 1024 * 1024
ROWS = 300
INODES = 500
PASSWORD = "a password"


@pytest.fixture
def disk(tmp_path):
    """A small disk of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    options = f"size={4 * MIB},nr_inodes={INODES}"
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    made = subprocess.run(mount, capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(f"no disk can be mounted here: {made.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def installation(tmp_path):
    """A configuration; the store is made with its first account."""
    limits = {"ban_after": 1000}
    return Installation(tmp_path, {"sftp": limits, "pipeline": {"retry_seconds": 1}})


@pytest.fixture
def serve(installation, tmp_path, disk):
    """Runs a server with some file or folder of it on the small disk."""

    @contextmanager
    def serve(name, folder=False):
        (disk / name).mkdir() if folder else None
        (tmp_path / name).symlink_to(disk / name)
        installation.add_account("clinic", PASSWORD, "--set", "results=true")
        installation.add_account("portal", PASSWORD, dialect="smsportal")
        with Server(installation) as running:
            ready(installation)
            yield running

    return serve


def ready(installation):
    """Wait for the server's processes."""
    with closing(open_store(load(installation.configuration))) as store:
        wait_for(lambda: {"intake", "dispatch", "reports"} <= {*store.alive().values()}, "the workers")


@contextmanager
def full(disk):
    """No byte and no file more has room there."""
    filler = disk / "filler"
    filler.mkdir()
    with (filler / "bytes").open("ab", buffering=0) as file:
        for block in (MIB, 4 * KIB, 1):
            while more(lambda block=block: file.write(os.urandom(block))):
                pass
    number = 0
    while more((filler / f"empty-{number}").touch):
        number += 1
    yield
    for file in filler.iterdir():
        file.unlink()
    filler.rmdir()


def more(step):
    """Whether there was room."""
    try:
        step()
    except OSError:
        return False
    return True


def session(server, account="clinic"):
    """An SSH connection to the server."""
    login = {"username": account, "password": PASSWORD, "client_keys": None, "known_hosts": None}
    return asyncssh.connect("127.0.0.1", server.port, config=None, agent_path=None, **login)


def rows_of(name):
    """A file with many rows."""
    lines = ["msisdn,message,userref", *(f"4512{row:06},Row {row},{name}" for row in range(1, ROWS + 1))]
    return "\n".join(lines).encode()


def client(server, *steps, account="clinic"):
    """Do some steps over SFTP, each given the session."""

    async def run():
        async with session(server, account) as connection, connection.start_sftp_client() as sftp:
            return [await step(sftp) for step in steps]

    return asyncio.run(run())


def upload(name, data=None):
    """Writing a file and closing it."""

    async def step(sftp):
        async with sftp.open(name, "wb") as file:
            await file.write(data or rows_of(name))

    return step


def rename(name, target=None):
    """Renaming a file, to be sent if nothing else is said."""
    return lambda sftp: sftp.rename(name, target or f"{name}.ready")


def refused(step):
    """A step that the server refuses; its sentence."""

    async def tried(sftp):
        with pytest.raises(asyncssh.SFTPError) as told:
            await step(sftp)
        return told.value.reason

    return tried


def check(server, *names):
    """All rows of these files left once, or twice with a record, and none of any other."""
    installation = server.installation
    rows = {(name, row) for name in names for row in range(1, ROWS + 1)}
    wait_for(lambda: {_key(sent) for sent in installation.sent("clinic")} == rows, "all rows", pause=0.1)

    def submitted():
        messages = installation.rows("messages", "--account", "clinic", "--state", "submitted")
        return messages if len(messages) == len(rows) else None

    recorded = {_key(item) for item in wait_for(submitted, "the answers", pause=0.2) if item["doubled"]}
    sent = [_key(each) for each in installation.sent("clinic")]
    assert {key for key in sent if sent.count(key) > 1} <= recorded
    assert "Traceback" not in server.log
    installation.run("fsck")


def _key(message):
    return message["userref"], message["row"]


def test_a_full_disk_of_the_outbox_keeps_messages_waiting(serve, disk):
    """Messages would be lost, left half, or stuck after the outbox's disk had room again."""
    with serve("outbox.jsonl") as server:
        client(server, upload("one.csv"), rename("one.csv"))
        check(server, "one.csv")
        with full(disk):
            client(server, upload("two.csv"), rename("two.csv"))

            def down():
                return [line for line in server.installation.rows("backends") if line["state"] == "down"]

            (told,) = wait_for(down, "the outbox to be told as down", pause=0.2)
            assert "No space left" in told["reason"]
        check(server, "one.csv", "two.csv")


def test_a_full_disk_of_the_contents_refuses_uploads_and_goes_on_with_what_is_there(serve, disk):
    """A client would hear OK for nothing, or a file be rejected for the server's lack of room."""
    with serve("contents", folder=True) as server:
        client(server, upload("there.csv"))
        document = b'version: 7\n{"message_template": "Hello", "contacts": [{"msisdn": "12"}]}'
        with ExitStack() as held:
            held.enter_context(server.paused("intake"))
            client(server, upload("Send_SMS/wrong.json", document), account="portal")
            with full(disk):
                new, _, there = client(server, refused(upload("new")), rename("there.csv"), read("there.csv"))
                assert "full" in new
                assert there == rows_of("there.csv")
                held.close()
                wait_for(lambda: "no_room" in server.log, "reports that have no room")
                check(server, "there.csv")
        client(server, upload("later.csv"), rename("later.csv"))
        check(server, "there.csv", "later.csv")
        wait_for(lambda: _results(server) == 2, "the result files", pause=0.2)
        wait_for(lambda: _names(server, "Errors"), "the reports", pause=0.2)


def read(name):
    """Reading a file that was submitted, by its old name."""

    async def step(sftp):
        async with sftp.open(f"{name}.ready", "rb") as file:
            return await file.read()

    return step


def _results(server):
    return len(client(server, lambda sftp: sftp.glob("results/*.csv"))[0])


def _names(server, folder):
    (names,) = client(server, lambda sftp: sftp.listdir(folder), account="portal")
    return [name for name in names if not name.startswith(".")]


def test_a_process_that_finds_no_room_to_make_itself_known_is_told_why(serve, disk):
    """After a crash on a full disk files would wait, and nobody be told why."""
    with serve("run", folder=True) as server, full(disk):
        store = open_store(load(server.installation.configuration))
        with closing(store), pytest.raises(DiskFull, match="disk is full"):
            store.register("test")
        os.kill(server.workers()["intake"], signal.SIGKILL)
        client(server, upload("one.csv"), rename("one.csv"))
        check(server, "one.csv")


def test_a_log_that_has_no_room_holds_up_nothing(installation, disk):
    """Nobody could send because a log file had grown."""
    installation.add_account("clinic", PASSWORD)
    server = Server(installation)
    server._log.symlink_to(disk / "log")
    with server:
        ready(installation)
        with full(disk):
            client(server, upload("one.csv"), rename("one.csv"))
            client(server, upload("bad.csv", b"x"), rename("bad.csv"))
            check(server, "one.csv")
        client(server, upload("two.csv"), rename("two.csv"))
        check(server, "one.csv", "two.csv")
