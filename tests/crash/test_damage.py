"""A store that is damaged while a server runs: it says so, takes in nothing more, and ends."""

import asyncio
import os
import sqlite3
import subprocess
import urllib.error
import urllib.request
from contextlib import closing, suppress

import asyncssh
import pytest

from tests.support.server import Installation, Mount, Server, wait_for

pytestmark = pytest.mark.logs("store_damaged", "worker_not_settled", "watch_failed")

PAGE = 4096
DAMAGED = 74
ROWS = b"msisdn,message\n4512345601,Hello\n"


@pytest.fixture
def installation(tmp_path):
    """A configuration with a health page, and an account."""
    made = Installation(tmp_path, {"web": {"listen": ["127.0.0.1:0"]}})
    made.add_account("clinic", "a password")
    return made


def spoil(installation):
    """Overwrite every page behind the first, as a copy of another file over this one does."""
    store = installation.folder / "smsfs.db"
    with closing(sqlite3.connect(store, timeout=60)) as connection:
        assert wait_for(
            lambda: connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0, "the checkpoint"
        )
    size = store.stat().st_size
    with store.open("r+b") as stream:
        stream.seek(PAGE)
        stream.write(os.urandom(size - PAGE))


def readiness(server):
    """Status and text of the page for load balancers; nothing when nobody listens."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.web_port}/readyz", timeout=10) as page:
            return page.status, page.read().decode()
    except urllib.error.HTTPError as exc:
        return exc.code, exc.read().decode()
    except OSError:
        return 0, ""


def session(server):
    """An SSH connection."""
    how = {"known_hosts": None, "config": None, "client_keys": None}
    return asyncssh.connect("127.0.0.1", server.port, username="clinic", password="a password", **how)


async def upload(sftp, name):
    """Write a file, close it and submit it."""
    async with sftp.open(name, "wb") as file:
        await file.write(ROWS)
    await sftp.rename(name, f"{name}.ready")


async def _upload_until_damaged(server, damage):
    """Upload all the time, and damage the store; whether an upload was OK after damage was seen."""
    async with session(server) as connection, connection.start_sftp_client() as sftp:
        await upload(sftp, "first.csv")
        damage()
        for number in range(100_000):
            seen = readiness(server)[0] == 503
            try:
                await upload(sftp, f"{number}.csv")
            except (asyncssh.Error, OSError):
                if seen:
                    return False
            else:
                if seen:
                    return True
    return None


@pytest.mark.slow
def test_damage_ends_the_server(installation):
    """Clients would be told OK for days by a store that keeps nothing."""
    with Server(installation) as server:
        with suppress(asyncssh.Error, OSError):
            assert not asyncio.run(_upload_until_damaged(server, lambda: spoil(installation)))
        assert server.process.wait(60) == DAMAGED
        assert "is damaged: restore a backup" in server.log
    again = installation.run("serve", check=False)
    assert (again.returncode, again.stdout) == (DAMAGED, "")
    assert "damaged: restore a backup" in again.stderr
    for command in ("files", "messages", "fsck", "hosts", "backends"):
        done = installation.run(command, check=False)
        assert done.returncode == DAMAGED, (command, done)
        assert "damaged: restore a backup" in done.stderr + done.stdout


@pytest.mark.slow
def test_damage_shows_on_the_health_page(installation):
    """A load balancer would go on sending clients to a host that keeps nothing."""
    with Server(installation) as server:
        assert readiness(server)[0] == 200
        spoil(installation)
        command = subprocess.Popen(
            installation.command("account", "set", "clinic", "chmod=ignore"), stderr=subprocess.DEVNULL
        )
        found = wait_for(lambda: (page := readiness(server))[0] != 200 and page, "the page to tell")
        assert found[0] == 503, found
        assert "damaged: restore a backup" in found[1]
        assert str(installation.folder) not in found[1]
        command.wait(60)
        assert server.process.wait(60) == DAMAGED


@pytest.mark.skipif(not os.path.exists("/dev/fuse"), reason="no FUSE here")  # noqa: PTH110
def test_damage_ends_a_mount(installation, tmp_path):
    """A program would go on saving files into a folder that keeps nothing."""
    folder = tmp_path / "mnt"
    folder.mkdir()
    with Mount(installation, folder, "clinic") as mount:
        (folder / "a.csv").write_bytes(ROWS)
        spoil(installation)
        with suppress(OSError):
            for number in range(1000):
                (folder / f"{number}.csv").write_bytes(ROWS)
        assert mount.process.wait(60) == DAMAGED
        assert "damaged: restore a backup" in mount.log
