"""Workers whose ``smsfs serve`` was killed while they wait for something that does not come."""

import os
import signal
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

import psycopg
import pytest

from smsfs.cli.common import filesystems
from smsfs.config import load, open_store
from tests.support.pair import Forwarder, full_outbox, waits_for_outbox
from tests.support.server import Installation, Server, wait_for

#: The grace, five seconds more, and what a busy machine adds.
BOUND = 30.0


@pytest.fixture
def way(postgres):
    """The host's way to the server of databases."""
    with Forwarder(postgres.port) as way:
        yield way


@pytest.fixture
def installation(tmp_path, database, postgres, way):
    """A host whose workers have a short grace, with an account."""
    url = database.replace(f":{postgres.port}/", f":{way.port}/")
    backend = {"type": "outbox", "path": str(tmp_path / "outbox.jsonl")}
    sections = {"store": {"url": url}, "pipeline": {"stop_grace": 0.1}, "backends.outbox": backend}
    made = Installation(tmp_path, {**sections, "log": {"level": "warning", "format": "json"}})
    made.add_account("clinic", "a password")
    return made


@contextmanager
def killed(server):
    """Kill the server alone; at the end, also the workers that it left."""
    workers = wait_for(lambda: len(found := server.workers()) == 3 and found, "the workers")
    server.kill()
    try:
        yield workers
    finally:
        for pid in left(workers).values():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def left(workers):
    """Those of some processes that are still there."""
    return {name: pid for name, pid in workers.items() if is_there(pid)}


def is_there(pid):
    """Whether a process runs; one that only waits to be reaped has no command line."""
    try:
        return b"worker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False


def submit(installation, name, rows):
    """Submit a file from this process, as a mount does."""
    with closing(open_store(load(installation.configuration))) as store:
        files = filesystems(store, store.register("test")).of(store.accounts.find("clinic"))
        lines = ["msisdn,message", *(f"4512{row:06},Row {row}" for row in range(1, rows + 1))]
        draft = files.open(name, os.O_WRONLY | os.O_CREAT)
        draft.write(0, "\n".join(lines).encode())
        draft.close()
        files.rename(name, f"{name}.ready", replace=False)


def test_workers_that_wait_for_a_lock_end_after_serve(installation, database):
    """With each kill of serve, processes would be left that nobody ends, with all their connections."""
    with Server(installation, exact=True) as server, psycopg.connect(database) as other:
        other.execute("LOCK TABLE owner IN ACCESS EXCLUSIVE MODE")
        with killed(server) as workers:
            wait_for(lambda: not left(workers), f"{left(workers)} to end", BOUND, pause=0.1)


def test_a_dispatcher_with_answers_and_no_database_ends_after_serve(installation, way):
    """A dispatcher that nobody watches would wait for the database for hours, beside the one started next."""
    with Server(installation, exact=True) as server, ExitStack() as stack:
        submit(installation, "first.csv", 1)
        wait_for(installation.sent, "the dispatcher to be at work")
        with full_outbox(installation):
            submit(installation, "second.csv", 10)
            wait_for(lambda: waits_for_outbox(server), "messages in hand")
            stack.enter_context(way.cut())
        workers = stack.enter_context(killed(server))
        wait_for(lambda: not left(workers), "the workers to end", BOUND, pause=0.1)
