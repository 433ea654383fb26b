"""Retention: what is forgotten, and when."""

from contextlib import suppress
from itertools import count

import pytest

from smsfs.dialects.registry import dialect
from smsfs.pipeline.fsck import faults
from smsfs.pipeline.reports import retention
from smsfs.pipeline.reports.retention import sweep
from smsfs.store import Outcome, SliceReport
from smsfs.store.sql import forgetting

DAY = 86_400


def _sent(house, stem="a"):
    """A file whose message has left."""
    number = house.accept(1, stem)
    slice_ = house.store.queue.claim_slice(house.owner, "out", house.store.now(), oldest=True)
    house.store.queue.record(house.owner, [SliceReport(slice_, [Outcome(1, "accepted", 1.0)], done=True)])
    return number


def test_files_and_messages_are_kept_for_their_time(house, clock, events):
    """Files or messages would be lost early, or kept for ever."""
    number = _sent(house)
    clock.now += 30 * DAY
    sweep(house.store, dialect)
    assert house.file(number) is not None
    clock.now += 1
    sweep(house.store, dialect)
    assert list(house.store.files.all()) == []
    assert house.states(number) == {1: "submitted"}
    assert house.store.contents.orphans(1e12) == []
    clock.now += 60 * DAY
    sweep(house.store, dialect)
    assert list(house.store.queue.batches()) == []
    logged = [event for event in events if event["event"] == "retention"]
    assert [(event["files"], event["batches"]) for event in logged] == [(1, 0), (0, 1)]


def test_a_sweep_says_that_there_is_more(house, clock, monkeypatch):
    """Others would wait for the end of a long sweep, or what is past its time for the next one."""
    monkeypatch.setattr(retention, "MOST_AT_ONCE", 2)
    for stem in "abc":
        _sent(house, stem)
    clock.now += 100 * DAY
    found = [sweep(house.store, dialect) for _ in range(2)]
    assert [(each.more, each.deleted) for each in found] == [(True, True), (False, True)]
    assert list(house.store.queue.batches()) == []


@pytest.mark.parametrize("stops", range(1, 9))
def test_an_end_amid_a_sweep_is_made_good(house, clock, monkeypatch, stops):
    """After a kill, smsfs fsck would miss deleted messages, or their numbers would be kept for ever."""
    for name in ("SLICES", "OUTCOMES"):
        monkeypatch.setattr(forgetting, name, 1)
    house.accept(3)
    slice_ = house.store.queue.claim_slice(house.owner, "out", clock(), oldest=True)
    outcomes = [Outcome(row, "accepted", 1.0, f"c{row}", recipient=45) for row in (1, 2, 3)]
    house.store.queue.record(house.owner, [SliceReport(slice_, outcomes, done=True)])
    clock.now += 60 * DAY
    write, turns = house.store._database.write, count(1)

    def until(**options):
        if next(turns) == stops:
            raise KeyboardInterrupt
        return write(**options)

    with monkeypatch.context() as patch, suppress(KeyboardInterrupt):
        patch.setattr(house.store._database, "write", until)
        house.store.queue.expire({house.account.id: clock.now}, 10)
    assert list(faults(house.store)) == []
    house.store.queue.expire({house.account.id: clock.now}, 10)
    assert list(house.store.queue.batches()) == []
    assert house.store.feed.newest() == 0


def test_accounts_have_times_of_their_own(house, clock):
    """One account's short retention would delete another's files."""
    _sent(house)
    neighbour = house.store.accounts.add("neighbour", "gatewayapi", {}, clock())
    house.set(keep_files_days=1, keep_messages_days=1)
    with house.store.files.change(neighbour.id) as files:
        file = files.add(neighbour.id, "x", house.store.contents.create(), clock())
        files.submit(file, "x.processing", "x", (), clock(), clock())
    assert house.intake().step()
    clock.now += 2 * DAY
    sweep(house.store, dialect)
    assert [file.account for file in house.store.files.all()] == [neighbour.id]
    assert [batch.account for batch in house.store.queue.batches()] == [neighbour.id]


@pytest.mark.parametrize("state", ["draft", "processing", "queued"])
def test_unfinished_work_is_kept_whatever_its_age(house, clock, state):
    """A file left lying, or messages that wait for a carrier, would vanish."""
    if state == "draft":
        with house.store.files.change(house.account.id) as files:
            files.add(house.account.id, "x", house.store.contents.create(), clock())
    elif state == "processing":
        house.submit(b"x")
    else:
        number = house.accept(1)
    clock.now += 1000 * DAY
    sweep(house.store, dialect)
    if state == "queued":
        assert house.states(number) == {1: "queued"}
    else:
        assert len(list(house.store.files.all())) == 1


def test_bytes_without_a_file_are_swept(house, clock):
    """The remains of crashes would fill the disk."""
    house.store.contents.create()
    sweep(house.store, dialect)
    assert len(house.store.contents.orphans(1e12)) == 1
    clock.now = 1e11
    sweep(house.store, dialect)
    assert house.store.contents.orphans(1e12) == []


def test_claims_are_forgotten_when_their_time_is_over(house, clock):
    """The store would keep every number ever written to."""
    number = house.submit(b"x")
    batch = house.store.queue.claim_batch(house.owner, clock())
    house.store.claims.take(batch, house.owner, ["to 4512345678"], clock(), clock() + DAY)
    assert batch.id == number
    clock.now += DAY + 1
    sweep(house.store, dialect)
    assert house.store.claims.expire(clock(), 10) == 0
