"""Processes of a host that wake each other."""

import os
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from smsfs.store.sqlite.bells import Bells

BOUND = 20.0


@pytest.fixture
def folder(tmp_path):
    """Where the bells of all processes are."""
    return tmp_path / "bells"


@pytest.fixture
def bells(folder):
    """The bells of a process that waits for files."""
    bells = Bells(folder)
    assert bells.wait(0, "files")
    yield bells
    bells.close()


def test_a_ring_ends_the_wait(bells, folder):
    """A file would lie there for a second before anybody looked at it."""
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(bells.wait, BOUND, "files")
        began = time.monotonic()
        Bells(folder).ring("files")
        assert waiting.result()
        assert time.monotonic() - began < BOUND / 2


def test_many_rings_are_one(bells, folder):
    """A reader that was busy would look again for each file that it has already read."""
    ringer = Bells(folder)
    for _ in range(1000):
        ringer.ring("all")
    assert bells.wait(0, "files")
    assert not bells.wait(0, "files")


def test_what_does_not_concern_it_is_not_heard(bells, folder):
    """Each message that leaves would wake the reader of files."""
    Bells(folder).ring("messages")
    assert not bells.wait(0, "files")


def test_bells_of_the_dead_go(bells, folder):
    """After some thousand restarts, each commit would look through as many bells."""
    lost = Bells(folder)
    lost.wait(0, "all")
    ((path, descriptor),) = lost._own.values()
    os.close(descriptor)
    assert path.exists()
    Bells(folder).ring("files")
    assert not path.exists()
    assert bells.wait(0, "files")
    bells.close()
    assert list(folder.iterdir()) == []


def test_a_bell_that_is_full_rings_once(folder, bells):
    """A process that hangs would keep every commit of the others waiting."""
    (path,) = folder.iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    with suppress(BlockingIOError):
        while True:
            os.write(descriptor, b"x" * 4096)
    os.close(descriptor)
    Bells(folder).ring("files")
    assert bells.wait(0, "files")


def test_nobody_who_waits_needs_no_folder(folder):
    """A store that one process alone has open would refuse its commits."""
    Bells(folder).ring("files")
    assert not folder.exists()
