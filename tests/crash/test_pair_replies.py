"""Replies as files, on two hosts that share a database, one of which is killed while it shows them."""

import contextlib
import socket
from collections import Counter

import paramiko
import psycopg
import pytest

from tests.support.pair import Pair
from tests.support.server import wait_for

PASSWORD = "correct-horse-battery"
REPLIES, BEFORE = 600, 40
BOUND = 60.0
LOGS = {"log": {"level": "info", "format": "json"}}
ADD = """
INSERT INTO reply (backend, sender, recipient, text, whole, at, account)
SELECT 'carrier', '4512345678', '2929', 'text ' || number, 1, extract(epoch FROM now()), account.id
FROM account, generate_series(1, %s) AS number WHERE name = 'tools'
"""


@pytest.fixture
def pair(database, tmp_path):
    """Two hosts with an account, not started yet."""
    pair = Pair(tmp_path, [database, database], LOGS)
    pair.installation.add_account("tools", PASSWORD, "--dialect", "smstools")
    return pair


@contextlib.contextmanager
def session(server):
    """A client of a host."""
    raw = socket.create_connection(("127.0.0.1", server.port))
    with contextlib.closing(paramiko.Transport(raw)) as transport:
        transport.connect(username="tools", password=PASSWORD)
        yield paramiko.SFTPClient.from_transport(transport)


def fetch(sftp, texts):
    """Read and delete what has come in, as a program does; how many replies that makes."""
    for name in sftp.listdir("incoming"):
        texts[sftp.open(f"incoming/{name}").read().decode().partition("\n\n")[2]] += 1
        sftp.remove(f"incoming/{name}")
    return texts.total()


def unshown(database):
    """How many replies are still to be shown."""
    with psycopg.connect(database) as connection:
        return connection.execute("SELECT count(*) FROM reply WHERE shown = 0").fetchone()[0]


@pytest.mark.slow
def test_each_reply_is_shown_once_though_the_host_that_shows_them_is_killed(pair, database):
    """A program would act twice on an answer, never get it, or find one again that it has deleted."""
    with pair:
        with psycopg.connect(database) as connection:
            connection.execute(ADD, [REPLIES])

        def leader():
            return next(
                (server for server in pair.servers if server.log.count('"reply_shown"') > BEFORE), None
            )

        killed = wait_for(leader, "some replies to be shown", BOUND)
        killed.kill_all()
        left = unshown(database)
        (survivor,) = (server for server in pair.servers if server is not killed)
        texts = Counter()
        with session(survivor) as sftp:
            fetch(sftp, texts)
            wait_for(lambda: fetch(sftp, texts) >= REPLIES and not unshown(database), "all replies", BOUND)
            assert fetch(sftp, texts) == REPLIES
        assert left > 0, "it was killed in the midst"
        survivor.installation.run("fsck")
    assert texts == {f"text {number}": 1 for number in range(1, REPLIES + 1)}
