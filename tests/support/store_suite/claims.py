"""What dialects with claims, credit, reports and e-mails ask of a store."""

import pytest
from attrs import evolve

from smsfs.errors import Cause, Exists
from smsfs.states import FileState
from smsfs.store import (
    Account,
    Batch,
    CreditUsedUpError,
    Freed,
    NewFile,
    NewNotice,
    Outcome,
    Process,
    SliceReport,
    StaleOwnerError,
    Store,
    Verdict,
)
from tests.support.store_suite.base import (
    DAY,
    NOW,
    StoreFixtures,
    batch_of,
    claimed,
    new_slice,
    nothing_due,
    reading,
    taken,
    verdict,
)


def _report(store: Store, path: str = "a.errors.txt") -> NewFile:
    content = store.contents.create()
    writer = store.contents.open_write(content)
    writer.write(0, b"why")
    writer.sync()
    writer.close()
    return NewFile(path, content, 3)


class ClaimSuite(StoreFixtures):
    """Claims, credit, refused messages, reports, notices."""

    def test_a_claim_keeps_others_out_until_its_time_is_over(
        self, store: Store, account: Account, owner: Process
    ) -> None:
        """The same list would be sent twice."""
        first, second = reading(store, account, owner), reading(store, account, owner, "b")
        assert store.claims.take(first, owner, ["x", "y"], NOW, NOW + DAY) == {}
        assert store.claims.take(first, owner, ["x", "y", "x"], NOW, NOW + DAY) == {}
        assert store.claims.take(second, owner, ["y", "z"], NOW, NOW + DAY) == {"y": first.id}
        assert store.claims.take(second, owner, ["y"], NOW + DAY, NOW + 2 * DAY) == {}

    def test_claims_of_accounts_are_apart(self, store: Store, account: Account, owner: Process) -> None:
        """One customer's file name would keep another's from being sent."""
        other = store.accounts.add("other", "gatewayapi", {}, NOW)
        first, second = reading(store, account, owner), reading(store, other, owner)
        store.claims.take(first, owner, ["x"], NOW, NOW + DAY)
        assert store.claims.take(second, owner, ["x"], NOW, NOW + DAY) == {}

    def test_rejection_frees_what_was_claimed(self, store: Store, account: Account, owner: Process) -> None:
        """A mended file could not be uploaded again under its name."""
        first = reading(store, account, owner)
        store.claims.take(first, owner, ["x"], NOW, NOW + DAY)
        store.queue.reject(first.id, owner, verdict("a.rejected"))
        second = reading(store, account, owner, "b")
        assert store.claims.take(second, owner, ["x"], NOW, NOW + DAY) == {}

    def test_what_never_left_frees_what_it_claimed(
        self, store: Store, account: Account, owner: Process
    ) -> None:
        """Who was not written to because the carrier was away for long would be refused as written to."""
        first = reading(store, account, owner)
        store.claims.take(first, owner, ["to 1", "to 2", "file"], NOW, NOW + DAY)
        store.queue.stage(first.id, owner, [new_slice()])
        store.queue.accept(first.id, owner, verdict("a.success", messages=2))
        slice_, lost = taken(store, owner), Outcome(2, "no_answer", NOW, attempt=1, recipient=2)
        again = [evolve(new_slice(), again=True)]
        store.queue.record(owner, [SliceReport(slice_, [lost], done=True, later=again)])
        ends = [Outcome(row, "too_late", NOW, attempt=2) for row in (1, 2)]
        freed = [Freed(1, "to 1"), Freed(2, "to 2")]
        report = SliceReport(taken(store, owner), ends, done=True, freed=freed)
        stale = SliceReport(slice_, [], done=True, freed=[Freed(3, "file")])
        assert store.queue.record(owner, [report, stale]) == [slice_]
        second = reading(store, account, owner, "b")
        keys = ["to 1", "to 2", "file"]
        assert set(store.claims.take(second, owner, keys, NOW, NOW + DAY)) == {"to 2", "file"}

    def test_a_freed_claim_lets_others_in(self, store: Store, account: Account, owner: Process) -> None:
        """A document of which nothing was sent could not be sent again under its name."""
        first, second = reading(store, account, owner), reading(store, account, owner, "b")
        store.claims.take(first, owner, ["x", "y"], NOW, NOW + DAY)
        store.claims.free(first, owner, ["x", "z"])
        store.claims.free(second, owner, ["y"])
        assert store.claims.take(second, owner, ["x", "y"], NOW, NOW + DAY) == {"y": first.id}

    def test_a_stray_draft_is_noted_once(self, store: Store, account: Account, owner: Process) -> None:
        """A client would be told again and again, or never, of an upload that is not sent."""
        with store.files.change(account.id) as files:
            drafts = [files.add(account.id, f"Send/{name}", name, NOW) for name in "abc"]
            files.add_writer(drafts[2].id, owner)
        assert [file.path for file in store.queue.strays("gatewayapi", 0, 9)] == ["Send/a", "Send/b"]
        assert store.queue.strays("naxai", 0, 9) == []
        report, notice, cause = _report(store), NewNotice("verdict", "x@y", NOW), Cause("odd")
        told = Verdict("Send/a", NOW, causes=[cause], cause_count=1, reports=[report], notices=[notice])
        assert store.queue.note_stray(drafts[0], "a", told)
        assert [file.path for file in store.queue.strays("gatewayapi", 0, 9)] == ["Send/b"]
        assert store.queue.strays("gatewayapi", drafts[1].id, 9) == []
        (batch,) = store.queue.batches(account.id)
        assert (batch.state, batch.path, batch.causes) == ("rejected", "Send/a", (cause,))
        assert [due.batch for due in store.notices.due(NOW, 9)] == [batch.id]
        with pytest.raises(Exists):
            store.queue.note_stray(drafts[1], "b", evolve(told, path="Send/b"))
        for gone in (evolve(drafts[1], mtime=NOW + 1), evolve(drafts[1], name="x"), drafts[2]):
            assert not store.queue.note_stray(gone, "b", evolve(told, path=gone.path, reports=[]))
        assert len(list(store.queue.batches(account.id))) == 1

    def test_claims_expire(self, store: Store, account: Account, owner: Process) -> None:
        """The store would grow for ever."""
        batch = reading(store, account, owner)
        store.claims.take(batch, owner, ["x", "y"], NOW, NOW + 5)
        assert [store.claims.expire(NOW + wait, 1) for wait in (0, 6, 6, 6)] == [0, 1, 1, 0]

    def test_a_stale_reader_claims_nothing(self, store: Store, account: Account, owner: Process) -> None:
        """A process that was taken for dead would keep its successor from sending."""
        batch = reading(store, account, owner)
        store.queue.release_batch(batch.id, owner)
        with pytest.raises(StaleOwnerError):
            store.claims.take(batch, owner, ["x"], NOW, NOW + DAY)
        again = claimed(store, owner)
        assert store.claims.take(again, owner, ["x"], NOW, NOW + DAY) == {}

    def test_credit_is_spent_once_and_never_below_zero(
        self, store: Store, account: Account, owner: Process
    ) -> None:
        """A customer would send what nobody pays for, or not what is paid for."""
        assert store.accounts.credits(account.id) is None
        store.accounts.set_credits(account.id, 5)
        first, second = reading(store, account, owner), reading(store, account, owner, "b")
        store.queue.stage(second.id, owner, [new_slice()])
        store.queue.accept(first.id, owner, evolve(verdict("a.success"), cost=3))
        with pytest.raises(CreditUsedUpError, match="2 SMS"):
            store.queue.accept(second.id, owner, evolve(verdict("b.success"), cost=3))
        assert (store.accounts.credits(account.id), batch_of(store, second.id).state) == (2, "reading")
        assert nothing_due(store, owner)
        store.accounts.set_credits(account.id, None)
        store.queue.accept(second.id, owner, evolve(verdict("b.success"), cost=3))
        assert taken(store, owner).batch == second.id

    def test_a_connector_spends_its_accounts_credit(
        self, store: Store, account: Account, owner: Process
    ) -> None:
        """Each connector would have to be paid for apart."""
        store.accounts.set_credits(account.id, 5)
        child = store.accounts.add("shop.leads", "gatewayapi", {}, NOW, parent=account.id)
        batch = reading(store, child, owner)
        store.queue.accept(batch.id, owner, evolve(verdict("a.success"), cost=3))
        found = store.accounts.get(child.id)
        assert (found and found.parent, store.accounts.credits(account.id)) == (account.id, 2)

    def test_refused_messages_are_kept_and_never_sent(
        self, store: Store, account: Account, owner: Process
    ) -> None:
        """A row would be lost without a trace, or sent although it was refused."""
        batch = self._with_refused(store, account, owner)
        store.queue.accept(batch.id, owner, verdict("a.success", messages=2))
        assert nothing_due(store, owner)
        assert [item.state for item in store.queue.slices(batch.id)] == ["done"]
        assert [item.code for item in store.queue.outcomes(batch.id, 1, 2)] == ["802"]

    def test_a_second_reading_forgets_what_the_first_refused(
        self, store: Store, account: Account, owner: Process
    ) -> None:
        """A message would count as refused that is sent."""
        batch = self._with_refused(store, account, owner)
        store.queue.retry_batch(batch.id, owner, NOW)
        claimed(store, owner)
        assert store.queue.outcomes(batch.id, 1, 2) == []

    @staticmethod
    def _with_refused(store: Store, account: Account, owner: Process) -> Batch:
        batch = reading(store, account, owner)
        refused = [Outcome(1, "refused", NOW, code="802", reason="message-parts-exceeded")]
        store.queue.stage(batch.id, owner, [evolve(new_slice(backend=""), refused=refused)])
        return batch

    @pytest.mark.parametrize("finish", ["accept", "reject"])
    def test_reports_appear_with_the_verdict(
        self, store: Store, account: Account, owner: Process, finish: str
    ) -> None:
        """The client would not learn which rows are wrong."""
        batch, report = reading(store, account, owner), _report(store)
        getattr(store.queue, finish)(batch.id, owner, evolve(verdict("a.done"), reports=[report]))
        found = store.files.view().find(account.id, "a.errors.txt")
        assert found is not None
        assert (found.state, found.size) == (FileState.SUCCESS, 3)
        assert store.contents.read(found.content, 0, 10) == b"why"

    def test_a_taken_path_changes_nothing(self, store: Store, account: Account, owner: Process) -> None:
        """A file would be half done: sent, and still called unread."""
        first, second = reading(store, account, owner), reading(store, account, owner, "b")
        store.queue.accept(first.id, owner, evolve(verdict("x"), reports=[_report(store)]))
        for taken_ in (verdict("x"), evolve(verdict("y"), reports=[_report(store)])):
            with pytest.raises(Exists):
                store.queue.accept(second.id, owner, taken_)
        assert batch_of(store, second.id).state == "reading"

    def test_a_consumed_file_is_out_of_sight(self, store: Store, account: Account, owner: Process) -> None:
        """The client would see a file that is done with, and wait for it."""
        batch = reading(store, account, owner)
        end = Verdict(".done/a", NOW, state=FileState.CONSUMED)
        store.queue.accept(batch.id, owner, end)
        assert store.files.view().listing(account.id, ".done") == []
        assert [file.state for file in store.files.all(account.id)] == [FileState.CONSUMED]
        assert batch_of(store, batch.id).path == "a", "nobody knows it by another name"

    def test_an_ignored_file_is_a_draft_again(self, store: Store, account: Account, owner: Process) -> None:
        """A file uploaded to the wrong place could neither be replaced nor deleted."""
        batch = reading(store, account, owner)
        store.queue.stage(batch.id, owner, [new_slice()])
        store.queue.ignore(batch.id, owner, verdict("a.csv"))
        found = store.files.view().find(account.id, "a.csv")
        assert (found and found.state, batch_of(store, batch.id).state) == (FileState.DRAFT, "rejected")
        assert store.files.expire({account.id: NOW + DAY}, 10) == []
        assert nothing_due(store, owner)

    def test_notices_are_due_until_they_are_sent(
        self, store: Store, account: Account, owner: Process
    ) -> None:
        """Nobody would be told how a file went, or several times."""
        batch = reading(store, account, owner)
        told = [NewNotice("verdict", "ann@example.com", NOW), NewNotice("window", "ann@example.com", NOW + 9)]
        store.queue.reject(batch.id, owner, evolve(verdict("a.rejected"), notices=told))
        (notice,) = store.notices.due(NOW, 10)
        assert (notice.kind, notice.address, notice.batch) == ("verdict", "ann@example.com", batch.id)
        store.notices.later(notice, NOW + 1)
        assert store.notices.due(NOW, 10) == []
        (later,) = store.notices.due(NOW + 1, 10)
        assert later.failures == 1
        store.notices.done(later, NOW + 1)
        (window,) = store.notices.due(NOW + DAY, 10)
        store.notices.later(window, NOW + DAY, failed=False)
        (same,) = store.notices.due(NOW + DAY, 10)
        assert (same.kind, same.failures) == ("window", 0)

    def test_a_notice_is_told_in_files_once(self, store: Store, account: Account, owner: Process) -> None:
        """Two hosts would show the same report under two names, or a report would be lost."""
        batch = reading(store, account, owner)
        store.queue.reject(batch.id, owner, evolve(verdict("a"), notices=[NewNotice("window", "", NOW)]))
        (notice,) = store.notices.due(NOW, 10)
        with pytest.raises(Exists):
            store.notices.report(notice, [_report(store, "a")], NOW)
        assert store.notices.due(NOW, 10) == [notice]
        store.notices.report(notice, [_report(store, "b")], NOW)
        with pytest.raises(StaleOwnerError):
            store.notices.report(notice, [_report(store, "c")], NOW)
        found = [file.path for file in store.files.view().listing(account.id, "")]
        assert (sorted(found), store.notices.due(NOW, 10)) == (["a", "b"], [])
