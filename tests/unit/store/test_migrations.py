"""The numbered steps of the schema."""

from functools import partial
from importlib import resources

import pytest

from smsfs.store.postgresql import PostgresStore
from smsfs.store.sql import load_migrations
from smsfs.store.sqlite import SqliteStore
from tests.support.store_suite.base import NOW
from tests.support.store_suite.inbound import (
    MSISDN,
    came,
    events,
    matched,
    never,
    part,
    receipt,
    sent,
    took,
)

#: The schema before replies were shown as files.
BEFORE_SHOWN = 14
#: The schema before outcomes were sorted.
BEFORE_RUNS = 17
#: What an earlier version stored: a file with two messages, of one of which the fate is unknown, and a reply.
STORED = (
    "INSERT INTO account (name, dialect, created) VALUES ('tools', 'smstools', 0)",
    """INSERT INTO batch (account, path, stem, flags, state, submitted, not_before, finished, lane)
    SELECT id, 'a.success', 'a', '[]', 'accepted', 1.7e9, 1.7e9, 1.7e9, 2 * id FROM account""",
    """INSERT INTO slice
        (batch, seq, first_row, last_row, size, state, backend, not_before, expires, principal)
    SELECT id, 0, 1, 2, 2, 'done', 'out', 1.7e9, 1.7e9, account FROM batch""",
    """INSERT INTO outcome (batch, row, slice, attempt, event, carrier_id, parts, at, recipient)
    SELECT batch, 1, id, 1, 'accepted', 'c1', 1, 1.7e9, 4512345678 FROM slice
    UNION ALL SELECT batch, 2, id, 1, 'no_answer', '', 1, 1.7e9, 4512345678 FROM slice""",
    """INSERT INTO reply (backend, sender, recipient, text, whole, at, account)
    SELECT 'out', '45', '29', 'from before', 1, 0, id FROM account""",
)


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_each_step_has_a_number_of_its_own(engine):
    """Two steps of one number could be taken in another order elsewhere, and a store be upgraded wrongly."""
    folder = resources.files(f"smsfs.store.{engine}").joinpath("migrations")
    names = sorted(item.name for item in folder.iterdir() if item.name.endswith(".sql"))
    assert [int(name[:4]) for name in names] == list(range(1, len(names) + 1))


@pytest.fixture(params=["sqlite", "postgresql"])
def opened(request, tmp_path, monkeypatch):
    """Open a store, with the schema of some time or today's."""
    if request.param == "sqlite":
        module, make = "sqlite.database", partial(SqliteStore, tmp_path / "smsfs.db")
    else:
        module, make = "postgresql.schema", partial(PostgresStore, request.getfixturevalue("database"))

    def opened(schema=None):
        with monkeypatch.context() as patch:
            patch.setattr(
                f"smsfs.store.{module}.load_migrations", lambda name: load_migrations(name)[:schema]
            )
            return make()

    return opened


@pytest.fixture
def upgraded(opened):
    """A store with what an earlier version stored, upgraded from the schema of some time."""
    stores = []

    def upgraded(schema):
        before = opened(schema)
        with before._database.write() as connection:
            for statement in STORED:
                connection.plain.execute(statement)
        before.close()
        stores.append(opened())
        return stores[0]

    yield upgraded
    stores[0].close()


def test_messages_from_before_an_upgrade_are_found(upgraded):
    """After an upgrade, no receipt and no reply would be of a message that was sent before it."""
    store = upgraded(BEFORE_RUNS)
    account, (old,) = store.accounts.find("tools"), store.queue.batches()
    new = sent(store, account, store.register("test"), took("c2", recipient=MSISDN + 1), stem="b")
    assert len(came(store, receipt("c1"), receipt("c2"), receipt("x")).matched) == 2
    assert matched(store, NOW + 70) == ["x"]
    assert events(store, old)[2:] == [(1, "delivered", "c1"), (2, "part", "x"), (2, "delivered", "x")]
    assert events(store, new)[1:] == [(1, "delivered", "c2")]
    replies = store.inbound.receive([], [part("yes")], never).replies
    assert [reply.path for reply in replies] == ["a.success"]


def test_replies_from_before_an_upgrade_are_not_shown(upgraded):
    """A program would get all answers of three months at once, or none of those that come from now on."""
    store = upgraded(BEFORE_SHOWN)
    assert [reply.text for reply in store.inbound.replies()] == ["from before"]
    assert store.inbound.unshown("smstools", 0, 9) == []
    store.inbound.receive([], [part("new")], never)
    assert [reply.text for reply in store.inbound.unshown("smstools", 0, 9)] == ["new"]
