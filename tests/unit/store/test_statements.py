import re
from pathlib import Path

import pytest

import smsfs
from smsfs.store.sql import load_statements

STORE = Path(smsfs.__file__).parent / "store"
FILES = sorted(STORE.glob("*/*.sql"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: "/".join(file.parts[-2:]))
def test_each_statement_says_what_it_is_for(file):
    """Who mends a query would have to guess from its callers what it is to find."""
    lines = file.read_text(encoding="utf-8").splitlines()
    names = [number for number, line in enumerate(lines) if line.startswith("-- name: ")]
    assert names
    assert [lines[number] for number in names if not re.match(r"-- [A-Z].*[.]$", lines[number + 1])] == []


@pytest.mark.parametrize("package", ["sql", "sqlite", "postgresql"])
def test_no_statement_hides_another_of_its_package(package):
    """A statement in one file would silently replace the one of that name in another."""
    texts = [file.read_text(encoding="utf-8") for file in FILES if file.parent.name == package]
    names = re.findall(r"^-- name: (\w+)$", "\n".join(texts), re.MULTILINE)
    assert sorted(names) == sorted(load_statements(f"smsfs.store.{package}"))


def test_comments_are_not_sent_to_the_database():
    """Each call would carry prose over the network, and a colon in it pass for a value."""
    statements = load_statements("smsfs.store.sql", "smsfs.store.postgresql")
    assert [name for name, sql in statements.items() if "--" in sql] == []
