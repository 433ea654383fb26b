"""Outcomes that are sorted, a few at a time here, are found like others, and gone when they are deleted."""

from contextlib import suppress
from functools import partial
from itertools import count

import pytest

from smsfs.store import SliceReport
from smsfs.store.sqlite import SqliteStore, database, runs
from tests.support.store_suite.base import DAY, NOW, StoreFixtures, accepted, new_slice, taken
from tests.support.store_suite.doubtful import DoubtfulSuite
from tests.support.store_suite.inbound import (
    MSISDN,
    LostReceiptSuite,
    ReceiptSuite,
    ReplySuite,
    came,
    events,
    never,
    part,
    receipt,
    sent,
    took,
)

TABLES = ("run", "run_carrier", "run_recipient")


def sorting(path):
    """A store that sorts all that it can before it looks for a message."""
    store = SqliteStore(path)
    store.inbound._prepare = partial(all_sorted, store)
    return store


def all_sorted(store):
    """Sort until there is nothing to sort."""
    while store.inbound.sort():
        pass


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Runs of one outcome, of which two become one; one entry in each turn."""
    for name, value in (("SIZE", 1), ("MANY", 2), ("MOST_PENDING", 3), ("SOME", 0)):
        monkeypatch.setattr(runs, name, value)
    monkeypatch.setattr(runs, "RETRY_SECONDS", 0)


class TestSorted(ReceiptSuite, LostReceiptSuite, ReplySuite, DoubtfulSuite):
    """What a store promises about receipts and replies, with every outcome in a run."""

    @pytest.fixture
    def opener(self, tmp_path):
        """Open the store of this test."""
        return partial(sorting, tmp_path / "smsfs.db")


def rows(store, *tables):
    """How many rows there are."""
    with store._database.reading() as connection:
        return [
            len(connection.plain.execute(f"SELECT * FROM {table}").fetchall())  # noqa: S608 - names of our own
            for table in tables
        ]


class TestRuns(StoreFixtures):
    """The runs themselves."""

    @pytest.fixture
    def opener(self, tmp_path):
        """Open the store of this test."""
        return partial(SqliteStore, tmp_path / "smsfs.db")

    def test_runs_become_few(self, store, account, owner):
        """Each receipt would be looked for in thousands of places after a month."""
        batches = [sent(store, account, owner, took(f"c{n}"), stem=f"s{n}") for n in range(21)]
        all_sorted(store)
        assert rows(store, *TABLES) == [3, 21, 21]
        for number, batch in enumerate(batches):
            assert len(came(store, receipt(f"c{number}")).matched) == 1
            assert events(store, batch)[1:] == [(1, "delivered", f"c{number}")]

    def test_too_much_that_is_unsorted_is_sorted_first(self, store, other, account, owner):
        """If the process that sorts is away, each receipt would have all messages since looked through."""
        for number in range(9):
            sent(store, account, owner, took(f"c{number}"), stem=f"s{number}")
        assert rows(store, "run") == [0]
        assert len(came(other, receipt("c1"), receipt("c8")).matched) == 2  # it does not remember them
        assert rows(store, "run") == [7]

    def test_deleted_messages_leave_no_numbers(self, store, account, owner):
        """A person who asked to be forgotten, or whose time is over, would still be in the database."""
        other = store.accounts.add("other", "gatewayapi", {}, NOW)
        for number in range(4):
            mine = account if number % 2 else other
            sent(store, mine, owner, took(f"c{number}", recipient=MSISDN + number), stem=f"s{number}")
        all_sorted(store)
        assert rows(store, *TABLES) == [1, 4, 4]
        assert store.queue.expire({account.id: NOW + DAY}, 10) == 2
        store.tidy()
        with store._database.reading() as connection:
            kept = connection.plain.execute("SELECT recipient FROM run_recipient").fetchall()
        assert [row["recipient"] for row in kept] == [MSISDN, MSISDN + 2]
        assert rows(store, *TABLES) == [1, 2, 2]
        store.accounts.remove(other.id)
        store.tidy()
        assert rows(store, *TABLES) == [0, 0, 0]

    def test_what_comes_behind_deleted_runs_is_found(self, store, account, owner):
        """After a quiet month the first new message would get no receipts."""
        sent(store, account, owner, took("c1"))
        all_sorted(store)
        store.queue.expire({account.id: NOW + DAY}, 10)
        store.tidy()
        sent(store, account, owner, took("c2"), stem="b")
        assert len(came(store, receipt("c2")).matched) == 1
        all_sorted(store)
        assert [item.path for item in store.inbound.receive([], [part("yes")], never).replies] == [
            "b.success"
        ]

    @pytest.mark.parametrize("stops", range(1, 12))
    def test_an_end_in_the_midst_of_a_merge_loses_nothing(self, opener, stops, monkeypatch):
        """A kill at night would leave messages whose receipts are for nobody."""
        store = opener()
        account, owner = store.accounts.add("shop", "gatewayapi", {}, NOW), store.register("test")
        for number in range(4):
            sent(store, account, owner, took(f"c{number}"), stem=f"s{number}")
        turns, write = count(1), database.Database.write

        def until(self, **options):
            if next(turns) == stops:
                raise KeyboardInterrupt
            return write(self, **options)

        with monkeypatch.context() as patch:
            patch.setattr(database.Database, "write", until)
            with suppress(KeyboardInterrupt):
                all_sorted(store)
        store.close()
        store = opener()
        all_sorted(store)
        assert rows(store, *TABLES) == [1, 4, 4]
        assert len(came(store, *(receipt(f"c{number}") for number in range(4))).matched) == 4
        assert store.damage() == []
        store.close()

    def test_a_merge_that_another_process_ends_is_given_up(self, store, other, account, owner, monkeypatch):
        """A command that removes an account, while runs are merged, would leave half of a run."""
        for number in range(2):
            sent(store, account, owner, took(f"c{number}"), stem=f"s{number}")
        parts = store._runs._parts

        def meanwhile(side, ids, *some):
            for number, each in enumerate(parts(side, ids, *some)):
                yield each
                if side == "recipient" and number == 0:
                    other.tidy()

        monkeypatch.setattr(store._runs, "_parts", meanwhile)
        store.inbound.sort()
        store.inbound.sort()
        store.inbound.sort()
        monkeypatch.undo()
        all_sorted(store)
        assert len(came(store, receipt("c0"), receipt("c1")).matched) == 2
        assert rows(store, "run_carrier", "run_recipient") == [2, 2]

    def test_a_wrong_number_of_times_is_no_matter(self, store, account, owner):
        """A number that gets a thousand messages would be met once only."""
        accepted(store, account, owner, new_slice(size=3))
        outcomes = [took(f"c{row}", row=row) for row in (1, 2, 3)]
        store.queue.record(owner, [SliceReport(taken(store, owner), outcomes, done=True)])
        all_sorted(store)
        assert rows(store, "run_recipient") == [3]
        assert len(came(store, *(receipt(f"c{row}") for row in (1, 2, 3))).matched) == 3
