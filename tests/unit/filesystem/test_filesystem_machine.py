"""Several clients at once, in several processes, against a model in plain dictionaries.

A process is a store of its own on the same database, with its own term: closing it drops its lock, which
is what the death of a process looks like to the others.
"""

import errno
import os
import shutil
import tempfile
from functools import partial
from itertools import count
from pathlib import Path

import attrs
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from smsfs.dialects.gatewayapi import GatewayApi
from smsfs.dialects.registry import dialect
from smsfs.errors import Refusal
from smsfs.filesystem import AccountFilesystem
from smsfs.pipeline.intake import Intake, IntakeRules
from smsfs.states import FileState as F
from smsfs.store.sqlite import SqliteStore

PROCESSES = 2
ALIAS_SECONDS = DUPLICATE_SECONDS = 60
GOOD = b"msisdn,message\n4512345678,hello\n"
BAD = b"msisdn,message\nnobody,hello\n"
MARK = b"\n#smsfs rejected: "
NAMES = ("a.csv", "b.csv", "c.part", "x.ready", "x.excel.ready", "y.ready", ".ready", "q.success", "sub/a")
DRAFTS = NAMES[:3]
FLAGS = st.builds(
    lambda access, more: access | sum(more),
    st.sampled_from([os.O_RDONLY, os.O_WRONLY, os.O_RDWR, os.O_RDWR]),
    st.sets(st.sampled_from([os.O_CREAT, os.O_CREAT, os.O_EXCL, os.O_TRUNC])),
)
CLIENT = st.integers(0, PROCESSES - 1)
PICK = st.integers(0, 1000)
MTIME = st.integers(1, 2_000_000_000).map(float)


@attrs.define(eq=False)
class ModelFile:
    """What a file should be."""

    mtime: float
    data: bytes = b""
    noted: int = 0
    state: F = F.DRAFT
    cut: bool = False
    tail: int = 0
    gone: bool = False
    writers: list = attrs.field(factory=list)

    @property
    def size(self):
        """What a listing shows."""
        measured = self.state is F.DRAFT and (self.writers or self.cut)
        return (len(self.data) if measured else self.noted) + self.tail


@attrs.define(eq=False)
class Process:
    """What clients of one process share."""

    store: SqliteStore
    filesystem: AccountFilesystem
    intake: Intake
    dead: bool = False


@attrs.define(eq=False)
class ModelHandle:
    """A file open for writing."""

    process: Process
    file: ModelFile
    real: object
    dirty: bool = False
    mtime: float | None = None


@attrs.define(eq=False)
class ModelBatch:
    """A submission that was told OK."""

    file: ModelFile
    stem: str
    at: int
    data: bytes
    accepted: bool | None = None


class Machine(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="smsfs-machine-"))
        self.now = 1_700_000_000.0
        self.files: dict[str, ModelFile] = {}
        self.aliases: dict[str, tuple[ModelFile, float]] = {}
        self.handles: list[ModelHandle] = []
        self.batches: list[ModelBatch] = []
        self.pending: list[ModelBatch] = []
        self.processes: list[Process] = []
        self.bytes = count(65)

    @initialize()
    def start(self):
        """Open the store in each process."""
        store = SqliteStore(self.folder / "smsfs.db", lambda: self.now)
        self.account = store.accounts.add("shop", "gatewayapi", {}, self.now)
        store.close()
        self.processes = [self.process() for _ in range(PROCESSES)]

    def process(self):
        """One more process on the store."""
        store = SqliteStore(self.folder / "smsfs.db", lambda: self.now)
        owner = store.register("front")
        filesystem = AccountFilesystem(store, owner, self.account, GatewayApi())
        return Process(store, filesystem, Intake(store, owner, dialect, IntakeRules("outbox")))

    # -- the model's side of what several requests share -------------------------------------------------

    def name(self, pick):
        """A name that is listed now, for an odd number; else a fixed one."""
        listed = sorted(self.files) if pick % 2 and self.files else NAMES
        return listed[pick // 2 % len(listed)]

    def known(self, name):
        """The file a name stands for, aliases among them."""
        file, until = self.aliases.get(name, (None, 0))
        return self.files.get(name) or (file if file and not file.gone and until > self.now else None)

    def attempt(self, expected, call):
        """The result of a call, which has to be refused with the expected errno if there is one."""
        if expected is None:
            return call()
        with pytest.raises(Refusal) as caught:
            call()
        assert caught.value.errno == expected, caught.value.sentence
        assert caught.value.sentence.endswith(".")
        return None

    def forget(self, name):
        """A file is gone; those who have it open do not notice."""
        self.files.pop(name).gone = True

    def settle_model(self):
        """What settling does: the files of dead writers are cut."""
        for file in self.files.values():
            dead = [handle for handle in file.writers if handle.process.dead]
            file.writers = [handle for handle in file.writers if not handle.process.dead]
            file.cut = file.cut or bool(dead)

    def creating(self, name):
        """The errno with which a client may not create a file of this name."""
        if "/" in name:
            return errno.ENOENT
        forbidden = (".ready", ".processing", ".success", ".rejected")
        return errno.EACCES if name.endswith(forbidden) else None

    def opening(self, name, flags):
        """The errno for an open to write, and the dead let go that had the file open."""
        file = self.files.get(name)
        if file and any(handle.process.dead for handle in file.writers):
            self.settle_model()
        if "/" in name:
            return errno.ENOENT
        if file is None:
            return self.creating(name) if flags & os.O_CREAT else errno.ENOENT
        if flags & os.O_CREAT and flags & os.O_EXCL:
            return errno.EEXIST
        return None if file.state is F.DRAFT else errno.EACCES

    # -- opening, writing, closing ---------------------------------------------------------------------

    @rule(client=CLIENT, pick=PICK, flags=FLAGS)
    def open(self, client, pick, flags):
        """Open to write or to read."""
        process, name = self.processes[client], self.name(pick)
        if flags & os.O_ACCMODE == os.O_RDONLY and not flags & (os.O_CREAT | os.O_TRUNC):
            self.read_all(process, name)
            return
        expected = self.opening(name, flags)
        real = self.attempt(expected, lambda: process.filesystem.open(name, flags))
        if expected is None:
            self.opened(process, name, real, truncates=flags & os.O_TRUNC)

    def opened(self, process, name, real, *, truncates):
        """A file is open for writing."""
        file = self.files.setdefault(name, ModelFile(self.now))
        handle = ModelHandle(process, file, real)
        file.cut = False
        file.writers.append(handle)
        self.handles.append(handle)
        if truncates:
            file.data, handle.dirty = b"", True

    def read_all(self, process, name):
        """A reader gets the client's bytes, then the causes of a rejection."""
        file = self.known(name)
        real = self.attempt(
            None if file else errno.ENOENT, lambda: process.filesystem.open(name, os.O_RDONLY)
        )
        if file:
            seen = real.read(0, 1_000_000)
            assert seen[: len(file.data)] == file.data
            assert len(seen) - len(file.data) == file.tail
            assert seen[len(file.data) :].startswith(MARK if file.tail else b"")
            assert real.read(3, 5) == seen[3:8]
            real.close()

    @rule(client=CLIENT, pick=PICK, data=st.sampled_from([GOOD, GOOD, BAD, b"#", b""]), how=st.booleans())
    def upload(self, client, pick, data, how):
        """What most clients do: create or overwrite, write, close or be cut."""
        self.open(client, pick % len(DRAFTS) * 2, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        if data:
            data = data.replace(b"hello", b"%d" % next(self.bytes))
            self.write(len(self.handles) - 1, 0, data)
        self.end(len(self.handles) - 1, complete=how)

    @precondition(lambda self: self.handles)
    @rule(pick=PICK, offset=st.integers(0, 40), data=st.sampled_from([GOOD, BAD, b"x"]))
    def write(self, pick, offset, data):
        """Write to an open file, which may have been removed or replaced meanwhile."""
        handle = self.handles[pick % len(self.handles)]
        assert handle.real.write(offset, data) == len(data)
        old = handle.file.data.ljust(offset, b"\0")
        handle.file.data = old[:offset] + data + old[offset + len(data) :]
        handle.dirty, handle.mtime = True, None
        assert handle.real.read(0, 1_000_000) == handle.file.data

    @precondition(lambda self: self.handles)
    @rule(pick=PICK, size=st.integers(0, 60))
    def cut_to(self, pick, size):
        """Truncate an open file."""
        handle = self.handles[pick % len(self.handles)]
        handle.real.truncate(size)
        handle.file.data = handle.file.data[:size].ljust(size, b"\0")
        handle.dirty, handle.mtime = True, None
        assert handle.real.stat().size == size

    @precondition(lambda self: self.handles)
    @rule(pick=PICK, mtime=MTIME)
    def set_times_of_handle(self, pick, mtime):
        """Set the time that closing leaves."""
        handle = self.handles[pick % len(self.handles)]
        handle.real.set_times(mtime)
        handle.mtime = mtime

    @precondition(lambda self: self.handles)
    @rule(pick=PICK, complete=st.booleans())
    def end(self, pick, complete):
        """Close an upload, or cut its connection; a second time changes nothing."""
        handle = self.handles.pop(pick % len(self.handles))
        file = handle.file
        for _ in range(2):
            (handle.real.close if complete else handle.real.abandon)()
        self.attempt(errno.EBADF, lambda: handle.real.write(0, b"late"))
        if handle in file.writers:
            file.writers.remove(handle)
            file.noted = len(file.data)
            file.cut = file.cut or not complete
            if handle.mtime is not None or handle.dirty:
                file.mtime = self.now if handle.mtime is None else handle.mtime

    # -- requests on names -----------------------------------------------------------------------------

    @rule(client=CLIENT, pick=PICK, to=PICK, replace=st.booleans())
    def rename(self, client, pick, to, replace):
        """Rename to any name."""
        old, new = self.name(pick), self.name(to)
        expected = self.renaming(old, new, replace)
        before = self.files.get(old)
        self.attempt(expected, lambda: self.processes[client].filesystem.rename(old, new, replace=replace))
        if expected is None and old != new:
            self.renamed(before, old, new)

    @rule(client=CLIENT, pick=PICK, to=st.integers(3, 6))
    def submit(self, client, pick, to):
        """Rename to a name that submits."""
        self.rename(client, pick * 2 + 1, to * 2, replace=False)

    def renaming(self, old, new, replace):
        """The errno of a rename."""
        file = self.files.get(old)
        if "/" in new or file is None:
            return errno.ENOENT
        if old == new:
            return None
        if file.state not in (F.DRAFT, F.REJECTED) or new == ".ready":
            return errno.EACCES
        return self.submitting(file) if new.endswith(".ready") else self.replacing(new, replace)

    def replacing(self, new, replace):
        """The errno of a rename to a name that submits nothing."""
        there = self.files.get(new)
        if self.creating(new) or (there and there.state is not F.DRAFT):
            return errno.EACCES
        return errno.EEXIST if there and not replace else None

    def submitting(self, file):
        """The errno of a submission."""
        if any(not handle.process.dead for handle in file.writers):
            return errno.EBUSY
        if file.cut or file.writers:
            return errno.EACCES
        return None if file.noted else errno.EINVAL

    def renamed(self, file, old, new):
        """A rename was told OK: the file has its new name, and is submitted if that says so."""
        if new in self.files:
            self.forget(new)
        if not new.endswith(".ready"):
            file.state, file.tail = F.DRAFT, 0
            self.files[new] = self.files.pop(old)
            return
        stem, at = new.removesuffix(".ready"), int(self.now)
        states = (F.PROCESSING, F.SUCCESS, F.REJECTED)
        while any(self.stamped(stem, at, state) in self.files for state in states):
            at += 1
        del self.files[old]
        file.state, file.tail = F.PROCESSING, 0
        self.files[self.stamped(stem, at, F.PROCESSING)] = file
        self.aliases[new] = (file, self.now + ALIAS_SECONDS)
        batch = ModelBatch(file, stem, at, file.data)
        self.batches.append(batch)
        self.pending.append(batch)

    def stamped(self, stem, at, state):
        """The name of a submitted file, with the time of submission in UTC."""
        day, second = divmod(at - 1_699_920_000, 86_400)  # counted from 2023-11-14
        assert day in (0, 1)
        return f"{stem}.202311{14 + day}T{second // 3600:02}{second // 60 % 60:02}{second % 60:02}.{state}"

    @rule(client=CLIENT, pick=PICK)
    def remove(self, client, pick):
        """Delete a file."""
        name = self.name(pick)
        file = self.files.get(name)
        expected = errno.ENOENT if file is None else errno.EACCES if file.state is F.PROCESSING else None
        self.attempt(expected, lambda: self.processes[client].filesystem.remove(name))
        if expected is None:
            self.forget(name)

    @rule(client=CLIENT, pick=PICK, mtime=MTIME)
    def set_times(self, client, pick, mtime):
        """Set the times of a file by its name, which an upload in the same process takes over."""
        process, name = self.processes[client], self.name(pick)
        file = self.known(name)
        self.attempt(None if file else errno.ENOENT, lambda: process.filesystem.set_times(name, mtime))
        if file and file.state is F.DRAFT:
            file.mtime = mtime
            for handle in file.writers:
                if handle.process is process:
                    handle.mtime = mtime

    @rule(client=CLIENT, pick=PICK, size=st.integers(0, 60))
    def truncate(self, client, pick, size):
        """Cut or extend a file by its name."""
        process, name = self.processes[client], self.name(pick)
        expected = self.opening(name, os.O_WRONLY)
        self.attempt(expected, lambda: process.filesystem.truncate(name, size))
        if expected is None:
            file = self.files[name]
            file.data = file.data[:size].ljust(size, b"\0")
            file.noted, file.mtime, file.cut = size, self.now, False

    @rule(client=CLIENT, pick=PICK, mode=st.sampled_from([0o644, 0o444, 0o600, 0o100644]))
    def chmod(self, client, pick, mode):
        """Set a mode: the one shown, or another."""
        name = self.name(pick)
        file = self.known(name)
        shown = file and (0o644 if file.state is F.DRAFT else 0o444) == mode & 0o777
        lenient = file and (file.writers or name not in self.files)
        expected = errno.ENOENT if file is None else None if shown or lenient else errno.EPERM
        self.attempt(expected, lambda: self.processes[client].filesystem.chmod(name, mode))

    # -- what happens beside the clients ---------------------------------------------------------------

    @rule(seconds=st.sampled_from([0.25, 0.5, 1, 30, 61]))
    def pass_time(self, seconds):
        """Let time go by: names of one second collide, aliases end."""
        self.now += seconds

    @rule(client=CLIENT)
    def die(self, client):
        """A process dies with its files open, and another starts in its place."""
        process = self.processes[client]
        process.dead = True
        process.store.close()
        for handle in [handle for handle in self.handles if handle.process is process]:
            self.handles.remove(handle)
            handle.real._content.close()
        self.processes[client] = self.process()

    @rule(client=CLIENT)
    def settle(self, client):
        """Put right what dead processes left."""
        self.processes[client].store.settle()
        self.settle_model()

    @rule(client=CLIENT)
    def take_in(self, client):
        """Read the next submitted file; what is certain about its verdict has to be so."""
        assert self.processes[client].intake.step() == bool(self.pending)
        if not self.pending:
            return
        batch = self.pending.pop(0)
        name = self.stamped(batch.stem, batch.at, F.PROCESSING)
        file = self.files.pop(name)
        assert file is batch.file
        (state,) = [
            state
            for state in (F.SUCCESS, F.REJECTED)
            if self.listed(self.stamped(batch.stem, batch.at, state))
        ]
        batch.accepted = state is F.SUCCESS
        expected = self.verdict(batch)
        assert expected in (None, batch.accepted)
        new = self.stamped(batch.stem, batch.at, state)
        file.state = state
        file.tail = self.listed(new).size - len(file.data)
        assert bool(file.tail) == (state is F.REJECTED)
        self.files[new] = file

    def listed(self, name):
        """The entry of a name in a listing, if it is there."""
        return next((item for item in self.processes[0].filesystem.listdir("/") if item.name == name), None)

    def verdict(self, batch):
        """Whether a file is accepted; None for files whose bytes came about by chance."""
        twins = [
            other
            for other in self.batches[: self.batches.index(batch)]
            if other.accepted and (other.stem, other.data) == (batch.stem, batch.data)
        ]
        if any(other.at >= batch.at - DUPLICATE_SECONDS for other in twins):
            return False
        head, _, rest = batch.data.partition(b"4512345678,")
        whole = head == GOOD.split(b"4512345678")[0] and rest.endswith(b"\n") and rest[:-1].isalnum()
        return True if whole and "excel" not in batch.stem else False if b"nobody" in batch.data else None

    # -- what always holds -----------------------------------------------------------------------------

    @invariant()
    def listings_agree(self):
        """Every process lists the model's files."""
        for process in self.processes:
            seen = {
                item.name: (item.size, item.mode, item.mtime, item.state)
                for item in process.filesystem.listdir("/")
            }
            expected = {
                name: (file.size, 0o644 if file.state is F.DRAFT else 0o444, file.mtime, file.state)
                for name, file in self.files.items()
            }
            assert seen == expected, (seen, expected)

    @invariant()
    def usage_is_the_sum(self):
        """The account's usage is what its files are noted with."""
        for process in self.processes:
            usage = process.filesystem.usage()
            sizes = [file.noted for file in self.files.values()]
            assert (usage.files, usage.bytes) == (len(sizes), sum(sizes))

    @invariant()
    def aliases_answer(self):
        """The names that files were submitted under answer for their time."""
        for process in self.processes:
            for name in ("x.ready", "x.excel.ready", "y.ready"):
                file = self.known(name)
                entry = self.attempt(None if file else errno.ENOENT, partial(process.filesystem.stat, name))
                assert file is None or (entry.size, entry.state) == (file.size, file.state)

    @invariant()
    def each_submission_is_one_batch(self):
        """There are as many batches as renames that were told OK."""
        if self.processes:
            batches = list(self.processes[0].store.queue.batches())
            assert [batch.stem for batch in batches] == [batch.stem for batch in self.batches]
            told = {"pending": None, "accepted": True, "rejected": False}
            assert [told[batch.state] for batch in batches] == [batch.accepted for batch in self.batches]

    @invariant()
    def no_bytes_are_left_behind(self):
        """Contents on the disk are those of files."""
        if self.processes:
            assert self.processes[0].store.contents.orphans(1e12) == []
            assert self.processes[0].store.contents.missing() == []

    def teardown(self):
        """Every submission gets its verdict."""
        while self.pending:
            self.take_in(0)
        if self.processes:
            assert self.processes[0].store.damage() == []
        for handle in self.handles:
            handle.real.close()
        for process in self.processes:
            process.store.close()
        shutil.rmtree(self.folder)


TestFilesystemMachine = Machine.TestCase
TestFilesystemMachine.__doc__ = "A client would see another client's file change, be sent twice, or vanish."
TestFilesystemMachine.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
