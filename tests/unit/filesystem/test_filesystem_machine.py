"""Several clients at once, in several processes, against ``FolderModel``.

A process is a store of its own on the same database, with its own term: closing it drops its lock, which
is what the death of a process looks like to the others.
"""

import errno
import os
import shutil
import tempfile
from functools import partial
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
from smsfs.pipeline.intake.reader import Intake, IntakeRules
from smsfs.states import FileState as F
from smsfs.store.sqlite import SqliteStore
from tests.support.filesystem_model import FolderModel, stamped, submitting

PROCESSES = 2
DUPLICATE_SECONDS = 60
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
class Process:
    """What clients of one process share."""

    store: SqliteStore
    filesystem: AccountFilesystem
    intake: Intake
    dead: bool = False


class Machine(FolderModel, RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="smsfs-machine-"))
        self.handles = []
        self.processes = []

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
        """A name that is listed now, for an odd number; else a fixed one. A name stands for itself."""
        if isinstance(pick, str):
            return pick
        listed = sorted(self.files) if pick % 2 and self.files else NAMES
        return listed[pick // 2 % len(listed)]

    def choose(self, pick, wanted):
        """The name of a file that is wanted, if there is one and the number does not end in 0."""
        names = sorted(name for name, file in self.files.items() if wanted(file))
        return names[pick % len(names)] if names and pick % 10 else self.name(pick)

    def attempt(self, expected, call):
        """The result of a call, which has to be refused with the expected errno if there is one."""
        if expected is None:
            return call()
        with pytest.raises(Refusal) as caught:
            call()
        assert caught.value.errno == expected, caught.value.sentence
        assert caught.value.sentence.endswith(".")
        return None

    # -- opening, writing, closing ---------------------------------------------------------------------

    @rule(client=CLIENT, pick=PICK, flags=FLAGS)
    def open(self, client, pick, flags):
        """Open to write or to read."""
        process, name = self.processes[client], self.name(pick)
        if flags & os.O_ACCMODE == os.O_RDONLY and not flags & (os.O_CREAT | os.O_TRUNC):
            self.read_all(process, name)
            return
        self.let_go(name)
        expected = self.opening(name, flags)
        real = self.attempt(expected, lambda: process.filesystem.open(name, flags))
        if expected is None:
            self.handles.append(self.opened(process, name, real, truncates=flags & os.O_TRUNC))

    def let_go(self, name):
        """An open to write first settles what the dead had open there."""
        if name in self.files and any(handle.process.dead for handle in self.files[name].writers):
            self.settled()

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
            data = data.replace(b"hello", b"%d" % (pick % 2))
            self.write(len(self.handles) - 1, 0, data)
        self.end(len(self.handles) - 1, complete=how)

    @rule(client=CLIENT, pick=PICK)
    def begin(self, client, pick):
        """Begin an upload that other requests come between."""
        self.open(client, DRAFTS[-1] if pick % 4 else self.name(pick), os.O_RDWR | os.O_CREAT)

    @rule(client=CLIENT, other=CLIENT, pick=PICK, complete=st.booleans(), mtime=st.none() | MTIME)
    def touch(self, client, other, pick, complete, mtime):
        """Open a file to write and write nothing, as editors and mounts do, while another sets its time."""
        before, name = len(self.handles), self.choose(pick, lambda file: file.state is F.DRAFT)
        self.open(client, name, os.O_RDWR)
        if mtime:
            self.set_times(other, name, mtime)
        if len(self.handles) > before:
            self.end(before, complete=complete)

    @rule(client=CLIENT, pick=PICK, data=st.sampled_from([GOOD, BAD]))
    def upload_whole(self, client, pick, data):
        """A complete upload: without many of them little happens."""
        self.upload(client, pick, data, how=True)

    @precondition(lambda self: self.handles)
    @rule(pick=PICK, offset=st.integers(0, 40), data=st.sampled_from([GOOD, BAD, b"x"]), mtime=MTIME)
    def change(self, pick, offset, data, mtime):
        """Change an open file in one of three ways."""
        which = pick // 10
        if pick % 10 < 5:
            self.write(which, offset, data)
        elif pick % 10 < 8:
            self.set_times_of_handle(which, mtime)
        else:
            self.cut_to(which, offset)

    def write(self, pick, offset, data):
        """Write to an open file, which may have been removed or replaced meanwhile."""
        handle = self.handles[pick % len(self.handles)]
        assert handle.real.write(offset, data) == len(data)
        old = handle.file.data.ljust(offset, b"\0")
        handle.file.data = old[:offset] + data + old[offset + len(data) :]
        handle.dirty, handle.mtime = True, None
        assert handle.real.read(0, 1_000_000) == handle.file.data

    def cut_to(self, pick, size):
        """Truncate an open file."""
        handle = self.handles[pick % len(self.handles)]
        handle.real.truncate(size)
        handle.file.data = handle.file.data[:size].ljust(size, b"\0")
        handle.dirty, handle.mtime = True, None
        assert handle.real.stat().size == size

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
        lost = complete and handle.lost_to and not handle.lost_to.gone
        for expected in (errno.EACCES if lost else None, None):
            self.attempt(expected, handle.real.close if complete else handle.real.abandon)
        self.attempt(errno.EBADF, lambda: handle.real.write(0, b"late"))
        self.ended(handle, complete=complete)

    # -- requests on names -----------------------------------------------------------------------------

    @rule(client=CLIENT, pick=PICK, to=PICK, replace=st.booleans())
    def rename(self, client, pick, to, replace):
        """Rename to any name."""
        old, new = self.name(pick), self.name(to)
        expected = self.renaming(old, new, replace=replace)
        self.attempt(expected, lambda: self.processes[client].filesystem.rename(old, new, replace=replace))
        if expected is None and old != new:
            self.renamed(old, new)

    @rule(client=CLIENT, pick=PICK, to=st.sampled_from(NAMES[3:7]), read=st.booleans())
    def submit(self, client, pick, to, read):
        """Rename to a name that submits; it may be read at once."""
        name = self.choose(pick, lambda file: file.state is F.DRAFT and submitting(file) is None)
        self.rename(client, name, to, replace=False)
        if read:
            self.take_in(client)

    @rule(client=CLIENT, pick=PICK, data=st.sampled_from([GOOD, BAD, None]), to=st.sampled_from(NAMES[3:7:2]))
    def send(self, client, pick, data, to):
        """Upload, rename, and perhaps the file is read: what nearly all clients do."""
        if data:
            self.upload(client, pick, data, how=True)
        self.submit(client, pick, to, read=bool(pick % 3))

    @rule(client=CLIENT, pick=PICK, to=st.sampled_from((*DRAFTS, "x.ready")), replace=st.booleans())
    def mend(self, client, pick, to, replace):
        """Rename a rejected file, to change it or to send it again."""
        self.rename(client, self.choose(pick, lambda file: file.state is F.REJECTED), to, replace=replace)

    @rule(client=CLIENT, pick=PICK, what=st.integers(0, 3), number=st.integers(0, 60))
    def other_request(self, client, pick, what, number):
        """Remove a file, or change its time, size or mode."""
        if what == 0:
            self.remove(client, pick)
        elif what == 1:
            self.set_times(client, pick, float(number))
        elif what == 2:
            self.truncate(client, pick, number)
        else:
            self.chmod(client, pick, (0o644, 0o444, 0o600, 0o100644)[number % 4])

    def remove(self, client, pick):
        """Delete a file."""
        name = self.name(pick)
        expected = self.removing(name)
        self.attempt(expected, lambda: self.processes[client].filesystem.remove(name))
        if expected is None:
            self.forget(name)

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

    def truncate(self, client, pick, size):
        """Cut or extend a file by its name."""
        process, name = self.processes[client], self.name(pick)
        self.let_go(name)
        expected = self.opening(name, os.O_WRONLY)
        self.attempt(expected, lambda: process.filesystem.truncate(name, size))
        if expected is None:
            file = self.files[name]
            file.data = file.data[:size].ljust(size, b"\0")
            file.noted, file.mtime, file.cut = size, self.now, 0

    def chmod(self, client, pick, mode):
        """Set a mode: the one shown, or another."""
        name = self.name(pick)
        expected = self.chmodding(name, mode)
        self.attempt(expected, lambda: self.processes[client].filesystem.chmod(name, mode))

    # -- what happens beside the clients ---------------------------------------------------------------

    @rule(seconds=st.sampled_from([0.25, 1, 30, 61, 61]))
    def pass_time(self, seconds):
        """Let time go by: names of one second collide, aliases end."""
        self.now += seconds

    @rule(client=CLIENT, pick=PICK, settled=st.booleans())
    def die(self, client, pick, settled):
        """A process dies with its files open, and another starts in its place."""
        process = self.processes[client]
        if pick % 3:
            self.begin(client, pick)
        process.dead = True
        process.store.close()
        for handle in [handle for handle in self.handles if handle.process is process]:
            self.handles.remove(handle)
            handle.real._content.close()
        self.processes[client] = self.process()
        if settled:
            self.settle(client)

    @rule(client=CLIENT)
    def settle(self, client):
        """Put right what dead processes left."""
        self.processes[client].store.settle()
        self.settled()

    @rule(client=CLIENT)
    def take_in(self, client):
        """Read the next submitted file; what is certain about its verdict has to be so."""
        assert self.processes[client].intake.step() == bool(self.pending)
        if not self.pending:
            return
        batch = self.pending.pop(0)
        name = stamped(batch, F.PROCESSING)
        file = self.files.pop(name)
        assert file is batch.file
        (state,) = [state for state in (F.SUCCESS, F.REJECTED) if self.listed(stamped(batch, state))]
        batch.accepted = state is F.SUCCESS
        expected = self.verdict(batch)
        assert expected in (None, batch.accepted)
        new = stamped(batch, state)
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
                name: (file.size, file.mode, file.mtime, file.state) for name, file in self.files.items()
            }
            assert seen == expected, (seen, expected)

    @invariant()
    def store_knows_who_writes(self):
        """The store has each file's writers, and whether it was cut."""
        if self.processes:
            seen = self.processes[0].store.files.view().listing(self.account.id, "")
            assert {file.name: (len(file.writers), file.cut) for file in seen} == {
                name: (len(file.writers), bool(file.cut)) for name, file in self.files.items()
            }

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
                assert file is None or (entry.size, entry.state) == (file.size - file.tail, file.state)

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
        """Contents on the disk are those of files, and of uploads that lost their name to another."""
        if self.processes:
            assert len(self.processes[0].store.contents.orphans(1e12)) == len(self.left)
            assert self.processes[0].store.contents.missing() == []

    def teardown(self):
        """Every submission gets its verdict."""
        while self.pending:
            self.take_in(0)
        if self.processes:
            assert self.processes[0].store.damage() == []
        while self.handles:
            self.end(0, complete=True)
        for process in self.processes:
            process.store.close()
        shutil.rmtree(self.folder)


TestFilesystemMachine = Machine.TestCase
TestFilesystemMachine.__doc__ = "A client would see another client's file change, be sent twice, or vanish."
TestFilesystemMachine.settings = settings(
    max_examples=40, stateful_step_count=60, deadline=None, suppress_health_check=list(HealthCheck)
)
