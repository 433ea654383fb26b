"""An upload through a host that was taken for dead meanwhile, and a host whose wall clock is hours off."""

import asyncio
import os
import time

import pytest

from smsfs.backends import UP, Accepted
from smsfs.dialects.registry import dialect
from smsfs.filesystem import Filesystems
from smsfs.pipeline.dispatch.dispatcher import Dispatcher
from smsfs.pipeline.dispatch.routes import Route
from smsfs.pipeline.intake.reader import Intake, IntakeRules
from smsfs.store.postgresql import PostgresStore
from tests.support.pair import Forwarder
from tests.support.server import wait_for

LEASE, MARGIN = 1.0, 0.3
BOUND = 60.0
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


class Watched:
    """A backend that notes what it is given."""

    idempotent = False
    traceable = False
    slices = 1

    def __init__(self):
        self.texts = []

    def state(self):
        """It never fails."""
        return UP

    async def start(self, receive=None):
        """There is nothing to get ready."""

    async def submit(self, envelopes, answer, may_send):
        """Accept each message."""
        assert may_send()
        for envelope in envelopes:
            self.texts.append(envelope.message.text)
            answer(envelope, Accepted(envelope.key, 1))

    def finish(self):
        """What it has is answered."""

    async def stop(self):
        """There is nothing to let go of."""


async def send(dispatcher, backend, texts):
    """Dispatch until these texts have left."""
    async with asyncio.timeout(BOUND):
        running = asyncio.create_task(dispatcher.run())
        while backend.texts != texts and not running.done():
            await asyncio.wait({running}, timeout=0.01)
        dispatcher.stop()
        await running


@pytest.mark.parametrize("hours", [-30, 30])
def test_wall_clock_of_a_host_does_not_matter(second, postgres, monkeypatch, hours):
    """A host with a wrong clock would send late or never, send twice, or give files times that are not."""
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + hours * 3600)
    ((now,),) = postgres.execute("SELECT CAST(extract(epoch FROM clock_timestamp()) AS DOUBLE PRECISION)")
    account = second.accounts.add("shop", "gatewayapi", {"validity_seconds": 3600}, second.now())
    files = Filesystems(second, second.register("front"), dialect).of(account)
    for _ in range(2):  # the second is a repeated upload
        upload = files.open("a.csv", WRITE)
        upload.write(0, NEW)
        upload.close()
        files.rename("a.csv", "a.csv.ready", replace=False)
        assert Intake(second, second.register("intake"), dialect, IntakeRules("out")).step()
    backend = Watched()
    dispatcher = Dispatcher(second, second.register("dispatch"), [Route("out", backend)])
    asyncio.run(send(dispatcher, backend, ["New"]))
    states = [(entry.state, abs(entry.mtime - now) < BOUND) for entry in files.listdir("") if entry.state]
    assert sorted(states) == [("rejected", True), ("success", True)]
    (batch, _) = second.queue.batches()
    assert abs(batch.submitted - now) < BOUND
    (outcome,) = second.queue.outcomes(batch.id, 1, 1)
    assert (outcome.event, abs(outcome.at - now) < BOUND) == ("accepted", True)


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
