"""Who leads, and the result files that a leader writes."""

from collections.abc import Callable
from itertools import count
from unittest.mock import patch

import pytest
from attrs import evolve

from smsfs.states import FileState
from smsfs.store import (
    Account,
    Batch,
    Outcome,
    Process,
    Result,
    ResultVersion,
    SliceReport,
    StaleOwnerError,
    Store,
)
from tests.support.server import wait_for
from tests.support.store_suite.base import (
    DAY,
    NOW,
    StoreFixtures,
    found,
    new_slice,
    reading,
    taken,
    verdict,
)

WORK = "reports"


class LeaderSuite(StoreFixtures):
    """What a store promises about work that one process of all hosts does."""

    def test_one_of_two_leads(self, store: Store, other: Store) -> None:
        """Two hosts would write the same files, or send the same e-mail twice."""
        first, second = store.register("reports"), other.register("reports")
        assert store.lead(first, WORK)
        assert not other.lead(second, WORK)
        assert store.lead(first, WORK)
        assert other.lead(second, "something else")

    def test_who_lives_takes_over_from_the_dead(self, store: Store, opener: Callable[[], Store]) -> None:
        """After the loss of a host nobody would do its work."""
        gone = opener()
        assert gone.lead(gone.register("reports"), WORK)
        owner = store.register("reports")
        assert not store.lead(owner, WORK)
        gone.close()
        wait_for(lambda: store.lead(owner, WORK), "the lead")

    def test_the_dead_are_followed_by_one(
        self, store: Store, other: Store, opener: Callable[[], Store]
    ) -> None:
        """Two that find the leader dead in the same moment would both go on."""
        gone = opener()
        gone.lead(gone.register("reports"), WORK)
        gone.close()
        first, second = store.register("reports"), other.register("reports")
        alive = store.alive

        def meanwhile() -> dict[int, str]:
            living = alive()
            assert other.lead(second, WORK)
            return living

        with patch.object(store, "alive", meanwhile):
            assert not store.lead(first, WORK)
        assert other.lead(second, WORK)

    def test_stale_leader_shows_nothing(self, store: Store, other: Store, account: Account) -> None:
        """A host that stood still would put an old result file in the place of a newer one."""
        first, second = store.register("reports"), other.register("reports")
        assert store.lead(first, WORK)
        batch = with_results(store, account, store.register("intake"))
        (result,) = store.results.due(NOW, 10)
        with pytest.raises(StaleOwnerError):
            show(other, result, second)
        assert store.files.view().listing(account.id, "results") == []
        assert show(store, result, first) is None
        with pytest.raises(StaleOwnerError):
            show(store, result, first, what="something else")
        assert store.results.due(NOW, 10) == []
        assert batch.id == result.batch.id


class ResultSuite(StoreFixtures):
    """What a store promises about result files."""

    @pytest.fixture
    def leader(self, store: Store) -> Process:
        """Who writes them."""
        owner = store.register("reports")
        assert store.lead(owner, WORK)
        return owner

    def test_only_batches_that_want_one_have_one(
        self, store: Store, account: Account, owner: Process, leader: Process
    ) -> None:
        """Files would appear in folders whose owners did not ask for them."""
        plain = reading(store, account, owner, "plain")
        store.queue.accept(plain.id, owner, verdict("plain.success"))
        assert store.results.due(NOW, 10) == []
        assert store.results.next_time() is None
        wanted = with_results(store, account, owner)
        (result,) = store.results.due(NOW, 10)
        assert (result.batch.id, result.file, result.expires) == (wanted.id, None, NOW + DAY)
        assert show(store, result, leader) is None
        (file,) = store.files.view().listing(account.id, "results")
        assert (file.name, file.state, file.size, file.mtime) == ("a.csv", FileState.PROCESSING, 3, NOW)
        assert store.results.files() == {file.id}
        assert store.files.view().usage(account.id) == (3, 13)

    def test_news_make_it_due_and_nothing_else_does(
        self, store: Store, account: Account, owner: Process, leader: Process
    ) -> None:
        """A result file would stay behind, or be written again and again for nothing."""
        with_results(store, account, owner)
        slice_ = taken(store, owner)
        (result,) = store.results.due(NOW, 10)
        store.queue.record(owner, [SliceReport(slice_, [Outcome(1, "accepted", NOW)])])
        show(store, result, leader, not_before=NOW + 5, until=NOW + 90)
        assert store.results.due(NOW + 4.9, 10) == []
        assert store.results.next_time() == NOW + 5
        (again,) = store.results.due(NOW + 5, 10)
        show(store, again, leader, not_before=NOW + 10, until=NOW + 90)
        assert store.results.due(NOW + 89.9, 10) == []
        assert store.results.next_time() == NOW + 90
        assert len(store.results.due(NOW + 90, 10)) == 1

    def test_a_new_version_keeps_the_file_and_gives_back_the_old_bytes(
        self, store: Store, account: Account, owner: Process, leader: Process
    ) -> None:
        """A client would see the file vanish, or a second one beside it; bytes would fill the disk."""
        with_results(store, account, owner)
        (result,) = store.results.due(NOW, 10)
        show(store, result, leader)
        (first,) = store.files.view().listing(account.id, "results")
        known = evolve(result, file=first.id)
        assert show(store, known, leader, content="second", size=7, at=NOW + 1) == "first"
        second = found(store, first.id)
        assert (second.path, second.content, second.size) == (first.path, "second", 7)
        assert second.mtime == NOW + 1

    def test_another_file_is_never_replaced(
        self, store: Store, account: Account, owner: Process, leader: Process
    ) -> None:
        """Two batches of one name in one second would share a result file."""
        for stem in ("a", "b"):
            with_results(store, account, owner, stem)
        for result in store.results.due(NOW, 10):
            show(store, result, leader)
        names = [file.name for file in store.files.view().listing(account.id, "results")]
        assert names == ["a.csv", "a2.csv"]

    def test_the_last_word_makes_it_due(
        self, store: Store, account: Account, owner: Process, leader: Process
    ) -> None:
        """The end of a file's messages would be shown minutes late, or each word of them at once."""
        batch = with_results(store, account, owner)
        slice_ = taken(store, owner)
        (result,) = store.results.due(NOW, 10)
        show(store, result, leader, not_before=NOW + 50, until=NOW + 90, missing=2)
        passing = [Outcome(1, "passing", NOW), Outcome(2, "part", NOW)]
        store.queue.record(owner, [SliceReport(slice_, [Outcome(1, "accepted", NOW), *passing])])
        assert (store.results.due(NOW, 10), store.results.next_time()) == ([], NOW + 50)
        store.queue.record(owner, [SliceReport(slice_, [Outcome(2, "accepted", NOW)], done=True)])
        (again,) = store.results.due(NOW, 10)
        assert (again.batch.id, again.news) == (batch.id, 2)
        store.results.postpone(batch.id, NOW + 60)
        assert store.results.due(NOW + 59, 10) == []

    def test_words_that_come_while_it_is_written_count(
        self, store: Store, account: Account, owner: Process, leader: Process
    ) -> None:
        """The last receipt would wait for minutes if it comes while a version is written."""
        with_results(store, account, owner)
        slice_ = taken(store, owner)
        (result,) = store.results.due(NOW, 10)
        store.queue.record(owner, [SliceReport(slice_, [Outcome(1, "accepted", NOW)])])
        show(store, result, leader, not_before=NOW + 50, until=NOW + 90, missing=1)
        (again,) = store.results.due(NOW, 10)
        show(store, again, leader, not_before=NOW + 50, until=NOW + 90, missing=1)
        assert store.results.due(NOW, 10) == []

    def test_final_is_final(self, store: Store, account: Account, owner: Process, leader: Process) -> None:
        """A file that the client has fetched and deleted would come back, or change under its hands."""
        batch = with_results(store, account, owner)
        slice_ = taken(store, owner)
        (result,) = store.results.due(NOW, 10)
        show(store, result, leader, final=True)
        (file,) = store.files.view().listing(account.id, "results")
        assert (file.state, store.results.files()) == (FileState.SUCCESS, set())
        store.queue.record(owner, [SliceReport(slice_, [Outcome(1, "accepted", NOW)], done=True)])
        assert store.results.due(NOW + 1000 * DAY, 10) == []
        for known in (result, evolve(result, file=file.id)):
            with pytest.raises(StaleOwnerError):
                show(store, known, leader, content="second")
        with store.files.change(account.id) as files:
            files.remove(file.id)
        with pytest.raises(StaleOwnerError):
            show(store, result, leader)
        assert store.files.view().listing(account.id, "results") == []
        assert store.queue.expire({account.id: NOW + 1}, 10) == 1
        assert batch.id not in [item.id for item in store.queue.batches()]

    def test_one_that_cannot_be_written_lets_others_pass(
        self, store: Store, account: Account, owner: Process
    ) -> None:
        """One broken batch would keep all accounts' result files from being written."""
        broken = with_results(store, account, owner, "a")
        good = with_results(store, account, owner, "b")
        store.results.postpone(broken.id, NOW + 60)
        assert [result.batch.id for result in store.results.due(NOW + 59, 10)] == [good.id]
        assert len(store.results.due(NOW + 60, 10)) == 2

    def test_retention_waits_for_the_final_one(
        self, store: Store, account: Account, owner: Process, leader: Process
    ) -> None:
        """A result file would stay unfinished for ever, its messages being gone."""
        with_results(store, account, owner)
        store.queue.record(owner, [SliceReport(taken(store, owner), [], done=True)])
        (result,) = store.results.due(NOW, 10)
        show(store, result, leader)
        assert store.queue.expire({account.id: NOW + DAY}, 10) == 0
        assert "first" not in store.files.expire({account.id: NOW + DAY}, 10)
        (file,) = store.files.view().listing(account.id, "results")
        show(store, evolve(result, file=file.id), leader, content="last", final=True)
        assert store.files.expire({account.id: NOW + DAY}, 10) == ["last"]
        assert store.queue.expire({account.id: NOW + DAY}, 10) == 1

    def test_account_with_an_open_result_can_be_removed(
        self, store: Store, account: Account, owner: Process, leader: Process
    ) -> None:
        """An operator would wait for days for receipts before an account can go."""
        with_results(store, account, owner)
        store.queue.record(owner, [SliceReport(taken(store, owner), [], done=True)])
        (result,) = store.results.due(NOW, 10)
        show(store, result, leader)
        assert "first" in store.accounts.remove(account.id)
        with pytest.raises((StaleOwnerError, OSError)):
            show(store, result, leader)
        assert store.results.due(NOW + DAY, 10) == []


def with_results(store: Store, account: Account, owner: Process, stem: str = "a") -> Batch:
    """A batch whose messages are queued, and are to be told of in a result file."""
    batch = reading(store, account, owner, stem)
    store.queue.stage(batch.id, owner, [new_slice()])
    store.queue.accept(batch.id, owner, evolve(verdict(f"{stem}.success", messages=2), results=True))
    return batch


def show(  # noqa: PLR0913 - each test changes another one
    store: Store,
    result: Result,
    owner: Process,
    *,
    what: str = WORK,
    content: str = "first",
    size: int = 3,
    at: float = NOW,
    final: bool = False,
    not_before: float = NOW,
    until: float = NOW + DAY,
    missing: int | None = None,
) -> str | None:
    """Show a version of a result file named ``a``."""
    version = ResultVersion(content, size, at, final, not_before, until, missing)
    paths = (f"results/a{number if number > 1 else ''}.csv" for number in count(1))
    return store.results.show(result, version, paths, owner, what)
