"""What was deleted is gone: no text and no number of it is left in any file."""

import asyncio
import sqlite3
from contextlib import closing, suppress

import asyncssh
import pytest

from tests.support.server import Installation, Server, wait_for

NUMBER, TEXT, SENDER, REFERENCE = 4599887700, "Your test result is ready", "Klinikken", "journal-1774"
ROWS = 600
DAYS = 3 * 86_400
NUMBERS = range(NUMBER, NUMBER + ROWS, 97)


def rows(number, text):
    """A file with texts and numbers of its own."""
    sender, reference = (SENDER, REFERENCE) if number == NUMBER else ("Other", "other")
    lines = ["msisdn,message,sender,userref"]
    lines += [f"{number + row},{text} {row},{sender},{reference}-{row}" for row in range(ROWS)]
    return "\n".join(lines).encode()


def traces(folder, *texts, numbers=()):
    """The files in which one of some texts stands, or a number, as text or as SQLite stores it."""
    wanted = [text.encode() for text in texts] + [str(number).encode() for number in numbers]
    wanted += [number.to_bytes(6, "big") for number in numbers]
    files = [folder / name for name in ("smsfs.db", "smsfs.db-wal", "outbox.jsonl")]
    found = {}
    for path in [*files, *(folder / "contents").iterdir()]:
        with suppress(FileNotFoundError):
            data = path.read_bytes()
            found[path.name] = next((text for text in wanted if text in data), None)
    return {name for name, text in found.items() if text}


def session(server, account):
    """An SSH connection."""
    how = {"known_hosts": None, "config": None, "client_keys": None}
    return asyncssh.connect("127.0.0.1", server.port, username=account, password="a password", **how)


async def send(server, account, *files):
    """Upload and submit files, and one draft."""
    async with session(server, account) as connection, connection.start_sftp_client() as sftp:
        for name, data in files:
            async with sftp.open(name, "wb") as file:
                await file.write(data)
            if name != "draft.csv":
                await sftp.rename(name, f"{name}.ready")


async def delete_draft(server):
    """As a client does."""
    async with session(server, "clinic") as connection, connection.start_sftp_client() as sftp:
        await sftp.remove("draft.csv")


@pytest.fixture
def installation(tmp_path):
    """Two accounts."""
    made = Installation(tmp_path)
    for name in ("clinic", "neighbour"):
        made.add_account(name, "a password")
    made.run("account", "set", "clinic", "results=true")
    return made


def fill(installation, server):
    """Both send; the clinic also has a file with a fault, a draft, a result file and opt-outs."""
    data = rows(NUMBER, TEXT)
    files = [("a.csv", data), ("b.csv", data + b"\n12,x,,"), ("draft.csv", data)]
    asyncio.run(send(server, "clinic", *files))
    asyncio.run(send(server, "neighbour", ("a.csv", rows(4522110000, "A letter to the neighbour"))))
    installation.run("optout", "add", str(NUMBER), "--account", "clinic")
    wait_for(lambda: len(installation.sent()) == 2 * ROWS, "the messages", pause=0.2)

    def states():
        return {file["state"] for file in installation.rows("files", "--account", "clinic")}

    wait_for(lambda: states() == {"draft", "success", "rejected"}, "the verdicts", pause=0.2)


@pytest.mark.parametrize("running", [True, False])
def test_a_removed_account_is_gone(installation, running):
    """Numbers and diagnoses would be found for years in the files of a store that has forgotten them."""
    folder, what = installation.folder, [TEXT, REFERENCE, SENDER, "clinic"]
    with Server(installation) as server:
        fill(installation, server)
        assert {"smsfs.db", "outbox.jsonl"} <= traces(folder, *what, numbers=NUMBERS)
        place = (folder / "outbox.jsonl").stat()
        if not running:
            server.stop()
        removal = ("account", "remove", "clinic", "--yes")
        wait_for(lambda: installation.run(*removal, check=False).returncode == 0, "the removal", pause=0.5)
        bound = 60.0 if running else 0.0
        with suppress(TimeoutError):
            wait_for(lambda: not traces(folder, *what, numbers=NUMBERS), "its end", bound, 0.5)
        assert traces(folder, *what, numbers=NUMBERS) == set()
    after = (folder / "outbox.jsonl").stat()
    assert (after.st_ino, after.st_size) == (place.st_ino, place.st_size)
    texts = sorted(message["text"] for message in installation.sent("neighbour"))
    assert texts == sorted(f"A letter to the neighbour {row}" for row in range(ROWS))
    assert len(installation.rows("messages", "--account", "neighbour")) == ROWS


def test_what_is_past_its_time_is_gone(installation):
    """What was to be kept for a day would be kept in free pages, the log and the outbox for good."""
    installation.run("account", "set", "clinic", "keep_files_days=1", "keep_messages_days=1")
    folder, what = installation.folder, [TEXT, REFERENCE, SENDER]
    with Server(installation) as server:
        fill(installation, server)
        asyncio.run(delete_draft(server))
    with closing(sqlite3.connect(folder / "smsfs.db", isolation_level=None)) as connection:
        connection.execute(f"UPDATE file SET finished = finished - {DAYS}")  # noqa: S608 - of our own
        connection.execute(f"UPDATE batch SET finished = finished - {DAYS}")  # noqa: S608
        connection.execute("UPDATE result SET final = 1")
    with Server(installation):
        # a reader that is in the way has it try again half a minute later
        wait_for(lambda: not traces(folder, *what, numbers=NUMBERS[1:]), "the texts to go", 150.0, 0.5)
    assert traces(folder, *what, numbers=NUMBERS[1:]) == set()
    assert len(installation.rows("messages", "--account", "neighbour")) == ROWS
