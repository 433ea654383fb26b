"""Operators' orders, and the record of them."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from attrs import evolve

from smsfs.errors import StoreConflict
from smsfs.pipeline.slices import encoded
from smsfs.pipeline.sorting import sort, sorted_
from smsfs.sms.message import Message
from smsfs.states import SliceState
from smsfs.store import Account, NewEntry, NewOrder, NewSlice, Outcome, Process, SliceReport, Store
from smsfs.store.orders import LAST_ROW, Action
from tests.support.store_suite.base import (
    NOW,
    StoreFixtures,
    accepted,
    new_slice,
    nothing_due,
    reading,
    taken,
    verdict,
)

WAIT_SECONDS = 60.0
ENTRY = NewEntry(NOW, "alice", "command on gateway1", "file cancel", "batch 1")


def messages(seq: int = 0, size: int = 4, chain: str = "") -> NewSlice:
    """A slice with messages that can be read: row n goes to 4500000000 + n."""
    new = new_slice(seq, size=size)
    rows = range(new.first_row, new.last_row + 1)
    data = encoded([Message(row, str(4500000000 + row), "hello") for row in rows])
    return evolve(new, messages=data, chain=chain)


def give(
    store: Store, batch: int, action: Action, first: int = 1, last: int = LAST_ROW, to: int | None = None
) -> int:
    """Give an order about a span of rows, or about all."""
    return store.orders.give([NewOrder(batch, action, first, last, to)], ENTRY)


def open_rows(store: Store, batch: int) -> dict[SliceState, list[tuple[int, int]]]:
    """The first and last rows of the slices that are not done, by their state."""
    found: dict[SliceState, list[tuple[int, int]]] = {}
    for item in store.queue.slices(batch):
        if item.state is not SliceState.DONE:
            found.setdefault(item.state, []).append((item.first_row, item.last_row))
    return found


class OrderSuite(StoreFixtures):
    """What a store promises of operators' orders."""

    def test_nothing_is_claimed_that_an_order_may_concern(
        self, store: Store, account: Account, owner: Process
    ) -> None:
        """Messages would leave after their operator was told that they are cancelled."""
        batch = accepted(store, account, owner, messages(0), messages(1))
        give(store, batch.id, "cancel", 6, 6)
        assert open_rows(store, batch.id) == {SliceState.QUEUED: [(1, 4)], SliceState.STOPPED: [(5, 8)]}
        assert (taken(store, owner).first_row, nothing_due(store, owner)) == (1, True)

    def test_sorting_parts_what_is_meant_from_the_rest(
        self, store: Store, account: Account, owner: Process
    ) -> None:
        """Messages that nobody cancelled would never leave, or cancelled ones would."""
        batch = accepted(store, account, owner, messages(0), messages(1))
        give(store, batch.id, "hold", 3, 6)
        give(store, batch.id, "cancel", 4, 4)
        assert sort(store) == 2
        assert open_rows(store, batch.id) == {
            SliceState.QUEUED: [(1, 2), (7, 8)],
            SliceState.HELD: [(3, 3), (5, 6)],
        }
        assert [(item.row, item.event) for item in store.queue.outcomes(batch.id, 1, 8)] == [(4, "cancel")]
        assert store.orders.held() == {batch.id}
        assert sort(store) == 0

    def test_an_order_means_one_number(self, store: Store, account: Account, owner: Process) -> None:
        """A whole file would be cancelled for one number in it."""
        batch = accepted(store, account, owner, messages(0))
        give(store, batch.id, "cancel", to=4500000003)
        sort(store)
        assert [item.row for item in store.queue.outcomes(batch.id, 1, 8)] == [3]

    def test_what_is_released_is_claimed_as_before(
        self, store: Store, account: Account, owner: Process
    ) -> None:
        """Messages that were held once would wait for ever, or be called back from each carrier."""
        batch = accepted(store, account, owner, messages(0, chain="out,two"))
        give(store, batch.id, "hold")
        sort(store)
        assert nothing_due(store, owner)
        give(store, batch.id, "release")
        sort(store)
        slice_ = taken(store, owner)
        assert (slice_.size, slice_.attempt, slice_.chain) == (4, 1, "out,two")
        store.queue.release_slice(slice_, owner)
        assert taken(store, owner).id == slice_.id

    def test_what_comes_back_after_an_order_is_stopped(
        self, store: Store, account: Account, owner: Process
    ) -> None:
        """Messages that a carrier put off, or that were given back, would be sent though cancelled."""
        batch = accepted(store, account, owner, messages(0), messages(1))
        first, second = taken(store, owner), taken(store, owner)
        give(store, batch.id, "cancel")
        assert {item.slice for item in store.orders.holdings(batch.id)} == {first.id, second.id}
        store.queue.release_slice(first, owner)
        later = evolve(messages(1), again=True)
        report = SliceReport(second, [Outcome(5, "not_now", NOW)], done=True, later=[later])
        assert store.queue.record(owner, [report]) == []
        assert open_rows(store, batch.id) == {SliceState.STOPPED: [(1, 4), (5, 8)]}
        assert sort(store) == 2
        assert (open_rows(store, batch.id), nothing_due(store, owner)) == ({}, True)

    def test_a_file_that_is_being_read_is_stopped_as_it_is_accepted(
        self, store: Store, account: Account, owner: Process
    ) -> None:
        """A file that was cancelled before its messages were known would be sent."""
        batch = reading(store, account, owner)
        store.queue.stage(batch.id, owner, [messages(0)])
        give(store, batch.id, "cancel")
        store.queue.accept(batch.id, owner, verdict("a.success", messages=8), [messages(1)])
        assert open_rows(store, batch.id) == {SliceState.STOPPED: [(1, 4), (5, 8)]}

    def test_an_order_during_sorting_counts(self, store: Store, account: Account, owner: Process) -> None:
        """Of two operators, the one who cancels while the other's order is carried out would be ignored."""
        batch = accepted(store, account, owner, messages(0))
        give(store, batch.id, "hold")
        (stopped,) = store.orders.stopped(9)
        part = sorted_(stopped, store.orders.of_batch(batch.id), NOW)
        give(store, batch.id, "cancel")
        assert store.orders.sort([part]) == 1
        assert open_rows(store, batch.id) == {SliceState.STOPPED: [(1, 4)]}
        sort(store)
        assert open_rows(store, batch.id) == {}

    def test_sorting_twice_changes_nothing(self, store: Store, account: Account, owner: Process) -> None:
        """A message would have two cancellations, or two slices, when two processes sort at once."""
        batch = accepted(store, account, owner, messages(0))
        give(store, batch.id, "cancel", 1, 2)
        (stopped,) = store.orders.stopped(9)
        part = sorted_(stopped, store.orders.of_batch(batch.id), NOW)
        assert [store.orders.sort([part]), store.orders.sort([part])] == [1, 0]
        assert open_rows(store, batch.id) == {SliceState.QUEUED: [(3, 4)]}

    def test_damaged_messages_are_set_aside(self, store: Store, account: Account, owner: Process) -> None:
        """One slice that cannot be read would keep all others from being sorted."""
        batch = accepted(store, account, owner, new_slice(0), messages(1))
        give(store, batch.id, "hold")
        assert sort(store) == 2
        assert [item.first_row for item in store.trouble.asides()] == [1]
        assert store.trouble.put_back(store.trouble.asides()[0].slice)
        assert nothing_due(store, owner)

    def test_dispatchers_say_what_they_have_carried_out(
        self, store: Store, other: Store, account: Account, owner: Process
    ) -> None:
        """A verb would answer before the other host has called back what it has."""
        batch = accepted(store, account, owner, messages(0))
        taken(store, owner)
        assert (store.orders.newest(), store.orders.since(0)) == (0, [])
        entry = give(store, batch.id, "cancel", 2, 3)
        (order,) = other.orders.since(0)
        assert (order.id, order.audit) == (store.orders.newest(), entry)
        assert (order.action, order.first_row, order.last_row) == ("cancel", 2, 3)
        assert [item.seen for item in other.orders.holdings(batch.id)] == [None]
        store.orders.seen(owner, order.id)
        assert [(item.owner, item.seen) for item in other.orders.holdings(batch.id)] == [(owner.id, order.id)]
        assert store.orders.since(order.id) == []

    def test_an_order_is_recorded(self, store: Store, account: Account, owner: Process) -> None:
        """Nobody could tell who cancelled a file, when, and from where."""
        batch = accepted(store, account, owner, messages(0))
        first, second = give(store, batch.id, "hold"), give(store, batch.id, "cancel")
        store.audit.conclude(second, "4 of 4 cancelled")
        assert store.audit.add(ENTRY) > second
        newest, cancelled, held = store.audit.entries()
        assert (held.id, held.who, held.origin, held.result) == (first, "alice", "command on gateway1", None)
        assert (cancelled.id, cancelled.result, newest.at) == (second, "4 of 4 cancelled", NOW)
        assert [item.id for item in store.audit.entries(second, 1)] == [first]

    def test_a_batch_that_is_gone_takes_no_order(self, store: Store) -> None:
        """A script would be told that it cancelled what has not been there for days."""
        with pytest.raises(StoreConflict, match="Batch 999"):
            give(store, 999, "cancel")
        assert store.audit.entries() == []

    def test_no_message_slips_past_an_order(self, store: Store, account: Account, owner: Process) -> None:
        """A slice that comes back in the moment in which its file is cancelled would be queued, and leave."""
        for number in range(6):
            batch = accepted(store, account, owner, messages(0), stem=f"s{number}")
            report = SliceReport(taken(store, owner), [], done=True, later=[evolve(messages(0), again=True)])
            start = threading.Barrier(2)

            def bring_back(start: threading.Barrier = start, report: SliceReport = report) -> None:
                start.wait(WAIT_SECONDS)
                store.queue.record(owner, [report])

            def cancel(start: threading.Barrier = start, batch: int = batch.id) -> None:
                start.wait(WAIT_SECONDS)
                give(store, batch, "cancel")

            with ThreadPoolExecutor(2) as threads:
                for done in [threads.submit(bring_back), threads.submit(cancel)]:
                    done.result()
            assert set(open_rows(store, batch.id)) == {SliceState.STOPPED}
