"""What is told to those who watch: each change once, also when commits come out of order."""

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsfs.errors import StoreUnavailable
from smsfs.pipeline.reports import follow
from smsfs.pipeline.reports.follow import Follower, Gap
from smsfs.pipeline.slices import later, messages_of
from smsfs.store import News, Outcome, SliceReport


@pytest.fixture
def watch(house):
    """Watches all batches, or those that are wanted; what is told as batch, row and state."""

    def watch(wanted=lambda _: True):
        follower = Follower(house.store, wanted)
        return lambda: [
            (item.batch.id, item.message.row, str(item.state)) for item in follower.news()
        ], follower

    return watch


def claim(house):
    """The next slice, with a backend."""
    return house.store.queue.claim_slice(house.owner, "out", house.store.now(), oldest=True)


def report(house, slice_, *events, done=True):
    """Something became of some rows."""
    outcomes = [Outcome(row, event, house.store.now()) for row, event in events]
    assert house.store.queue.record(house.owner, [SliceReport(slice_, outcomes, done=done)]) == []


def test_each_change_is_told_once(house, watch):
    """A user who watches would miss what happens, or read it over and over."""
    news, _ = watch()
    assert news() == []
    batch = house.accept(2)
    assert news() == [(batch, 1, "queued"), (batch, 2, "queued")]
    assert news() == []
    slice_ = claim(house)
    assert news() == [(batch, 1, "submitting"), (batch, 2, "submitting")]
    report(house, slice_, (2, "accepted"), done=False)
    assert news() == [(batch, 2, "submitted")]
    report(house, slice_, (2, "part"), (1, "refused"))
    assert news() == [(batch, 1, "rejected")]
    assert news() == []


def test_what_is_there_is_told_first(house, watch):
    """A message that changes while the existing ones are listed would be told wrongly, or never."""
    early = house.accept(1, "early")
    news, follower = watch()
    report(house, claim(house), (1, "accepted"))
    late = house.accept(1, "late")
    told = [(item.batch.id, str(item.state)) for item in follower.existing(house.store.queue.batches())]
    assert told == [(early, "submitted"), (late, "queued")]
    assert news() == []


def test_only_what_is_wanted_is_told(house, watch):
    """Whoever watches one file would read of all others."""
    wanted = house.accept(1, "wanted")
    other = house.accept(1, "other")
    news, _ = watch(lambda batch: batch.stem == "wanted")
    for _ in range(2):
        report(house, claim(house), (1, "accepted"))
    assert {batch for batch, _, _ in news()} == {wanted}
    assert other != wanted


def test_a_message_that_is_tried_again(house, clock, watch):
    """A resend would not be seen."""
    batch = house.accept(1)
    news, _ = watch()
    slice_ = claim(house)
    again = later(slice_, messages_of(slice_), clock())
    outcomes = [Outcome(1, "no_answer", clock()), Outcome(1, "resend", clock())]
    house.store.queue.record(house.owner, [SliceReport(slice_, outcomes, done=True, later=[again])])
    news()
    slice_ = claim(house)
    assert news() == [(batch, 1, "submitting")]
    report(house, slice_, (1, "accepted"))
    assert news() == [(batch, 1, "submitted")]


def test_a_message_that_comes_back_untried(house, clock, watch):
    """A message would seem to be with a carrier that is left alone for minutes."""
    batch = house.accept(1)
    news, _ = watch()
    slice_ = claim(house)
    assert news() == [(batch, 1, "submitting")]
    again = later(slice_, messages_of(slice_), clock())
    house.store.queue.record(house.owner, [SliceReport(slice_, [], done=True, later=[again])])
    assert news() == [(batch, 1, "queued")]
    assert news() == []


def test_commits_out_of_order_are_found(house, tmp_path, watch, clock):
    """An outcome of another host, committed a little later, would never be told."""
    batch = house.accept(3)
    slice_ = claim(house)
    news, _ = watch()
    news()
    add = """INSERT INTO outcome (id, batch, row, slice, attempt, event, at)
        VALUES (?, ?, ?, ?, 1, 'accepted', 1)"""
    database = sqlite3.connect(tmp_path / "smsfs.db", isolation_level=None)
    for number, row in ((20, 1), (10, 2), (15, 3)):
        database.execute(add, (number, batch, row, slice_.id))
        assert news() == [(batch, row, "submitted")]
    database.close()
    clock.now += follow.COMMIT_SECONDS
    assert news() == []


def test_nothing_is_lost_when_the_store_is_away(house, watch, monkeypatch):
    """A failover of the database would swallow what happened in that moment."""
    batch = house.accept(1)
    news, _ = watch()
    news()
    report(house, claim(house), (1, "accepted"))

    def away(*_):
        raise StoreUnavailable("The database does not answer.")

    with monkeypatch.context() as patch:
        patch.setattr(house.store.queue, "outcomes", away)
        with pytest.raises(StoreUnavailable):
            news()
    assert news() == [(batch, 1, "submitted")]


def test_memory_is_bounded(house, watch, monkeypatch, clock):
    """Whoever watches for days would run out of memory."""
    monkeypatch.setattr(follow, "REMEMBERED", 10)
    news, follower = watch()
    house.accept(30)
    assert len(news()) == 30
    assert len(follower._shown) == 10
    clock.now += 2 * follow.COMMIT_SECONDS
    assert news() == []
    assert follower._accepted == {}


@given(found=st.sets(st.integers(5, 15)), first=st.integers(5, 9), last=st.integers(10, 15))
def test_gaps_are_what_was_not_found(found, first, last):
    """A number would be asked for again and again, or never."""
    inside = sorted(number for number in found if first <= number <= last)
    left = Gap(first, last, 1.0).without([News(number, 1, 1, 1) for number in inside])
    covered = [number for gap in left for number in range(gap.first, gap.last + 1)]
    assert covered == [number for number in range(first, last + 1) if number not in found]
