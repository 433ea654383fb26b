"""The outbox's files over time."""

import asyncio
import json
import multiprocessing
import os
import random
import signal
from collections import Counter
from datetime import UTC, datetime

import pytest

from smsfs.backends import Accepted, Envelope
from smsfs.backends.outbox import Outbox
from smsfs.backends.outbox_files import OutboxFiles
from smsfs.sms.message import Message
from tests.support.server import wait_for

DAY = 86_400
NOON = datetime(2026, 11, 30, 12, tzinfo=UTC).timestamp()


@pytest.fixture
def path(tmp_path):
    """The file."""
    return tmp_path / "outbox.jsonl"


def send(outbox, *keys, text="Hello"):
    """Hand messages over; the keys of those that were accepted."""
    taken = []
    message = Message(1, "4512345601", text, userref="a-1")
    envelopes = [Envelope(key, "clinic", "a.csv.success", NOON, 1, message) for key in keys]
    submit = outbox.submit(envelopes, lambda item, what: taken.append((item.key, what)), lambda: True)
    asyncio.run(submit)
    return [key for key, what in taken if isinstance(what, Accepted)]


def on(path, now):
    """Let a file have been written to last at some time."""
    os.utime(path, (now, now))


def keys(path):
    """The messages in a file."""
    return [json.loads(line)["id"] for line in path.read_text(encoding="utf-8").splitlines()]


def names(path):
    """The files in its folder."""
    return sorted(file.name for file in path.parent.iterdir())


def test_without_days_there_is_one_file(path):
    """Who follows the file by its name would find its messages elsewhere one day."""
    now = NOON
    outbox = Outbox(path, clock=lambda: now)
    for number in range(3):
        send(outbox, f"{number}-1")
        on(path, now)
        now += 400 * DAY
    OutboxFiles(path).tidy(now)
    assert (names(path), keys(path)) == (["outbox.jsonl"], ["0-1", "1-1", "2-1"])


def test_each_day_has_its_file(path):
    """Texts and numbers would be kept for ever, and the file grow until the disk is full."""
    now = NOON
    outbox = Outbox(path, keep_days=2, clock=lambda: now)
    for number in range(5):
        send(outbox, f"{number}-1", f"{number}-2")
        on(path, now)
        now += DAY
    assert names(path) == ["outbox-2026-12-02.jsonl", "outbox-2026-12-03.jsonl", "outbox.jsonl"]
    assert keys(path) == ["4-1", "4-2"]
    assert keys(path.with_name("outbox-2026-12-03.jsonl")) == ["3-1", "3-2"]
    files = OutboxFiles(path, 2)
    files.tidy(now)
    assert names(path) == ["outbox-2026-12-03.jsonl", "outbox-2026-12-04.jsonl"], (
        "though nothing more was sent"
    )
    files.tidy(now + 9 * DAY)
    assert names(path) == []


def test_no_day_replaces_another(path):
    """A clock that was put back would delete a day's messages."""
    for number, now in enumerate([NOON, NOON + DAY, NOON, NOON + DAY]):
        send(Outbox(path, keep_days=9, clock=lambda now=now: now), f"{number}-1")
        on(path, NOON)
    assert sum(len(keys(file)) for file in path.parent.iterdir()) == 4
    assert "outbox-2026-11-30.1.jsonl" in names(path)


def test_other_files_are_left_alone(path):
    """What somebody keeps beside the outbox would be deleted with old days."""
    mine = [
        "outbox-2020-01-01.jsonl.gz",
        "outbox-copy.jsonl",
        "other-2020-01-01.jsonl",
        "outbox-1.jsonl",
    ]
    for name in mine:
        path.with_name(name).touch()
    OutboxFiles(path, 1).tidy(NOON)
    assert names(path) == sorted(mine)


def test_forgotten_messages_are_emptied_where_they_stand(path):
    """Removed people's numbers would stay; or a program that reads on from a place would read in mid-line."""
    outbox = Outbox(path)
    send(outbox, "1-1", "2-1", text="Dear Ada, \u00fc")
    send(outbox, "1-2", "3-1", text="Dear Ada")
    before, place = path.read_bytes().splitlines(keepends=True), path.stat().st_ino
    time = path.stat().st_mtime_ns
    files = OutboxFiles(path)
    assert files.forget(lambda batches: batches & {1, 7}) == 2
    after = path.read_bytes().splitlines(keepends=True)
    assert [len(line) for line in after] == [len(line) for line in before]
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (place, time)
    assert [after[1], after[3]] == [before[1], before[3]]
    gone = json.loads(after[0])
    assert list(gone) == list(json.loads(before[0])), "a program finds the keys that it asks for"
    assert (gone["id"], gone["recipient"], gone["text"], gone["account"]) == ("1-1", "", "", "")
    assert files.forget(lambda batches: batches & {1}) == 0
    assert OutboxFiles(path, ours=False).forget(lambda batches: batches) == 0


def test_a_line_torn_as_it_was_emptied_is_emptied(path):
    """A power cut would leave a text that nothing ever looks at again."""
    path.write_bytes(b'{"id":"1-1","account":"","fi, "text":"Dear Ada"}\n{"id":"1-2","te')
    size = path.stat().st_size
    assert OutboxFiles(path).forget(lambda batches: batches) == 1
    assert b"Ada" not in path.read_bytes()
    assert json.loads(path.read_bytes().splitlines()[0]) == {"id": "1-1"}
    assert path.stat().st_size == size


def _send_for_ever(path, start, told):
    """A day is a message long; what was accepted is told of."""
    days = iter(range(start, start + 1_000_000))
    outbox = Outbox(path, keep_days=10**6, clock=lambda: NOON + DAY * next(days))
    for number in range(1_000_000):
        for key in send(outbox, f"{start + number}-1"):
            os.write(told, f"{key}\n".encode())


def test_a_kill_as_a_day_ends_loses_nothing(path):
    """A message that was answered for would be in no file, or a torn line be moved away with its day."""
    context = multiprocessing.get_context("fork")
    accepted = set()
    for turn in range(12):
        reading, writing = os.pipe()
        process = context.Process(target=_send_for_ever, args=(path, turn * 1000, writing), daemon=True)
        process.start()
        os.close(writing)
        told = os.read(reading, 10)
        wait_for(lambda most=2 * turn: len(list(path.parent.iterdir())) > most, "some days")
        process.join(random.random() / 20)  # noqa: S311 - when the kill comes
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        while block := os.read(reading, 65_536):
            told += block
        os.close(reading)
        accepted |= set(told[: told.rfind(b"\n")].decode().split("\n"))
    send(Outbox(path, keep_days=10**6), "last-1")
    found = Counter(key for file in path.parent.iterdir() for key in keys(file))
    assert accepted <= found.keys()
    assert max(found.values()) == 1
