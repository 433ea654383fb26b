"""What accounts that belong to another, and reports of each day, ask of a store."""

from datetime import date

import pytest

from smsfs.errors import Exists
from smsfs.states import FileState
from smsfs.store import Account, NewFile, Outcome, Process, SliceReport, StaleOwnerError, Store
from smsfs.store.contents import fill
from tests.support.store_suite.base import DAY, NOW, StoreFixtures, accepted, new_slice, taken
from tests.support.store_suite.inbound import MSISDN, never, on_stop, part, sent, took

WORK = "reports"
TODAY = date(2023, 11, 14)


def report(store: Store, name: str = "status.csv") -> NewFile:
    """A report's file, with its bytes."""
    content = store.contents.create()
    return NewFile(name, content, fill(store.contents.open_write(content), [b"a", b"bc"]))


class ConnectorSuite(StoreFixtures):
    """Connectors."""

    def test_stop_word_goes_to_the_accounts_list(
        self, store: Store, account: Account, owner: Process
    ) -> None:
        """Who asked a connector for no more messages would get the next one through another."""
        store.accounts.update(account.id, {"optouts": True})
        connector = store.accounts.add("leads", "naxai", {}, NOW, parent=account.id)
        sent(store, connector, owner, took("c1"))
        assert store.inbound.receive([], [part("STOP")], on_stop).replies[0].stopped
        assert [item.msisdn for item in store.optouts.all(account.id)] == [str(MSISDN)]
        assert list(store.optouts.all(connector.id)) == []

    def test_replies_of_a_time(self, store: Store, account: Account, owner: Process) -> None:
        """A reply would be in the reports of two days, or of none, or without what it answers."""
        batch = sent(store, account, owner, took("c1", row=2))
        for at in (NOW, NOW + DAY - 1, NOW + DAY):
            store.inbound.receive([], [part(f"at {at}", at=at)], never)
        found = list(store.inbound.replies(account.id, NOW, NOW + DAY))
        assert [item.at for item in found] == [NOW, NOW + DAY - 1]
        assert {(item.batch, item.row) for item in found} == {(batch.id, 2)}
        assert len(list(store.inbound.replies())) == 3


class DailySuite(StoreFixtures):
    """Reports of each day."""

    @pytest.fixture
    def leader(self, store: Store) -> Process:
        """Who makes them."""
        owner = store.register("reports")
        assert store.lead(owner, WORK)
        return owner

    def test_batches_with_news_of_a_time(self, store: Store, account: Account, owner: Process) -> None:
        """What became of a message would be in no day's report, or every day all would be read."""
        batches = []
        for number, at in enumerate((NOW - 1, NOW, NOW + DAY)):
            batches.append(accepted(store, account, owner, new_slice(), stem=f"f{number}"))
            held = taken(store, owner)
            outcomes = [Outcome(row, "accepted", at, f"c{number}") for row in (1, 2)]
            store.queue.record(owner, [SliceReport(held, outcomes, done=True)])
        other = store.accounts.add("other", "naxai", {}, NOW)
        assert [item.id for item in store.daily.batches(account.id, NOW, NOW + DAY)] == [batches[1].id]
        assert store.daily.batches(other.id, NOW, NOW + DAY) == []

    def test_reports_are_shown_once(
        self, store: Store, other: Store, account: Account, leader: Process
    ) -> None:
        """A client would find a day's report twice, or again after deleting it."""
        first = report(store)
        assert store.daily.publish(account.id, TODAY, [first, report(store, "b")], NOW, leader, WORK)
        (_, file) = other.files.view().listing(account.id, "")
        assert (file.name, file.state, file.size, file.mtime) == ("status.csv", FileState.SUCCESS, 3, NOW)
        with store.files.change(account.id) as files:
            files.remove(file.id)
        assert not store.daily.publish(account.id, TODAY, [report(store)], NOW, leader, WORK)
        assert [item.name for item in store.files.view().listing(account.id, "")] == ["b"]
        assert other.daily.made(account.id) == {TODAY}
        store.accounts.remove(account.id)

    def test_who_does_not_lead_shows_nothing(
        self, store: Store, other: Store, account: Account, leader: Process
    ) -> None:
        """Two hosts would write the reports of a day by turns."""
        stale = other.register("reports")
        with pytest.raises(StaleOwnerError):
            other.daily.publish(account.id, TODAY, [report(store)], NOW, stale, WORK)
        assert store.daily.made(account.id) == set()
        assert store.daily.publish(account.id, TODAY, [], NOW, leader, WORK)

    def test_a_taken_name_changes_nothing(self, store: Store, account: Account, leader: Process) -> None:
        """A day would count as reported whose report nobody can read."""
        assert store.daily.publish(account.id, TODAY, [report(store)], NOW, leader, WORK)
        with pytest.raises(Exists):
            store.daily.publish(account.id, date(2023, 11, 15), [report(store)], NOW, leader, WORK)
        assert store.daily.made(account.id) == {TODAY}

    def test_reports_go_after_their_time(self, store: Store, account: Account, leader: Process) -> None:
        """Reports would be kept for ever, or go early."""
        kept = report(store)
        store.daily.publish(account.id, TODAY, [kept], NOW, leader, WORK)
        assert store.files.expire({account.id: NOW}, 10) == []
        assert store.files.expire({account.id: NOW + 1}, 10) == [kept.content]
        assert store.daily.made(account.id) == {TODAY}
