"""An upload while the database crashes: what was not synced yet is gone, though the server lives on."""

import os
from contextlib import closing

import pytest

from smsfs.dialects.registry import dialect
from smsfs.errors import StoreUnavailable
from smsfs.filesystem import Filesystems
from smsfs.store.contents import fill
from smsfs.store.postgresql import PostgresStore
from smsfs.store.postgresql.contents import PIECE
from tests.support.postgres import PostgresServer

#: What is committed without a sync stays in the memory of the database until the next sync.
LAZY = {"wal_writer_delay": "10s", "wal_writer_flush_after": "0"}
CREATE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
DATA = b"msisdn,message\n" + b"4512345678,Hello\n" * 40_000


@pytest.fixture(scope="module")
def server():
    """A database that this file crashes."""
    server = PostgresServer(LAZY)
    yield server
    server.stop()


@pytest.fixture
def store(server):
    """A store in it."""
    with closing(PostgresStore(server.new_database())) as store:
        yield store


@pytest.fixture
def files(store):
    """The files of an account."""
    account = store.accounts.add("clinic", "gatewayapi", {}, store.now())
    return Filesystems(store, store.register("front"), dialect).of(account)


def crash(server):
    """End the database at once, and start it again."""
    server.kill()
    server.start()


def test_an_upload_that_lost_a_piece_is_not_taken_for_whole(server, files):
    """A file with a hole in it would be sent: its rows in there would be lost in silence."""
    draft = files.open("a.csv", CREATE)
    assert len(DATA) > 2 * PIECE
    draft.write(0, DATA[: PIECE + 1])
    crash(server)
    with pytest.raises(OSError, match=r"lost a part of this upload; upload the file again\."):
        draft.write(PIECE + 1, DATA[PIECE + 1 :])
    with pytest.raises(OSError, match="lost a part of this upload"):
        draft.close()
    draft.abandon()
    with pytest.raises(OSError, match="cut off"):
        files.rename("a.csv", "a.csv.ready", replace=False)


def test_a_report_that_lost_a_piece_is_not_shown(server, store):
    """A client would read a report with a hole in it."""

    def blocks():
        yield DATA[: PIECE + 1]
        crash(server)
        yield DATA[PIECE + 1 :]

    with pytest.raises(StoreUnavailable, match="lost a part"):
        fill(store.contents.open_write(store.contents.create()), blocks())


def test_an_upload_that_lost_nothing_goes_on(server, files):
    """Every upload would be for nothing when the database starts again, though its bytes are there."""
    draft = files.open("a.csv", CREATE)
    draft.write(0, DATA[: PIECE + 1])
    draft.sync()
    crash(server)
    draft.write(PIECE + 1, DATA[PIECE + 1 :])
    draft.close()
    with closing(files.open("a.csv", os.O_RDONLY)) as file:
        assert file.read(0, len(DATA)) == DATA
