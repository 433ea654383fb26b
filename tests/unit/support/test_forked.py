"""Programs that are forked are what those are that users start."""

import json
import os
import signal
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.server import Installation, Server, children, wait_for


@pytest.fixture(params=["forked", "exact"])
def server(request, tmp_path):
    """A server, started either way."""
    with Server(
        Installation(tmp_path, {"log": {"format": "json"}}), exact=request.param == "exact"
    ) as server:
        wait_for(lambda: {"intake", "dispatch", "reports"} <= server.workers().keys(), "the workers")
        yield server


def status_of(pid):
    """What the kernel knows of a process."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def runs(pid):
    """Whether a process has not ended."""
    with suppress(OSError):
        return status_of(pid)["State"][0] != "Z"
    return False


def test_a_server_is_a_child_of_its_test_and_the_parent_of_its_workers(server):
    """Crash tests would kill another process than they say, and so hold nothing."""
    assert int(status_of(server.process.pid)["PPid"]) == os.getpid()
    for name, pid in server.workers().items():
        assert int(status_of(pid)["PPid"]) == server.process.pid
        assert os.getsid(pid) == pid, name
        line = Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").split(b"\0")
        assert line[line.index(b"worker") :][:2] == [b"worker", name.encode()]
        assert b"smsfs" in line[0] or b"smsfs" in line


def test_signals_and_statuses_are_those_of_any_process(server):
    """A server that ends in the wrong way would pass for one that stopped."""
    for pid in (server.process.pid, server.workers()["intake"]):
        assert int(status_of(pid)["SigBlk"], 16) & (1 << (signal.SIGTERM - 1)) == 0
        assert int(status_of(pid)["SigIgn"], 16) & (1 << (signal.SIGCHLD - 1)) == 0
    assert server.stop() == 0
    server.start().kill()
    assert server.process.returncode == -signal.SIGKILL


@pytest.mark.logs("worker_ended")
def test_a_worker_that_is_killed_is_started_again(server):
    """The tests of workers that die would test nothing of the server that starts them."""
    before = server.workers()["dispatch"]
    os.kill(before, signal.SIGKILL)
    wait_for(lambda: server.workers().get("dispatch", before) != before, "another")
    ended = [json.loads(line) for line in server.log.splitlines() if "worker_ended" in line]
    assert [(line["worker"], line["status"]) for line in ended] == [("dispatch", -signal.SIGKILL)]


@pytest.mark.parametrize("end", ["kill", "kill_all"])
def test_nothing_is_left_of_a_server_that_was_killed(tmp_path, end):
    """What one test leaves behind would take the processors, and the ports, of all that follow."""
    with Server(Installation(tmp_path)) as server:
        wait_for(lambda: len(server.workers()) == 3, "the workers")
        group = os.getpgid(server.process.pid)
        left = [*server.workers().values(), server.process.pid]
        others = children(server.process.pid)
        getattr(server, end)()
        left += others
        wait_for(lambda: not any(map(runs, left)), "their end")
    assert group == os.getpgid(0)
