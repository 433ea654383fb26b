import re
from contextlib import closing

import pytest

from smsfs.states import BatchState, FileState, SliceState
from smsfs.store.postgresql import PostgresStore
from smsfs.store.sqlite import SqliteStore
from tests.support.docs import PAGE, states

TABLES = {"file": FileState, "batch": BatchState, "slice": SliceState}


def test_page_is_up_to_date():
    """An operator would look a state up in a page that tells how it was a year ago."""
    assert PAGE.read_text(encoding="utf-8") == states(), "run: python -m tests.support.docs"


def checked_states(text: str) -> set[str]:
    """The values that a condition of a database lets the column ``state`` of a table have."""
    (condition,) = re.findall(r"CHECK \(\(?state (?:IN|= ANY) \((.*?)\)\)", text)
    return set(re.findall(r"'(\w+)'", condition))


@pytest.mark.parametrize("table", TABLES)
def test_sqlite_knows_the_states_of_the_tables(tmp_path, table):
    """A file could not be stored in a state that the tables lead it to, and would be stuck before it."""
    with closing(SqliteStore(tmp_path / "smsfs.db")) as store, store._database.reading() as connection:
        query = "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?"
        (sql,) = connection.plain.execute(query, [table]).fetchone()
    assert checked_states(sql) == set(TABLES[table])


def test_postgresql_knows_the_states_of_the_tables(database):
    """A file could not be stored in a state that the tables lead it to, and would be stuck before it."""
    with closing(PostgresStore(database)) as store, store._database.reading() as connection:
        query = "SELECT pg_get_constraintdef(oid) AS text FROM pg_constraint WHERE conname = %s"
        for table, known in TABLES.items():
            row = connection.plain.execute(query, [f"{table}_state_check"]).fetchone()
            assert checked_states(row["text"]) == set(known)
