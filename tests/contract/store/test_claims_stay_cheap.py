"""Statements that claim work go along an index, and look at few rows however many wait."""

import re
from contextlib import closing

import pytest

from smsfs.store.postgresql import PostgresStore
from smsfs.store.postgresql.connection import SQL as POSTGRES_SQL
from smsfs.store.sqlite import SqliteStore
from smsfs.store.sqlite.connection import SQL as SQLITE_SQL

WAITING = 20_000
#: Pages of 8 KiB that one claim may look at, with indexes of several levels.
FEW_PAGES = 60
INDEX = re.compile(r"'Index Name': '(\w+)'")
VALUES = {"now": 2e9, "lane": 3, "backend": "out", "principal": 1, "seq": 0}
#: With the index that each is to go along.
STATEMENTS = {
    "batch_lanes": "batch_lane",
    "batch_next_free": "batch_lane",
    "slice_principals": "slice_(oldest|first)",
    "slice_oldest_free": "slice_oldest",
    "slice_first_seq": "slice_first",
    "slice_first_free": "slice_first",
}
#: Half of the slices are for tomorrow: to look for one that is due must not lead along all of them.
FILL = (
    "INSERT INTO account (name, dialect, created) VALUES ('shop', 'gatewayapi', 0)",
    """INSERT INTO batch (account, path, stem, flags, state, submitted, not_before, lane)
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {waiting})
    SELECT 1, 'a', 'a', '[]', CASE WHEN i % 2 = 0 THEN 'accepted' ELSE 'pending' END, 1, 1, 2 + i % 2
    FROM n""",
    """INSERT INTO slice
        (batch, seq, first_row, last_row, size, state, backend, not_before, expires, principal)
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {waiting})
    SELECT 1, i % 20, 1, 1, 1, CASE WHEN i % 3 = 0 THEN 'done' ELSE 'queued' END, 'out',
        CASE WHEN i % 2 = 0 THEN 3e9 ELSE 1 END, 3e9, 1 FROM n""",
)


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory):
    """A SQLite store in which much waits."""
    with closing(SqliteStore(tmp_path_factory.mktemp("store") / "smsfs.db")) as store:
        with store._database.write() as connection:
            for statement in FILL:
                connection.plain.execute(statement.format(waiting=WAITING))
        yield store


@pytest.fixture(scope="module")
def postgresql(postgres):
    """A database in which much waits."""
    url = postgres.new_database()
    with closing(PostgresStore(url)) as store:
        with store._database.write() as connection:
            for statement in FILL:
                connection.plain.execute(statement.format(waiting=WAITING))
        with store._database.reading() as connection:
            connection.plain.execute("VACUUM ANALYZE batch")
            connection.plain.execute("VACUUM ANALYZE slice")
        yield store
    postgres.drop_database(url)


@pytest.mark.parametrize("name", STATEMENTS)
def test_sqlite_goes_along_an_index(sqlite, name):
    """A file would take longer to be found the more files wait, with every other writer held up."""
    with sqlite._database.reading() as connection:
        sql = SQLITE_SQL[name]
        plan = [row["detail"] for row in connection.plain.execute(f"EXPLAIN QUERY PLAN {sql}", VALUES)]
    lines = [line for line in plan if re.search(r" (batch|slice)\b", line)]
    assert lines
    assert [line for line in lines if not re.search(f"INDEX {STATEMENTS[name]}\\b", line)] == []
    assert "TEMP B-TREE" not in str(plan)


@pytest.mark.parametrize("name", STATEMENTS)
def test_postgresql_goes_along_an_index(postgresql, name):
    """As above."""
    with postgresql._database.reading() as connection:
        sql = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {POSTGRES_SQL[name]}"
        (plan,) = connection.plain.execute(sql, VALUES).fetchone()["QUERY PLAN"]
    shown = str(plan)
    assert all(re.fullmatch(STATEMENTS[name], index) for index in INDEX.findall(shown))
    assert "Seq Scan" not in shown
    assert "'Sort'" not in shown
    assert plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"] <= FEW_PAGES


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_claims_look_past_what_is_for_later(request, engine):
    """One account's messages for tomorrow would slow down every claim of today's."""
    store = request.getfixturevalue(engine)
    assert [(lane.principal, lane.large) for lane in store.queue.lanes()] == [(1, True)]
    assert store.queue.principals("out", 2e9) == [1]
    assert store.queue.principals("out", 0) == []
    assert store.queue.next_time("out") == 1
