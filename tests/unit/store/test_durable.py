"""Files that survive a power cut: a file and its folder entry, both on the disk before anybody is told."""

import errno
import os
import stat
import threading

import pytest

from smsfs.store.durable import sync_entered


@pytest.fixture
def entered(tmp_path):
    """A new file in a folder: its descriptor."""
    descriptor = os.open(tmp_path / "new", os.O_CREAT | os.O_WRONLY)
    yield descriptor
    os.close(descriptor)


def is_folder(descriptor):
    """Whether an open file is a folder."""
    return stat.S_ISDIR(os.fstat(descriptor).st_mode)


@pytest.mark.parametrize("late", [True, False], ids=["the folder is late", "the file is late"])
def test_both_are_synced_when_it_returns(tmp_path, entered, monkeypatch, late):
    """A client would be told that its file is safe, and a power cut would take its bytes or its entry."""
    synced, first = [], threading.Event()

    def fsync(descriptor):
        if is_folder(descriptor) is late:
            assert first.wait(20)
        synced.append(is_folder(descriptor))
        first.set()

    monkeypatch.setattr(os, "fsync", fsync)
    sync_entered(entered, tmp_path)
    assert synced == [not late, late]


@pytest.mark.parametrize("failing", [True, False], ids=["the folder", "the file"])
def test_either_failure_is_told(tmp_path, entered, monkeypatch, failing):
    """A file would count as safe that the disk refused."""

    def fsync(descriptor):
        if is_folder(descriptor) is failing:
            raise OSError(errno.EIO, "no luck")

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(OSError, match="no luck"):
        sync_entered(entered, tmp_path)
