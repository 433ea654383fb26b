"""A disk that is full for a while: clients are told, nothing is half done, and later all goes on."""

import asyncio
from collections import Counter
from contextlib import closing, suppress

import asyncssh
import pytest

from smsfs.config import load, open_store
from tests.support.disk import MIB, Disk
from tests.support.server import Installation, Server, wait_for

# For lack of room.
pytestmark = pytest.mark.logs(
    "result_failed", "abandon_failed", "job_failed", "not_recorded", "backend_not_started"
)

SIZE = 12 * MIB
ROWS = 3000


@pytest.fixture
def disk(tmp_path):
    """A small disk of its own."""
    with Disk.mounted(tmp_path / "disk", SIZE) as disk:
        yield disk


@pytest.fixture
def server(tmp_path, disk):
    """A server whose store and outbox are on the small disk; its log is elsewhere."""
    outbox = tmp_path / "outbox.jsonl"
    outbox.symlink_to(disk.folder / "outbox.jsonl")
    store = {"url": f"sqlite://{disk.folder / 'smsfs.db'}"}
    installation = Installation(tmp_path, {"store": store, "pipeline": {"retry_seconds": 1}})
    key = asyncssh.generate_private_key("ssh-ed25519")
    key.write_public_key(tmp_path / "key.pub")
    installation.add_account("clinic", "a password", "--key", str(tmp_path / "key.pub"))
    with Server(installation) as running:
        running.key = key
        with closing(open_store(load(installation.configuration))) as opened:
            wait_for(lambda: {"intake", "dispatch"} <= {*opened.alive().values()}, "the workers")
        yield running


def session(server):
    """An SSH connection to the server."""
    return asyncssh.connect(
        "127.0.0.1", server.port, username="clinic", client_keys=[server.key], known_hosts=None, config=None
    )


def rows_of(name):
    """A file with many rows."""
    lines = ["msisdn,message,userref", *(f"4512{row:06},Row {row},{name}" for row in range(1, ROWS + 1))]
    return "\n".join(lines).encode()


async def upload(sftp, name, data):
    """Write a file and close it."""
    async with sftp.open(name, "wb") as file:
        await file.write(data)


async def be_refused(step, *arguments):
    """The sentence with which a request is refused."""
    with pytest.raises(asyncssh.SFTPError) as refused:
        await step(*arguments)
    return refused.value.reason


async def exhaust(sftp, disk):
    """Use up what room the store's files have left within themselves, or give back as they are tidied."""
    for round_ in range(2):
        with suppress(asyncssh.SFTPError):
            for number in range(1000):
                await upload(sftp, f"empty-{round_}-{number}", b"")
        disk.fill()


async def meet_a_full_disk(server, disk):
    """Upload and rename while the disk is full, then once more when there is room."""
    async with session(server) as connection, connection.start_sftp_client() as sftp:
        await upload(sftp, "whole.csv", rows_of("whole.csv"))
        half = await sftp.open("half.csv", "wb")
        await half.write(rows_of("half.csv")[:1000])
        disk.fill()
        sentences = [await be_refused(half.write, rows_of("half.csv")[1000:])]
        await exhaust(sftp, disk)
        sentences.append(await be_refused(sftp.rename, "whole.csv", "whole.csv.ready"))
        sentences.append(await be_refused(upload, sftp, "new.csv", rows_of("new.csv")))
        disk.free()
        await half.close()
        sentences.append(await be_refused(sftp.rename, "half.csv", "half.csv.ready"))
        await sftp.rename("whole.csv", "whole.csv.ready")
    return sentences


async def submit(server, name):
    """Upload a file and rename it."""
    async with session(server) as connection, connection.start_sftp_client() as sftp:
        await upload(sftp, name, rows_of(name))
        await sftp.rename(name, f"{name}.ready")


def check(server, name):
    """All rows of one file left, and of no other; what left twice is recorded."""
    wait_for(lambda: len({sent["row"] for sent in server.installation.sent()}) == ROWS, "all rows", 60)
    times = Counter((sent["userref"], sent["row"]) for sent in server.installation.sent())
    assert times.keys() == {(name, row) for row in range(1, ROWS + 1)}

    def submitted():
        messages = server.installation.rows("messages", "--state", "submitted")
        return messages if len(messages) == ROWS else None

    recorded = {
        (sent["userref"], sent["row"]) for sent in wait_for(submitted, "the answers") if sent["doubled"]
    }
    assert {key for key, number in times.items() if number > 1} <= recorded
    server.installation.run("fsck")


@pytest.mark.slow
def test_a_full_disk_refuses_with_a_sentence_and_leaves_nothing_half_done(server, disk):
    """A client would be told that its file is there, or is sent, while the disk has no room for it."""
    sentences = asyncio.run(meet_a_full_disk(server, disk))
    for sentence in sentences[:3]:
        assert "full" in sentence
    assert "cut off" in sentences[3]
    check(server, "whole.csv")
    states = {file["file"]: file["state"] for file in server.installation.rows("files")}
    assert states["half.csv"] == "draft"
    assert "Traceback" not in server.log


@pytest.mark.slow
def test_messages_that_meet_a_full_disk_leave_when_there_is_room(server, disk):
    """Messages of an accepted file would be lost or stuck because the disk was full for a moment."""
    with server.paused("intake"), server.paused("dispatch"):
        asyncio.run(submit(server, "file.csv"))
        disk.fill()
    wait_for(lambda: "full" in server.log, "the pipeline to meet the full disk")
    assert server.installation.rows("files")[0]["file"].startswith("file.csv.2")
    disk.free()
    check(server, "file.csv")
