"""What a store takes up on disk, by its engine's own count."""

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

import psycopg
from attrs import frozen

from smsfs.store import Store
from smsfs.store.postgresql import PostgresStore
from smsfs.store.sqlite import SqliteStore
from smsfs.store.sqlite.database import Database
from tests.support.postgres import PostgresServer

#: Safe against a power cut, unlike the settings that tests are run with.
DURABLE = {"fsync": "on", "full_page_writes": "on", "max_wal_size": "4GB"}


class Meter(Protocol):
    """What a store takes up."""

    def disk(self) -> dict[str, int]:
        """Bytes on disk by table, with its indexes; ``contents`` are files beside the database."""

    def written(self) -> int:
        """Bytes written so far: PostgreSQL's log, or with SQLite all that this process wrote."""


@frozen
class SqliteMeter:
    """Of the store at ``path``."""

    path: Path

    def disk(self) -> dict[str, int]:
        """By SQLite's count of pages."""
        query = "SELECT tbl_name, sum(pgsize) FROM dbstat JOIN sqlite_schema USING (name) GROUP BY tbl_name"
        with closing(Database(self.path)) as database, database.reading() as connection:
            sizes = {row[0]: row[1] for row in connection.plain.execute(query)}
        files = (self.path.parent / "contents").rglob("*")
        return sizes | {"contents": sum(file.stat().st_blocks * 512 for file in files if file.is_file())}

    def written(self) -> int:
        """By the kernel's count: log, database and contents together."""
        return int(Path("/proc/self/io").read_text(encoding="ascii").partition("wchar: ")[2].split()[0])


@frozen
class PostgresMeter:
    """Of the database at ``url``."""

    url: str

    def disk(self) -> dict[str, int]:
        """By PostgreSQL's count."""
        query = """SELECT relname, pg_total_relation_size(oid) FROM pg_class
            WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"""
        with psycopg.connect(self.url) as connection:
            return dict(connection.execute(query).fetchall())

    def written(self) -> int:
        """By the position in the log, which every standby receives."""
        with psycopg.connect(self.url) as connection:
            row = connection.execute("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')").fetchone()
        return int(row[0]) if row else 0


@contextmanager
def metered(engine: str) -> Iterator[tuple[Store, Meter]]:
    """A new store, ``sqlite`` or ``postgresql``, and its meter; removed in the end."""
    with ExitStack() as stack:
        meter: Meter
        store: Store
        if engine == "sqlite":
            path = Path(stack.enter_context(TemporaryDirectory(prefix="smsfs-growth-"))) / "smsfs.db"
            store, meter = SqliteStore(path), SqliteMeter(path)
        else:
            server = PostgresServer(DURABLE)
            stack.callback(server.stop)
            url = server.new_database()
            store, meter = PostgresStore(url), PostgresMeter(url)
        stack.callback(store.close)
        yield store, meter
