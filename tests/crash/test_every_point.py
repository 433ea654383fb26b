"""Files from upload to the outbox, with the process killed at every point in turn.

A point is a place where a crash could leave something half done: before and after each commit, each write
of a file's bytes, each append to the outbox. A child process ends at its n-th point as ``kill -9`` would
end it; others then carry on where it stopped. With a power cut, they find only what was synced until then.
"""

import asyncio
import fcntl
import os
import shutil
import sys
import threading
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path

import msgspec
import pytest
import structlog

from smsfs.backends import MaySend, outbox
from smsfs.backends.outbox_files import cut_torn_line
from smsfs.dialects.registry import dialect
from smsfs.filesystem import Filesystems
from smsfs.filesystem.interface import Filesystem
from smsfs.pipeline.dispatch.dispatcher import Dispatcher
from smsfs.pipeline.dispatch.pace import Pace
from smsfs.pipeline.dispatch.routes import Route
from smsfs.pipeline.fsck import faults
from smsfs.pipeline.intake import reader, sorter
from smsfs.pipeline.reports.messages import MessageStatus, statuses
from smsfs.states import FileState, MessageState
from smsfs.store.sqlite import SqliteStore
from smsfs.store.sqlite.contents import PlainContents, PlainWriter
from smsfs.store.sqlite.database import Database
from tests.support.server import until

KILLED, WENT_WRONG = 77, 99
ROWS = 12
LIVES_BOUND = 60.0
PAIRS = 25
PACE = Pace(flush=0.001, flush_answers=2, poll=0.005)
#: Chains of power cuts at random moments; for a night, a hundred or more.
MOMENTS = int(os.environ.get("SMSFS_MOMENTS") or 6)
HEADER = "msisdn,message,userref\n"
SENT = {
    name: HEADER + "".join(f"45123{100 * place + row:05},Message {row},{name}\n" for row in range(ROWS))
    for place, name in enumerate(["one.csv", "two.csv"])
}
NEVER_SENT = {"bad.csv": HEADER + "4511111111,Good,a\n+45 2,Bad,b\n"}
DRAFT = HEADER + "4522222222,Nobody renamed this file,c\n"

Point = Callable[..., None]


class Death:
    """Ends the process at a point; ``last_deed`` is done first."""

    def __init__(self, at: int) -> None:
        self._left = at
        self.lock = threading.Lock()

    def __call__(self, last_deed: Callable[[], object] = lambda: None) -> None:
        """Pass a point, or die there."""
        with self.lock:
            self._left -= 1
            if self._left == 0:
                try:
                    last_deed()
                except BaseException:  # noqa: BLE001 -- or whoever passed the point would live on
                    traceback.print_exc(file=sys.__stderr__)
                    os._exit(WENT_WRONG)
                os._exit(KILLED)


def around(owner: type, name: str, point: Point) -> None:
    """Make the time before and after a method points."""
    method = getattr(owner, name)

    def with_points(*arguments):
        point()
        result = method(*arguments)
        point()
        return result

    setattr(owner, name, with_points)


def set_points(point: Point) -> None:
    """Put points into this process, and have it work in small steps so that there are many."""
    write, append = Database.write, outbox.Outbox._append

    @contextmanager
    def write_with_points(database: Database, **options: bool) -> Iterator[object]:
        with write(database, **options) as connection:
            yield connection
            point()
        point()

    def append_with_points(self: outbox.Outbox, lines: Sequence[bytes], may_send: MaySend) -> bool:
        data = b"".join(lines)
        for torn in (b"", data[: len(data) // 2], data[:-1]):
            point(lambda torn=torn: append_torn(self._files.path, torn))
        written = append(self, lines, may_send)
        point()
        return written

    Database.write, outbox.Outbox._append = write_with_points, append_with_points
    around(PlainContents, "create", point)
    around(PlainContents, "delete", point)
    around(PlainWriter, "write", point)
    around(PlainWriter, "sync", point)
    sorter.SLICE_MESSAGES, reader.STAGE_SLICES = 5, 2


class Disk:
    """What a power cut leaves of a folder: files as they were when they were synced last."""

    def __init__(self, folder: Path, death: Death) -> None:
        self._folder = folder
        self._kept = shutil.copytree(folder, kept(folder))
        self._death = death

    def keep(self, *paths: Path) -> None:
        """These files were synced."""
        with self._death.lock:
            for path in paths:
                shutil.copyfile(path, self._kept / path.relative_to(self._folder))

    def watch(self) -> None:
        """Follow what this process syncs."""
        write, append, sync = Database.write, outbox.Outbox._append, PlainWriter.sync

        @contextmanager
        def watched_write(database: Database, *, synced: bool = True) -> Iterator[object]:
            with database._write_lock:
                with write(database, synced=synced) as connection:
                    before = connection.plain.total_changes
                    yield connection
                if synced and connection.plain.total_changes > before:
                    self.keep(database.path, database.path.with_name(f"{database.path.name}-wal"))

        def watched_append(self_: outbox.Outbox, *arguments: object) -> bool:
            written = append(self_, *arguments)
            self.keep(self_._files.path)
            return written

        def watched_sync(writer: PlainWriter) -> None:
            sync(writer)
            self.keep(Path(f"/proc/self/fd/{writer._descriptor}").readlink())

        Database.write, outbox.Outbox._append, PlainWriter.sync = watched_write, watched_append, watched_sync


def kept(folder: Path) -> Path:
    """Where the disk is that a power cut leaves of a folder."""
    return folder.with_name(f"{folder.name}-kept")


def after_cut(folder: Path) -> Path:
    """What the next start finds after the power was cut, and what clients remember."""
    disk = kept(folder)
    if (folder / "told").exists():
        shutil.copyfile(folder / "told", disk / "told")
    return disk


def append_torn(path: Path, torn: bytes) -> None:
    """What is left of an append when the process dies within it."""
    with path.open("a+b", buffering=0) as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        cut_torn_line(stream.fileno())
        stream.write(torn)


class Piecemeal(outbox.Outbox):
    """An outbox that answers for two messages at a time, so that a slice can be answered in part."""

    async def submit(self, envelopes, answer, may_send):
        """Append two lines at a time."""
        for first in range(0, len(envelopes), 2):
            await super().submit(envelopes[first : first + 2], answer, may_send)
            await asyncio.sleep(2 * PACE.flush)


def in_child(work: Callable[[], None]) -> int:
    """The exit status of a process that does ``work`` and ends without any cleaning up."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        work()
        os._exit(0)
    except BaseException:  # noqa: BLE001 -- the forked child must not go on as a second pytest
        traceback.print_exc(file=sys.__stderr__)
        os._exit(WENT_WRONG)


@pytest.fixture
def prepared(tmp_path):
    """Makes a folder with a store that has one account."""
    store = SqliteStore(tmp_path / "new" / "smsfs.db")
    store.accounts.add("clinic", "gatewayapi", {}, store.now())
    store.close()
    return lambda number: shutil.copytree(tmp_path / "new", tmp_path / str(number))


def live(folder: Path, at: int, on_unknown: str, *, cut: bool = False) -> None:
    """What a host does after a start: the client's work, intake's, dispatch's, until nothing is left."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    death = Death(at)
    if cut:
        Disk(folder, death).watch()
    set_points(death)
    store = SqliteStore(folder / "smsfs.db")
    store.settle()
    owner = store.register("all in one")
    filesystem = Filesystems(store, owner, dialect).of(store.accounts.find("clinic"))
    be_client(filesystem, folder / "told")
    intake = reader.Intake(store, owner, dialect, reader.IntakeRules("outbox"))
    while intake.step():
        pass
    route = Route("outbox", Piecemeal(folder / "outbox.jsonl"), on_unknown)
    asyncio.run(send_all(store, Dispatcher(store, owner, [route], pace=PACE)))


async def send_all(store: SqliteStore, dispatcher: Dispatcher) -> None:
    """Run a dispatcher until no message waits."""
    running = asyncio.create_task(dispatcher.run())
    await until(lambda: running.done() or not store.queue.backlog(), "the messages to leave", LIVES_BOUND)
    dispatcher.stop()
    await running


def be_client(filesystem: Filesystem, told: Path) -> None:
    """Upload and submit what is not submitted yet; note in ``told`` what was answered for good."""
    if not told.exists():
        upload(filesystem, "draft.csv", DRAFT)
        told.write_text("draft.csv\n")
    for name, text in {**SENT, **NEVER_SENT}.items():
        if not submissions(filesystem, name):
            upload(filesystem, name, text)
            filesystem.rename(name, f"{name}.ready", replace=False)
            with told.open("a") as answers:
                answers.write(f"{name}\n")


def upload(filesystem: Filesystem, name: str, text: str) -> None:
    """Write a draft in two pieces and close it."""
    data, half = text.encode(), len(text) // 2
    file = filesystem.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    file.write(0, data[:half])
    file.write(half, data[half:])
    file.close()


def submissions(filesystem: Filesystem, name: str) -> list[str]:
    """What a file's name is after it was submitted."""
    return [entry.name for entry in filesystem.listdir("/") if entry.name.startswith(f"{name}.2")]


@contextmanager
def opened(folder: Path) -> Iterator[tuple[SqliteStore, Filesystem]]:
    """The store as the next process finds it."""
    store = SqliteStore(folder / "smsfs.db")
    filesystem = Filesystems(store, store.register("test"), dialect).of(store.accounts.find("clinic"))
    try:
        yield store, filesystem
    finally:
        store.close()


def check_told(folder: Path) -> None:
    """The draft whose close was answered is whole; each file whose rename was is submitted, once."""
    if not (folder / "told").exists():
        return
    draft, *told = (folder / "told").read_text().split()
    with opened(folder) as (_, filesystem):
        with closing(filesystem.open(draft, os.O_RDONLY)) as file:
            assert file.read(0, 1000) == DRAFT.encode()
        assert {name: len(submissions(filesystem, name)) for name in told} == dict.fromkeys(told, 1)


def check_end(folder: Path, on_unknown: str) -> int:
    """Everything that is promised for the end; how many messages left twice."""
    lines = (folder / "outbox.jsonl").read_bytes().splitlines()
    sent = [msgspec.json.decode(line) for line in lines]
    times = Counter(item["id"] for item in sent)
    with opened(folder) as (store, filesystem):
        store.settle()
        assert not list(faults(store))
        check_files(filesystem)
        batches = list(store.queue.batches())
        found = [status for batch in batches for status in statuses(store, batch)]
        histories = [history(store, status) for status in found]
    assert all("accepted" not in events[:-1] for events in histories), "sent again after it was accepted"
    assert len(found) == ROWS * len(SENT)
    for status in found:
        check_message(status, times[f"{status.batch.id}-{status.message.row}"], on_unknown)
    known = {(name, row) for name in SENT for row in range(1, ROWS + 1)}
    assert {(item["userref"], item["row"]) for item in sent} <= known
    return sum(number > 1 for number in times.values())


def history(store: SqliteStore, status: MessageStatus) -> list[str]:
    """The events of a message, oldest first."""
    row = status.message.row
    return [outcome.event for outcome in store.queue.outcomes(status.batch.id, row, row)]


def check_files(filesystem: Filesystem) -> None:
    """Each file has its last name, and the draft is still one."""
    for name in SENT:
        assert [item.rpartition(".")[2] for item in submissions(filesystem, name)] == ["success"]
    for name in NEVER_SENT:
        assert [item.rpartition(".")[2] for item in submissions(filesystem, name)] == ["rejected"]
    assert filesystem.stat("draft.csv").state is FileState.DRAFT


def check_message(status: MessageStatus, times: int, on_unknown: str) -> None:
    """A message left once, or its history says why it may not have."""
    if on_unknown == "resend":
        assert status.state is MessageState.SUBMITTED
        assert times == 1 or (times > 1 and status.doubled)
    elif status.state is MessageState.UNKNOWN:
        assert times <= 1
    else:
        assert (status.state, times) == (MessageState.SUBMITTED, 1)


@pytest.mark.slow
@pytest.mark.parametrize("on_unknown", ["resend", "hold"])
def test_a_kill_at_any_point_loses_nothing_and_doubles_only_what_is_recorded(prepared, on_unknown):
    """A crash at an unlucky moment would lose messages, send them twice in silence, or leave a file stuck."""
    doubled = 0
    for at in count(1):
        folder = prepared(at)
        status = in_child(lambda folder=folder, at=at: live(folder, at, on_unknown))
        assert status in (0, KILLED), f"the life that was to end at point {at} failed"
        check_told(folder)
        if status == 0:
            doubled += check_end(folder, on_unknown)
            break
        assert in_child(lambda folder=folder: live(folder, 0, on_unknown)) == 0, f"after a kill at point {at}"
        doubled += check_end(folder, on_unknown)
    sys.stdout.write(f"{at - 1} points, {doubled} messages doubled ({on_unknown})\n")
    assert at > 100, "the points are not passed any more: this test tests nothing"
    assert (doubled > 0) == (on_unknown == "resend")


@pytest.mark.slow
def test_kills_again_and_again_while_recovering_from_one_lose_nothing(prepared, chance):
    """A host that crashes once more during its recovery would lose messages or double them in silence."""
    for number in range(PAIRS):
        folder = prepared(number)
        deaths = [chance.randrange(1, 120) for _ in range(chance.randrange(2, 6))]
        for at in [*deaths, 0]:
            status = in_child(lambda folder=folder, at=at: live(folder, at, "resend"))
            assert status in (0, KILLED), f"deaths at {deaths}"
            check_told(folder)
        check_end(folder, "resend")


@pytest.mark.slow
def test_a_power_cut_at_any_point_loses_nothing_that_was_told(prepared):
    """A commit or a file that nobody synced would be lost with messages of which a client was told."""
    doubled = 0
    for at in count(1, 2):  # before and after a commit the disk is mostly the same
        folder = prepared(at)
        status = in_child(lambda folder=folder, at=at: live(folder, at, "resend", cut=True))
        assert status in (0, KILLED), f"the life that was to end at point {at} failed"
        if status == 0:
            break
        disk = after_cut(folder)
        check_told(disk)
        assert in_child(lambda disk=disk: live(disk, 0, "resend")) == 0, f"after a cut at point {at}"
        doubled += check_end(disk, "resend")
    sys.stdout.write(f"{at - 1} points, {doubled} messages doubled\n")
    assert at > 100, "the points are not passed any more: this test tests nothing"


def test_power_cuts_at_random_moments_one_after_the_other_lose_nothing_that_was_told(prepared, chance):
    """What a recovery from a power cut writes would be lost with the next one."""
    cuts = doubled = 0
    for number in range(MOMENTS):
        folder = prepared(number)
        moments = [chance.randrange(1, 160) for _ in range(chance.randrange(1, 4))]
        for at in moments:
            status = in_child(lambda folder=folder, at=at: live(folder, at, "resend", cut=True))
            assert status in (0, KILLED), f"the life that was to end at one of {moments} failed"
            folder, cuts = after_cut(folder), cuts + (status == KILLED)
            check_told(folder)
        assert in_child(lambda folder=folder: live(folder, 0, "resend")) == 0, f"after cuts at {moments}"
        doubled += check_end(folder, "resend")
    sys.stdout.write(f"{cuts} cuts, {doubled} messages doubled\n")
    assert cuts >= MOMENTS // 2, "the moments are not met any more: this test tests nothing"
