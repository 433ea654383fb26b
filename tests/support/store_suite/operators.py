"""Operators, and who is logged in to the web page."""

import pytest
from attrs import evolve

from smsfs.errors import Exists
from smsfs.store import Account, NewEntry, Store, WebSession
from tests.support.store_suite.base import NOW, StoreFixtures

ENTRY = NewEntry(NOW, "root", "command on gateway1", "operator add", "alice")
IDLE, MOST = 1800.0, 43200.0


def begin(store: Store, name: bytes, who: int | Account, at: float = NOW) -> WebSession:
    """A session of an operator, by number, or of an account."""
    operator = who if isinstance(who, int) else None
    account = None if isinstance(who, int) else who.id
    session = WebSession(name * 32, operator, account, 0, 0, at, at)
    store.operators.begin(session, idle_since=at - IDLE, oldest=at - MOST)
    return session


class OperatorSuite(StoreFixtures):
    """What a store promises of operators and their sessions."""

    def test_operators_are_added_and_removed_with_a_record(self, store: Store, other: Store) -> None:
        """Nobody could tell who let somebody in to the page."""
        made = store.operators.add("alice", "viewer", "hash", ENTRY)
        assert (made.name, made.role, made.password, made.created) == ("alice", "viewer", "hash", NOW)
        assert other.operators.find("alice") == other.operators.get(made.id) == made
        assert other.operators.all() == [made]
        with pytest.raises(Exists, match="There is an operator alice already"):
            store.operators.add("alice", "admin", "other", ENTRY)
        assert other.operators.remove("alice", evolve(ENTRY, verb="operator remove"))
        assert not other.operators.remove("alice", ENTRY)
        assert store.operators.find("alice") is None
        assert [entry.verb for entry in store.audit.entries()] == ["operator remove", "operator add"]

    def test_sessions_hold_on_other_hosts_until_they_end(self, store: Store, other: Store) -> None:
        """When a host of a pair dies, everybody would have to log in again, or stay logged in."""
        alice = store.operators.add("alice", "viewer", "hash", ENTRY)
        session = begin(store, b"a", alice.id)
        assert other.operators.session(session.token) == session
        other.operators.use(session.token, NOW + 60)
        assert store.operators.session(session.token) == evolve(session, seen=NOW + 60)
        other.operators.end(session.token)
        assert store.operators.session(session.token) is None

    def test_sessions_go_with_those_whose_they_are(self, store: Store, account: Account) -> None:
        """Somebody who was removed would go on looking at messages."""
        alice = store.operators.add("alice", "operator", "hash", ENTRY)
        sessions = [begin(store, b"a", alice.id), begin(store, b"b", account)]
        store.operators.remove("alice", ENTRY)
        store.accounts.remove(account.id)
        assert [store.operators.session(session.token) for session in sessions] == [None, None]

    def test_sessions_that_are_over_are_forgotten(self, store: Store, account: Account) -> None:
        """The table would grow with every login."""
        idle, old = begin(store, b"a", account), begin(store, b"b", account)
        store.operators.use(old.token, NOW + MOST)
        begin(store, b"c", account, NOW + MOST)
        assert store.operators.session(idle.token) is None
        assert store.operators.session(old.token) is not None
        new = begin(store, b"d", account, NOW + MOST + 1)
        assert store.operators.session(old.token) is None
        assert store.operators.session(new.token) == new
