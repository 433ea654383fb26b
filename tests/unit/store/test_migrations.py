"""The numbered steps of the schema."""

from functools import partial
from importlib import resources

import pytest
from attrs import evolve

from smsfs.store.postgresql import PostgresStore
from smsfs.store.sql import load_migrations
from smsfs.store.sqlite import SqliteStore
from tests.support.store_suite.base import NOW
from tests.support.store_suite.inbound import (
    MSISDN,
    came,
    events,
    lost,
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
REPLY = """INSERT INTO reply (backend, sender, recipient, text, whole, at, account)
    SELECT 'out', '45', '29', 'from before', 1, 0, id FROM account"""


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


def test_messages_from_before_an_upgrade_are_found(opened):
    """After an upgrade, no receipt and no reply would be of a message that was sent before it."""
    store = opened(BEFORE_RUNS)
    account, owner = store.accounts.add("shop", "gatewayapi", {}, NOW), store.register("test")
    old = sent(store, account, owner, took("c1"), lost(2))
    store.close()
    store = opened()
    new = sent(store, account, store.register("test"), took("c2", recipient=MSISDN + 1), stem="b")
    assert len(came(store, receipt("c1"), receipt("c2"), receipt("x")).matched) == 2
    assert matched(store, NOW + 70) == ["x"]
    assert events(store, old)[2:] == [(1, "delivered", "c1"), (2, "part", "x"), (2, "delivered", "x")]
    assert events(store, new)[1:] == [(1, "delivered", "c2")]
    replies = store.inbound.receive([], [part("yes")], never).replies
    assert [reply.path for reply in replies] == ["a.success"]
    store.close()


def test_replies_from_before_an_upgrade_are_not_shown(opened):
    """A program would get all answers of three months at once, or none of those that come from now on."""
    store = opened(BEFORE_SHOWN)
    account = store.accounts.add("tools", "smstools", {}, NOW)
    sent(store, account, store.register("test"), took("c1", recipient=MSISDN + account.id))
    with store._database.write() as connection:
        connection.plain.execute(REPLY)
    store.close()
    store = opened()
    assert [reply.text for reply in store.inbound.replies()] == ["from before"]
    assert store.inbound.unshown("smstools", 0, 9) == []
    store.inbound.receive([], [evolve(part("new"), sender=str(MSISDN + account.id))], never)
    assert [reply.text for reply in store.inbound.unshown("smstools", 0, 9)] == ["new"]
    store.close()
