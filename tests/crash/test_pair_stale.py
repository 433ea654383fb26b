"""An upload through a host that was taken for dead meanwhile, and a host whose wall clock is hours off."""

import os

import pytest

from smsfs.dialects.registry import dialect
from smsfs.filesystem import Filesystems
from smsfs.store.postgresql import PostgresStore
from smsfs.testing.pair import Forwarder
from smsfs.testing.server import wait_for

LEASE, MARGIN = 1.0, 0.3
WRITE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
OLD, NEW = b"msisdn,message\n4512345678,A longer old one\n", b"msisdn,message\n4512345678,New\n"


@pytest.fixture
def way(postgres):
    """The first host's way to the server of databases."""
    with Forwarder(postgres.port) as way:
        yield way


@pytest.fixture
def first(database, way, postgres):
    """The store as the first host has it."""
    store = PostgresStore(database.replace(f":{postgres.port}/", f":{way.port}/"), lease=LEASE, margin=MARGIN)
    yield store
    store.close()


@pytest.fixture
def second(database):
    """The store as the second host has it."""
    store = PostgresStore(database, lease=LEASE, margin=MARGIN)
    yield store
    store.close()


@pytest.mark.parametrize("last", ["sync", "close", "abandon", "truncate"])
def test_upload_that_lost_its_host_cannot_change_what_another_completed(way, first, second, last):
    """Old bytes would be written into a file that was uploaded anew and submitted, and be sent."""
    account = second.accounts.add("shop", "gatewayapi", {}, second.now())
    owner = first.register("front")
    here = Filesystems(first, owner, dialect).of(account)
    there = Filesystems(second, second.register("front"), dialect).of(account)
    old = here.open("a.csv", WRITE)
    old.write(0, OLD)
    with way.cut():
        wait_for(lambda: owner.id not in second.alive(), "the first host to count as dead")
        new = there.open("a.csv", WRITE)
        new.write(0, NEW)
        new.close()
        there.rename("a.csv", "a.csv.ready", replace=False)
    with pytest.raises(OSError, match="lost this upload"):
        wait_for_store(first, lambda: old.truncate(0) if last == "truncate" else getattr(old, last)())
    shown = there.open("a.csv.ready", os.O_RDONLY)
    assert shown.read(0, 1000) == NEW
    assert there.stat("a.csv.ready").size == len(NEW)


def wait_for_store(store, step):
    """Do something once the store answers again."""
    wait_for(lambda: answers(store), "the store to answer")
    step()


def answers(store):
    """Whether the store can be had."""
    try:
        store.alive()
    except OSError:
        return False
    return True
