"""A host that is cut off from the database in the midst of something, and how soon the other has its work."""

import contextlib
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from attrs import evolve

from smsfs.dialects.registry import dialect
from smsfs.errors import StoreUnavailable
from smsfs.filesystem import Filesystems
from smsfs.store import Outcome, SliceReport, StaleOwnerError
from smsfs.store.postgresql import PostgresStore
from tests.support.pair import Forwarder
from tests.support.server import wait_for
from tests.support.store_suite.base import NOW, accepted, new_slice, reading, taken

LEASE, MARGIN = 1.0, 0.3
#: Over which a lease may be taken over late, on a busy machine as well.
LATE = 8.0
BOUND = 30.0
WAITERS = 4
WRITE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
PIECE = b"x" * 256 * 1024
WAITING = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"


class Host:
    """A store, the owner that works on it, and the account's files there."""

    def __init__(self, url):
        self.url, self.store = url, PostgresStore(url, lease=LEASE, margin=MARGIN)
        self.account = self.store.accounts.find("shop")
        if self.account is None:
            self.account = self.store.accounts.add("shop", "gatewayapi", {}, NOW)
        self.owner = self.store.register("front")
        self.files = Filesystems(self.store, self.owner, dialect).of(self.account)


@pytest.fixture
def way(postgres):
    """The first host's way to the server of databases."""
    with Forwarder(postgres.port) as way:
        yield way


@pytest.fixture
def hosts(database, way, postgres):
    """One behind the way, and another."""
    hosts = Host(database.replace(f":{postgres.port}/", f":{way.port}/")), Host(database)
    yield hosts
    for host in hosts:
        host.store.close()


def cut_within(stack, way, outcomes):
    """Outcomes, after the first of which the way is blocked."""
    for outcome in outcomes:
        yield outcome
        if not way.is_blocked:
            stack.enter_context(way.blocked())


def reads_a_file(first, way, stack):
    """Rows that are never sent are copied in; the other has to read the file."""
    batch = reading(first.store, first.account, first.owner)
    refused = cut_within(stack, way, [Outcome(1, "refused", NOW), Outcome(2, "refused", NOW)])
    yield lambda: first.store.queue.stage(batch.id, first.owner, [evolve(new_slice(), refused=refused)])
    yield lambda second: second.store.settle() and second.store.queue.claim_batch(second.owner, NOW)


def records_outcomes(first, way, stack):
    """What became of messages is copied in; the other has to take them over."""
    accepted(first.store, first.account, first.owner, new_slice())
    held = taken(first.store, first.owner)
    told = cut_within(stack, way, [Outcome(1, "accepted", NOW), Outcome(2, "accepted", NOW)])
    yield lambda: first.store.queue.record(first.owner, [SliceReport(held, told, done=True)])
    yield lambda second: [
        second.store.queue.take_over(slice_, dead, second.owner)
        for dead, slice_ in second.store.queue.abandoned(second.store.alive)
    ]


def uploads(first, way, stack):
    """A part of a piece of a file has come; the other has to take the file anew."""
    upload = first.files.open("a.csv", WRITE)
    upload.write(0, PIECE)
    stack.enter_context(way.blocked_after(len(PIECE) // 2))
    yield upload.sync
    yield lambda second: second.files.open("a.csv", WRITE)


def queues_for_an_account(first, way, stack):
    """One has the account and others wait for it, who would have it in turn; the other wants it as well."""
    over = threading.Event()
    stack.callback(over.set)

    def change():
        with first.store.files.change(first.account.id) as files:
            files.usage(first.account.id)  # has the account from here on
            over.wait(BOUND)

    def change_each():
        with ThreadPoolExecutor(WAITERS) as threads, psycopg.connect(first.url) as looks:
            each = [threads.submit(change) for _ in range(WAITERS)]
            wait_for(lambda: looks.execute(WAITING).fetchone() == (WAITERS - 1,), "all to wait")
            looks.rollback()
            stack.enter_context(way.blocked())
            for one in each:
                one.result()

    yield change_each
    yield lambda second: second.files.stat("") and has_account(second)


def has_account(host):
    """Change something of the account."""
    with host.store.files.change(host.account.id) as files:
        return files.usage(host.account.id) is not None


def came_to_nothing(acting):
    """Whether a deed was undone, or met on its second try that what it is about is another's."""
    try:
        return bool(acting.result(BOUND))
    except (StoreUnavailable, StaleOwnerError):
        return True


@pytest.mark.parametrize("deed", [reads_a_file, records_outcomes, uploads, queues_for_an_account])
def test_host_that_is_cut_off_amid_a_statement_is_taken_over(way, hosts, deed):
    """Messages of a host without network would wait for hours, and accounts be closed on the other."""
    first, second = hosts
    with ThreadPoolExecutor(2) as threads, contextlib.ExitStack() as stack:
        act, take = deed(first, way, stack)
        acting = threads.submit(act)
        wait_for(lambda: way.is_blocked or acting.done(), "the cut")
        assert way.is_blocked, acting.result()
        began = time.monotonic()
        wait_for(lambda: first.owner.id not in second.store.alive(), "the lease to end", pause=0.1)
        assert threads.submit(take, second).result(BOUND)
        took = time.monotonic() - began
    assert came_to_nothing(acting)
    assert took < LEASE + LATE
