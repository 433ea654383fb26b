"""What operators send again."""

from collections.abc import Callable

import pytest

from smsfs.errors import StoreConflict
from smsfs.states import BatchState
from smsfs.store import Account, FileChange, NewEntry, NewResend, Process, Store
from smsfs.store.resends import Rows
from tests.support.store_suite.base import NOW, StoreFixtures, accepted, claimed, new_slice, verdict

ENTRY = NewEntry(NOW, "alice", "command on gateway1", "file resend", "batch 1", result="2 sent again")


def submitting(store: Store, account: Account, name: str) -> Callable[[FileChange], tuple[int, NewEntry]]:
    """What hands a new file over."""
    content = store.contents.create()

    def submit(files: FileChange) -> tuple[int, NewEntry]:
        file = files.add(account.id, f"{name}.processing", content, NOW)
        files.resize(file.id, 5, NOW)
        return files.submit(file, f"{name}.processing", name, (), NOW, NOW), ENTRY

    return submit


class ResendSuite(StoreFixtures):
    """What a store promises of what is sent again."""

    def test_a_batch_knows_what_it_sends_again(self, store: Store, account: Account, owner: Process) -> None:
        """Another host's intake would send the whole file again."""
        batch = accepted(store, account, owner, new_slice())
        new = NewResend(batch.id, Rows([(1, 1), (7, 9)]).ranges, 4, b"digest")
        made = store.resends.add(account.id, new, 0, submitting(store, account, "b"))
        assert store.resends.of(made.batch) == made
        assert store.resends.origin(batch.id) == [made]
        assert (made.who, made.ranges, made.state) == ("alice", ((1, 1), (7, 9)), BatchState.PENDING)
        assert [item.id for item in store.audit.entries()] == [made.entry]
        assert store.resends.of(batch.id) is None
        there = store.feed.batch(made.batch)
        assert there is not None
        assert there.file is not None
        assert store.resends.has_file(there.file)
        assert batch.file is not None
        assert not store.resends.has_file(batch.file)

    def test_a_choice_that_is_out_of_date_sends_nothing(
        self, store: Store, other: Store, account: Account, owner: Process
    ) -> None:
        """Two operators on two hosts would send the same rows twice."""
        batch = accepted(store, account, owner, new_slice())
        new = NewResend(batch.id, ((1, 2),), 2, b"digest")
        made = other.resends.add(account.id, new, 0, submitting(other, account, "b"))
        with pytest.raises(StoreConflict):
            store.resends.add(account.id, new, 0, submitting(store, account, "c"))
        assert [item.batch for item in store.resends.origin(batch.id)] == [made.batch]
        assert store.files.view().find(account.id, "c.processing") is None
        assert len(store.audit.entries()) == 1

    def test_one_that_was_rejected_is_told(self, store: Store, account: Account, owner: Process) -> None:
        """Rows of which nothing was sent could never be sent again."""
        batch = accepted(store, account, owner, new_slice())
        new = NewResend(batch.id, ((1, 2),), 2, b"digest")
        made = store.resends.add(account.id, new, 0, submitting(store, account, "b"))
        assert claimed(store, owner).id == made.batch
        store.queue.reject(made.batch, owner, verdict("b.rejected"))
        assert [item.state for item in store.resends.origin(batch.id)] == [BatchState.REJECTED]
