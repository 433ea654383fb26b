"""Several threads, processes and connections at once."""

import multiprocessing
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from smsfs.store import About, Account, Process, SliceReport, Store
from tests.support.store_suite.base import NOW, StoreFixtures, accepted, draft, new_slice, submitted

BATCHES = SLICES = 24
WAIT_SECONDS = 60.0


class RaceSuite(StoreFixtures):
    """What a store promises when several work at once."""

    def test_threads_never_claim_the_same(self, store: Store, account: Account, owner: Process) -> None:
        """Two threads of a dispatcher would send the same messages."""
        batch = accepted(store, account, owner, *(new_slice(seq) for seq in range(SLICES)))
        with ThreadPoolExecutor(4) as threads:
            takers = [threads.submit(_claim_all, store, owner, batch.id) for _ in range(4)]
            claims = [claim for taker in takers for claim in taker.result()]
        assert sorted(claims) == sorted(item.id for item in store.queue.slices(batch.id))

    def test_processes_never_claim_the_same(
        self, store: Store, opener: Callable[[], Store], account: Account
    ) -> None:
        """Two readers would read one file, and its messages leave twice."""
        expected = [submitted(store, account, f"s{number}") for number in range(BATCHES)]
        context = multiprocessing.get_context("spawn")
        with context.Pool(2) as pool:
            claims = pool.starmap(_read_all, [(opener, BATCHES), (opener, BATCHES)])
        assert sorted(claims[0] + claims[1]) == expected

    def test_two_renames_to_one_name(
        self, store: Store, opener: Callable[[], Store], account: Account
    ) -> None:
        """Two clients would both be told that their file has the name."""
        files = [draft(store, account, f"{number}.csv") for number in range(4)]
        barrier = threading.Barrier(len(files))

        def rename(file: int) -> bool:
            mine = opener()
            try:
                barrier.wait(WAIT_SECONDS)
                with mine.files.change(account.id) as change:
                    if change.find(account.id, "taken"):
                        return False
                    change.move(file, "taken")
                    return True
            finally:
                mine.close()

        with ThreadPoolExecutor(len(files)) as threads:
            told = list(threads.map(rename, [file.id for file in files]))
        assert sorted(told) == [False, False, False, True]

    def test_every_commit_is_kept(self, store: Store, opener: Callable[[], Store], account: Account) -> None:
        """A change by one process would be lost under that of another."""

        def add(number: int) -> None:
            mine = opener()
            for step in range(8):
                with mine.files.change(account.id) as change:
                    change.add(account.id, f"{number}-{step}", f"c{number}-{step}", NOW)
            mine.close()

        with ThreadPoolExecutor(3) as threads:
            list(threads.map(add, range(3)))
        assert store.files.view().usage(account.id) == (24, 0)

    def test_change_elsewhere_is_noticed(self, store: Store, other: Store, account: Account) -> None:
        """A submission through a mount would wait for the next poll of the server."""
        _catch_up(store, self.notice_seconds)
        timer = threading.Timer(0.05, lambda: submitted(other, account))
        timer.start()
        began = time.monotonic()
        assert store.changed(WAIT_SECONDS)
        assert time.monotonic() - began < WAIT_SECONDS / 2
        timer.join()

    def test_change_is_noticed_from_any_thread(self, store: Store, other: Store, account: Account) -> None:
        """A dispatcher that waits in changing threads would sleep through a submission."""
        with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as two:
            for waiter in (one, two):
                waiter.submit(_catch_up, store, self.notice_seconds).result()
            submitted(other, account, "a")
            assert one.submit(store.changed, self.notice_seconds).result()
            submitted(other, account, "b")
            assert two.submit(store.changed, self.notice_seconds).result()
            assert not one.submit(store.changed, self.notice_seconds).result()

    def test_quiet_store_lets_the_wait_end(self, store: Store, account: Account) -> None:
        """An idle worker would never look at its clock, nor stop."""
        submitted(store, account)
        _catch_up(store, self.notice_seconds)
        began = time.monotonic()
        assert not store.changed(0.05)
        assert time.monotonic() - began >= 0.05

    def test_those_whom_a_change_does_not_concern_sleep_on(
        self, store: Store, other: Store, account: Account
    ) -> None:
        """Each small file would wake every process of its host, and wait for them to look around."""
        abouts: tuple[About, ...] = ("messages", "files")
        for about in abouts:
            _catch_up(store, self.notice_seconds, about)
        submitted(other, account)
        assert not store.changed(self.notice_seconds, "messages")
        submitted(other, account, "b")
        assert store.changed(WAIT_SECONDS, "files")

    def test_opening_at_once_makes_one_store(self, opener: Callable[[], Store]) -> None:
        """The first start of server and mount together would fail or spoil the store."""

        def register(_: int) -> int:
            mine = opener()
            try:
                return mine.register("start").id
            finally:
                mine.close()

        with ThreadPoolExecutor(4) as threads:
            terms = list(threads.map(register, range(4)))
        assert len(set(terms)) == 4
        last = opener()
        assert last.damage() == []
        last.close()


def _catch_up(store: Store, seconds: float, about: About = "all") -> None:
    while store.changed(seconds, about):
        pass


def _claim_all(store: Store, owner: Process, batch: int) -> list[int]:
    """Claim and finish until everything is done."""
    mine: list[int] = []
    while any(item.state == "queued" for item in store.queue.slices(batch)):
        slice_ = store.queue.claim_slice(owner, "out", NOW, oldest=bool(len(mine) % 2))
        if slice_:
            mine.append(slice_.id)
            assert store.queue.record(owner, [SliceReport(slice_, [], done=True)]) == []
    return mine


def _read_all(opener: Callable[[], Store], count: int) -> list[int]:
    """In a process of its own: claim until nothing is pending."""
    store = opener()
    owner = store.register("reader")
    mine: list[int] = []
    while any(batch.state == "pending" for batch in store.queue.batches()):
        batch = store.queue.claim_batch(owner, NOW)
        if batch:
            mine.append(batch.id)
    assert len(mine) <= count
    store.close()
    return mine
