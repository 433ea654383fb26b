"""A dispatcher that stands still while another works on the same store, and one that is superseded."""

import fcntl
import os
import signal
import sqlite3
import time
from collections import Counter
from contextlib import ExitStack, closing, contextmanager

import pytest

from smsfs.cli.common import filesystems
from smsfs.config import load, open_store
from tests.support.server import Installation, Server, stop_process, wait_for

ROWS = 30_000
TRIES = 200


@pytest.fixture
def installation(tmp_path):
    """A store with an account."""
    made = Installation(tmp_path, {"log": {"level": "warning"}})
    made.add_account("clinic", "a password")
    return made


def submit(installation, name, rows):
    """Submit a file from this process, as a mount does."""
    with closing(open_store(load(installation.configuration))) as store:
        files = filesystems(store, store.register("test")).of(store.accounts.find("clinic"))
        lines = ["msisdn,message,userref", *(f"4512{row:06},Row {row},{name}" for row in range(1, rows + 1))]
        draft = files.open(name, os.O_WRONLY | os.O_CREAT)
        draft.write(0, "\n".join(lines).encode())
        draft.close()
        files.rename(name, f"{name}.ready", replace=False)


def is_free(installation):
    """Whether nobody holds the outbox's lock or the database's write lock."""
    with (installation.folder / "outbox.jsonl").open("rb") as outbox:
        try:
            fcntl.flock(outbox, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    with closing(
        sqlite3.connect(installation.folder / "smsfs.db", timeout=0, isolation_level=None)
    ) as database:
        try:
            database.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        database.execute("ROLLBACK")
    return True


def holdings(installation):
    """The tokens of the processes that hold slices, each with the number of these."""
    with closing(sqlite3.connect(installation.folder / "smsfs.db")) as database:
        found = database.execute(
            "SELECT token, count(*) FROM slice JOIN owner ON owner.id = slice.owner"
            " WHERE slice.state = 'claimed' GROUP BY token"
        )
        return dict(found.fetchall())


@contextmanager
def stopped_in_the_act(installation, server):
    """Stop the dispatcher while it holds slices, but no lock that everyone needs."""
    wait_for(installation.sent, "the first message to leave")
    pid = server.workers()["dispatch"]
    for _ in range(TRIES):
        stop_process(pid)
        if is_free(installation) and holdings(installation):
            break
        os.kill(pid, signal.SIGCONT)
        time.sleep(0.001)
    else:
        pytest.fail("the dispatcher was never found with slices in its hands and no lock")
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def check(installation, rows):
    """Every row left, and those that left twice are recorded; how many rows are recorded so."""
    wait_for(
        lambda: len({(sent["userref"], sent["row"]) for sent in installation.sent()}) == rows, "all rows", 60
    )
    wait_for(lambda: not holdings(installation), "the last answers to be recorded")
    times = Counter((sent["userref"], sent["row"]) for sent in installation.sent())
    messages = installation.rows("messages")
    assert {message["state"] for message in messages} == {"submitted"}
    assert len(messages) == rows
    recorded = {(message["userref"], message["row"]) for message in messages if message["doubled"]}
    assert {key for key, number in times.items() if number > 1} <= recorded
    installation.run("fsck")
    return len(recorded)


def test_a_dispatcher_that_stood_still_is_not_taken_for_dead(installation):
    """A host under load or in a debugger would have its messages sent a second time by its neighbour."""
    with Server(installation) as server, Server(installation) as other, ExitStack() as stack:
        wait_for(lambda: len(server.workers()) + len(other.workers()) == 6, "the workers")
        stack.enter_context(other.paused("dispatch"))
        submit(installation, "long.csv", ROWS)
        with stopped_in_the_act(installation, server):
            stack.close()
            held = holdings(installation)
            submit(installation, "short.csv", 100)
            wait_for(
                lambda: any(sent["userref"] == "short.csv" for sent in installation.sent()), "the other one"
            )
            assert held.items() <= holdings(installation).items()
        assert check(installation, ROWS + 100) == 0


def test_a_superseded_dispatcher_writes_nothing_more(installation):
    """A dispatcher that was taken for dead would overwrite its successor's records: rows lost or doubled."""
    with Server(installation) as server:
        wait_for(lambda: len(server.workers()) == 3, "the workers")
        submit(installation, "long.csv", ROWS)
        with stopped_in_the_act(installation, server):
            (token,) = holdings(installation)
            (installation.folder / "run" / token).unlink()
            with Server(installation) as other:
                wait_for(lambda: token not in holdings(installation), "the takeover")
                wait_for(
                    lambda: installation.sent()[-1]["row"] == ROWS, "the successor to get to the end", 60
                )
                assert "unknown_after_crash" in other.log
        wait_for(lambda: "stale_write" in server.log, "the stale write to be seen")
        assert check(installation, ROWS) > 0
