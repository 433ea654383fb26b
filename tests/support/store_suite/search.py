"""Where messages are that somebody looks for."""

import pytest
from attrs import evolve
from msgspec.structs import replace

from smsfs.store import Account, Attempt, Outcome, Process, SliceReport, Store
from tests.support.store_suite.base import NOW, StoreFixtures, accepted, new_slice, reading, taken

ADA, BO, LAST = b"\x01\0\xff\x80", b"\x02\0\0\0", 2**62


class SearchSuite(StoreFixtures):
    """What a store promises to those who look for messages."""

    def test_slices_are_found_by_a_recipient(
        self,
        store: Store,
        other: Store,
        account: Account,
        owner: Process,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """An operator would be told that nothing was sent to somebody who complains of a message."""
        monkeypatch.setattr("smsfs.store.sql.search.PAGE_SLICES", 2)
        some = [evolve(new_slice(seq), numbers=number) for seq, number in enumerate([BO + ADA, BO + BO, ADA])]
        first = accepted(store, account, owner, *some, stem="a")
        second = accepted(store, account, owner, new_slice(0), evolve(new_slice(1), numbers=ADA), stem="b")
        staged = reading(store, account, owner, "c")
        store.queue.stage(staged.id, owner, [evolve(new_slice(), numbers=ADA)])
        found = [(span.batch, span.first_row, span.last_row) for span in other.search.holding(ADA, 0, LAST)]
        assert found == [(first.id, 1, 2), (first.id, 5, 6), (second.id, 1, 2), (second.id, 3, 4)]
        assert [span.first_row for span in other.search.holding(BO, 0, first.id)] == [1, 3]
        assert {span.batch for span in other.search.holding(ADA, second.id, LAST)} == {second.id}
        assert [span.first_row for span in other.search.spans(first.id)] == [1, 3, 5]
        assert other.search.spans(staged.id) == []

    def test_what_is_not_settled_is_found(self, store: Store, account: Account, owner: Process) -> None:
        """A list of what still waits would leave messages out, or read all that are sent."""
        batch = accepted(store, account, owner, new_slice(0), new_slice(1), new_slice(2))
        rows = [(span.first_row, span.last_row) for span in store.search.unsettled()]
        assert sorted(rows) == [(1, 2), (3, 4), (5, 6)]
        slice_ = taken(store, owner)
        again = evolve(new_slice(0, size=1), again=True)
        outcomes = [Outcome(1, "not_now", NOW), Outcome(2, "refused", NOW, code="11")]
        store.queue.record(owner, [SliceReport(slice_, outcomes, done=True, later=[again])])
        assert [(held.first_row, held.last_row) for held in store.search.retried(batch.id)] == [(1, 1)]
        rows = [(span.first_row, span.last_row) for span in store.search.unsettled(batch.id)]
        assert sorted(rows) == [(1, 1), (3, 4), (5, 6)]
        assert [span.first_row for span in store.search.spans(batch.id)] == [1, 3, 5]
        assert store.search.rare_rows(batch.id, ["refused", "no_answer"]) == {2}
        assert store.search.rare_rows(batch.id, []) == set()

    def test_batches_of_a_time_are_found(self, store: Store, account: Account, owner: Process) -> None:
        """Messages of a day would be missing from a list of that day's."""
        numbers = [reading(store, account, owner, stem).id for stem in "ab"]
        assert store.search.submitted(NOW, NOW + 1) == (numbers[0], numbers[1])
        assert store.search.submitted(NOW + 1, NOW + 9) is None
        assert store.search.submitted(0, NOW) is None

    def test_history_of_a_message(self, store: Store, account: Account, owner: Process) -> None:
        """An operator could not tell by which carrier a message went, and what that said."""
        batch = accepted(store, account, owner, new_slice(backend="out"))
        outcomes = [Outcome(1, "accepted", NOW, "c1", parts=2), Outcome(2, "refused", NOW)]
        store.queue.record(owner, [SliceReport(taken(store, owner), outcomes)])
        assert store.search.attempts(batch.id, 1) == [Attempt("out", replace(outcomes[0], attempt=1))]
        assert store.search.attempts(batch.id, 7) == []
        assert store.search.result(batch.id) is None

    def test_the_newest_batches_come_first(self, store: Store, account: Account, owner: Process) -> None:
        """Whoever looks for the file of a minute ago would have to go through those of a year."""
        another = store.accounts.add("another", "gatewayapi", {}, NOW)
        first, second, third = (reading(store, account, owner, stem).id for stem in "abc")
        assert [batch.id for batch in store.search.newest(None, LAST, 2)] == [third, second]
        assert [batch.id for batch in store.search.newest(account.id, second, 9)] == [first]
        assert store.search.newest(another.id, LAST, 9) == []
