"""Two hosts on a database that gives them few connections, through a pooler, or that takes no changes."""

import asyncio
import contextlib
import time
from urllib.error import HTTPError
from urllib.request import urlopen

import asyncssh
import psycopg
import pytest

from tests.support.pair import Pair
from tests.support.pgbouncer import PgBouncer
from tests.support.server import Installation, wait_for

pytestmark = pytest.mark.logs("worker_ended", "worker_does_not_stay_up")

LIMIT, SESSIONS, BOUND = 20, 100, 120.0
#: One for each process, and two for those that a busy machine lets do two things at once.
MOST_IDLE = 10
CSV = "msisdn,message,userref\n4512345678,Hello,{name}\n"


@pytest.fixture
def small(postgres, database):
    """The database for a role that may have few connections."""
    url = postgres.new_role(database, f"CONNECTION LIMIT {LIMIT}")
    name = url.partition("//")[2].partition("@")[0]
    yield url, name
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(f"REASSIGN OWNED BY {name} TO CURRENT_USER")
        connection.execute(f"DROP OWNED BY {name}")
        connection.execute(f"DROP ROLE {name}")


async def send(login, name):
    """Upload a file and submit it, in a session of its own."""
    async with asyncssh.connect(**login) as connection, connection.start_sftp_client() as sftp:
        async with sftp.open(f"{name}.csv", "w") as file:
            await file.write(CSV.format(name=name))
        await sftp.rename(f"{name}.csv", f"{name}.csv.ready")


async def send_all(logins, count):
    """As many sessions at once, on the hosts in turn."""
    async with asyncio.timeout(BOUND):
        await asyncio.gather(*(send(logins[number % 2], f"f{number}") for number in range(count)))


def commands(pair, until):
    """Ask for the hosts, again and again; the seconds that each time took."""
    seconds = []
    while not until() or not seconds:
        began = time.monotonic()
        pair.installation.run("hosts")
        seconds.append(time.monotonic() - began)
    return seconds


def wait_until_sent(pair, count):
    """Wait until each file has left once."""
    wait_for(lambda: len(pair.sent()) >= count, "all messages", BOUND)
    assert sorted(message["userref"] for message in pair.sent()) == sorted(f"f{n}" for n in range(count))


@pytest.mark.slow
def test_a_hundred_sessions_share_what_a_small_role_has(tmp_path, small, postgres, capsys):
    """Under load nothing would move until long after it, and the operator could not even look."""
    url, name = small
    with Pair(tmp_path, [url, url], {"store": {"lease": 10, "margin": 2}}) as pair:
        logins = pair.add_account("clinic", "a password")
        taken = f"SELECT count(*) FROM pg_stat_activity WHERE usename = '{name}'"  # noqa: S608 -- our own name

        async def work():
            sending = asyncio.create_task(send_all(logins, SESSIONS))
            asked = await asyncio.to_thread(commands, pair, sending.done)
            await sending
            return asked

        began = time.monotonic()
        asked = asyncio.run(work())
        took = time.monotonic() - began
        wait_until_sent(pair, SESSIONS)
        assert all("store_settings" in server.log for server in pair.servers[1:])
        wait_for(lambda: postgres.execute(taken) <= [(MOST_IDLE,)], "connections to be given back", BOUND)
        assert not any("Traceback" in server.log for server in pair.servers)
    with capsys.disabled():
        shown = f"{SESSIONS} sessions in {took:.1f} s; a command took {max(asked):.1f} s at most"
        print(f"\na role with {LIMIT} connections, two hosts: {shown}")  # noqa: T201 -- the figures are for people who run the tests


def test_a_pair_works_behind_a_pooler_of_sessions(tmp_path, database, postgres):
    """Messages would wait, or two hosts send the same, where PgBouncer stands before the database."""
    with PgBouncer(postgres, "session") as pooler, Pair(tmp_path, [pooler.url(database)] * 2) as pair:
        asyncio.run(send_all(pair.add_account("clinic", "a password"), 8))
        wait_until_sent(pair, 8)


def test_a_server_does_not_start_on_a_pooler_of_transactions(tmp_path, database, postgres):
    """It would start, and its workers crash over statements that others prepared."""
    with PgBouncer(postgres, "transaction") as pooler:
        done = Installation(tmp_path, {"store": {"url": pooler.url(database)}}).run("serve", check=False)
    assert done.returncode == 1
    assert "set pool_mode = session for this database" in done.stderr
    assert done.stderr.count("\n") == 1


def readiness(server):
    """What the health page says."""
    with contextlib.suppress(HTTPError):
        return urlopen(f"http://127.0.0.1:{server.web_port}/readyz", timeout=20).status
    return 503


def test_a_host_whose_database_takes_no_changes_wants_no_clients(tmp_path, database, postgres):
    """The balancer would send clients to a host that can store nothing of theirs."""
    name = database.rpartition("/")[2]
    with Pair(tmp_path, [database], {"web": {"listen": ["127.0.0.1:0"]}}) as pair:
        (server,) = pair.servers
        wait_for(lambda: readiness(server) == 200, "the host to want clients")
        postgres.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        ends = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"  # noqa: S608 -- our own name
        postgres.execute(ends)
        wait_for(lambda: readiness(server) == 503, "the host to want none")
        assert pair.installation.run("files").returncode == 0
        postgres.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
        postgres.execute(ends)
        wait_for(lambda: readiness(server) == 200, "the host to want clients again", BOUND)
