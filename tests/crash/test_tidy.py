"""A kill while free pages are given back and the log is emptied."""

import multiprocessing
import os
import signal
import sqlite3
from contextlib import closing

from smsfs.store.sqlite import SqliteStore
from tests.support.server import wait_for

ACCOUNTS = 400


def _churn(path, told):
    """Delete and tidy for ever."""
    store = SqliteStore(path)
    for turn in range(1_000_000):
        made = [
            store.accounts.add(f"{turn}-{n}", "gatewayapi", {"email": "secret" * 400}, 1.0) for n in range(20)
        ]
        for account in made:
            store.accounts.remove(account.id)
        store.tidy()
        os.write(told, b".")


def test_a_kill_in_the_midst_leaves_the_store_whole(tmp_path, chance):
    """A power cut as the server tidies up at night would break the store, or bring back what was deleted."""
    path, context = tmp_path / "smsfs.db", multiprocessing.get_context("fork")
    with closing(SqliteStore(path)) as store:
        for number in range(ACCOUNTS):
            store.accounts.add(f"kept-{number}", "gatewayapi", {"email": "y" * 100}, 1.0)
    for _ in range(8):
        reading, writing = os.pipe()
        process = context.Process(target=_churn, args=(path, writing), daemon=True)
        process.start()
        os.close(writing)
        assert os.read(reading, 1)
        process.join(chance.random() / 10)
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        os.close(reading)
        with closing(SqliteStore(path)) as store:
            assert store.damage() == []
            for account in store.accounts.all():
                if not account.name.startswith("kept-"):
                    store.accounts.remove(account.id)
            wait_for(store.tidy, "the end of tidying")
            assert len(store.accounts.all()) == ACCOUNTS
        files = [path, path.with_name("smsfs.db-wal")]
        assert not any(b"secretsecret" in file.read_bytes() for file in files if file.exists())
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA freelist_count").fetchone()[0] == 0
