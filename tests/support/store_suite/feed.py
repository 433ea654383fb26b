"""What is new, for those who watch."""

from smsfs.store import Account, Outcome, Process, SliceReport, Store
from tests.support.store_suite.base import (
    NOW,
    StoreFixtures,
    accepted,
    batch_of,
    new_slice,
    submitted,
    taken,
)


class FeedSuite(StoreFixtures):
    """What a store promises to those who watch."""

    def test_outcomes_are_news_once_and_in_order(
        self, store: Store, other: Store, account: Account, owner: Process
    ) -> None:
        """Whoever watches would miss what became of a message."""
        batch = accepted(store, account, owner, new_slice())
        assert store.feed.newest() == 0
        slice_ = taken(store, owner)
        store.queue.record(owner, [SliceReport(slice_, [Outcome(2, "accepted", NOW)])])
        first = other.feed.newest()
        store.queue.record(owner, [SliceReport(slice_, [Outcome(1, "accepted", NOW)], done=True)])
        last = other.feed.newest()
        news = other.feed.outcomes(0, last, 10)
        assert [(item.batch, item.slice, item.row) for item in news] == [
            (batch.id, slice_.id, 2),
            (batch.id, slice_.id, 1),
        ]
        assert [item.row for item in other.feed.outcomes(first + 1, last, 10)] == [1]
        assert [item.row for item in other.feed.outcomes(0, last, 1)] == [2]

    def test_batches_with_something_rare_are_known(
        self, store: Store, other: Store, account: Account, owner: Process
    ) -> None:
        """A list of the messages that failed would leave some out, or read millions that did not."""
        numbers = [accepted(store, account, owner, new_slice(), stem=stem).id for stem in "abc"]
        for event in ("accepted", "refused", "no_answer"):
            outcomes = [Outcome(row, event, NOW) for row in (1, 2)]
            store.queue.record(owner, [SliceReport(taken(store, owner), outcomes, done=True)])
        assert other.feed.rare({"refused"}) == {numbers[1]}
        assert other.feed.rare({"refused", "no_answer"}) == set(numbers[1:])
        assert other.feed.rare({"cancel"}) == set()

    def test_batches_are_news_once_they_are_accepted(
        self, store: Store, account: Account, owner: Process
    ) -> None:
        """Whoever watches would not see the messages of a new file."""
        number = submitted(store, account, "b", NOW + 1)
        assert store.feed.accepted(0) == []
        batch = accepted(store, account, owner, new_slice())
        assert store.feed.accepted(NOW) == [(batch.id, NOW)]
        assert store.feed.accepted(NOW + 1) == []
        assert store.feed.batch(number) == batch_of(store, number)
        assert store.feed.batch(0) is None

    def test_slices_are_news_while_they_are_with_a_backend(
        self, store: Store, account: Account, owner: Process
    ) -> None:
        """Whoever watches would not see what is being sent."""
        accepted(store, account, owner, new_slice())
        assert store.feed.claimed() == []
        slice_ = taken(store, owner)
        assert store.feed.claimed() == [(slice_.id, 1)]
        assert store.feed.slice(slice_.id) == next(store.queue.slices(slice_.batch))
        assert store.feed.slice(0) is None
        store.queue.record(owner, [SliceReport(slice_, [], done=True)])
        assert store.feed.claimed() == []
