"""A filesystem in memory, and the log, for the tests of every frontend."""

# ruff: noqa: D102 - the methods of the doubles are documented where they are declared

import asyncio
import os
import threading

import pytest
import structlog
import uvloop

from smsfs.errors import Exists, Missing, NotFolder, NotPermitted
from smsfs.filesystem.entry import Entry, Usage
from smsfs.filesystem.interface import Filesystem, relative
from smsfs.filesystem.openfile import OpenFile
from tests.support.server import until

MTIME = 1_700_000_000.0
LIMIT = 60


class MemoryFile(OpenFile):
    def __init__(self, filesystem, name):
        self._filesystem, self.name = filesystem, name
        self.data = filesystem.files[name]
        self.ended = None

    def read(self, offset, size):
        return bytes(self.data[offset : offset + size])

    def write(self, offset, data):
        if self._filesystem.failure:
            raise self._filesystem.failure
        self._filesystem.pass_gate()
        self.data[len(self.data) :] = bytes(max(0, offset - len(self.data)))
        self.data[offset : offset + len(data)] = data
        return len(data)

    def truncate(self, size):
        self._filesystem.did("truncate", size)
        del self.data[size:]

    def set_times(self, mtime):
        self._filesystem.did("set_times", mtime)

    def chmod(self, mode):
        self._filesystem.did("chmod", mode)

    def sync(self):
        self._filesystem.did("sync", self.name)

    def stat(self):
        return self._filesystem.stat(self.name)

    def _end(self, how):
        if self.ended is None:
            self.ended = how
            self._filesystem.did(how, self.name)

    def close(self):
        if self._filesystem.failure:
            raise self._filesystem.failure
        self._end("close")

    def abandon(self):
        self._end("abandon")


class MemoryFilesystem(Filesystem):
    """Files of one folder; ``calls`` tells what was asked, ``failure`` is raised by what changes anything."""

    def __init__(self):
        self.files = {}
        self.calls = []
        self.failure = None
        self.gate = None
        self.changed = threading.Condition()

    def did(self, *call):
        with self.changed:
            self.calls.append(call)
            self.changed.notify_all()

    def wait_for(self, call):
        with self.changed:
            assert self.changed.wait_for(lambda: call in self.calls, 60), f"{call} not in {self.calls}"

    def pass_gate(self):
        if self.gate:
            self.did("at the gate")
            assert self.gate.wait(60)

    def _entry(self, name):
        if not name:
            return Entry("", is_folder=True, size=0, mode=0o755, mtime=MTIME, inode=1)
        return Entry(name, False, len(self.files[name]), 0o644, MTIME, 2)

    def stat(self, path):
        where = relative(path)
        if where and where not in self.files:
            raise Missing(f"There is no file {where}.")
        return self._entry(where)

    def listdir(self, path):
        if not self.stat(path).is_folder:
            raise NotFolder(f"{path} is a file.")
        return [self._entry(name) for name in self.files]

    def open(self, path, flags):
        where = relative(path)
        self.did("open", where, flags)
        if self.failure:
            raise self.failure
        if where in self.files and flags & os.O_EXCL:
            raise Exists(f"{where} is there already.")
        if where not in self.files and not flags & os.O_CREAT:
            raise Missing(f"There is no file {where}.")
        data = self.files.setdefault(where, bytearray())
        if flags & os.O_TRUNC:
            data.clear()
        return MemoryFile(self, where)

    def rename(self, old, new, *, replace, ends=None):
        assert ends is None
        self.did("rename", old, new, replace)
        self.stat(old)
        if relative(new) in self.files and not replace:
            raise Exists(f"{new} is there already.")
        self.files[relative(new)] = self.files.pop(relative(old))

    def remove(self, path):
        self.stat(path)
        del self.files[relative(path)]

    def set_times(self, path, mtime):
        self.stat(path)
        self.did("set_times", path, mtime)

    def truncate(self, path, size):
        self.stat(path)
        self.did("truncate", path, size)
        del self.files[relative(path)][size:]

    def chmod(self, path, mode):
        self.stat(path)
        raise NotPermitted(f"Permissions are fixed here, also for {mode:o}.")

    def chown(self, path, uid, gid):
        self.stat(path)
        self.did("chown", path, uid, gid)

    def usage(self):
        return Usage(files=len(self.files), max_files=100, bytes=8192, max_bytes=2**20)


@pytest.fixture
def new_memory():
    """Makes a filesystem in memory."""
    return MemoryFilesystem


@pytest.fixture
def memory():
    """A filesystem in memory."""
    return MemoryFilesystem()


@pytest.fixture
def run():
    """Runs a scenario with a bound on its time."""
    return lambda scenario: uvloop.run(asyncio.wait_for(scenario, LIMIT))


@pytest.fixture(name="until")
def _until():
    return until


@pytest.fixture
def events():
    """The log events of a test, also of the threads."""
    captured = structlog.testing.LogCapture()
    before = structlog.get_config()["processors"]
    structlog.configure(processors=[captured])
    yield captured.entries
    structlog.configure(processors=before)
