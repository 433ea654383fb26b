"""What was written while the clock was a day ahead waits no longer than was meant, once it is set right."""

from attrs import evolve

from smsfs.store import Account, NewNotice, NewReceipt, NewTime, Process, Store
from smsfs.store.bans import Ban, BanRules
from tests.support.store_suite.base import (
    DAY,
    NOW,
    StoreFixtures,
    accepted,
    batch_of,
    claimed,
    new_slice,
    next_file,
    reading,
    submitted,
    taken,
    verdict,
)

AHEAD = NOW + DAY
RULES = BanRules(after=2, window=600, time=100)


class WaitSuite(StoreFixtures):
    """What a store promises of waits."""

    def test_a_file_never_tried_is_due_at_once_and_one_that_failed_after_its_pause(
        self, store: Store, account: Account, owner: Process
    ) -> None:
        """Files would wait for a day, or be tried again without a pause."""
        fresh = submitted(store, account, at=AHEAD)
        assert store.waits.shorten(NOW, 1800, 3600) == 1
        assert claimed(store, owner).id == fresh
        store.queue.retry_batch(fresh, owner, AHEAD + 1800)
        assert store.waits.shorten(NOW, 1800, 3600) == 1
        assert next_file(store) == NOW + 1800
        assert store.waits.shorten(NOW, 1800, 3600) == 0

    def test_bans_and_failures_last_as_long_as_was_meant(self, store: Store, other: Store) -> None:
        """An honest client would be shut out for a day."""
        store.bans.add(Ban("192.0.2.7", AHEAD, AHEAD + 100, "why"))
        store.bans.add(Ban("192.0.2.8", NOW, NOW + 30 * DAY, "by hand"))
        store.bans.fail("192.0.2.9", RULES, "why", AHEAD)
        assert other.waits.shorten(NOW, 1800, 3600) == 2
        bans = other.bans.several(["192.0.2.7", "192.0.2.8"], NOW)
        assert {ban.address: ban.until for ban in bans.values()} == {
            "192.0.2.7": NOW + 100,
            "192.0.2.8": NOW + 30 * DAY,
        }
        assert store.bans.fail("192.0.2.9", RULES, "why", NOW) is None

    def test_messages_are_brought_forward_and_never_put_off(
        self, store: Store, account: Account, owner: Process
    ) -> None:
        """Messages would be a day late; or wait again that were due."""
        accepted(store, account, owner, new_slice(at=AHEAD), new_slice(1))
        (waiting,) = store.waits.slices(0, NOW, 10)
        assert (waiting.not_before, waiting.messages) == (AHEAD, b"messages 0")
        assert store.waits.slices(waiting.id, NOW, 10) == []
        assert store.waits.bring_forward([NewTime(waiting.id, AHEAD + 1)]) == 0
        assert store.waits.bring_forward([NewTime(waiting.id, NOW)]) == 1
        assert store.waits.slices(0, NOW, 10) == []
        assert {taken(store, owner).id, taken(store, owner).id} > {waiting.id}

    def test_the_old_name_of_a_file_answers_for_as_long_as_was_meant(
        self, store: Store, account: Account
    ) -> None:
        """A client's look after its rename would fail, or the old name answer for a day."""
        file = batch_of(store, submitted(store, account, at=AHEAD)).file
        assert file
        with store.files.change(account.id) as files:
            files.add_alias(account.id, "a.ready", file, AHEAD + 60)
        for _ in range(2):
            store.waits.shorten(NOW, 1800, 3600)
        view = store.files.view()
        assert view.alias(account.id, "a.ready", NOW + 59)
        assert view.alias(account.id, "a.ready", NOW + 61) is None

    def test_mails_receipts_and_result_files_are_due(
        self, store: Store, account: Account, owner: Process
    ) -> None:
        """A mail, a receipt or a result file would be a day late."""
        batch = reading(store, account, owner)
        told = [NewNotice("verdict", "ann@example.com", AHEAD)]
        store.queue.accept(batch.id, owner, evolve(verdict("a.success"), notices=told, results=True))
        store.results.postpone(batch.id, AHEAD)
        receipt = NewReceipt("out", "x", 4512345678, "delivered", AHEAD)
        store.inbound.receive([receipt], [], lambda *_: False)
        assert store.notices.due(NOW, 10) == []
        assert store.waits.shorten(NOW, 1800, 3600) == 3
        assert len(store.notices.due(NOW, 10)) == 1
        assert store.waits.shorten(NOW, 1800, 3600) == 0
