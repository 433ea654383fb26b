"""What is SQLite's own: schema, modes, contention, files on the disk."""

import errno
import os
import sqlite3
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from smsfs.errors import ConfigurationError, StoreDamaged, StoreUnavailable
from smsfs.store.sql import load_migrations
from smsfs.store.sqlite import SqliteStore, database
from smsfs.store.sqlite.connection import SQL
from smsfs.store.sqlite.database import Database
from tests.support.server import wait_for

BOUND = 30.0


@pytest.fixture
def path(tmp_path):
    """The database file."""
    return tmp_path / "data" / "smsfs.db"


@pytest.fixture
def store(path):
    """A store on it."""
    store = SqliteStore(path)
    yield store
    store.close()


def test_newer_schema_is_refused_with_a_sentence(path):
    """An old smsfs would spoil the store of a newer one."""
    SqliteStore(path).close()
    connection = sqlite3.connect(path)
    newer = connection.execute("PRAGMA user_version").fetchone()[0] + 1
    connection.execute(f"PRAGMA user_version = {newer}")
    connection.close()
    with pytest.raises(ConfigurationError, match=f"has schema {newer}, this smsfs knows .*: upgrade smsfs"):
        SqliteStore(path)


def test_schema_is_made_once(path, monkeypatch):
    """A restart would run the migrations over the data."""
    SqliteStore(path).close()

    def broken(_):
        return [*["this is no SQL;"] * len(load_migrations("smsfs.store.sqlite"))]

    monkeypatch.setattr(database, "load_migrations", broken)
    SqliteStore(path).close()


def test_failed_migration_changes_nothing(path, monkeypatch):
    """A store would be left between two schemas."""
    first = load_migrations("smsfs.store.sqlite")
    SqliteStore(path).close()
    steps = [*first, "CREATE TABLE extra (id INTEGER);\nCREATE TABLE account (id INTEGER);\n"]
    with monkeypatch.context() as patch:
        patch.setattr(database, "load_migrations", lambda _: steps)
        with pytest.raises(StoreUnavailable, match="already exists"):
            SqliteStore(path)
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA user_version").fetchone()[0] == len(first)
    assert connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'extra'").fetchone()[0] == 0
    connection.close()
    SqliteStore(path).close()


def test_later_migration_is_applied(path, monkeypatch):
    """An upgrade would find the old schema."""
    first = load_migrations("smsfs.store.sqlite")
    store = SqliteStore(path)
    store.accounts.add("shop", "gatewayapi", {}, 0.0)
    store.close()
    monkeypatch.setattr(database, "load_migrations", lambda _: [*first, "CREATE TABLE extra (id INTEGER);\n"])
    upgraded = SqliteStore(path)
    assert upgraded.accounts.find("shop")
    upgraded.close()
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT count(*) FROM extra").fetchone()[0] == 0
    connection.close()


@pytest.fixture
def synced(path, monkeypatch):
    """What another process sees, and whether it may write, each time that the log is brought to the disk."""
    seen, whole = [], os.fdatasync

    def fdatasync(descriptor):
        if os.path.samestat(os.fstat(descriptor), Path(f"{path}-wal").stat()):
            with closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as other:
                other.execute("BEGIN IMMEDIATE")
                seen.append([name for (name,) in other.execute("SELECT name FROM account ORDER BY id")])
                other.execute("ROLLBACK")
        whole(descriptor)

    monkeypatch.setattr(os, "fdatasync", fdatasync)
    return seen


def test_commits_reach_the_disk(store, synced):
    """A file that the client was told of would be gone after a power cut."""
    plain = store._database._writer.plain
    assert plain.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    assert plain.execute("PRAGMA synchronous").fetchone()[0] == 1, "the log is whole whenever it is synced"
    assert plain.execute("PRAGMA foreign_keys").fetchone()[0] == 1
    for number in range(3):
        store.accounts.add(f"shop-{number}", "gatewayapi", {}, 0.0)
        assert synced.pop() == [f"shop-{each}" for each in range(number + 1)], "before the answer, unlocked"
        assert synced == []


def test_only_commits_that_may_wait_do(store, synced):
    """A file that the client was told of would be gone after a power cut, for one commit that could wait."""
    counts = []
    for waits in (True, False, True, False):
        with store._database.write(synced=not waits) as connection:
            connection.plain.execute("UPDATE account SET disabled = 0")
        counts.append(len(synced))
    assert counts == [0, 1, 1, 2]


def test_threads_that_commit_at_once_share_a_sync(store, monkeypatch):
    """Each of many clients would wait for the disk behind all others."""
    begun, go, whole, syncs = threading.Event(), threading.Event(), os.fdatasync, []

    def fdatasync(descriptor):
        syncs.append(descriptor)
        begun.set()
        assert go.wait(BOUND)
        whole(descriptor)

    monkeypatch.setattr(os, "fdatasync", fdatasync)
    log, names = store._database._log, [f"shop-{number}" for number in range(8)]
    before = log._asked
    with ThreadPoolExecutor(len(names)) as threads:
        jobs = [threads.submit(store.accounts.add, name, "gatewayapi", {}, 0.0) for name in names]
        assert begun.wait(BOUND)
        wait_for(lambda: log._asked == before + len(names), "all commits")
        go.set()
        assert sorted(job.result().name for job in jobs) == names
    assert 1 <= len(syncs) <= 3


def test_a_log_that_cannot_be_synced_is_written_back(path, store, monkeypatch):
    """What clients were told would be lost with a log whose pages the disk did not take."""

    def fdatasync(_):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fdatasync", fdatasync)
    store.accounts.add("shop", "gatewayapi", {}, 0.0)
    assert Path(f"{path}-wal").stat().st_size == 0
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM account").fetchall()
        with pytest.raises(StoreDamaged, match="log cannot be synced"):
            store.accounts.add("second", "gatewayapi", {}, 0.0)
    with pytest.raises(StoreDamaged):
        store.accounts.find("shop")


def test_other_users_cannot_look(path, store):
    """Every user of the host could read customers' files and messages."""
    content = store.contents.create()
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    for folder in ("contents", "run"):
        assert stat.S_IMODE((path.parent / folder).stat().st_mode) == 0o700
    assert stat.S_IMODE((path.parent / "contents" / content).stat().st_mode) == 0o600


def test_busy_database_is_waited_for(path, store):
    """A client would get an error whenever another process writes."""
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    timer = threading.Timer(0.1, other.execute, ["ROLLBACK"])
    timer.start()
    store.accounts.add("shop", "gatewayapi", {}, 0.0)
    timer.join()
    other.close()


def test_endlessly_busy_database_is_told(path, store, monkeypatch):
    """A client would wait for ever behind a stuck process."""
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.05)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match=r"cannot be written now .*; nothing was changed\."):
        store.accounts.add("shop", "gatewayapi", {}, 0.0)
    other.close()
    store.accounts.add("shop", "gatewayapi", {}, 0.0)


def test_reading_goes_on_while_another_writes(path, store):
    """Listings would stand still while a large file is accepted."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    other.execute("INSERT INTO host_key VALUES ('kind', 'private')")
    assert store.accounts.host_keys() == {}
    other.execute("COMMIT")
    other.close()
    assert store.accounts.host_keys() == {"kind": "private"}


def test_spare_readers_are_bounded(store, monkeypatch):
    """A burst of clients would leave connections open for ever."""
    monkeypatch.setattr(database, "SPARE_READERS", 2)
    barrier = threading.Barrier(6)

    def read():
        with store._database.reading() as connection:
            barrier.wait(30)
            return connection.all("account_all")

    with ThreadPoolExecutor(6) as threads:
        for result in [threads.submit(read) for _ in range(6)]:
            assert result.result() == []
    assert len(store._database._spare) == 2


def test_lost_database_is_told(store, monkeypatch):
    """A broken disk would show clients a traceback."""
    monkeypatch.setitem(SQL, "account_all", "SELECT * FROM no_such_table")
    with pytest.raises(StoreUnavailable, match="cannot be read now"):
        store.accounts.all()


def test_closed_store_lets_go_of_everything(path):
    """A mount that ends would keep the store's files open."""
    before = set(Path("/proc/self/fd").iterdir())
    store = SqliteStore(path)
    store.register("test")
    store.accounts.all()
    store.close()
    assert len(set(Path("/proc/self/fd").iterdir())) <= len(before)


def test_statements_are_all_used():
    """A statement that nothing runs would be kept up for nothing, and pass for tested."""
    folder = Path(database.__file__).parents[1]
    code = "".join(file.read_text() for file in folder.rglob("*.py"))
    made = {
        f"account_drop_{step}"
        for step in ("reply_parts", "results", "outcomes", "slices", "batches", "files")
    }
    made |= {f"batch_drop_{step}" for step in ("result", "notices")}
    made |= {"slice_oldest_free", "slice_first_free", "slice_hold", "slice_let_go", "slice_split"}
    steps, sides = ("next", "merge", "clean", "drop"), ("carrier", "recipient")
    made |= {f"run_{step}_{side}" for step in steps for side in sides}
    unused = [name for name in SQL if f'"{name}"' not in code and name not in made]
    assert unused == []


def test_migration_is_waited_for_by_the_second(path):
    """A mount that starts with the server would fail on its first day."""
    path.parent.mkdir()
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("PRAGMA journal_mode = WAL")
    other.execute("BEGIN IMMEDIATE")
    timer = threading.Timer(0.1, other.execute, ["ROLLBACK"])
    timer.start()
    opened = Database(path)
    timer.join()
    opened.close()
    other.close()
