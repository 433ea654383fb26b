"""A disk that is full for a while, with one of the things on it that smsfs writes, all others elsewhere."""

import asyncio
import os
import signal
from contextlib import ExitStack, closing, contextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import urlopen

import asyncssh
import pytest

from smsfs.config import load, open_store
from smsfs.errors import DiskFull
from tests.support.disk import MIB, Disk
from tests.support.postgres import USER, PostgresServer
from tests.support.server import Installation, Server, wait_for

# For lack of room.
pytestmark = pytest.mark.logs(
    "result_failed", "abandon_failed", "job_failed", "not_recorded", "backend_not_started"
)

ROWS = 300
INODES = 500
FULL = "The disk of the database is full"
PASSWORD = "a password"


@pytest.fixture
def disk(tmp_path):
    """A small disk of its own."""
    with Disk.mounted(tmp_path / "disk", 4 * MIB, INODES) as disk:
        yield disk


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
        (disk.folder / name).mkdir() if folder else None
        (tmp_path / name).symlink_to(disk.folder / name)
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


@pytest.mark.slow
def test_a_full_disk_of_the_outbox_keeps_messages_waiting(serve, disk):
    """Messages would be lost, left half, or stuck after the outbox's disk had room again."""
    with serve("outbox.jsonl") as server:
        client(server, upload("one.csv"), rename("one.csv"))
        check(server, "one.csv")
        with disk.full():
            client(server, upload("two.csv"), rename("two.csv"))

            def down():
                return [line for line in server.installation.rows("backends") if line["state"] == "down"]

            (told,) = wait_for(down, "the outbox to be told as down", pause=0.2)
            assert "No space left" in told["reason"]
        check(server, "one.csv", "two.csv")


@pytest.mark.slow
def test_a_full_disk_of_the_contents_refuses_uploads_and_goes_on_with_what_is_there(serve, disk):
    """A client would hear OK for nothing, or a file be rejected for the server's lack of room."""
    with serve("contents", folder=True) as server:
        client(server, upload("there.csv"))
        document = b'version: 7\n{"message_template": "Hello", "contacts": [{"msisdn": "12"}]}'
        with ExitStack() as held:
            held.enter_context(server.paused("intake"))
            client(server, upload("Send_SMS/wrong.json", document), account="portal")
            with disk.full():
                steps = (refused(upload("new")), rename("there.csv"), read("there.csv.ready"))
                new, _, there = client(server, *steps)
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
    """Reading a file."""

    async def step(sftp):
        async with sftp.open(name, "rb") as file:
            return await file.read()

    return step


def _results(server):
    (names,) = client(server, lambda sftp: sftp.listdir("results"))
    return sum(name.endswith(".csv") for name in names)


def _names(server, folder):
    (names,) = client(server, lambda sftp: sftp.listdir(folder), account="portal")
    return [name for name in names if not name.startswith(".")]


@pytest.mark.slow
def test_a_process_that_finds_no_room_to_make_itself_known_is_told_why(serve, disk):
    """After a crash on a full disk files would wait, and nobody be told why."""
    with serve("run", folder=True) as server, disk.full():
        store = open_store(load(server.installation.configuration))
        with closing(store), pytest.raises(DiskFull, match="disk is full"):
            store.register("test")
        os.kill(server.workers()["intake"], signal.SIGKILL)
        client(server, upload("one.csv"), rename("one.csv"))
        check(server, "one.csv")


@pytest.mark.slow
def test_a_log_that_has_no_room_holds_up_nothing(installation, disk):
    """Nobody could send because a log file had grown."""
    installation.add_account("clinic", PASSWORD)
    server = Server(installation)
    server._log.symlink_to(disk.folder / "log")
    with server:
        ready(installation)
        with disk.full():
            client(server, upload("one.csv"), rename("one.csv"))
            client(server, upload("bad.csv", b"x"), rename("bad.csv"))
            check(server, "one.csv")
        client(server, upload("two.csv"), rename("two.csv"))
        check(server, "one.csv", "two.csv")


@pytest.fixture
def postgres_disk():
    """A small disk of PostgreSQL's, where its user can reach it."""
    with TemporaryDirectory(prefix="smsfs-disk-") as folder:
        Path(folder).chmod(0o755)
        with Disk.mounted(Path(folder) / "disk", 48 * MIB, owner=USER) as disk:
            yield disk


@contextmanager
def ended(database):
    """A PostgreSQL that is stopped at the end."""
    try:
        yield database
    finally:
        database.stop()


@contextmanager
def served(tmp_path, url):
    """A server whose store is that database."""
    sections = {"store": {"url": url}, "sftp": {"ban_after": 1000}, "web": {"listen": ["127.0.0.1:0"]}}
    sections["backends.outbox"] = {"type": "outbox", "path": str(tmp_path / "outbox.jsonl")}
    installation = Installation(tmp_path, {**sections, "pipeline": {"retry_seconds": 1, "max_failures": 50}})
    installation.add_account("clinic", PASSWORD)
    with Server(installation) as server:
        ready(installation)
        yield server


def test_a_full_disk_of_postgresqls_tables_refuses_uploads_and_goes_on_later(tmp_path, postgres_disk):
    """A client would hear OK for nothing, or accepted messages be lost in a database without room."""
    with ended(PostgresServer()) as database:
        database.execute(f"CREATE TABLESPACE small LOCATION '{postgres_disk.folder}'")
        url = database.new_database("TABLESPACE small")
        with served(tmp_path, url) as server:
            client(server, upload("there.csv"), rename("there.csv"))
            check(server, "there.csv")
            with ExitStack() as held:
                held.enter_context(server.paused("intake"))
                client(server, upload("waits.csv"), rename("waits.csv"))
                with postgres_disk.full():
                    large = upload("new", os.urandom(8 * MIB))
                    new, there = client(server, refused(large), read("there.csv.ready"))
                    assert FULL in new
                    assert there == rows_of("there.csv")
                    met = server.log.count(FULL)
                    held.close()
                    wait_for(lambda: server.log.count(FULL) > met, "intake to meet it")
            check(server, "there.csv", "waits.csv")
            client(server, upload("later.csv"), rename("later.csv"))
            check(server, "there.csv", "waits.csv", "later.csv")


def test_a_full_disk_of_postgresqls_log_ends_it_and_loses_nothing(tmp_path, postgres_disk):
    """A commit that PostgreSQL had no room to log would be told as done, or what it had logged be lost."""
    options = (f"--waldir={postgres_disk.folder / 'wal'}", "--wal-segsize=1")
    database = PostgresServer({"max_wal_size": "8MB"}, options=options)
    with ended(database), served(tmp_path, database.new_database()) as server:
        client(server, upload("there.csv"))
        with postgres_disk.full():
            (kept, told), _, renaming = client(
                server, upload_until_refused, ending_of(database, postgres_disk), refused(rename("there.csv"))
            )
            assert all("database" in sentence for sentence in (told, renaming)), (told, renaming)
        database.start()
        wait_for(lambda: is_ready(server), "the server to be ready again", pause=0.2)
        assert client(server, *(read(name) for name in kept)) == [*kept.values()]
        client(server, rename("there.csv"))
        check(server, "there.csv")


def ending_of(database, disk):
    """Waiting until PostgreSQL gives up; what room it makes as it recovers is taken again."""

    def has_ended():
        disk.fill()
        return database.process.poll() is not None

    return lambda _: asyncio.to_thread(wait_for, has_ended, "PostgreSQL to end", pause=0.1)


async def upload_until_refused(sftp):
    """Upload file after file; the bytes of those that were kept, by name, and the refusal's sentence."""
    kept = {}
    for number in range(200):
        name, data = f"more-{number}", os.urandom(MIB)
        try:
            await upload(name, data)(sftp)
        except asyncssh.SFTPError as refusal:
            return kept, refusal.reason
        kept[name] = data
    raise AssertionError("a full disk took two hundred files")


def is_ready(server):
    """Whether this host can take in and send."""
    with suppress(OSError), urlopen(f"http://127.0.0.1:{server.web_port}/readyz", timeout=5) as answer:
        return answer.status == HTTPStatus.OK
    return False
