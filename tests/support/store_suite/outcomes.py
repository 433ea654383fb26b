"""What became of messages, appended."""

from attrs import evolve

from smsfs.store import Account, Outcome, Process, SliceReport, Store
from tests.support.store_suite.base import (
    NOW,
    StoreFixtures,
    accepted,
    new_slice,
    nothing_due,
    taken,
)


class OutcomeSuite(StoreFixtures):
    """What a store promises about outcomes."""

    def test_outcomes_come_back_in_order(
        self, store: Store, other: Store, account: Account, owner: Process
    ) -> None:
        """The carrier's id, or what it said, would be lost."""
        batch = accepted(store, account, owner, new_slice())
        slice_ = taken(store, owner)
        first = Outcome(2, "accepted", NOW, carrier_id="c2", parts=3, attempt=1)
        second = Outcome(1, "refused", NOW + 1, code="11", reason="no such number", attempt=1)
        store.queue.record(owner, [SliceReport(slice_, [first])])
        store.queue.record(owner, [SliceReport(slice_, [second], done=True)])
        assert other.queue.outcomes(batch.id, 1, 2) == [first, second]
        assert other.queue.outcomes(batch.id, 2, 2) == [first]
        assert other.queue.outcomes(batch.id + 1, 1, 2) == []

    def test_slice_stays_claimed_until_it_is_done(
        self, store: Store, account: Account, owner: Process
    ) -> None:
        """The second half of a slice would be sent twice, or its answers be refused."""
        batch = accepted(store, account, owner, new_slice())
        slice_ = taken(store, owner)
        assert store.queue.record(owner, [SliceReport(slice_, [Outcome(1, "accepted", NOW)])]) == []
        assert [item.state for item in store.queue.slices(batch.id)] == ["claimed"]
        assert store.queue.record(owner, [SliceReport(slice_, [], done=True)]) == []
        assert [item.state for item in store.queue.slices(batch.id)] == ["done"]
        assert nothing_due(store, owner)
        assert store.queue.backlog() == {}

    def test_rows_to_try_again_are_queued_with_the_answer(
        self, store: Store, account: Account, owner: Process
    ) -> None:
        """Rows told "not now" would be lost in a crash between two commits."""
        batch = accepted(store, account, owner, new_slice())
        later = evolve(new_slice(0, at=NOW + 30), first_row=2, size=1, attempt=1, again=True)
        outcomes = [Outcome(1, "accepted", NOW), Outcome(2, "not_now", NOW)]
        store.queue.record(owner, [SliceReport(taken(store, owner), outcomes, done=True, later=[later])])
        assert store.queue.next_time("out") == NOW + 30
        again = taken(store, owner, now=NOW + 30)
        assert (again.batch, again.first_row, again.last_row, again.size) == (batch.id, 2, 2, 1)
        assert (again.attempt, again.again, again.path) == (2, True, "a.success")
        assert [item.again for item in store.queue.slices(batch.id)] == [False, True]

    def test_reports_of_several_slices_are_one_commit(
        self, store: Store, account: Account, owner: Process
    ) -> None:
        """Answers of one moment would be half stored after a crash."""
        batch = accepted(store, account, owner, new_slice(0), new_slice(1))
        slices = [taken(store, owner), taken(store, owner)]
        broken = SliceReport(slices[1], [Outcome(3, None, NOW)])  # type: ignore[arg-type] # fails on purpose
        good = SliceReport(slices[0], [Outcome(1, "accepted", NOW)], done=True)
        try:
            store.queue.record(owner, [good, broken])
        except Exception:  # noqa: BLE001 -- which one is the engine's affair
            assert store.queue.outcomes(batch.id, 1, 4) == []
            assert store.queue.record(owner, [good]) == []
        else:
            raise AssertionError("an outcome without an event was stored")

    def test_nothing_to_report_changes_nothing(self, store: Store, owner: Process) -> None:
        """An idle dispatcher would fail."""
        assert store.queue.record(owner, []) == []
