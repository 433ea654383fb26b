import os
import sqlite3
import time

import pytest


@pytest.fixture
def damage(tmp_path):
    """Changes the database behind the store's back."""

    def run(statement):
        connection = sqlite3.connect(tmp_path / "data" / "smsfs.db")
        connection.execute(statement)
        connection.commit()
        connection.close()

    return run


def faults(done):
    """The faults that fsck printed."""
    return [line.removeprefix("fault ") for line in done.out.splitlines() if line.startswith("fault ")]


def test_sound_store(smsfs, submitted):
    """An operator would be woken by faults that are none."""
    submitted("list.csv", until="sent")
    submitted("bad.csv", "msisdn,message\n12,Hi\n", until="read")
    submitted("new.csv")
    done = smsfs("fsck")
    assert (done.status, done.out) == (0, "The store is sound.\n")


def test_missing_contents(smsfs, submitted, tmp_path):
    """A file whose bytes are gone would be found by its owner."""
    submitted("list.csv", until="sent")
    for content in (tmp_path / "data" / "contents").iterdir():
        content.unlink()
    done = smsfs("fsck")
    assert done.status == 1
    (fault,) = faults(done)
    assert fault.startswith("The bytes of file list.csv.")
    assert smsfs("fsck", "--repair").status == 1


def test_contents_of_no_file_are_deleted(smsfs, store, tmp_path):
    """Remains of crashes would fill the disk."""
    orphan = tmp_path / "data" / "contents" / store.contents.create()
    assert smsfs("fsck").status == 0, "a young one may belong to an upload that begins"
    long_ago = time.time() - 86_400
    os.utime(orphan, (long_ago, long_ago))
    assert faults(smsfs("fsck")) == ["1 contents belong to no file; --repair deletes them."]
    done = smsfs("fsck", "--repair")
    assert (done.status, done.out) == (0, "mended 1 contents without a file deleted.\nThe store is sound.\n")
    assert not orphan.exists()


def test_file_that_nothing_will_read(smsfs, submitted, damage):
    """A file would be .processing for ever and nobody be told."""
    submitted("list.csv")
    damage("UPDATE batch SET state = 'rejected'")
    done = smsfs("fsck")
    assert done.status == 1
    assert "is processing, but nothing will read it." in faults(done)[0]


def test_messages_that_are_gone(smsfs, submitted, damage):
    """Rows of an accepted file would be missing and the file still be called a success."""
    submitted("list.csv", until="read")
    damage("DELETE FROM slice")
    done = smsfs("fsck")
    assert done.status == 1
    assert any("has 2 messages, but 0 are stored." in fault for fault in faults(done))


def test_rows_that_refer_to_nothing(smsfs, submitted, damage):
    """A database that was repaired by hand would look sound until it fails."""
    submitted("list.csv", until="read")
    damage("UPDATE file SET account = 99")
    done = smsfs("fsck")
    assert done.status == 1
    assert any("refers to nothing in account" in fault for fault in faults(done))
