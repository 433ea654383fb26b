"""What is no store is left alone, and what is damaged says so."""

import sqlite3
from contextlib import closing

import pytest

from smsfs.errors import ConfigurationError, StoreDamaged
from smsfs.store.sqlite import SqliteStore, identity
from smsfs.store.sqlite.identity import APPLICATION_ID, standing

PAGE = 4096


@pytest.fixture
def path(tmp_path):
    """The database file."""
    return tmp_path / "data" / "smsfs.db"


def filled(path):
    """A store of some hundred accounts, closed, so that all of it is in its file."""
    store = SqliteStore(path)
    for number in range(300):
        store.accounts.add(f"account-{number:04}", "gatewayapi", {"email": "x" * 60}, 1.0)
    store.close()


def spoil(path, first, pages=1):
    """Overwrite pages, counted from 1, as a stray program does."""
    with path.open("r+b") as stream:
        stream.seek((first - 1) * PAGE)
        stream.write(b"\xa5" * PAGE * pages)


def snapshot(folder):
    """Every file of a folder and its bytes."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def foreign(path, *statements):
    """A database of another program."""
    path.parent.mkdir()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


@pytest.mark.parametrize(
    "statements",
    [
        ["CREATE TABLE song (id INTEGER)"],
        ["PRAGMA journal_mode = WAL", "CREATE TABLE account (id INTEGER)"],
        ["PRAGMA application_id = 252006674", "CREATE TABLE x (id INTEGER)"],
        ["PRAGMA user_version = 3", "CREATE VIEW v AS SELECT 1"],
    ],
)
@pytest.mark.parametrize("make", [True, False])
def test_another_programs_database_is_left_as_it_is(path, statements, make):
    """A slip in the configuration would spoil an address book or a browser's history."""
    foreign(path, *statements)
    before = snapshot(path.parent)
    with pytest.raises(ConfigurationError, match=r"is no store of smsfs .*, and was left as it is"):
        SqliteStore(path, make=make)
    assert snapshot(path.parent) == before


def test_another_programs_log_is_left_as_it_is(path):
    """What another program has not yet brought into its database would be lost to it."""
    path.parent.mkdir()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE song (name TEXT)")
        before = path.read_bytes(), path.with_name("smsfs.db-wal").read_bytes()
        with pytest.raises(ConfigurationError, match="is no store of smsfs"):
            SqliteStore(path)
        assert (path.read_bytes(), path.with_name("smsfs.db-wal").read_bytes()) == before


@pytest.mark.parametrize("data", [b"x", b"a letter to my aunt\n" * 500, bytes(8192)])
def test_a_file_of_another_kind_is_left_as_it_is(path, data):
    """A letter would be overwritten by a database."""
    path.parent.mkdir()
    path.write_bytes(data)
    with pytest.raises(ConfigurationError, match="is no store of smsfs"):
        SqliteStore(path)
    assert snapshot(path.parent) == {"smsfs.db": data}


def test_a_command_that_may_not_make_a_store_makes_nothing(path):
    """A mistyped path would show an empty list, and leave a store there that somebody sends from one day."""
    with pytest.raises(ConfigurationError, match=r"No such file or directory\. smsfs serve and"):
        SqliteStore(path, make=False)
    assert not path.parent.exists()


def test_a_store_whose_making_was_cut_off_is_made(path):
    """A power cut in the first second would leave a file that nobody can use or explain."""
    foreign(path, "PRAGMA journal_mode = WAL")
    assert standing(path) == "empty"
    with closing(SqliteStore(path)) as store:
        assert store.made
    assert standing(path) == "ours"


def test_a_store_of_before_is_known_and_marked(path):
    """A new release would refuse every store there is."""
    SqliteStore(path).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA application_id = 0")
    with closing(SqliteStore(path, make=False)) as store:
        assert store.accounts.all() == []
    with closing(SqliteStore(path)) as store:
        assert not store.made
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)


def test_a_listing_upgrades_nothing(path):
    """The store of a running older server would change beneath it, because somebody looked."""
    SqliteStore(path).close()
    with closing(sqlite3.connect(path)) as connection:
        newest = connection.execute("PRAGMA user_version").fetchone()[0]
        connection.execute(f"PRAGMA user_version = {newest - 1}")
    before = path.read_bytes()
    with pytest.raises(ConfigurationError, match=r"this smsfs needs .*, then start smsfs serve"):
        SqliteStore(path, make=False)
    assert path.read_bytes() == before


def test_the_look_at_the_start_finds_a_broken_page(path):
    """A server would take in files for hours before it met the broken page."""
    filled(path)
    with closing(SqliteStore(path)) as store:
        assert store.look_over(60.0)
    spoil(path, path.stat().st_size // PAGE - 2, 2)
    with closing(SqliteStore(path)) as store, pytest.raises(StoreDamaged, match="damaged: restore a backup"):
        store.look_over(60.0)


def test_the_look_at_the_start_is_bounded(path):
    """The start of a server with a store of many gigabytes would take minutes, each time."""
    filled(path)
    with closing(SqliteStore(path)) as store:
        assert store.look_over(0.0) is False
        assert len(store.accounts.all()) == 300


def test_nothing_is_written_once_damage_was_met(path):
    """A client would be told that its file is safe, by a store that cannot keep it."""
    filled(path)
    with closing(sqlite3.connect(path)) as connection:
        root = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'account'").fetchone()[0]
    spoil(path, root)
    store = SqliteStore(path)
    with pytest.raises(StoreDamaged):
        store.accounts.all()
    assert store.damaged()
    for step in (store.settle, store.hosts):
        with pytest.raises(StoreDamaged):
            step()
    with pytest.raises(StoreDamaged):
        store.accounts.add("new", "gatewayapi", {}, 1.0)
    with pytest.raises(StoreDamaged):
        store.changed(0)
    store.close()


def test_a_lost_first_page_is_damage_where_a_store_was(path):
    """An operator would be told to name another file, and start with an empty store."""
    filled(path)
    spoil(path, 1)
    with pytest.raises(StoreDamaged, match="does not begin as a SQLite database"):
        SqliteStore(path)


def test_a_file_put_in_its_place_is_damage(path):
    """Who restores a backup under a running server would lose all that is sent in until the next start."""
    filled(path)
    store = SqliteStore(path)
    copy = path.with_name("backup")
    copy.write_bytes(path.read_bytes())
    copy.replace(path)
    with pytest.raises(StoreDamaged, match="another file was put in its place"):
        store.accounts.add("new", "gatewayapi", {}, 1.0)
    store.close()


def test_a_deleted_file_is_damage(path):
    """A server would go on for weeks on a file that nobody can open any more."""
    store = SqliteStore(path)
    path.unlink()
    with pytest.raises(StoreDamaged, match="was deleted or moved away"):
        store.accounts.add("new", "gatewayapi", {}, 1.0)
    store.close()


@pytest.mark.parametrize("seen", ["nothing", "damage", "some tables"])
def test_a_new_store_whose_log_is_written_into_it_is_a_store(tmp_path, monkeypatch, seen):
    """A command, or a worker, that starts in that moment would call a new store damaged."""
    path, tables = tmp_path / "smsfs.db", identity._tables
    store = SqliteStore(path)

    def while_written(path, how):
        store.tidy()
        if seen == "damage":
            fault = sqlite3.DatabaseError("database disk image is malformed")
            fault.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
            raise fault
        names, version = tables(path, how)
        return (set() if seen == "nothing" else set(sorted(names)[:3])), version

    monkeypatch.setattr(identity, "_tables", while_written)
    assert standing(path) == "ours"
    store.close()
