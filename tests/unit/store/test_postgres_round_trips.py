"""How often PostgreSQL is asked, one question after the other: each takes the way to it and back."""

import os
import threading
from contextlib import closing, contextmanager

import pytest

from smsfs.dialects.registry import dialect
from smsfs.errors import Exists
from smsfs.filesystem import Filesystems
from smsfs.states import IllegalTransitionError
from smsfs.store.postgresql import PostgresStore
from smsfs.store.postgresql.sessions import Session
from tests.support.store_suite.base import draft

ROWS = b"msisdn,message\n" + b"4512345678,Your appointment is tomorrow at ten.\n" * 21


@pytest.fixture
def store(database):
    """A store."""
    with closing(PostgresStore(database)) as opened:
        yield opened


@pytest.fixture
def account(store):
    """An account."""
    return store.accounts.add("shop", "gatewayapi", {}, store.now())


@pytest.fixture
def asked(monkeypatch):
    """Counts what this thread asks the database within a block; a list, filled at its end."""
    whole, mine = Session.wait, threading.get_ident()
    questions = []

    def wait(session, *args, **kwargs):
        if threading.get_ident() == mine:
            questions.append(1)
        return whole(session, *args, **kwargs)

    monkeypatch.setattr(Session, "wait", wait)

    @contextmanager
    def counted():
        questions.clear()
        yield questions

    return counted


def look(files, path):
    """Look for a file that is not there, as clients do before they upload it."""
    with pytest.raises(FileNotFoundError):
        files.stat(path)


def test_a_put_and_rename_asks_twelve_times_at_most(store, account, asked, monkeypatch):
    """With the database 10 ms away each file would take the better part of a second."""
    monkeypatch.setattr("smsfs.filesystem.rights.FRESH_SECONDS", 60.0)  # whatever else the machine does
    files = Filesystems(store, store.register("front"), dialect).of(account)
    with asked() as questions:
        look(files, "a.csv")
        upload = files.open("a.csv", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        upload.write(0, ROWS)
        upload.close()
        files.rename("a.csv", "a.csv.ready", replace=False)
    assert len(questions) <= 12
    assert files.stat("a.csv.ready").size == len(ROWS)


def test_a_lease_is_renewed_by_one_question(store, asked):
    """An idle pair would ask its database all the time, and a renewal wait for several answers."""
    owner = store.register("front")
    with asked() as questions:
        assert store._beat(owner.id)
    assert len(questions) == 1


def test_what_failed_with_the_commit_is_undone_in_whole(store, account):
    """A client would be refused a name, and part of its change be there all the same."""
    file = draft(store, account, "a.csv")
    draft(store, account, "b.csv")

    def change():
        with store.files.change(account.id) as files:
            files.set_times(file.id, 5.0)
            files.move(file.id, "b.csv")

    with pytest.raises(Exists):
        change()
    assert [(each.name, each.mtime == 5.0) for each in store.files.all()] == [
        ("a.csv", False),
        ("b.csv", False),
    ]


def test_a_file_handed_over_twice_has_one_batch(store, account):
    """Each of its messages would be sent twice."""
    file = draft(store, account, "a.csv")
    batches = []
    for path in ("a.1", "a.2"):
        with store.files.change(account.id) as files:
            batches.append(files.hand_over(file, path, "a", [], 1.0, 1.0))
    assert batches[0]() > 0
    with pytest.raises(IllegalTransitionError):
        batches[1]()
    assert [each.name for each in store.files.all()] == ["a.1"]
    assert sum(store.queue.lanes().values()) == 1.0
