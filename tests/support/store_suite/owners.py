"""Processes, alive and dead, and writes by those whose claim has gone to another."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

import pytest
from attrs import evolve

from smsfs.states import IllegalTransitionError
from smsfs.store import (
    Account,
    Batch,
    Outcome,
    Process,
    Slice,
    SliceReport,
    StaleOwnerError,
    Store,
)
from tests.support.server import wait_for
from tests.support.store_suite.base import (
    NOW,
    StoreFixtures,
    accepted,
    batch_of,
    claimed,
    draft,
    found,
    new_slice,
    nothing_due,
    reading,
    submitted,
    taken,
    verdict,
)

CHILD_SECONDS = 60


class OwnerSuite(StoreFixtures):
    """What a store promises about processes."""

    def test_terms_only_grow(self, store: Store, other: Store) -> None:
        """A write of a dead process would pass for one of its successor."""
        first, second = store.register("dispatch"), other.register("intake")
        assert (first.kind, second.kind) == ("dispatch", "intake")
        store.close()
        other.settle()
        assert first.id < second.id < other.register("dispatch").id

    def test_registered_processes_are_alive_until_they_close(
        self, store: Store, opener: Callable[[], Store]
    ) -> None:
        """The work of a live process would be taken from it, or that of a dead one never."""
        elsewhere = opener()
        mine, theirs = store.register("a"), elsewhere.register("b")
        assert store.alive() == elsewhere.alive() == {mine.id: "a", theirs.id: "b"}
        elsewhere.close()
        assert store.alive() == {mine.id: "a"}
        assert store.settle() == 1
        assert store.settle() == 0

    def test_live_processes_are_left_alone(self, store: Store, other: Store, account: Account) -> None:
        """A restart of one process would cut the uploads and readings of another."""
        owner = store.register("a")
        file = draft(store, account, "open.csv")
        with store.files.change(account.id) as files:
            files.add_writer(file.id, owner)
        batch = reading(store, account, owner)
        assert other.settle() == 0
        assert found(store, file.id).writers == (owner.id,)
        assert batch_of(store, batch.id).state == "reading"

    def test_killed_process_is_dead(
        self, store: Store, opener: Callable[[], Store], account: Account, owner: Process
    ) -> None:
        """After a crash, files would stay open and batches unread forever."""
        file, number = draft(store, account), submitted(store, account, "b")
        with _child(opener, account, file.id) as dead:
            assert set(store.alive()) == {owner.id, dead}
            assert found(store, file.id).writers == (dead,)
            assert batch_of(store, number).state == "reading"
        wait_for(lambda: set(store.alive()) == {owner.id}, "its death to show", self.death_seconds + 2)
        assert store.settle() == 1
        seen = found(store, file.id)
        assert (seen.cut, seen.writers) == (True, ())
        assert claimed(store, owner).id == number

    def test_uploads_of_the_dead_are_cut(
        self, store: Store, opener: Callable[[], Store], account: Account
    ) -> None:
        """Half a file would be sent after a crash."""
        elsewhere = opener()
        file, whole = draft(store, account, "half.csv"), draft(store, account, "whole.csv")
        front = elsewhere.register("front")
        with elsewhere.files.change(account.id) as files:
            files.add_writer(file.id, front)
        elsewhere.close()
        store.settle()
        seen = found(store, file.id)
        assert (seen.cut, seen.writers) == (True, ())
        assert found(store, whole.id) == whole

    def test_uploads_that_the_dead_had_in_whole_are_not_cut(
        self, store: Store, opener: Callable[[], Store], account: Account
    ) -> None:
        """A client that was told that its file is safe would find it cut after a crash."""
        elsewhere = opener()
        file, front = draft(store, account, "again.csv"), elsewhere.register("front")
        with elsewhere.files.change(account.id) as files:
            files.cut_writer(files.add_writer(file.id, front))
            writer = files.add_writer(file.id, front)
            assert files.seal_writer(writer, 12, NOW + 1)
            assert not files.seal_writer(writer + 1, 12, NOW + 1)
        assert found(store, file.id).writers == (front.id,), "nobody may hand it over yet"
        elsewhere.close()
        store.settle()
        seen = found(store, file.id)
        assert (seen.cut, seen.writers, seen.size, seen.mtime) == (False, (), 12, NOW + 1)

    def test_sealed_uploads_end_as_told(self, store: Store, account: Account, owner: Process) -> None:
        """Half a file would be sent, or a whole one be refused for ever."""
        file = draft(store, account)
        with store.files.change(account.id) as files:
            whole, half = files.add_writer(file.id, owner), files.add_writer(file.id, owner)
            files.seal_writer(whole, 12, NOW)
            files.seal_writer(half, 12, NOW)
        with store.files.change(account.id) as files:
            files.drop_writer(whole)
        assert (found(store, file.id).cut, found(store, file.id).writers) == (False, (owner.id,))
        with store.files.change(account.id) as files:
            files.end_writer(half, 12, NOW, cut=True)
        assert (found(store, file.id).cut, found(store, file.id).writers) == (True, ())

    def test_readings_of_the_dead_start_again(
        self, store: Store, opener: Callable[[], Store], account: Account, owner: Process
    ) -> None:
        """Messages staged before a crash would be sent beside those of the second reading."""
        elsewhere = opener()
        reader = elsewhere.register("intake")
        batch = reading(elsewhere, account, reader)
        elsewhere.queue.stage(batch.id, reader, [new_slice()])
        elsewhere.close()
        store.settle()
        again = batch_of(store, batch.id)
        assert (again.state, again.failures, again.not_before) == ("pending", 0, NOW)
        claimed(store, owner)
        store.queue.stage(batch.id, owner, [new_slice()])
        store.queue.accept(batch.id, owner, verdict("a.success", messages=2))
        assert len(list(store.queue.slices(batch.id))) == 1

    def test_crash_over_a_file_counts_when_it_comes_twice(
        self, store: Store, account: Account, owner: Process
    ) -> None:
        """A file whose reader was killed from outside would wait, or one that kills it be read for ever."""
        batch = reading(store, account, owner)
        for failures, retry_at in ((0, NOW), (1, NOW + 100)):
            store.queue.release_batch(batch.id, owner)
            store.queue.crashed(batch.id, NOW + 100, surely=False)
            seen = batch_of(store, batch.id)
            assert (seen.state, seen.failures, seen.not_before) == ("pending", failures, retry_at)
            assert store.queue.claim_batch(owner, retry_at - 1) is None
            assert claimed(store, owner, retry_at).failures == failures
        store.queue.release_batch(batch.id, owner)
        store.queue.crashed(batch.id, NOW + 200, surely=False)
        assert batch_of(store, batch.id).failures == 1

    def test_crash_that_is_a_files_own_counts_at_once(
        self, store: Store, account: Account, owner: Process
    ) -> None:
        """A file that has its reader end with a fault of memory would be read again at once."""
        batch = reading(store, account, owner)
        store.queue.release_batch(batch.id, owner)
        store.queue.crashed(batch.id, NOW + 100, surely=True)
        seen = batch_of(store, batch.id)
        assert (seen.failures, seen.not_before, seen.crashes) == (1, NOW + 100, 0)

    def test_crash_is_noted_while_another_reads(
        self, store: Store, other: Store, account: Account, owner: Process
    ) -> None:
        """A file would never count as failed where another reader takes it quickly."""
        batch = reading(store, account, owner)
        store.queue.release_batch(batch.id, owner)
        reader = other.register("intake")
        again = claimed(other, reader)
        store.queue.crashed(batch.id, NOW + 100, surely=False)
        assert batch_of(store, batch.id).crashes == 1
        other.queue.accept(again.id, reader, verdict("a.success"))
        store.queue.crashed(batch.id, NOW + 100, surely=True)
        assert batch_of(store, batch.id).failures == 0

    def test_failure_of_another_kind_ends_a_row_of_crashes(
        self, store: Store, account: Account, owner: Process
    ) -> None:
        """Two crashes days apart would count as two in a row."""
        batch = reading(store, account, owner)
        store.queue.crashed(batch.id, NOW, surely=False)
        store.queue.retry_batch(batch.id, owner, NOW)
        assert (batch_of(store, batch.id).crashes, batch_of(store, batch.id).failures) == (0, 1)

    def test_finished_work_of_the_dead_stays(
        self, store: Store, opener: Callable[[], Store], account: Account, owner: Process
    ) -> None:
        """A file would be sent again because the process that sent it has ended."""
        elsewhere = opener()
        reader = elsewhere.register("intake")
        batch = accepted(elsewhere, account, reader, new_slice())
        elsewhere.queue.record(reader, [SliceReport(taken(elsewhere, reader), [_sent(1)], done=True)])
        bad = reading(elsewhere, account, reader, "bad")
        elsewhere.queue.reject(bad.id, reader, verdict("bad.rejected"))
        elsewhere.close()
        store.settle()
        assert [batch_of(store, item.id).state for item in (batch, bad)] == ["accepted", "rejected"]
        assert store.queue.claim_batch(owner, NOW) is None
        assert nothing_due(store, owner)
        assert store.settle() == 0

    def test_claimed_slices_wait_to_be_taken_over(
        self, store: Store, opener: Callable[[], Store], account: Account, owner: Process
    ) -> None:
        """Messages that a dead process may have sent would be sent again without a record of it."""
        elsewhere = opener()
        dead = elsewhere.register("dispatch")
        accepted(store, account, owner, new_slice(0), new_slice(1), new_slice(2))
        mine, theirs = taken(store, owner), taken(elsewhere, dead)
        elsewhere.queue.record(dead, [SliceReport(theirs, [_sent(3)])])
        elsewhere.close()
        store.settle()
        assert store.queue.abandoned(lambda: [owner.id, dead.id]) == []
        assert store.queue.abandoned(store.alive) == [(dead.id, theirs)]
        assert store.queue.take_over(theirs, dead.id, owner) == {3}
        assert store.queue.abandoned(store.alive) == []
        assert store.queue.record(owner, [SliceReport(theirs, [_sent(4)], done=True)]) == []
        assert store.queue.record(owner, [SliceReport(mine, [], done=True)]) == []
        store.settle()
        assert set(store.alive()) == {owner.id}

    def test_answers_of_an_earlier_slice_do_not_count(
        self, store: Store, account: Account, owner: Process
    ) -> None:
        """A message told "not now" before would be taken for sent after a crash, and never leave."""
        accepted(store, account, owner, new_slice())
        again = evolve(new_slice(), attempt=1, again=True)
        not_now = [Outcome(1, "not_now", NOW), _sent(2)]
        store.queue.record(owner, [SliceReport(taken(store, owner), not_now, done=True, later=[again])])
        slice_ = taken(store, owner)
        assert store.queue.take_over(slice_, owner.id, store.register("next")) == set()

    def test_one_taker_of_many(self, store: Store, opener: Callable[[], Store], account: Account) -> None:
        """Two dispatchers would both resend what a third left behind."""
        elsewhere = opener()
        dead = elsewhere.register("dispatch")
        accepted(elsewhere, account, dead, new_slice())
        slice_ = taken(elsewhere, dead)
        elsewhere.close()
        first, second = store.register("dispatch"), store.register("dispatch")
        assert store.queue.take_over(slice_, dead.id, first) == set()
        assert store.queue.take_over(slice_, dead.id, second) is None
        assert store.queue.take_over(slice_, dead.id, first) is None


class StaleSuite(StoreFixtures):
    """A process whose claim has gone to another changes nothing: each kind of write, one by one."""

    def test_a_batch_is_claimed_once(self, store: Store, account: Account, owner: Process) -> None:
        """Two readers would accept one file twice."""
        reading(store, account, owner)
        assert store.queue.claim_batch(store.register("late"), NOW) is None

    @pytest.mark.parametrize("write", ["stage", "accept", "reject", "retry", "release"])
    def test_stranger_cannot_write_to_a_batch(
        self, store: Store, account: Account, owner: Process, write: str
    ) -> None:
        """A reader that was taken for dead would finish a file that another reads."""
        batch = reading(store, account, owner)
        store.queue.stage(batch.id, owner, [new_slice()])
        before = _all(store)
        with pytest.raises(StaleOwnerError):
            _batch_write(store, batch, store.register("stranger"), write)
        assert _all(store) == before
        store.queue.accept(batch.id, owner, verdict("a.success", messages=2))
        assert len(list(store.queue.slices(batch.id))) == 1

    @pytest.mark.parametrize("write", ["stage", "accept", "reject", "retry", "release"])
    @pytest.mark.parametrize("end", ["accept", "reject", "retry", "release"])
    def test_reader_cannot_write_after_its_end(
        self, store: Store, account: Account, owner: Process, write: str, end: str
    ) -> None:
        """A file with a verdict would get another one, and its messages be sent again or dropped."""
        batch = reading(store, account, owner)
        store.queue.stage(batch.id, owner, [new_slice()])
        _batch_write(store, batch, owner, end)
        before = _all(store)
        with pytest.raises(StaleOwnerError):
            _batch_write(store, batch, owner, write)
        assert _all(store) == before

    def test_file_in_flight_is_not_taken_from_its_reader(
        self, store: Store, account: Account, owner: Process
    ) -> None:
        """A file could be handed over twice, or be changed by its client while its messages are queued."""
        batch = reading(store, account, owner)
        file = store.files.view().find(account.id, "a.processing")
        assert file is not None
        with pytest.raises(IllegalTransitionError), store.files.change(account.id) as files:
            files.reopen(file.id, "mine.csv")
        with pytest.raises(IllegalTransitionError), store.files.change(account.id) as files:
            files.submit(file, "b.processing", "b", (), NOW, NOW)
        store.queue.accept(batch.id, owner, verdict("a.success"))
        assert found(store, file.id).path == "a.success"

    @pytest.mark.parametrize("write", ["release", "record", "done"])
    def test_stranger_cannot_write_to_a_slice(
        self, store: Store, account: Account, owner: Process, write: str
    ) -> None:
        """A dispatcher that was taken for dead would free or finish what another sends."""
        accepted(store, account, owner, new_slice())
        slice_ = taken(store, owner)
        _stale_slice_write(store, slice_, store.register("stranger"), write)
        assert store.queue.record(owner, [SliceReport(slice_, [_sent(1)], done=True)]) == []

    @pytest.mark.parametrize("write", ["release", "record", "done"])
    @pytest.mark.parametrize("end", ["release", "done"])
    def test_dispatcher_cannot_write_after_its_end(
        self, store: Store, account: Account, owner: Process, write: str, end: str
    ) -> None:
        """Messages that are done would be queued again, and those queued again be taken for done."""
        accepted(store, account, owner, new_slice())
        slice_ = taken(store, owner)
        if end == "release":
            store.queue.release_slice(slice_, owner)
        else:
            store.queue.record(owner, [SliceReport(slice_, [_sent(1), _sent(2)], done=True)])
        _stale_slice_write(store, slice_, owner, write)

    @pytest.mark.parametrize("write", ["release", "record", "done"])
    def test_earlier_attempt_cannot_write_to_a_slice(
        self, store: Store, account: Account, owner: Process, write: str
    ) -> None:
        """An answer to an earlier attempt would be taken for one to the present."""
        accepted(store, account, owner, new_slice())
        slice_ = taken(store, owner)
        _stale_slice_write(store, evolve(slice_, attempt=slice_.attempt - 1), owner, write)
        assert store.queue.record(owner, [SliceReport(slice_, [_sent(1)], done=True)]) == []

    def test_takeover_needs_the_claim_that_was_seen(
        self, store: Store, opener: Callable[[], Store], account: Account
    ) -> None:
        """A slice that was released and claimed by a live process would be taken from it."""
        elsewhere = opener()
        owner, dead = store.register("dispatch"), elsewhere.register("dispatch")
        accepted(store, account, owner, new_slice())
        seen = taken(elsewhere, dead)
        assert store.queue.take_over(seen, owner.id, owner) is None
        assert store.queue.take_over(evolve(seen, attempt=seen.attempt + 1), dead.id, owner) is None
        elsewhere.queue.record(dead, [SliceReport(seen, [_sent(1)], done=True)])
        elsewhere.close()
        assert store.queue.take_over(seen, dead.id, owner) is None
        assert nothing_due(store, owner)

    def test_stale_report_does_not_stop_the_others(
        self, store: Store, account: Account, owner: Process
    ) -> None:
        """One lost slice would lose the answers about all others that were written with it."""
        accepted(store, account, owner, new_slice(0), new_slice(1))
        lost, kept = taken(store, owner), taken(store, owner)
        store.queue.release_slice(lost, owner)
        reports = [SliceReport(lost, [_sent(1)]), SliceReport(kept, [_sent(3)], done=True)]
        assert store.queue.record(owner, reports) == [lost]
        assert [item.row for item in store.queue.outcomes(kept.batch, 1, 4)] == [3]

    def test_settling_touches_only_what_the_dead_held(
        self, store: Store, opener: Callable[[], Store], account: Account, owner: Process
    ) -> None:
        """The end of one process would undo the work of the others."""
        elsewhere = opener()
        elsewhere.register("front")
        mine, theirs = draft(store, account, "mine.csv"), draft(store, account, "theirs.csv")
        with store.files.change(account.id) as files:
            files.add_writer(mine.id, owner)
        batch = reading(store, account, owner)
        store.queue.stage(batch.id, owner, [new_slice()])
        elsewhere.close()
        assert store.settle() == 1
        assert not found(store, theirs.id).cut
        seen = found(store, mine.id)
        assert (seen.cut, seen.writers) == (False, (owner.id,))
        store.queue.accept(batch.id, owner, verdict("a.success", messages=2))
        slice_ = taken(store, owner)
        opener().close()
        store.settle()
        assert store.queue.record(owner, [SliceReport(slice_, [_sent(1)], done=True)]) == []

    def test_settling_leaves_verdicts_of_the_dead(
        self, store: Store, opener: Callable[[], Store], account: Account, owner: Process
    ) -> None:
        """A file that was accepted before a crash would be read, and sent, once more."""
        elsewhere = opener()
        reader = elsewhere.register("intake")
        batch = accepted(elsewhere, account, reader, new_slice())
        elsewhere.close()
        store.settle()
        assert batch_of(store, batch.id) == batch
        assert store.queue.claim_batch(owner, NOW + 1) is None
        assert taken(store, owner).messages == b"messages 0"


def _sent(row: int) -> Outcome:
    return Outcome(row, "accepted", NOW, carrier_id=f"c{row}", parts=1, attempt=1)


def _all(store: Store) -> tuple[object, ...]:
    """Everything that a stale write could change."""
    batches = list(store.queue.batches())
    slices = [item for batch in batches for item in store.queue.slices(batch.id)]
    outcomes = [item for batch in batches for item in store.queue.outcomes(batch.id, 0, 1000)]
    return batches, slices, outcomes, list(store.files.all()), [store.queue.backlog()]


def _batch_write(store: Store, batch: Batch, owner: Process, write: str) -> None:
    queue = store.queue
    if write == "stage":
        queue.stage(batch.id, owner, [new_slice(7)])
    elif write == "accept":
        queue.accept(batch.id, owner, verdict("a.success", messages=2))
    elif write == "reject":
        queue.reject(batch.id, owner, verdict("a.rejected"))
    elif write == "retry":
        queue.retry_batch(batch.id, owner, NOW + 50)
    else:
        queue.release_batch(batch.id, owner)


def _stale_slice_write(store: Store, slice_: Slice, owner: Process, write: str) -> None:
    """A write that must be told to be stale, and change nothing."""
    before = _all(store)
    if write == "release":
        with pytest.raises(StaleOwnerError):
            store.queue.release_slice(slice_, owner)
    else:
        later = [new_slice(9)] if write == "done" else []
        report = SliceReport(slice_, [_sent(1)], done=write == "done", later=later)
        assert store.queue.record(owner, [report]) == [slice_]
    assert _all(store) == before


def _hold(opener: Callable[[], Store], account: int, file: int, pipe: Connection) -> None:
    """The life of a child: open a file, claim a batch, tell its term, wait to be killed."""
    store = opener()
    owner = store.register("child")
    with store.files.change(account) as files:
        files.add_writer(file, owner)
    claimed(store, owner)
    pipe.send(owner.id)
    pipe.recv()


@contextmanager
def _child(opener: Callable[[], Store], account: Account, file: int) -> Iterator[int]:
    """A process that holds a file and a batch; it is killed at the end of the block."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_hold, args=(opener, account.id, file, there))
    process.start()
    try:
        assert here.poll(CHILD_SECONDS), "the child did not start"
        yield here.recv()
    finally:
        os.kill(process.pid or 0, signal.SIGKILL)
        process.join()
        here.close()
        there.close()
