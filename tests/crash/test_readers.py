"""Readers that are killed, that crash, or that run out of memory: what becomes of the files they had."""

import os
import signal
import time
from contextlib import closing, contextmanager

import pytest

from smsfs.cli.common import filesystems
from smsfs.config import load, open_store
from smsfs.states import FileState
from tests.support.server import Installation, Server, wait_for

LARGE_ROWS = 120_000
LONG = 1000.0
TRIES = 5


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request, tmp_path):
    """Where a server keeps everything."""
    if request.param == "sqlite":
        return f"sqlite://{tmp_path / 'smsfs.db'}"
    return request.getfixturevalue("database")


class House:
    """A running server, and its store as another process has it."""

    def __init__(self, server, store):
        self.server, self.store = server, store
        self._filesystems = filesystems(store, store.register("test"))

    def submit(self, account, name, data):
        """Have a file sent; its batch's number."""
        files = self._filesystems.of(self.store.accounts.find(account))
        draft = files.open(name, os.O_WRONLY | os.O_CREAT)
        draft.write(0, data)
        draft.close()
        files.rename(name, f"{name}.ready", replace=False)
        return max(batch.id for batch in self.store.queue.batches())

    def batch(self, number):
        """A batch as it is now."""
        return next(batch for batch in self.store.queue.batches() if batch.id == number)

    def state(self, number):
        """The state of a batch's file."""
        return self.store.files.view().get(self.batch(number).file).state

    def kill_over(self, number, how):
        """End the reader while it works on a file."""
        wait_for(lambda: self.batch(number).state == "reading", "the file to be read")
        os.kill(self.server.workers()["intake"], how)

    def end_reader(self, number, how, is_noted):
        """End the reader over a file; again if that was between two steps of it, when it is not noted."""
        for _ in range(TRIES):
            reader = self.server.workers()["intake"]
            self.kill_over(number, how)
            wait_for(lambda: self.server.workers().get("intake", reader) != reader, "another reader")  # noqa: B023
            if is_noted():  # before the next one is started
                return
        raise AssertionError(f"none of {TRIES} ends was noted")


@contextmanager
def running(folder, url, **pipeline):
    """A server with two accounts whose failed files wait for half an hour."""
    outbox = {"type": "outbox", "path": str(folder / "outbox.jsonl")}
    sections = {"store": {"url": url}, "pipeline": {"readers": 1, **pipeline}, "backends.outbox": outbox}
    installation = Installation(folder, sections)
    for account in ("clinic", "bulk"):
        installation.add_account(account, "a password")
    with Server(installation) as server, closing(open_store(load(installation.configuration))) as store:
        yield House(server, store)


def make_rows(rows, text="hello"):
    """A file with so many rows."""
    return "\n".join(["msisdn,message", *(f"45{row:08},{text}" for row in range(rows))]).encode()


@pytest.mark.slow
def test_file_is_read_again_at_once_after_kill_9(tmp_path, store_url):
    """A file would wait for half an hour because an operator, or a lack of memory, ended its reader."""
    with running(tmp_path, store_url) as house:
        number = house.submit("bulk", "large.csv", make_rows(LARGE_ROWS))
        house.kill_over(number, signal.SIGKILL)
        wait_for(lambda: house.state(number) is FileState.SUCCESS, "the file to be read again")
        assert (house.batch(number).messages, house.batch(number).failures) == (LARGE_ROWS, 0)


def test_two_kills_in_a_row_or_a_fault_of_its_own_count(tmp_path, store_url):
    """A file that has its reader end each time would keep ending readers, and every other file waiting."""
    with running(tmp_path, store_url) as house:
        number = house.submit("bulk", "large.csv", make_rows(LARGE_ROWS))
        house.end_reader(number, signal.SIGKILL, lambda: house.batch(number).crashes == 1)
        house.end_reader(number, signal.SIGKILL, lambda: house.batch(number).failures == 1)
        assert house.batch(number).not_before > time.time() + LONG
        other = house.submit("clinic", "other.csv", make_rows(LARGE_ROWS))
        house.end_reader(other, signal.SIGSEGV, lambda: house.batch(other).failures == 1)
        assert house.batch(other).not_before > time.time() + LONG
        small = house.submit("clinic", "small.csv", make_rows(1))
        wait_for(lambda: house.state(small) is FileState.SUCCESS, "other files to be read")


@pytest.mark.logs("reader_out_of_memory", "gave_up")
def test_file_that_takes_all_memory_is_rejected_with_the_cause(tmp_path, store_url):
    """A file that is a bomb would take the host's memory, or be shown as being processed for hours."""
    with running(tmp_path, store_url, reader_memory=12) as house:
        bomb = house.submit("bulk", "bomb.csv", make_rows(3000, "\N{CYRILLIC SMALL LETTER A}" * 4000))
        small = house.submit("clinic", "small.csv", make_rows(10))
        wait_for(lambda: house.state(bomb) is FileState.REJECTED, "the bomb to be rejected")
        (cause,) = house.batch(bomb).causes
        assert "takes more memory than the server has for one file" in cause.reason
        wait_for(lambda: house.state(small) is FileState.SUCCESS, "other files to be read")
        assert house.batch(small).failures == 0
