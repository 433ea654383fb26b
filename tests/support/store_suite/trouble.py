"""Slices that cannot be read, and processes that do not stay up."""

from attrs import evolve

from smsfs.store import Account, NewSlice, Process, SetAside, Slice, SliceReport, Store, WorkerState
from tests.support.store_suite.base import NOW, StoreFixtures, accepted, new_slice, nothing_due, taken


class TroubleSuite(StoreFixtures):
    """What a store promises about trouble."""

    def test_slice_set_aside_is_listed_and_not_sent(
        self, store: Store, other: Store, account: Account, owner: Process
    ) -> None:
        """A slice that cannot be read would come up again and again, or vanish without a trace."""
        batch = accepted(store, account, owner, new_slice(0), new_slice(1))
        _set_aside(store, owner, taken(store, owner))
        (found,) = other.trouble.asides()
        assert (found.batch, found.first_row, found.last_row, found.size) == (batch.id, 1, 2, 2)
        assert (found.reason, found.at, found.in_doubt) == ("torn", NOW, False)
        assert other.trouble.asides(batch.id) == [found]
        assert other.trouble.asides(batch.id + 1) == []
        assert taken(store, owner).seq == 1
        assert nothing_due(store, owner)

    def test_slice_put_back_is_sent(self, store: Store, account: Account, owner: Process) -> None:
        """Messages of a database that was mended would never leave."""
        accepted(store, account, owner, new_slice(0))
        slice_ = taken(store, owner)
        _set_aside(store, owner, slice_)
        assert store.trouble.put_back(slice_.id)
        assert not store.trouble.put_back(slice_.id)
        assert store.trouble.asides() == []
        assert (taken(store, owner).id, store.queue.backlog()) == (slice_.id, {"out": 2})

    def test_stale_owner_sets_nothing_aside(
        self, store: Store, other: Store, account: Account, owner: Process
    ) -> None:
        """A process that was taken for dead would stop what its successor sends."""
        accepted(store, account, owner, new_slice(0))
        slice_, successor = taken(store, owner), other.register("dispatch")
        other.queue.take_over(slice_, owner.id, successor)
        _set_aside(store, owner, slice_)
        assert store.trouble.asides() == []

    def test_slice_without_a_payload_is_given(self, store: Store, account: Account, owner: Process) -> None:
        """A row that damage took away would end every process that comes across its slice."""
        accepted(store, account, owner, _empty())
        assert taken(store, owner).messages == b""

    def test_forgotten_account_takes_what_was_set_aside_along(
        self, store: Store, account: Account, owner: Process
    ) -> None:
        """An account could not be removed, or its trouble would be listed for ever."""
        accepted(store, account, owner, new_slice(0))
        _set_aside(store, owner, taken(store, owner))
        store.accounts.remove(account.id)
        assert store.trouble.asides() == []

    def test_workers_that_do_not_stay_up_are_told(self, store: Store, other: Store, owner: Process) -> None:
        """An operator, or the other host, would not learn that a host sends nothing."""
        second = other.register("front")
        store.trouble.report_workers(owner, [_state("dispatch"), _state("intake")])
        other.trouble.report_workers(second, [_state("intake")])
        store.trouble.report_workers(owner, [_state("dispatch", reason="killed")])
        assert other.trouble.workers() == [
            _state("dispatch", reason="killed", owner=owner.id),
            _state("intake", owner=second.id),
        ]
        store.trouble.report_workers(owner, [])
        other.close()
        store.settle()
        assert store.trouble.workers() == []


def _set_aside(store: Store, owner: Process, slice_: Slice) -> None:
    store.queue.record(owner, [SliceReport(slice_, [], done=True, aside=SetAside("torn", NOW))])


def _empty() -> NewSlice:
    return evolve(new_slice(0), messages=b"")


def _state(worker: str, reason: str = "status 1", owner: int = 0) -> WorkerState:
    return WorkerState(worker, reason, NOW, owner)
