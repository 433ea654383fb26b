import subprocess
import sys
from contextlib import contextmanager

import pytest

from smsfs.store.postgresql import PostgresStore
from smsfs.store.sqlite import SqliteStore
from tests.support.growth import BACKEND, measure, report
from tests.support.meters import PostgresMeter, SqliteMeter

MESSAGES, BACKLOGS = 2500, [1000, 2000]


@contextmanager
def measured(store, meter):
    """A small store's figures, and the store as they were measured."""
    try:
        yield measure(store, meter, MESSAGES, BACKLOGS), store
    finally:
        store.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def grown(request, tmp_path):
    """The figures of each engine, and its store."""
    if request.param == "sqlite":
        path = tmp_path / "smsfs.db"
        engine = SqliteStore(path), SqliteMeter(path)
    else:
        url = request.getfixturevalue("database")
        engine = PostgresStore(url), PostgresMeter(url)
    with measured(*engine) as result:
        yield result


def test_figures_are_consistent(grown):
    """An operator would plan disks and hosts with numbers that cannot be."""
    figures, _ = grown
    assert figures.messages == MESSAGES
    assert 50 * MESSAGES < figures.encoded < 300 * MESSAGES
    assert set(figures.seconds) == {"upload", "accept", "claim", "record", "sort", "forget"}
    assert all(seconds > 0 for seconds in figures.seconds.values())
    assert figures.disk["outcome"] > 30 * MESSAGES
    assert figures.disk["payload"] > 0
    assert figures.disk.get("piece", 0) + figures.disk.get("contents", 0) > 0
    assert figures.written > figures.disk["outcome"]
    assert list(figures.records) == [0]
    assert list(figures.claims) == BACKLOGS
    assert all(0 < median <= high for median, high in figures.claims.values())


def test_nothing_is_left_but_the_backlog(grown):
    """Claims would be measured behind less than is printed, or deletion without anything being deleted."""
    _, store = grown
    assert store.queue.backlog() == {BACKEND: BACKLOGS[-1]}
    assert sum(batch.messages for batch in store.queue.batches()) == BACKLOGS[-1]
    assert [file.name for file in store.files.all()] == ["list2.success", "list3.success"]


def test_report_has_a_line_for_each_figure(grown):
    """A figure would be measured and not shown."""
    lines = list(report(grown[0]))
    assert lines[0].startswith(f"{MESSAGES} messages of ")
    assert [line.split(":")[0] for line in lines[1:4]] == [
        "bytes per message on disk",
        "bytes per message written",
        "seconds per 100000 messages in one thread",
    ]
    assert [line.split()[2] for line in lines if line.startswith("claim behind ")] == ["1000", "2000"]


def run(*arguments):
    """The command, as the page on scaling shows it."""
    command = [sys.executable, "-m", "tests.support.growth", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_command(tmp_path, monkeypatch):
    """The command in the documentation would not run, or leave its store behind."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    done = run("--engine", "sqlite", "--messages", "600", "--backlog", "1000")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("600 messages of ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [["--messages", "0"], ["--backlog", "500"]], ids=" ".join)
def test_too_few_to_measure(arguments):
    """Whoever tries a small number would get a traceback."""
    done = run(*arguments)
    assert done.returncode == 2
    assert "at least" in done.stderr
