"""What commands, listings and sweeps take on a store that has much in it."""

import os
import resource
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median

import pytest

from smsfs.dialects.registry import dialect
from smsfs.filesystem import Filesystems
from smsfs.store.sqlite import SqliteStore
from smsfs.store.sqlite.database import Database
from tests.support.growth import Growth
from tests.support.meters import metered
from tests.support.server import Installation, Server, children, wait_for

FULL, SMALL = 200_000, 300
PAIRS, FEW_PAIRS = 200, 5
FINISHED = """
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count)
INSERT INTO file (account, folder, name, state, content, size, mtime, finished)
SELECT :account, '', printf('invoice-%07d.20261130T090000.success', i), 'success', 'c' || i, 1234, i, i
FROM n"""
BATCHES = """
INSERT INTO batch (account, file, path, stem, flags, state, submitted, not_before, messages, finished, lane)
SELECT account, id, name, substr(name, 1, 15), '[]', 'accepted', mtime, mtime, 10, finished, 2 FROM file"""


@pytest.fixture
def many(full):
    """How many files."""
    return FULL if full else SMALL


@pytest.fixture
def shop(tmp_path):
    """Makes a store with an account that has so many finished files; its configuration."""

    def make(files, name="shop"):
        folder = tmp_path / name
        with closing(SqliteStore(folder / "smsfs.db")) as store:
            account = store.accounts.add("shop", "gatewayapi", {"max_files": 10**7}, 1.0)
            with store._database.write() as connection:
                if files:
                    connection.plain.execute(FINISHED, {"count": files, "account": account.id})
                    connection.plain.execute(BATCHES)
        configuration = folder / "smsfs.toml"
        configuration.write_text(f'[store]\nurl = "sqlite://{folder / "smsfs.db"}"\n', encoding="utf-8")
        return configuration

    return make


def _timed(*arguments):
    """Seconds that a command takes, its output unread, and its own processor seconds."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, "-m", "smsfs", *arguments], stdout=subprocess.DEVNULL, check=True)
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _best(full, *arguments):
    times = [_timed(*arguments) for _ in range(5 if full else 1)]
    return (
        f"{median(one for one, _ in times) * 1e3:.0f} ms, processor {min(two for _, two in times) * 1e3:.0f}"
    )


def test_starts_and_lists(shop, figure, full, many):
    """A command that an operator waits for would become slow unnoticed."""
    empty, large = shop(0, "empty"), shop(many, "large")
    bare = subprocess.run([sys.executable, "-c", "pass"], check=True).returncode
    assert bare == 0
    figure("P15 smsfs --version", _best(full, "--version"), goal="<= 90 ms")
    figure("P15 smsfs files, of none", _best(full, "files", "-c", str(empty)), goal="<= 110 ms")
    shown = _best(full, "files", "-c", str(large))
    figure(f"P11 smsfs files, of {many}", shown, goal="<= 1500 ms" if full else "")


def _proportional(pid):
    """MiB of memory that a process takes, of shared memory its part."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:"))


def test_a_server_starts(figure, tmp_path):
    """A host would be away for longer at each restart, or need more memory to do nothing, unnoticed."""
    installation = Installation(tmp_path)
    with Server(installation, exact=True):
        pass  # makes the store and its keys
    began = time.perf_counter()
    with Server(installation, exact=True) as server:
        ready = time.perf_counter() - began
        wait_for(lambda: len(server.workers()) == len(children(server.process.pid)) > 0, "the workers")
        wait_for(lambda: len(installation.rows("hosts")) > len(server.workers()), "the workers to be at work")
        memory = [_proportional(pid) for pid in (server.process.pid, *server.workers().values())]
    figure("P15 smsfs serve, to ready", f"{ready * 1e3:.0f} ms", goal="<= 350 ms")
    figure("P15 memory of an idle server", f"{sum(memory):.0f} MiB", goal="<= 100 MiB")


@contextmanager
def _files_of(configuration):
    with closing(SqliteStore(configuration.with_name("smsfs.db"))) as store:
        owner = store.register("front")
        yield store, Filesystems(store, owner, dialect).of(store.accounts.find("shop"))


def _pair(files, number):
    """Seconds to upload a small file and to have it sent."""
    began = time.perf_counter()
    with closing(files.open(f"new{number}.csv", os.O_WRONLY | os.O_CREAT)) as file:
        file.write(0, b"msisdn,message\n4512345678,Hi\n")
    files.rename(f"new{number}.csv", f"new{number}.csv.ready", replace=False)
    return time.perf_counter() - began


def test_files_beside_many(shop, figure, full, many):
    """Each upload of an account that keeps its files would become slower with each day."""
    taken = {}
    for count in (0, many):
        with _files_of(shop(count, str(count))) as (store, files):
            owner, times = store.register("intake"), []
            for number in range(PAIRS if full else FEW_PAIRS):
                seconds = _pair(files, number)
                began = time.perf_counter()
                assert store.queue.claim_batch(owner, store.now())
                times.append(seconds + time.perf_counter() - began)
            taken[count] = median(times)
            began = time.perf_counter()
            assert len(files.listdir("/")) == count + len(times)
            listing = time.perf_counter() - began
    empty, large = (f"{taken[count] * 1e3:.2f} ms" for count in (0, many))
    ratio = taken[0] / taken[many]
    figure(
        f"P11 upload, submit and claim beside {many} files", large, f"{empty} beside none", ratio, ">= 0.83"
    )
    figure(f"P11 listing of {many} files, without a door", f"{listing:.2f} s", goal="<= 2 s" if full else "")


def _listed(mount, command):
    """Processor seconds of a mount, and all seconds, for ``ls -l`` of it."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
        try:
            wait_for(lambda: Path(mount).is_mount(), "the mount")
            times = []
            for _ in range(3):
                began = time.perf_counter()
                done = subprocess.run(["ls", "-l", mount], stdout=subprocess.PIPE, check=True)
                times.append(time.perf_counter() - began)
        finally:
            subprocess.run(["fusermount3", "-u", mount], check=True)
    return median(times), done.stdout.count(b"\n") - 1


def test_ls_of_a_mount(shop, figure, full, tmp_path):
    """A program that looks through a mounted folder would wait for seconds."""
    count, place, plain = 10_000 if full else SMALL, tmp_path / "mount", tmp_path / "plain"
    place.mkdir()
    plain.mkdir()
    for number in range(count):
        (plain / f"invoice-{number:07}.20261130T090000.success").touch()
    ours = [sys.executable, "-m", "smsfs", "mount", "--account", "shop", "-c", str(shop(count)), str(place)]
    theirs = [sys.executable, "-m", "tests.support.passthrough", str(plain), str(place)]
    seconds, files = _listed(place, ours)
    others, also = _listed(place, theirs)
    assert files == also == count
    figure(
        f"P9 ls -l of {count} files",
        f"{seconds:.2f} s",
        f"passthrough {others:.2f} s",
        others / seconds,
        ">= 1.0",
    )


def test_a_sweep(figure, full, monkeypatch):
    """What is past its time would be deleted so slowly that others wait, or that it is never done."""
    messages, held = 3_000_000 if full else 1000, []
    write = Database.write

    @contextmanager
    def measured(self, *, synced=True):
        with write(self, synced=synced) as connection:
            began = time.perf_counter()
            yield connection
            held.append(time.perf_counter() - began)

    with metered("sqlite") as (store, meter):
        growth = Growth(store, meter)
        monkeypatch.setattr(growth, "_forget", lambda: None)
        growth.whole_way(messages)
        monkeypatch.setattr(Database, "write", measured)
        before = {account.id: store.now() + 1 for account in store.accounts.all()}
        began, processor = time.perf_counter(), time.process_time()
        while store.queue.expire(before, 100):
            pass
        swept, processor = time.perf_counter() - began, time.process_time() - processor
        began = time.perf_counter()
        store.tidy()
        tidied = time.perf_counter() - began
        assert list(store.queue.batches()) == []
    figure(
        f"P13 sweep of {messages} messages",
        f"{swept:.1f} s, processor {processor:.1f}",
        goal="<= 20 s" if full else "",
    )
    figure("P13 longest turn of it", f"{max(held) * 1e3:.0f} ms", goal="<= 30 ms")
    figure("P13 free pages given back after it", f"{tidied:.1f} s")
