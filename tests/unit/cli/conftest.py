import json
import os
import pty
import subprocess
import sys

import pytest
from attrs import frozen

from smsfs.cli import main
from smsfs.config import load, open_store
from smsfs.dialects.registry import dialect
from smsfs.filesystem import Filesystems
from smsfs.pipeline.intake.reader import Intake, IntakeRules
from smsfs.pipeline.slices import messages_of
from smsfs.store import Outcome, SliceReport

ROWS = "msisdn,message,userref\n4512345601,Hello Ada,a-1\n4512345602,Hello Bo,a-2\n"


@frozen
class Done:
    """What a command printed, and its exit status."""

    out: str
    err: str
    status: int

    def rows(self) -> list[dict]:
        """The JSON objects it printed."""
        return [json.loads(line) for line in self.out.splitlines()]


@pytest.fixture
def smsfs(tmp_path, monkeypatch, capsys):
    """Runs a command on a store of this test alone; ``text`` is its standard input."""
    monkeypatch.setenv("SMSFS_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("SMSFS_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)

    def run(*arguments, text=""):
        (tmp_path / "stdin").write_text(text, encoding="utf-8")
        capsys.readouterr()
        with (tmp_path / "stdin").open(encoding="utf-8") as stdin, monkeypatch.context() as patch:
            patch.setattr("sys.stdin", stdin)
            status = 0
            try:
                main([str(argument) for argument in arguments])
            except SystemExit as exit_:
                status = exit_.code or 0
        captured = capsys.readouterr()
        return Done(captured.out, captured.err, status)

    return run


@pytest.fixture
def clinic(smsfs):
    """An account with a password."""
    done = smsfs("account", "add", "clinic", "--dialect", "gatewayapi", "--password-stdin", text="secret-1\n")
    assert done.status == 0, done.err
    return "clinic"


@pytest.fixture
def store(smsfs):  # noqa: ARG001 - it sets the environment that says where the store is
    """The store that the commands work on."""
    opened = open_store(load())
    yield opened
    opened.close()


@pytest.fixture
def submitted(clinic, store):
    """Uploads and submits a file, and takes it ``until`` it is submitted, read or sent."""
    filesystem = Filesystems(store, store.register("front"), dialect).of(store.accounts.find(clinic))

    def submit(name, text=ROWS, until="submitted"):
        handle = filesystem.open(name, os.O_WRONLY | os.O_CREAT)
        handle.write(0, text.encode())
        handle.close()
        filesystem.rename(name, f"{name}.ready", replace=False)
        if until != "submitted":
            assert Intake(store, store.register("intake"), dialect, IntakeRules("outbox")).step()
        if until == "sent":
            _send(store)

    return submit


def _send(store):
    owner = store.register("dispatch")
    held = store.queue.claim_slice(owner, "outbox", store.now(), oldest=True)
    outcomes = [
        Outcome(message.row, "accepted", store.now(), f"c-{message.row}", parts=1, attempt=held.attempt)
        for message in messages_of(held)
    ]
    assert store.queue.record(owner, [SliceReport(held, outcomes, done=True)]) == []


def _typed(arguments, *answers):
    """The exit status of a command on a terminal, each answer typed when it asks for something."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "smsfs", *map(str, arguments)]
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
    os.close(theirs)
    try:
        for answer in answers:
            while not os.read(ours, 4096).rstrip().endswith(b":"):
                pass
            os.write(ours, answer.encode() + b"\n")
        return process.wait(timeout=30)
    finally:
        process.kill()
        process.wait()
        os.close(ours)


@pytest.fixture
def typed(smsfs):  # noqa: ARG001 - it sets the environment that says where the store is
    """Runs a command on a terminal, each answer typed when it asks for something; its exit status."""
    return _typed
