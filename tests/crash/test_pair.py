"""A pair of hosts under clients that retry: hosts are killed, cut off, stopped; the database fails over."""

import asyncio
import contextlib
import os
import time
from urllib.parse import urlsplit

import pytest

from tests.support.haproxy import BALANCER, HaProxy
from tests.support.pair import (
    LEASE,
    Forwarder,
    Pair,
    full_outbox,
    wait_for_log,
    wait_for_sending,
    waits_for_outbox,
)
from tests.support.postgres import USER, PostgresServer
from tests.support.sender import Sender, tally
from tests.support.server import wait_for

FULL = bool(os.environ.get("SMSFS_FULL"))
FILES, ROUNDS = (200, 3) if FULL else (60, 1)
CLIENTS = 2
KILLS = 3
PATIENCE = 4.0
END_BOUND = 90.0
#: Over which a lease may be taken over late: the promise, and what a busy machine adds to it.
LATE, BUSY = 2.0, 3.0
#: Files before the database fails over, and the seconds until clients are served again.
BEFORE, SERVED = 10, 20.0
REPEATED = "a file of this name with the same bytes"


def is_at_rest(pair):
    """Whether no file is being read and no message waits."""
    if any(file["state"] == "processing" for file in pair.installation.rows("files")):
        return False
    return not any(
        message["state"] in ("queued", "submitting") for message in pair.installation.rows("messages")
    )


def check(pair, senders):
    """Everything that is promised; what there was."""
    wait_for(lambda: is_at_rest(pair), "the last message to leave", END_BOUND)
    found = tally(senders, pair.sent(), pair.installation.rows("messages"))
    assert found.is_sound, str(found)
    submitted, uploaded = set(), set()
    for file in pair.installation.rows("files"):
        stem = file["file"].partition(".csv")[0] + ".csv"
        if file["state"] == "success":
            submitted.add(stem)
        elif file["state"] == "draft":
            uploaded.add(stem)
        else:  # sent again by a client that did not learn in time that the first attempt had come through
            assert REPEATED in file["cause"]
    assert submitted == {name for sender in senders for name in sender.rows}
    assert set().union(*(sender.drafts for sender in senders)) <= uploaded
    for server in pair.servers:
        server.installation.run("fsck")
        assert "Traceback" not in server.log
    return found


@contextlib.contextmanager
def killed(server):
    """Without the host and its workers for a while."""
    server.kill_all()
    yield
    server.start()


def is_settled(pair):
    """Whether nothing is left of processes that died."""
    dispatchers = [host["alive"] for host in pair.installation.rows("hosts") if host["kind"] == "dispatch"]
    return dispatchers == [True] * len(pair.servers)


def trouble(pair, server, other, what):
    """Take away a host that has messages in hand; the seconds until the other takes these over."""
    wait_for(lambda: is_settled(pair), "earlier deaths to be settled")
    before = other.log.count("unknown_after_crash")
    wait_for_sending(server)
    with full_outbox(server.installation):
        wait_for(lambda: waits_for_outbox(server), "messages in hand")
        began = time.monotonic()
        with what:
            wait_for_log(other, "unknown_after_crash", before + 1)
            return time.monotonic() - began


def trouble_each(pair, ways, senders, chance):
    """Kill one host, cut the other off from the database, stop the first; then kill either at any moment."""
    seconds = []
    for _ in range(ROUNDS):
        first, second = pair.servers
        for server, other, what in (
            (first, second, killed(first)),
            (second, first, ways[1].blocked()),
            (first, second, first.frozen()),
        ):
            seconds.append(trouble(pair, server, other, what))
        for server in chance.choices(pair.servers, k=KILLS):
            moment = told(senders) + chance.randrange(4)
            wait_for(lambda moment=moment: told(senders) >= moment, "a moment to kill at")
            with killed(server):
                pass
        pair.servers.reverse()
        ways.reverse()
    return seconds


async def stream(senders, step):
    """What ``step`` gives, run in a thread while the clients send; they do until it is enough."""
    over = asyncio.Event()
    running = [asyncio.create_task(sender.run(over)) for sender in senders]
    try:
        given = await asyncio.to_thread(step)
        while sum(len(sender.rows) for sender in senders) < FILES and not any(
            task.done() for task in running
        ):
            await asyncio.wait(running, timeout=0.1)
    finally:
        over.set()
    async with asyncio.timeout(END_BOUND):
        await asyncio.gather(*running)
    return given


@contextlib.contextmanager
def behind_haproxy(pair, logins):
    """As many logins through HAProxy, which gives each session to the host that has fewer."""
    with HaProxy(pair.folder, pair.servers).running() as proxy:
        yield [{**login, "port": proxy.port} for login in logins]


@pytest.mark.slow
def test_pair_loses_no_row_and_doubles_none_in_silence(database, tmp_path, chance, capsys):
    """The death of one of two hosts would lose messages of honest clients, or send some twice unseen."""
    port = int(urlsplit(database).port)
    with Forwarder(port) as one, Forwarder(port) as two:
        ways = [one, two]
        urls = [database.replace(f":{port}/", f":{way.port}/") for way in ways]
        with Pair(tmp_path, urls, {"sftp": {"proxy_from": [BALANCER]}}) as pair:
            logins = pair.add_account("clinic", "a password")
            with behind_haproxy(pair, logins) as through:
                senders = [Sender(f"file-{number}", through, chance, PATIENCE) for number in range(CLIENTS)]
                seconds = asyncio.run(stream(senders, lambda: trouble_each(pair, ways, senders, chance)))
            found = check(pair, senders)
    with capsys.disabled():
        shown = ", ".join(f"{took:.1f}" for took in seconds)
        what = "hosts behind HAProxy killed, cut off, stopped"
        print(f"\n{what}: {found}; taken over after {shown} s (lease {LEASE:.0f} s)")  # noqa: T201 -- the figures are for whoever runs the tests
    assert found.files >= FILES
    assert max(seconds) < LEASE + LATE + BUSY


@pytest.fixture
def primary():
    """A server of databases that a test may kill."""
    server = PostgresServer()
    yield server
    server.stop()


@pytest.fixture
def standby(primary):
    """A copy of it, for which each of its commits waits."""
    server = PostgresServer(source=primary)
    primary.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
    primary.execute("SELECT pg_reload_conf()")
    state = "SELECT sync_state FROM pg_stat_replication"
    wait_for(lambda: primary.execute(state) == [("sync",)], "the standby to be synchronous")
    yield server
    server.stop()


def fail_over(primary, standby, senders):
    """Replace the primary by the standby; the seconds until a client's rename was answered with OK again."""
    wait_for(lambda: told(senders) >= BEFORE, "the stream to run", END_BOUND)
    primary.kill()
    began, earlier = time.monotonic(), told(senders)
    standby.promote()
    wait_for(lambda: told(senders) > earlier, "clients to be served again", END_BOUND)
    return time.monotonic() - began


def told(senders):
    """How many files were answered with OK."""
    return sum(len(sender.told) for sender in senders)


@pytest.mark.slow
def test_failover_of_the_database_loses_no_row(primary, standby, tmp_path, chance, capsys):
    """The death of the database's server would lose messages that clients were told are safe."""
    database = primary.new_database().rpartition("/")[2]
    hosts = f"127.0.0.1:{primary.port},127.0.0.1:{standby.port}"
    url = f"postgresql://{USER}@{hosts}/{database}?target_session_attrs=read-write"
    with Pair(tmp_path, [url, url]) as pair:
        logins = pair.add_account("clinic", "a password")
        senders = [Sender(f"file-{number}", logins, chance, PATIENCE) for number in range(CLIENTS)]
        took = asyncio.run(stream(senders, lambda: fail_over(primary, standby, senders)))
        found = check(pair, senders)
    with capsys.disabled():
        print(f"\ndatabase failed over: {found}; clients served again after {took:.1f} s")  # noqa: T201 -- as above
    assert took < SERVED
