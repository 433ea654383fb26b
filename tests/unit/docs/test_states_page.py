import re
from pathlib import Path

import pytest

import smsfs
from smsfs.states import BatchState, FileState, SliceState
from tests.support.docs import PAGE, states

SCHEMAS = sorted((Path(smsfs.__file__).parent / "store").glob("*/migrations/0001_*.sql"))


def checked_states(schema: str, table: str) -> set[str]:
    """The values that a database lets the column ``state`` of a table have."""
    body = re.search(rf"CREATE TABLE {table} \((.*?)^\)", schema, re.DOTALL | re.MULTILINE)[1]
    return set(re.findall(r"'(\w+)'", re.search(r"CHECK \(state IN \((.*?)\)\)", body)[1]))


def test_page_is_up_to_date():
    """An operator would look a state up in a page that tells how it was a year ago."""
    assert PAGE.read_text(encoding="utf-8") == states(), "run: python -m tests.support.docs"


@pytest.mark.parametrize(
    ("table", "states_of"), [("file", FileState), ("batch", BatchState), ("slice", SliceState)]
)
@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda file: file.parts[-3])
def test_database_knows_the_states_of_the_tables(schema, table, states_of):
    """A file could not be stored in a state that the tables lead it to, and would be stuck before it."""
    assert checked_states(schema.read_text(encoding="utf-8"), table) == set(states_of)


def test_no_later_migration_changes_those_checks():
    """The checks of the first migration would be compared, and the databases have others."""
    later = sorted((Path(smsfs.__file__).parent / "store").glob("*/migrations/*.sql"))
    texts = {file: file.read_text(encoding="utf-8") for file in later if file not in SCHEMAS}
    changing = re.compile(r"(CREATE|ALTER) TABLE (file|batch|slice)\b[^;]*\bstate\b", re.IGNORECASE)
    assert texts
    assert [file for file, text in texts.items() if changing.search(text)] == []
