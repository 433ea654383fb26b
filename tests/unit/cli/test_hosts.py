import json

import pytest
from attrs import evolve
from click.testing import CliRunner

from smsfs.cli.hosts import _process, hosts
from smsfs.store import ProcessInfo
from smsfs.store.sqlite import SqliteStore


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs the command on a store in which two processes are known."""
    monkeypatch.delenv("SMSFS_CONFIG", raising=False)
    monkeypatch.setenv("SMSFS_DATA", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    gone = SqliteStore(tmp_path / "smsfs.db")
    gone.register("intake")
    gone.close()
    store = SqliteStore(tmp_path / "smsfs.db")
    store.register("front")
    yield lambda *arguments: CliRunner().invoke(hosts, arguments, catch_exceptions=False)
    store.close()


def test_json_has_a_line_for_each_process(run):
    """A monitoring script would not see that a host has lost one of its processes."""
    shown = [json.loads(line) for line in run("--json").stdout.splitlines()]
    assert [(item["kind"], item["alive"], item["leases"], item["lease_left"]) for item in shown] == [
        ("intake", False, 0, None),
        ("front", True, 0, None),
    ]
    assert shown[0]["term"] < shown[1]["term"]
    assert {"host", "version", "since"} < set(shown[0])


def test_table_has_a_line_for_each_process(run):
    """A person would have to read JSON to see which host is alive."""
    header, *lines = run().stdout.splitlines()
    assert header.split() == ["host", "kind", "term", "version", "since", "lease_left", "leases", "alive"]
    assert [(line.split()[1], line.split()[-1]) for line in lines] == [("intake", "no"), ("front", "yes")]


def test_a_lease_is_shown_as_the_time_it_has_left():
    """With hosts' clocks apart, a moment would not tell whether a lease still runs."""
    host = ProcessInfo("a", "dispatch", 7, "0.1.0", since=0.0, until=1000.0, leases=3, alive=True)
    assert _process(host, 992.26)["lease_left"] == 7.7
    assert _process(host, 1001.5)["lease_left"] == -1.5
    assert _process(evolve(host, until=0.0), 1001.5)["lease_left"] is None  # given back at the end
    assert _process(host, 0.0)["since"] == "1970-01-01T00:00:00Z"
