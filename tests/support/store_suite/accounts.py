"""Accounts, their keys, and the hosts' own."""

import pytest

from smsfs.errors import Exists, StillOpen
from smsfs.store import Account, Outcome, Process, SliceReport, Store
from tests.support.store_suite.base import (
    NOW,
    StoreFixtures,
    accepted,
    draft,
    new_slice,
    reading,
    submitted,
    taken,
    verdict,
)


class AccountSuite(StoreFixtures):
    """What a store promises about accounts."""

    def test_account_is_found_as_it_was_added(self, store: Store, other: Store) -> None:
        """An account's dialect and settings would be lost at the next start."""
        added = store.accounts.add("shop", "gatewayapi", {"alias_seconds": 5, "chmod": "ignore"}, NOW)
        assert added == other.accounts.find("shop") == other.accounts.get(added.id)
        assert added.settings == {"alias_seconds": 5, "chmod": "ignore"}
        assert (added.dialect, added.password, added.disabled, added.created) == (
            "gatewayapi",
            None,
            False,
            NOW,
        )

    def test_unknown_account_is_none(self, store: Store) -> None:
        """A login under a wrong name would end in an exception."""
        assert store.accounts.find("nobody") is None
        assert store.accounts.get(99) is None

    def test_name_is_given_once(self, store: Store, account: Account) -> None:
        """Two customers would share a login."""
        with pytest.raises(Exists, match="shop"):
            store.accounts.add(account.name, "gatewayapi", {}, NOW)
        assert store.accounts.all() == [account]

    def test_accounts_are_listed_by_name(self, store: Store) -> None:
        """The operator's list would be in no order."""
        for name in ("b", "c", "a"):
            store.accounts.add(name, "gatewayapi", {}, NOW)
        assert [account.name for account in store.accounts.all()] == ["a", "b", "c"]

    def test_changes_reach_other_processes(self, store: Store, other: Store, account: Account) -> None:
        """A new password or a closed account would count only after a restart."""
        store.accounts.update(account.id, {"max_files": 3})
        store.accounts.set_password(account.id, "hash")
        store.accounts.set_disabled(account.id, disabled=True)
        seen = other.accounts.get(account.id)
        assert seen is not None
        assert (seen.settings, seen.password, seen.disabled) == ({"max_files": 3}, "hash", True)

    def test_changes_stay_with_their_account(self, store: Store, account: Account) -> None:
        """Closing one account would close its neighbour."""
        neighbour = store.accounts.add("neighbour", "gatewayapi", {}, NOW)
        store.accounts.update(account.id, {"max_files": 3})
        store.accounts.set_password(account.id, "hash")
        store.accounts.set_disabled(account.id, disabled=True)
        assert store.accounts.get(neighbour.id) == neighbour

    def test_password_is_not_printed(self, store: Store, account: Account) -> None:
        """A log line with an account in it would give the password's hash away."""
        store.accounts.set_password(account.id, "secret-hash")
        assert "secret-hash" not in repr(store.accounts.get(account.id))

    def test_keys_belong_to_one_account(self, store: Store, account: Account) -> None:
        """A key would open another customer's account."""
        neighbour = store.accounts.add("neighbour", "gatewayapi", {}, NOW)
        for line in ("ssh-ed25519 B", "ssh-ed25519 A", "ssh-ed25519 A"):
            store.accounts.add_key(account.id, line)
        assert store.accounts.keys(account.id) == ["ssh-ed25519 A", "ssh-ed25519 B"]
        assert store.accounts.keys(neighbour.id) == []
        assert not store.accounts.remove_key(neighbour.id, "ssh-ed25519 A")
        assert store.accounts.remove_key(account.id, "ssh-ed25519 A")
        assert store.accounts.keys(account.id) == ["ssh-ed25519 B"]

    def test_first_host_key_counts(self, store: Store, other: Store) -> None:
        """Two hosts that start at once would show clients different keys."""
        assert store.accounts.add_host_key("ssh-ed25519", "first") == "first"
        assert other.accounts.add_host_key("ssh-ed25519", "second") == "first"
        assert other.accounts.host_keys() == {"ssh-ed25519": "first"}

    def test_removed_account_leaves_nothing(self, store: Store, account: Account, owner: Process) -> None:
        """A customer who left would still have files and messages here."""
        accepted(store, account, owner, new_slice())
        slice_ = taken(store, owner)
        store.queue.record(owner, [SliceReport(slice_, [Outcome(1, "accepted", NOW)], done=True)])
        store.accounts.add_key(account.id, "ssh-ed25519 A")
        last = draft(store, account, "last.csv")
        success = store.files.view().find(account.id, "a.success")
        assert success is not None
        assert set(store.accounts.remove(account.id)) == {last.content, success.content}
        assert store.accounts.find(account.name) is None
        assert (list(store.files.all()), list(store.queue.batches())) == ([], [])
        assert store.files.view().usage(account.id) == (0, 0)
        assert store.damage() == []

    def test_removal_spares_other_accounts(self, store: Store, account: Account, owner: Process) -> None:
        """Removing one customer would take another's files and messages along."""
        neighbour = store.accounts.add("neighbour", "gatewayapi", {}, NOW)
        batch = accepted(store, neighbour, owner, new_slice())
        draft(store, account)
        store.accounts.remove(account.id)
        assert [item.id for item in store.queue.batches()] == [batch.id]
        assert [item.messages for item in store.queue.slices(batch.id)] == [b"messages 0"]
        assert [item.path for item in store.files.all()] == ["a.success"]

    @pytest.mark.parametrize("stage", ["submitted", "reading", "queued", "claimed"])
    def test_busy_account_is_not_removed(
        self, store: Store, account: Account, owner: Process, stage: str
    ) -> None:
        """Messages that the client was told of would vanish on their way."""
        if stage == "submitted":
            submitted(store, account)
        elif stage == "reading":
            reading(store, account, owner)
        else:
            accepted(store, account, owner, new_slice())
        if stage == "claimed":
            taken(store, owner)
        with pytest.raises(StillOpen, match="on its way"):
            store.accounts.remove(account.id)
        assert store.accounts.find(account.name) == account

    def test_rejected_batches_do_not_hold_an_account(
        self, store: Store, account: Account, owner: Process
    ) -> None:
        """An account with a rejected file could never be removed."""
        batch = reading(store, account, owner)
        store.queue.reject(batch.id, owner, verdict("a.rejected"))
        assert len(store.accounts.remove(account.id)) == 1

    def test_ids_are_never_given_again(self, store: Store, account: Account) -> None:
        """A session of a removed customer would find itself among the files of the next one."""
        store.accounts.remove(account.id)
        assert store.accounts.add("next", "gatewayapi", {}, NOW).id > account.id
