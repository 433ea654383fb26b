"""``smsfs messages --follow`` as a user runs it."""

import contextlib
import json
import signal
import subprocess
import sys

import pytest

from tests.support.server import wait_for


@pytest.fixture
def following(tmp_path, clinic):
    """Runs the command until the test is over; what it has printed, and the process."""
    del clinic
    with contextlib.ExitStack() as stack:

        def follow(*options):
            output, errors = tmp_path / "out", tmp_path / "err"
            command = [sys.executable, "-m", "smsfs", "messages", "--follow", *options]
            with output.open("wb") as out, errors.open("wb") as err:
                process = stack.enter_context(subprocess.Popen(command, stdout=out, stderr=err))
            stack.callback(process.kill)
            return process, output.read_text, errors.read_text

        yield follow


def test_changes_come_as_they_happen(following, submitted):
    """An operator would have to run the command again and again to see whether messages leave."""
    submitted("early.csv", until="read")
    process, output, errors = following("--json")
    wait_for(lambda: output().count("queued") == 2, "what is there")
    submitted("late.csv", until="sent")
    wait_for(lambda: output().count('"submitted"') == 2, "the news")
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    assert errors() == ""
    rows = [json.loads(line) for line in output().splitlines()]
    assert len({(row["id"], row["state"]) for row in rows}) == len(rows)


def test_only_one_state_of_one_file(following, submitted):
    """Whoever waits for messages to leave would read of all that wait."""
    process, output, errors = following("--state", "submitted", "--file", "mine.csv")
    submitted("mine.csv", until="sent")
    wait_for(lambda: output().count("\n") >= 3, "the news")
    head, first, second = [line.split() for line in output().splitlines()]
    assert head == ["account", "file", "row", "recipient", "state", "parts", "code", "reason"]
    assert [(line[0], line[2], line[4]) for line in (first, second)] == [
        ("clinic", "1", "submitted"),
        ("clinic", "2", "submitted"),
    ]
    process.terminate()
    assert process.wait(60) == -signal.SIGTERM
    assert errors() == ""
