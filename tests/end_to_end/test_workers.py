"""A server whose processes are sent signals, or die: what it says of itself."""

import json
import os
import signal
import urllib.error
import urllib.request

import pytest

from tests.support.server import Installation, Server, wait_for

pytestmark = pytest.mark.logs("worker_ended", "worker_does_not_stay_up")  # they are killed


@pytest.fixture
def server(tmp_path):
    """A server with health pages, which logs as JSON."""
    store = {"url": f"sqlite://{tmp_path / 'smsfs.db'}"}
    sections = {"store": store, "web": {"listen": ["127.0.0.1:0"]}, "log": {"format": "json"}}
    with Server(Installation(tmp_path, sections), exact=True) as server:
        wait_for(lambda: ready(server) == (200, "ok\n"), "the server")
        wait_for(lambda: {"intake", "dispatch", "reports"} <= kinds(server), "the workers")
        yield server


def ready(server):
    """Status and text of ``/readyz``."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.web_port}/readyz", timeout=20) as page:
            return page.status, page.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def kinds(server):
    """The kinds of processes that live."""
    return {row["kind"] for row in server.installation.rows("hosts") if row["alive"]}


def events(server, name):
    """What was logged under a name."""
    lines = [json.loads(line) for line in server.log.splitlines() if line.startswith("{")]
    return [line for line in lines if line["event"] == name]


def test_hangup_ends_nothing(server):
    """A terminal that is closed, or a habit from other servers, would stop every message."""
    before = server.workers()
    for pid in (server.process.pid, *before.values()):
        os.kill(pid, signal.SIGHUP)
    wait_for(lambda: events(server, "hangup_ignored"), "the line about it")
    assert server.workers() == before
    assert ready(server) == (200, "ok\n")
    assert events(server, "worker_ended") == []
    assert len(events(server, "hangup_ignored")) == 1
    assert server.stop() == 0


def test_start_and_stop_are_told(server):
    """Nobody could tell from a log which version ran, of which store, and where it listened."""
    (started,) = events(server, "started")
    assert started["configuration"] == str(server.installation.configuration)
    assert started["store"] == f"sqlite://{server.installation.folder / 'smsfs.db'}"
    ports = [f"sftp 127.0.0.1:{server.port}", f"web 127.0.0.1:{server.web_port}"]
    assert sorted(started["listeners"]) == ports
    assert started["version"]
    server.stop()
    assert len(events(server, "stopped")) == 1


def test_dispatch_that_does_not_stay_up_is_told(server):
    """A host that sends nothing would look like one that does, to operators and to balancers."""

    def kill():
        pid = server.workers().get("dispatch")
        if pid:
            os.kill(pid, signal.SIGKILL)
        return events(server, "worker_does_not_stay_up")

    wait_for(kill, "the line about it", pause=0.2)
    status, text = ready(server)
    assert (status, text.startswith("The process dispatch does not stay up: ")) == (503, True)
    wait_for(lambda: troubles(server), "the trouble to be shown")
    (host,) = troubles(server)
    assert (host["kind"], "it was ended by SIGKILL" in host["trouble"]) == ("dispatch", True)
    told = [row["reason"] for row in server.installation.rows("backends") if row["state"] == "down"]
    assert [reason.startswith("the process dispatch does not stay up: ") for reason in told] == [True]
    wait_for(lambda: ready(server) == (200, "ok\n"), "it to stay up")
    wait_for(lambda: not troubles(server), "the trouble to be over")
    assert len(events(server, "worker_does_not_stay_up")) == 1


def troubles(server):
    """The processes that are shown not to stay up."""
    return [row for row in server.installation.rows("hosts") if row["trouble"]]
