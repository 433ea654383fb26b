"""The file that the backend ``outbox`` appends to."""

import asyncio
import errno
import json
import os
import stat

import pytest

from smsfs.backends import UP, Accepted
from smsfs.backends.outbox import Outbox
from smsfs.errors import ConfigurationError
from tests.support.backend_suite import Answers, envelope


@pytest.fixture
def path(tmp_path):
    """Where the messages go."""
    return tmp_path / "outbox.jsonl"


def _send(path, *envelopes):
    async def send():
        outbox, answers = Outbox(path), Answers()
        await outbox.start()
        await outbox.submit(envelopes, answers, lambda: True)
        await outbox.stop()
        return answers

    return asyncio.run(send())


def test_line_holds_the_whole_message(path):
    """A program that reads the outbox would miss what it needs to send."""
    _send(path, envelope(7, batch=3, text='caf\u00e9 "x"\n', parts=2))
    (line,) = path.read_text(encoding="utf-8").splitlines()
    assert json.loads(line) == {
        "id": "3-7",
        "account": "shop",
        "file": "a.20231114T221320.success",
        "row": 7,
        "recipient": "4500300007",
        "sender": "Shop",
        "text": 'caf\u00e9 "x"\n',
        "parts": 2,
        "encoding": "gsm7",
        "class": "standard",
        "userref": "ref7",
        "submitted_at": "2023-11-14T22:13:20Z",
    }


@pytest.mark.parametrize("torn", [b'{"id":"1-2","text":"half', b"x" * 200_000])
def test_torn_line_is_cut_off(path, torn):
    """A line that a crash tore would spoil the next one, or count as a message."""
    _send(path, envelope(1))
    whole = path.read_bytes()
    path.write_bytes(whole + torn)
    _send(path)
    assert path.read_bytes() == whole
    path.write_bytes(whole + torn)
    _send(path, envelope(2))
    assert [json.loads(line)["id"] for line in path.read_bytes().splitlines()] == ["1-1", "1-2"]


def test_file_that_is_all_torn_is_emptied(path):
    """A crash in the very first line would leave it for ever."""
    path.write_bytes(b'{"id":')
    _send(path)
    assert path.read_bytes() == b""


def test_messages_are_for_our_eyes_only(path):
    """Every user of the host could read customers' messages."""
    _send(path, envelope(1))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_answer_comes_after_the_disk(path, monkeypatch):
    """A message would count as accepted that a power cut takes away."""
    synced = []
    real = os.fsync

    def fsync(descriptor):
        real(descriptor)
        synced.append(path.read_bytes().count(b"\n"))

    monkeypatch.setattr(os, "fsync", fsync)
    seen = []
    outbox = Outbox(path)
    asyncio.run(outbox.submit([envelope(1), envelope(2)], lambda *_: seen.append(synced[-1]), lambda: True))
    assert seen == [2, 2]


def test_full_disk_accepts_nothing(path, monkeypatch):
    """Messages would count as accepted that were never written."""

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    answers = Answers()
    with pytest.raises(OSError, match="No space"):
        asyncio.run(Outbox(path).submit([envelope(1)], answers, lambda: True))
    assert answers.given == []


def test_partial_writes_are_completed(path, monkeypatch):
    """The end of a large slice would be missing."""
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, data[:100]))
    _send(path, *(envelope(row) for row in range(1, 11)))
    assert [json.loads(line)["row"] for line in path.read_bytes().splitlines()] == list(range(1, 11))


def test_path_that_cannot_be_written_is_told_at_the_start(tmp_path):
    """A wrong path would show as messages of unknown fate, one by one."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ConfigurationError, match="cannot be written"):
        asyncio.run(Outbox(tmp_path / "file" / "outbox.jsonl").start())


def test_state_tells_whether_it_can_be_written(path):
    """Messages would wait for an outbox that cannot be written, while another backend could send them."""
    below = path / "outbox.jsonl"
    outbox = Outbox(below)
    path.touch()
    assert outbox.state() == (
        "down",
        f"the outbox {below} cannot be written: Not a directory",
    )
    path.unlink()
    path.mkdir()
    assert outbox.state() == UP


@pytest.mark.parametrize("syncs", [True, False])
def test_what_was_written_before_the_disk_was_full_is_accepted_if_it_is_kept(path, monkeypatch, syncs):
    """Messages would leave twice because the disk was full for a moment, or count as accepted and be lost."""
    path.touch(mode=0o600)  # a new one syncs its folder
    real, sizes = os.write, iter([600])

    def full(descriptor, data):
        for size in sizes:
            return real(descriptor, data[:size])
        raise OSError(errno.ENOSPC, "No space left on device")

    def broken(_):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "write", full)
    monkeypatch.setattr(os, "fsync", os.fsync if syncs else broken)
    answers = Answers()
    sending = Outbox(path).submit([envelope(row) for row in range(1, 6)], answers, lambda: True)
    if syncs:
        asyncio.run(sending)
    else:
        with pytest.raises(OSError, match="No space"):
            asyncio.run(sending)
    whole = [json.loads(line)["row"] for line in path.read_bytes().splitlines(keepends=True) if b"\n" in line]
    accepted = [int(key.partition("-")[2]) for key, what in answers.given if isinstance(what, Accepted)]
    assert whole
    assert accepted == (whole if syncs else [])
    assert len(answers.given) == 5 - (0 if syncs else len(whole))
