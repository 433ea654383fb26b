"""Batches and slices on their way."""

import pytest
from attrs import evolve

from smsfs.errors import Cause
from smsfs.states import FileState
from smsfs.store import (
    Account,
    CreditUsedUpError,
    NewSlice,
    Outcome,
    Process,
    SliceReport,
    StaleOwnerError,
    Store,
    Verdict,
)
from tests.support.store_suite.base import (
    DAY,
    NOW,
    StoreFixtures,
    accepted,
    batch_of,
    claimed,
    found,
    new_slice,
    next_file,
    nothing_due,
    reading,
    submitted,
    taken,
    verdict,
)


class QueueSuite(StoreFixtures):
    """What a store promises about the queue."""

    def test_a_claim_tells_whether_there_are_more(
        self, store: Store, account: Account, owner: Process
    ) -> None:
        """Each small file would take two claims, the second in vain."""
        for number, at in enumerate([NOW, NOW + 1, NOW + 2]):
            submitted(store, account, f"f{number}", at)
        assert [claimed(store, owner, NOW + 1).more for _ in range(2)] == [True, False]

    def test_a_claim_of_messages_tells_whether_there_are_more(
        self, store: Store, account: Account, owner: Process
    ) -> None:
        """Each small file would take two claims of its messages, the second in vain."""
        accepted(store, account, owner, new_slice(0), new_slice(1), new_slice(2, at=NOW + 9))
        for more in (True, False):
            slice_ = store.queue.claim_slice(owner, "out", NOW, oldest=True, principal=account.id)
            assert slice_ is not None
            assert slice_.more is more

    def test_the_last_messages_come_with_the_verdict(
        self, store: Store, account: Account, owner: Process
    ) -> None:
        """A small file would take a commit more; or its messages would be lost or doubled."""
        batch = reading(store, account, owner)
        store.queue.stage(batch.id, owner, [new_slice()])
        refused = evolve(new_slice(1, backend="", size=1), refused=[Outcome(3, "refused", NOW)])
        store.queue.accept(batch.id, owner, verdict("f.success"), [refused, new_slice(2)])
        states = [(item.seq, item.state.value) for item in store.queue.slices(batch.id)]
        assert sorted(states) == [(0, "queued"), (1, "done"), (2, "queued")]
        assert [item.event for item in store.queue.outcomes(batch.id, 0, 99)] == ["refused"]

    def test_a_verdict_that_cannot_be_given_leaves_no_messages(
        self, store: Store, account: Account, owner: Process
    ) -> None:
        """A file would be rejected for its account's credit, and sent."""
        store.accounts.set_credits(account.id, 1)
        batch = reading(store, account, owner)
        with pytest.raises(CreditUsedUpError):
            store.queue.accept(batch.id, owner, evolve(verdict("f.success"), cost=2), [new_slice()])
        assert list(store.queue.slices(batch.id)) == []
        with pytest.raises(StaleOwnerError):
            store.queue.accept(batch.id, store.register("other"), verdict("f.success"), [new_slice()])
        assert list(store.queue.slices(batch.id)) == []

    def test_batches_are_claimed_in_order(self, store: Store, account: Account, owner: Process) -> None:
        """A file would wait behind later ones."""
        late = submitted(store, account, "late", NOW + 10)
        first, second = submitted(store, account, "first"), submitted(store, account, "second")
        assert next_file(store) == NOW
        assert [claimed(store, owner).id for _ in range(2)] == [first, second]
        assert store.queue.claim_batch(owner, NOW + 9) is None
        assert next_file(store) == NOW + 10
        assert claimed(store, owner, NOW + 10).id == late
        assert next_file(store) is None

    def test_what_is_overdue_is_claimed_whatever_its_backend(
        self, store: Store, account: Account, owner: Process
    ) -> None:
        """Messages of a carrier that is away would wait for it long after the end of their time."""
        slices = [new_slice(0, expires=NOW + 9), new_slice(1, backend="b", at=NOW + 99, expires=NOW + 5)]
        accepted(store, account, owner, *slices, new_slice(2))
        assert store.queue.claim_overdue(owner, NOW + 4) is None
        first, second = store.queue.claim_overdue(owner, NOW + 9), store.queue.claim_overdue(owner, NOW + 9)
        assert first is not None
        assert second is not None
        assert [(item.seq, item.attempt) for item in (first, second)] == [(1, 1), (0, 1)]
        assert store.queue.claim_overdue(owner, NOW + 9) is None

    def test_staged_messages_are_not_sent(self, store: Store, account: Account, owner: Process) -> None:
        """Rows would leave before the whole file is known to be good."""
        batch = reading(store, account, owner)
        store.queue.stage(batch.id, owner, [new_slice(0)])
        store.queue.stage(batch.id, owner, [new_slice(1)])
        assert nothing_due(store, owner)
        assert store.queue.next_time("out") is None
        assert store.queue.backlog() == {}
        assert list(store.queue.slices(batch.id)) == []
        store.queue.accept(batch.id, owner, verdict("a.success", messages=4))
        assert [item.messages for item in store.queue.slices(batch.id)] == [b"messages 0", b"messages 1"]
        assert store.queue.backlog() == {"out": 4}

    def test_accepted_file_is_success(self, store: Store, account: Account, owner: Process) -> None:
        """The client would not learn that its file was accepted."""
        batch = reading(store, account, owner)
        assert batch.file is not None
        cause = Cause("a row was passed over", 3, "message")
        told = Verdict("a.success", NOW + 2, 2, 4, b"tail", b"digest", [cause], 7)
        store.queue.stage(batch.id, owner, [new_slice()])
        store.queue.accept(batch.id, owner, told)
        file = found(store, batch.file)
        assert (file.state, file.path, file.size, file.tail) == (FileState.SUCCESS, "a.success", 4, b"tail")
        seen = batch_of(store, batch.id)
        assert (seen.state, seen.path, seen.messages, seen.finished) == ("accepted", "a.success", 2, NOW + 2)
        assert (seen.causes, seen.cause_count) == ((cause,), 7)

    def test_rejected_file_sends_nothing(self, store: Store, account: Account, owner: Process) -> None:
        """Rows of a rejected file would leave."""
        batch = reading(store, account, owner)
        assert batch.file is not None
        store.queue.stage(batch.id, owner, [new_slice()])
        store.queue.reject(
            batch.id, owner, Verdict("a.rejected", NOW, tail=b"why", size=5, causes=[Cause("bad")])
        )
        file = found(store, batch.file)
        assert (file.state, file.path, file.tail) == (FileState.REJECTED, "a.rejected", b"why")
        assert batch_of(store, batch.id).state == "rejected"
        assert list(store.queue.slices(batch.id)) == []
        assert nothing_due(store, owner)
        assert store.queue.claim_batch(owner, NOW + DAY) is None

    def test_verdict_stays_with_its_batch(self, store: Store, account: Account, owner: Process) -> None:
        """Accepting one file would release the staged rows of another, or rejecting it drop them."""
        mine, other = reading(store, account, owner, "mine"), reading(store, account, owner, "other")
        last = reading(store, account, owner, "last")
        for batch in (mine, other, last):
            store.queue.stage(batch.id, owner, [new_slice()])
        store.queue.accept(mine.id, owner, verdict("mine.success", messages=2))
        store.queue.reject(other.id, owner, verdict("other.rejected"))
        assert store.queue.backlog() == {"out": 2}
        store.queue.accept(last.id, owner, verdict("last.success", messages=2))
        assert store.queue.backlog() == {"out": 4}

    def test_retried_batch_waits_and_starts_afresh(
        self, store: Store, account: Account, owner: Process
    ) -> None:
        """A file that could not be read would be read again at once, or with rows twice."""
        batch = reading(store, account, owner)
        store.queue.stage(batch.id, owner, [new_slice()])
        store.queue.retry_batch(batch.id, owner, NOW + 100)
        assert next_file(store) == NOW + 100
        assert store.queue.claim_batch(owner, NOW + 99) is None
        again = claimed(store, owner, NOW + 100)
        assert (again.id, again.failures) == (batch.id, 1)
        store.queue.accept(batch.id, owner, verdict("a.success"))
        assert list(store.queue.slices(batch.id)) == []

    def test_released_batch_is_due_at_once(self, store: Store, account: Account, owner: Process) -> None:
        """A file in the hands of a process that stops would count as failed."""
        batch = reading(store, account, owner)
        store.queue.stage(batch.id, owner, [new_slice()])
        store.queue.release_batch(batch.id, owner)
        again = claimed(store, owner)
        assert (again.id, again.failures, again.not_before) == (batch.id, 0, NOW)
        store.queue.accept(batch.id, owner, verdict("a.success"))
        assert list(store.queue.slices(batch.id)) == []

    def test_twin_is_an_earlier_accepted_copy(self, store: Store, account: Account, owner: Process) -> None:
        """A client's retry would send everything twice, or a legitimate file be taken for one."""
        neighbour = store.accounts.add("neighbour", "gatewayapi", {}, NOW)
        _read(store, account, owner, "x", b"refused", good=False)
        first = _read(store, account, owner, "x", b"same")
        _read(store, account, owner, "y", b"other name")
        _read(store, neighbour, owner, "x", b"other account")
        batch = reading(store, account, owner, "x")
        twin = store.queue.twin
        found_twin = twin(batch, b"same", NOW)
        assert found_twin is not None
        assert found_twin.id == first
        assert twin(batch, b"same", NOW + 1) is None
        for digest in (b"refused", b"other name", b"other account", b"none"):
            assert twin(batch, digest, NOW - DAY) is None

    def test_batch_is_no_twin_of_itself_or_a_later_one(
        self, store: Store, account: Account, owner: Process
    ) -> None:
        """A file that is read again would be refused as its own copy."""
        early = reading(store, account, owner, "x")
        assert early.file is not None
        with store.files.change(account.id) as files:
            files.move(early.file, "elsewhere")
        _read(store, account, owner, "x", b"same")
        assert store.queue.twin(early, b"same", NOW - DAY) is None

    def test_slice_comes_as_it_was_stored(
        self, store: Store, other: Store, account: Account, owner: Process
    ) -> None:
        """Messages would leave for another account, file or backend than the client's."""
        new = NewSlice(3, 11, 20, 10, b"payload\0\xff", "carrier", NOW + 1, NOW + 2, 4, again=True)
        batch = accepted(store, account, owner, new)
        slice_ = taken(other, other.register("d"), now=NOW + 1, backend="carrier")
        assert (slice_.batch, slice_.account, slice_.path) == (batch.id, "shop", "a.success")
        assert (slice_.submitted, slice_.seq, slice_.first_row, slice_.last_row) == (NOW, 3, 11, 20)
        assert (slice_.size, slice_.messages, slice_.backend, slice_.again) == (
            10,
            b"payload\0\xff",
            "carrier",
            True,
        )
        assert (slice_.state, slice_.not_before, slice_.expires, slice_.attempt) == (
            "claimed",
            NOW + 1,
            NOW + 2,
            5,
        )

    def test_oldest_slice_is_claimed_first(self, store: Store, account: Account, owner: Process) -> None:
        """Messages would wait behind later ones until they expire."""
        accepted(store, account, owner, new_slice(0, at=NOW - 1), new_slice(1, at=NOW - 3), stem="a")
        accepted(store, account, owner, new_slice(2, at=NOW - 2), stem="b")
        order = [taken(store, owner).not_before for _ in range(3)]
        assert order == [NOW - 3, NOW - 2, NOW - 1]

    def test_first_part_of_any_file_can_be_claimed(
        self, store: Store, account: Account, owner: Process
    ) -> None:
        """A small file would wait behind all of a large one."""
        accepted(store, account, owner, *(new_slice(seq, at=NOW - 9) for seq in range(3)), stem="large")
        small = accepted(store, account, owner, new_slice(0, at=NOW - 1), stem="small")
        order = [taken(store, owner, oldest=False) for _ in range(4)]
        assert [item.seq for item in order] == [0, 0, 1, 2]
        assert order[1].batch == small.id

    def test_slices_wait_for_their_time_and_backend(
        self, store: Store, account: Account, owner: Process
    ) -> None:
        """Messages would go to the wrong carrier, or before their time."""
        accepted(store, account, owner, new_slice(0, at=NOW + 5), new_slice(1, backend="two", at=NOW + 7))
        assert store.queue.next_time("out") == NOW + 5
        assert store.queue.next_time("two") == NOW + 7
        assert store.queue.next_time("three") is None
        assert store.queue.claim_slice(owner, "out", NOW + 4, oldest=True) is None
        assert store.queue.claim_slice(owner, "out", NOW + 4, oldest=False) is None
        assert taken(store, owner, now=NOW + 5).seq == 0
        assert nothing_due(store, owner)
        assert store.queue.backlog() == {"out": 2, "two": 2}

    def test_claimed_slice_is_nobody_elses(
        self, store: Store, other: Store, account: Account, owner: Process
    ) -> None:
        """Two dispatchers would send the same messages."""
        accepted(store, account, owner, new_slice())
        taken(store, owner)
        assert nothing_due(other, other.register("d"))
        assert other.queue.next_time("out") is None

    def test_released_slice_is_as_before(self, store: Store, account: Account, owner: Process) -> None:
        """Messages of which nothing was sent would count as tried."""
        accepted(store, account, owner, new_slice())
        slice_ = taken(store, owner)
        store.queue.release_slice(slice_, owner)
        assert taken(store, owner) == slice_

    def test_batches_are_listed_oldest_first(self, store: Store, account: Account, owner: Process) -> None:
        """A file would not be found under the name that the client knows."""
        neighbour = store.accounts.add("neighbour", "gatewayapi", {}, NOW)
        first = accepted(store, account, owner, stem="a").id
        second, third = submitted(store, account, "b"), submitted(store, neighbour, "a")

        def ids(**options: object) -> list[int]:
            return [batch.id for batch in store.queue.batches(**options)]  # type: ignore[arg-type] # keywords of the call under test

        assert ids() == [first, second, third]
        assert ids(account=account.id) == [first, second]
        assert ids(file="b.processing") == ids(file="in/b") == [second]
        assert ids(file="a.ready") == ids(file="a") == [first, third]
        assert ids(account=neighbour.id, file="a.ready") == [third]
        assert ids(file="c") == []

    def test_long_lists_of_batches_are_whole(self, store: Store, account: Account) -> None:
        """The list of files would end at the first page."""
        with store.files.change(account.id) as files:
            drafts = [files.add(account.id, f"{n}.csv", f"content {n}", NOW) for n in range(450)]
            ids = [
                files.submit(file, f"{n}.processing", str(n), (), NOW, NOW) for n, file in enumerate(drafts)
            ]
        assert [batch.id for batch in store.queue.batches()] == ids

    def test_finished_batches_expire(self, store: Store, account: Account, owner: Process) -> None:
        """Message texts would be kept forever, or dropped while they wait to leave."""
        done = accepted(store, account, owner, new_slice(), stem="done")
        store.queue.record(owner, [SliceReport(taken(store, owner), [], done=True)])
        refused = reading(store, account, owner, "refused")
        store.queue.reject(refused.id, owner, verdict("refused.rejected"))
        waiting = accepted(store, account, owner, new_slice(), stem="waiting")
        flying = submitted(store, account, "flying")
        assert store.queue.expire({account.id: NOW}, 10) == 0
        assert store.queue.expire({account.id + 1: NOW + DAY}, 10) == 0
        assert store.queue.expire({account.id: NOW + DAY}, 1) == 1
        assert store.queue.expire({account.id: NOW + DAY}, 10) == 1
        assert [batch.id for batch in store.queue.batches()] == [waiting.id, flying]
        assert list(store.queue.slices(done.id)) == []
        assert store.queue.outcomes(done.id, 1, 10) == []
        assert store.damage() == []

    def test_batch_of_a_file_sent_again_is_another(
        self, store: Store, account: Account, owner: Process
    ) -> None:
        """A mended file would be judged by the batch of its first try."""
        first = reading(store, account, owner)
        assert first.file is not None
        store.queue.reject(first.id, owner, verdict("a.rejected"))
        with store.files.change(account.id) as files:
            second = files.submit(found(store, first.file), "a.2.processing", "a", (), NOW + 9, NOW + 9)
        batch = claimed(store, owner, NOW + 9)
        assert (batch.id, batch.file, batch.failures) == (second, first.file, 0)
        assert store.queue.expire({account.id: NOW + DAY}, 10) == 0
        store.queue.accept(batch.id, owner, evolve(verdict("a.2.success"), at=NOW + 9))
        assert found(store, first.file).state is FileState.SUCCESS

    def test_forgotten_batches_are_told_from_others(
        self, store: Store, account: Account, owner: Process
    ) -> None:
        """What an outbox holds of forgotten messages would stay; or what it holds of others would be lost."""
        assert store.queue.forgotten({1, 2}) == set()
        gone, kept = (_read(store, account, owner, stem, b"x") for stem in "ab")
        store.queue.expire({account.id: NOW + DAY}, 1)
        left = {batch.id for batch in store.queue.batches()}
        assert store.queue.forgotten({gone, kept, kept + 1000}) == {gone, kept} - left
        assert len(left) == 1


def _read(
    store: Store, account: Account, owner: Process, stem: str, digest: bytes, *, good: bool = True
) -> int:
    """A file that was read, and forgotten by its owner; its batch."""
    batch = reading(store, account, owner, stem)
    finish = store.queue.accept if good else store.queue.reject
    path = f"{stem}.done"
    finish(batch.id, owner, verdict(path, digest=digest))
    with store.files.change(account.id) as files:
        file = files.find(account.id, path)
        assert file is not None
        files.remove(file.id)
    return batch.id
