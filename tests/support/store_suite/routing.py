"""How backends fare, and slices that change between them."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from attrs import evolve

from smsfs.store import (
    Account,
    BackendCredit,
    BackendState,
    NewEntry,
    NewSlice,
    Process,
    SliceReport,
    StaleOwnerError,
    Store,
)
from smsfs.store.routing import Pause
from tests.support.store_suite.base import (
    DAY,
    NOW,
    StoreFixtures,
    accepted,
    new_slice,
    nothing_due,
    reading,
    taken,
)

SLICES = 24


class RoutingSuite(StoreFixtures):
    """What a store promises about routing."""

    def test_a_pause_holds_until_it_is_resumed(self, store: Store, other: Store) -> None:
        """A host would go on sending by a backend that an operator on the other one paused."""
        entry = NewEntry(NOW, "alice", "command on gateway1", "backend pause", "two")
        assert store.routing.pause(Pause("two", "draining", "alice", "", NOW), entry)
        pause = Pause("two", "paused", "bob", "late", NOW + 1)
        assert store.routing.pause(pause, entry)
        assert other.routing.pauses() == [pause]
        assert other.routing.resume("two", entry)
        assert other.routing.resume("two", entry) is None
        assert (store.routing.pauses(), len(store.audit.entries())) == ([], 3)

    def test_states_are_told_to_everyone(self, store: Store, other: Store, owner: Process) -> None:
        """An operator, or the other host, would judge by a state that is over."""
        up, down = _state("one", "up"), _state("two", "down", reason="cannot connect")
        store.routing.report(owner, [up, down])
        second = other.register("dispatch")
        other.routing.report(second, [evolve(up, state="open")])
        again = evolve(up, state="half-open", reason="probing", since=NOW + 1, at=NOW + 2)
        store.routing.report(owner, [again])
        assert other.routing.states() == [
            evolve(again, owner=owner.id),
            evolve(up, state="open", owner=second.id),
            evolve(down, owner=owner.id),
        ]

    def test_states_go_with_their_process(self, store: Store, other: Store, owner: Process) -> None:
        """A host that is gone would be listed for ever, and keep messages from leaving by another way."""
        second = other.register("dispatch")
        other.routing.report(second, [_state("one", "up")])
        store.routing.report(owner, [_state("one", "down")])
        other.close()
        store.settle()
        assert [state.owner for state in store.routing.states()] == [owner.id]

    def test_credit_is_told_by_who_leads(self, store: Store, other: Store, owner: Process) -> None:
        """Two hosts would each mail that the credit is low, or tell what is over."""
        assert store.lead(owner, "reports")
        second = other.register("reports")
        low = BackendCredit("one", "12.5 EUR", NOW, low=True, mailed=True)
        with pytest.raises(StaleOwnerError):
            other.routing.note_credit(second, "reports", low)
        store.routing.note_credit(owner, "reports", low)
        store.routing.note_credit(owner, "reports", BackendCredit("a", "-1", NOW))
        back = BackendCredit("one", "80 EUR", NOW + 600)
        assert other.routing.credits() == [BackendCredit("a", "-1", NOW), low]
        store.routing.note_credit(owner, "reports", back)
        assert other.routing.credits()[1] == back

    def test_chain_comes_as_it_was_stored(self, store: Store, account: Account, owner: Process) -> None:
        """A message could not leave by the backends that the operator named."""
        batch = accepted(store, account, owner, _chained(0), new_slice(1))
        assert [item.chain for item in store.queue.slices(batch.id)] == ["out,two", ""]
        assert [taken(store, owner).chain for _ in range(2)] == ["out,two", ""]

    def test_chain_stays_with_what_is_tried_again(
        self, store: Store, account: Account, owner: Process
    ) -> None:
        """A message that was told "not now" would wait for a carrier that is away."""
        accepted(store, account, owner, _chained(0))
        slice_ = taken(store, owner)
        later = evolve(_chained(0), attempt=1, again=True)
        store.queue.record(owner, [SliceReport(slice_, [], done=True, later=[later])])
        assert store.routing.movable() == [("out", "out,two")]

    def test_movable_are_queued_slices_with_a_chain(
        self, store: Store, account: Account, owner: Process
    ) -> None:
        """Messages would be moved that one backend alone may send, or that are on their way."""
        accepted(store, account, owner, new_slice(0), _chained(1, at=NOW - 1), stem="a")
        accepted(store, account, owner, _chained(0), _chained(1, chain="out,three"), stem="b")
        store.queue.stage(reading(store, account, owner, "c").id, owner, [_chained(0, chain="out,four")])
        assert sorted(store.routing.movable()) == [("out", "out,three"), ("out", "out,two")]
        assert taken(store, owner).chain == "out,two"
        assert store.routing.move("out", "", "two", NOW, 10) == 0
        assert store.routing.move("out", "out,two", "two", NOW, 10) == 1
        assert sorted(store.routing.movable()) == [("out", "out,three"), ("two", "out,two")]

    def test_moved_slice_is_the_other_backends(self, store: Store, account: Account, owner: Process) -> None:
        """A message would stay with a carrier that is away, or leave by both."""
        accepted(store, account, owner, _chained(0))
        assert store.routing.move("out", "out,two", "two", NOW, 10) == 1
        assert store.queue.backlog() == {"two": 2}
        assert nothing_due(store, owner)
        slice_ = taken(store, owner, backend="two")
        assert (slice_.backend, slice_.chain, slice_.attempt) == ("two", "out,two", 1)
        assert store.routing.move("two", "out,two", "out", NOW, 10) == 0

    def test_claimed_and_done_slices_stay(
        self, store: Store, other: Store, account: Account, owner: Process
    ) -> None:
        """Messages that are with one carrier would be given to another as well."""
        accepted(store, account, owner, _chained(0), _chained(1))
        store.queue.record(owner, [SliceReport(taken(store, owner), [], done=True)])
        taken(store, owner)
        assert other.routing.move("out", "out,two", "two", NOW, 10) == 0
        assert store.queue.backlog() == {"out": 2}

    def test_retry_is_due_at_once_elsewhere(self, store: Store, account: Account, owner: Process) -> None:
        """A message would wait for minutes because another carrier had no room for it."""
        accepted(
            store, account, owner, _chained(0, at=NOW + 900, attempt=3), _chained(1, at=NOW - 5, attempt=1)
        )
        assert store.routing.move("out", "out,two", "two", NOW, 10) == 2
        due = [taken(store, owner, backend="two").not_before for _ in range(2)]
        assert due == [NOW - 5, NOW]

    def test_time_of_what_was_never_tried_is_kept(
        self, store: Store, account: Account, owner: Process
    ) -> None:
        """A message planned for tomorrow morning would wake people tonight."""
        accepted(store, account, owner, _chained(0, at=NOW + DAY))
        assert store.routing.move("out", "out,two", "two", NOW, 10) == 1
        assert store.queue.next_time("two") == NOW + DAY

    def test_so_many_are_moved_at_a_time(self, store: Store, account: Account, owner: Process) -> None:
        """A backlog of millions would hold up everything while it is moved."""
        accepted(store, account, owner, *(_chained(seq) for seq in range(5)))
        assert store.routing.move("out", "out,two", "two", NOW, 3) == 3
        assert store.queue.backlog() == {"out": 4, "two": 6}
        assert taken(store, owner, backend="two", oldest=False).seq == 0
        assert store.routing.move("out", "out,two", "two", NOW, 3) == 2

    def test_what_moves_is_claimed_once(
        self, store: Store, opener: Callable[[], Store], account: Account, owner: Process
    ) -> None:
        """A message would leave by two carriers, or by none, since it was moved while it was taken."""
        batch = accepted(store, account, owner, *(_chained(seq) for seq in range(SLICES)))

        def work(backend: str) -> list[int]:
            mine = opener()
            try:
                return _take_and_move(mine, backend)
            finally:
                mine.close()

        with ThreadPoolExecutor(4) as threads:
            claims = [claim for found in threads.map(work, ["out", "two"] * 2) for claim in found]
        assert sorted(claims) == [item.id for item in store.queue.slices(batch.id)]


def _take_and_move(store: Store, backend: str) -> list[int]:
    """Claim for one backend until nothing is left, giving some slices to the other one every time."""
    owner, target = store.register("d"), {"out": "two", "two": "out"}[backend]
    claims = []
    while store.routing.movable():
        slice_ = store.queue.claim_slice(owner, backend, NOW, oldest=True)
        if slice_:
            claims.append(slice_.id)
            store.queue.record(owner, [SliceReport(slice_, [], done=True)])
        store.routing.move(backend, "out,two", target, NOW, 3)
    return claims


def _state(backend: str, state: str, reason: str = "") -> BackendState:
    return BackendState(backend, state, reason, NOW, NOW)


def _chained(seq: int, *, chain: str = "out,two", at: float = NOW, attempt: int = 0) -> NewSlice:
    return evolve(new_slice(seq, at=at), chain=chain, attempt=attempt)
