import os

import pytest

from smsfs.dialects.registry import dialect
from smsfs.errors import StoreUnavailable
from smsfs.filesystem import Filesystems
from smsfs.store.sqlite import SqliteStore


@pytest.fixture
def lost(tmp_path):
    """An account with a draft whose bytes a power cut took: its row was committed, its file not synced."""
    path = tmp_path / "smsfs.db"
    dying = SqliteStore(path)
    account = dying.accounts.add("clinic", "gatewayapi", {}, dying.now())
    handle = (
        Filesystems(dying, dying.register("front"), dialect).of(account).open("a.csv", os.O_RDWR | os.O_CREAT)
    )
    handle.write(0, b"msisdn,mess")
    dying.close()
    for content in (tmp_path / "contents").iterdir():
        content.unlink()
    store = SqliteStore(path)
    store.settle()
    yield Filesystems(store, store.register("front"), dialect).of(account)
    store.close()


def test_others_are_still_listed(lost):
    """One lost upload would hide every file of the account."""
    assert [(entry.name, entry.size) for entry in lost.listdir("/")] == [("a.csv", 0)]


def test_reading_it_says_so(lost):
    """The client would get the server's own path, or nothing, in place of advice."""
    with pytest.raises(StoreUnavailable, match=r"The bytes of a\.csv are missing; upload it again\."):
        lost.open("a.csv", os.O_RDONLY)


def test_it_can_be_uploaded_again(lost):
    """The client's retry would fail for ever."""
    handle = lost.open("a.csv", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    handle.write(0, b"msisdn,message\n4512345601,Hello\n")
    handle.close()
    lost.rename("a.csv", "a.csv.ready", replace=False)
    assert lost.stat("a.csv.ready").size == 32
