"""Replies that are shown as files."""

import pytest
from attrs import evolve

from smsfs.errors import Exists
from smsfs.states import FileState
from smsfs.store import Account, NewFile, Process, StaleOwnerError, Store
from smsfs.store.contents import fill
from tests.support.store_suite.base import NOW, StoreFixtures
from tests.support.store_suite.inbound import MSISDN, never, part, sent, took

WORK = "reports"
MANY = 100


def replied(store: Store, account: Account, owner: Process, *texts: str) -> None:
    """The recipient of a message of an account sends texts back."""
    sent(store, account, owner, took("c1", recipient=MSISDN + account.id), stem=account.name)
    sender = str(MSISDN + account.id)
    for number, text in enumerate(texts):
        store.inbound.receive([], [evolve(part(text, at=NOW + number), sender=sender)], never)


def shown_file(store: Store, path: str = "incoming/out.000001") -> NewFile:
    """A file with its bytes."""
    content = store.contents.create()
    return NewFile(path, content, fill(store.contents.open_write(content), [b"From: 45"]))


class ShownReplySuite(StoreFixtures):
    """Each reply becomes one file."""

    @pytest.fixture
    def leader(self, store: Store) -> Process:
        """Who shows them."""
        owner = store.register("reports")
        assert store.lead(owner, WORK)
        return owner

    @pytest.fixture
    def tools(self, store: Store, owner: Process) -> Account:
        """An account of a dialect that shows replies, with two of them."""
        account = store.accounts.add("tools", "smstools", {}, NOW)
        replied(store, account, owner, "Ja", "Nej")
        return account

    def test_a_reply_is_shown_once(self, store: Store, other: Store, tools: Account, leader: Process) -> None:
        """A reply that a program has read and deleted would come again, or one never come."""
        first, second = store.inbound.unshown("smstools", 0, MANY)
        assert ([first.text, second.text], first.account) == (["Ja", "Nej"], "tools")
        made = shown_file(store)
        assert store.inbound.show(first.id, tools.id, [made], NOW, leader, WORK)
        (file,) = other.files.view().listing(tools.id, "incoming")
        assert (file.name, file.state, file.size, file.mtime) == ("out.000001", FileState.SUCCESS, 8, NOW)
        assert [item.id for item in other.inbound.unshown("smstools", 0, MANY)] == [second.id]
        with store.files.change(tools.id) as files:
            files.remove(file.id)
        assert not store.inbound.show(first.id, tools.id, [shown_file(store)], NOW, leader, WORK)
        assert store.files.view().listing(tools.id, "incoming") == []
        assert store.inbound.show(second.id, tools.id, [], NOW, leader, WORK), "without a file"
        assert other.inbound.unshown("smstools", 0, MANY) == []
        assert len(list(store.inbound.replies())) == 2

    def test_replies_come_in_pages_and_for_one_dialect(
        self, store: Store, account: Account, owner: Process, tools: Account
    ) -> None:
        """A customer would find what people wrote to another, or only the first replies of many."""
        replied(store, account, owner, "not a file")
        store.inbound.receive([], [part("for nobody")], never)
        (first,) = store.inbound.unshown("smstools", 0, 1)
        (second,) = store.inbound.unshown("smstools", first.id, 1)
        assert (first.text, second.text) == ("Ja", "Nej")
        assert store.inbound.unshown("smstools", second.id, 1) == []
        assert [item.text for item in store.inbound.unshown("gatewayapi", 0, MANY)] == ["not a file"]
        leader = store.register("reports")
        assert store.lead(leader, WORK)
        assert not store.inbound.show(first.id, account.id, [shown_file(store)], NOW, leader, WORK)
        assert store.inbound.unshown("smstools", 0, 1) == [first]
        assert list(store.files.all(tools.id))[1:] == []

    def test_who_does_not_lead_shows_no_reply(
        self, store: Store, other: Store, tools: Account, leader: Process
    ) -> None:
        """Both hosts of a pair would show a reply."""
        stale = other.register("reports")
        (first, _) = store.inbound.unshown("smstools", 0, MANY)
        with pytest.raises(StaleOwnerError):
            other.inbound.show(first.id, tools.id, [shown_file(store)], NOW, stale, WORK)
        assert store.files.view().listing(tools.id, "incoming") == []
        assert store.inbound.show(first.id, tools.id, [shown_file(store)], NOW, leader, WORK)

    def test_a_reply_whose_name_is_taken_is_not_shown(
        self, store: Store, tools: Account, leader: Process
    ) -> None:
        """A reply would count as shown that nobody can read."""
        (first, second) = store.inbound.unshown("smstools", 0, MANY)
        assert store.inbound.show(first.id, tools.id, [shown_file(store)], NOW, leader, WORK)
        with pytest.raises(Exists):
            store.inbound.show(second.id, tools.id, [shown_file(store)], NOW, leader, WORK)
        assert [item.id for item in store.inbound.unshown("smstools", 0, MANY)] == [second.id]
        spare = shown_file(store, "incoming/other")
        assert store.inbound.show(second.id, tools.id, [spare], NOW, leader, WORK)

    def test_shown_replies_go_after_their_time(self, store: Store, tools: Account, leader: Process) -> None:
        """Files that no program deletes would fill the account for ever."""
        (first, _) = store.inbound.unshown("smstools", 0, MANY)
        made = shown_file(store)
        assert store.inbound.show(first.id, tools.id, [made], NOW, leader, WORK)
        assert store.files.expire({tools.id: NOW}, MANY) == []
        assert made.content in store.files.expire({tools.id: NOW + 1}, MANY)
