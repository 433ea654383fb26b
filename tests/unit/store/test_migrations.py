"""The numbered steps of the schema."""

from functools import partial
from importlib import resources

import pytest
from attrs import evolve

from smsfs.store.postgresql import PostgresStore
from smsfs.store.sql import load_migrations
from smsfs.store.sqlite import SqliteStore
from tests.support.store_suite.base import NOW
from tests.support.store_suite.inbound import MSISDN, never, part
from tests.support.store_suite.replies import replied

#: The schema before replies were shown as files.
BEFORE_SHOWN = 14


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_each_step_has_a_number_of_its_own(engine):
    """Two steps of one number could be taken in another order elsewhere, and a store be upgraded wrongly."""
    folder = resources.files(f"smsfs.store.{engine}").joinpath("migrations")
    names = sorted(item.name for item in folder.iterdir() if item.name.endswith(".sql"))
    assert [int(name[:4]) for name in names] == list(range(1, len(names) + 1))


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_replies_from_before_an_upgrade_are_not_shown(engine, tmp_path, request, monkeypatch):
    """A program would get all answers of three months at once, or none of those that come from now on."""
    if engine == "sqlite":
        module, make = "sqlite.database", partial(SqliteStore, tmp_path / "smsfs.db")
    else:
        module, make = "postgresql.schema", partial(PostgresStore, request.getfixturevalue("database"))
    with monkeypatch.context() as patch:
        patch.setattr(
            f"smsfs.store.{module}.load_migrations", lambda name: load_migrations(name)[:BEFORE_SHOWN]
        )
        store = make()
        account = store.accounts.add("tools", "smstools", {}, NOW)
        replied(store, account, store.register("test"), "from before")
        store.close()
    store = make()
    assert [reply.text for reply in store.inbound.replies()] == ["from before"]
    assert store.inbound.unshown("smstools", 0, 9) == []
    store.inbound.receive([], [evolve(part("new"), sender=str(MSISDN + account.id))], never)
    assert [reply.text for reply in store.inbound.unshown("smstools", 0, 9)] == ["new"]
    store.close()
