"""A host that is out of touch with the database, or was stopped, and what clients and the other host see."""

import contextlib
import os
import signal
import socket
import time
from urllib.error import HTTPError
from urllib.request import urlopen

import paramiko
import pytest

from smsfs.errors import StoreUnavailable
from smsfs.store.postgresql import PostgresStore
from tests.support.pair import LEASE, Forwarder, Pair, full_outbox, wait_for_log, waits_for_outbox
from tests.support.server import stop_process, wait_for

PASSWORD = "a password"
AWAY = 2 * LEASE
#: A worker that ends at once is started again after 0.2 s, 0.4 s, 0.8 s and so on.
MOST_STARTS = 7
RESUME, LATE = 10.0, 3.0


@pytest.fixture(scope="module")
def ways(postgres):
    """The ways of two hosts to the server of databases."""
    port = postgres.port
    with Forwarder(port) as one, Forwarder(port) as two:
        yield one, two


@pytest.fixture(scope="module")
def pair(postgres, ways, tmp_path_factory):
    """Two hosts that survive all that happens here."""
    url = postgres.new_database()
    urls = [url.replace(f":{postgres.port}/", f":{way.port}/") for way in ways]
    with Pair(tmp_path_factory.mktemp("pair"), urls, {"web": {"listen": ["127.0.0.1:0"]}}) as pair:
        pair.url = url
        yield pair
        assert all(server.process.poll() is None for server in pair.servers)
    assert not any("Traceback" in server.log for server in pair.servers)
    postgres.drop_database(url)


@contextlib.contextmanager
def session(login):
    """An SFTP session of paramiko."""
    raw = socket.create_connection((login["host"], login["port"]))
    with contextlib.closing(paramiko.Transport(raw)) as transport:
        transport.connect(username=login["username"], password=PASSWORD)
        yield paramiko.SFTPClient.from_transport(transport)


def put(sftp, name, rows=1):
    """Upload a file."""
    lines = ["msisdn,message,userref", *(f"4512{row:06},Row {row},{name}" for row in range(1, rows + 1))]
    with sftp.open(name, "w") as file:
        file.write("\n".join(lines))


def is_ready(server):
    """Whether the host wants clients."""
    address = next(line for line in server.output.splitlines() if line.startswith("ready web"))
    with contextlib.suppress(HTTPError):
        return urlopen(f"http://{address.split()[2]}/readyz", timeout=20).status == 200
    return False


def starts(server):
    """How often a worker of the host has ended, to be started again."""
    return server.log.count("worker_ended")


def keeps_on(step):
    """Whether a step goes through; a refusal is for now."""
    with contextlib.suppress(OSError):
        step()
        return True
    return False


def sent_rows(pair, name):
    """The rows of a file that left, those of repeated messages repeatedly."""
    return sorted(message["row"] for message in pair.sent() if message["userref"] == name)


@pytest.mark.slow
def test_database_away_is_told_and_ridden_out(pair, ways, capsys):
    """A restart of the database would lose files, tell clients nonsense, or need somebody to start smsfs."""
    login, _ = pair.add_account("patient", PASSWORD)
    before = [starts(server) for server in pair.servers]
    with session(login) as sftp:
        put(sftp, "kept.csv")
        with ways[0].cut(), ways[1].cut():
            gone = time.monotonic()
            for step in (
                lambda: sftp.posix_rename("kept.csv", "kept.csv.ready"),
                lambda: put(sftp, "new.csv"),
                sftp.listdir,
            ):
                with pytest.raises(OSError, match="database does not answer now"):
                    step()
            wait_for(lambda: not any(map(is_ready, pair.servers)), "the hosts to say so")
            wait_for(lambda: time.monotonic() > gone + AWAY, "the leases to run out")
        back = time.monotonic()
        wait_for(
            lambda: keeps_on(lambda: sftp.posix_rename("kept.csv", "kept.csv.ready")), "the rename", RESUME
        )
        renamed = time.monotonic() - back
        wait_for(lambda: sent_rows(pair, "kept.csv"), "the message", RESUME)
        left = time.monotonic() - back
        assert not any(name.startswith("new") for name in sftp.listdir())
    wait_for(lambda: all(map(is_ready, pair.servers)), "both hosts to want clients again")
    assert sent_rows(pair, "kept.csv") == [1]
    for server, earlier in zip(pair.servers, before, strict=True):
        assert starts(server) - earlier <= 2 * MOST_STARTS
    with capsys.disabled():
        print(f"\ndatabase back: clients served after {renamed:.1f} s, messages after {left:.1f} s")  # noqa: T201 -- the figures are for whoever runs the tests


@pytest.mark.slow
def test_stopped_dispatcher_sends_nothing_of_what_was_taken_over(pair):
    """A host that stood still, and goes on, would send what the other host has long sent."""
    first, second = pair.servers
    login, _ = pair.add_account("stopped", PASSWORD)
    rows = list(range(1, 1201))
    taken, stale = second.log.count("unknown_after_crash"), first.log.count("stale_write")
    with second.paused("dispatch"), session(login) as sftp:
        put(sftp, "quick.csv")
        sftp.posix_rename("quick.csv", "quick.csv.ready")
        wait_for(lambda: first.installation.sent("stopped"), "the dispatcher to be at work")
        with full_outbox(first.installation):
            put(sftp, "slow.csv", len(rows))
            sftp.posix_rename("slow.csv", "slow.csv.ready")
            wait_for(lambda: waits_for_outbox(first), "messages in hand")
            stopped = first.workers()["dispatch"]
            stop_process(stopped)
    try:
        wait_for_log(second, "unknown_after_crash", taken + 1)
        wait_for(lambda: len(sent_rows(pair, "slow.csv")) >= len(rows), "the other host to send")
    finally:
        os.kill(stopped, signal.SIGCONT)
    wait_for_log(first, "stale_write", stale + 1)
    wait_for(lambda: first.workers().get("dispatch", stopped) != stopped, "a dispatcher under a new term")
    assert sent_rows(pair, "slow.csv") == rows
    assert {message["userref"] for message in first.installation.sent("stopped")} == {"quick.csv"}


@contextlib.contextmanager
def standing_still(store, account):
    """Within a transaction on an account, as a host that was stopped there; it fails at the end."""
    with store.files.change(account.id) as files:
        files.usage(account.id)  # has the account from here on
        yield
        files.usage(account.id)


@pytest.mark.slow
def test_host_stopped_within_a_transaction_holds_nobody_up(pair):
    """One host's trouble would close an account, or all of them, on every other host until its end."""
    logins = pair.add_account("locked", PASSWORD)
    store = PostgresStore(pair.url, lease=LEASE)
    transaction = standing_still(store, store.accounts.find("locked"))
    transaction.__enter__()
    began = time.monotonic()
    with session(logins[0]) as sftp:
        put(sftp, "a.csv")
    assert time.monotonic() - began < 2 * LEASE + LATE
    with pytest.raises(StoreUnavailable):
        transaction.__exit__(None, None, None)
    store.close()
