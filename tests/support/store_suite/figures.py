"""What a monitor asks."""

from attrs import evolve

from smsfs.store import Account, NewNotice, Outcome, Process, SliceReport, Store
from smsfs.store.bans import Ban
from smsfs.store.figures import Figures, QueueFigure
from tests.support.store_suite.base import NOW, StoreFixtures, accepted, new_slice, reading, taken, verdict


class FigureSuite(StoreFixtures):
    """What a store promises about its figures."""

    def test_an_empty_store_has_nothing_waiting(self, store: Store) -> None:
        """An alarm would go off on a server that nobody has used yet."""
        assert store.measures.figures(NOW) == Figures({}, 0, 0, 0)
        assert store.measures.credits(9) == {}

    def test_queue_and_its_oldest_are_told(self, store: Store, account: Account, owner: Process) -> None:
        """A queue that does not move would look like one that does."""
        later = new_slice(1, at=NOW + 60)
        accepted(store, account, owner, new_slice(0), later)
        figure = store.measures.figures(NOW).queue["out"]
        assert figure == QueueFigure(new_slice(0).size + later.size, NOW)
        taken(store, owner)
        figure = store.measures.figures(NOW).queue["out"]
        assert figure == QueueFigure(new_slice(0).size + later.size, NOW + 60)

    def test_what_is_tried_again_waits_since_its_first_time(
        self, store: Store, account: Account, owner: Process
    ) -> None:
        """A carrier that says "not now" for days would never set off the alarm."""
        accepted(store, account, owner, new_slice(0))
        again = evolve(new_slice(0, at=NOW + 600), again=True)
        store.queue.record(owner, [SliceReport(taken(store, owner), [], done=True, later=[again])])
        assert store.measures.figures(NOW).queue["out"].since == NOW

    def test_lost_answers_count_until_more_is_known(
        self, store: Store, account: Account, owner: Process
    ) -> None:
        """An operator would look for messages that have long been delivered, or not at all."""
        accepted(store, account, owner, new_slice(0))
        slice_ = taken(store, owner)
        lost = [Outcome(row, "no_answer", NOW, attempt=1) for row in (1, 2)]
        store.queue.record(owner, [SliceReport(slice_, lost)])
        assert store.measures.figures(NOW).unknown == 2
        store.queue.record(owner, [SliceReport(slice_, [Outcome(1, "accepted", NOW, "c1", attempt=1)])])
        assert store.measures.figures(NOW).unknown == 1

    def test_mails_and_bans_count_while_they_last(
        self, store: Store, account: Account, owner: Process
    ) -> None:
        """A relay that takes no mail, or an attack, would go unnoticed."""
        batch = reading(store, account, owner)
        notices = [NewNotice("verdict", "ops@example.com", NOW), NewNotice("window", "", NOW + 60)]
        store.queue.reject(batch.id, owner, evolve(verdict("a.rejected"), notices=notices))
        store.bans.add(Ban("192.0.2.1", NOW, NOW + 60, "why"))
        figures = store.measures.figures(NOW + 1)
        assert (figures.mails, figures.bans) == (1, 1)
        assert store.measures.figures(NOW + 60).bans == 0

    def test_each_account_has_its_oldest(self, store: Store, account: Account, owner: Process) -> None:
        """An operator would not know whose messages a carrier leaves waiting."""
        accepted(store, account, owner, new_slice(0, at=NOW + 9), new_slice(1, at=NOW + 5))
        accepted(store, store.accounts.add("rich", "gatewayapi", {}, NOW), owner, new_slice(0))
        assert store.measures.oldest("out") == {"shop": NOW + 5, "rich": NOW}
        assert store.measures.oldest("other") == {}

    def test_the_least_credits_come_first(self, store: Store, account: Account) -> None:
        """The account that is about to be refused would be cut off the list by those that are not."""
        rich = store.accounts.add("rich", "gatewayapi", {}, NOW)
        store.accounts.set_credits(rich.id, 900)
        store.accounts.set_credits(account.id, 3)
        assert store.measures.credits(1) == {"shop": 3}
        assert store.measures.credits(9) == {"shop": 3, "rich": 900}
