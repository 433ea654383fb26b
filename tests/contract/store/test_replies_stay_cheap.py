"""Every second somebody looks for replies to show: that reads few rows, however many replies there are."""

from contextlib import closing

import pytest

from smsfs.store.postgresql import PostgresStore
from smsfs.store.postgresql.connection import SQL as POSTGRES_SQL
from smsfs.store.sqlite import SqliteStore
from smsfs.store.sqlite.connection import SQL as SQLITE_SQL

VALUES = {"dialect": "smstools", "after": 0, "limit": 100}
#: Pages of 8 KiB; all replies take over 400.
FEW_PAGES = 40
#: Those to accounts whose dialect shows none stay unshown; those that were shown are there for months.
FILL = (
    "INSERT INTO account (name, dialect, created) VALUES ('shop', 'gatewayapi', 0), ('tools', 'smstools', 0)",
    """INSERT INTO reply (backend, sender, recipient, text, whole, at, account, shown)
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40000)
    SELECT 'out', '4512345678', '2929', 'a text of some length', 1, 0, 1 + i % 2, i % 2 FROM n""",
    """INSERT INTO reply (backend, sender, recipient, text, whole, at, account)
    VALUES ('out', '4512345678', '2929', 'new', 1, 0, 2)""",
)


def filled(store):
    """A store with many replies."""
    with store._database.write() as connection:
        for statement in FILL:
            connection.plain.execute(statement)
    assert [reply.text for reply in store.inbound.unshown(**VALUES)] == ["new"]


def test_sqlite_goes_along_the_index_of_replies(tmp_path):
    """The one writer of a small host would read three months of replies every second."""
    with closing(SqliteStore(tmp_path / "smsfs.db")) as store:
        filled(store)
        with store._database.reading() as connection:
            sql = f"EXPLAIN QUERY PLAN {SQLITE_SQL['reply_unshown']}"
            plan = [row["detail"] for row in connection.plain.execute(sql, VALUES)]
    assert [line for line in plan if " r " in line] == [
        "SEARCH r USING INDEX reply_unshown (account=? AND id>?)"
    ]


@pytest.mark.parametrize("analyzed", [False, True])
def test_postgresql_goes_along_the_index_of_replies(database, analyzed):
    """The database that a pair shares would read three months of replies every second."""
    with closing(PostgresStore(database)) as store:
        filled(store)
        with store._database.reading() as connection:
            if analyzed:
                connection.plain.execute("ANALYZE account")
                connection.plain.execute("ANALYZE reply")
            sql = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {POSTGRES_SQL['reply_unshown']}"
            (plan,) = connection.plain.execute(sql, VALUES).fetchone()["QUERY PLAN"]
    assert "'Index Name': 'reply_unshown'" in str(plan)
    assert plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"] <= FEW_PAGES
