"""A server to measure, and the table of figures at the end of the run.

Sizes are small unless ``SMSFS_BENCHMARK=full``. No test here fails because something was slow.
"""

import os
import re
from pathlib import Path

import pytest

from tests.support import figures
from tests.support.clients import Login, make_key
from tests.support.server import Installation, Server, wait_for

SECTIONS = {
    "sftp": {"max_connections_per_address": 100},
    "log": {"level": "warning"},
}


@pytest.fixture
def full():
    """Whether to measure at full size."""
    return os.environ.get("SMSFS_BENCHMARK") == "full"


@pytest.fixture
def figure(record_property):
    """Notes a line of the table.

    Given: what was measured, the figure, the peer of the same run, and where there is one the ratio of our
    rate to the peer's, with its goal such as ``">= 0.7"``.
    """

    def note(what, value, peer="", ratio=None, goal=""):
        line = {"what": what, "figure": value, "peer": peer, "ratio": ratio and round(ratio, 3), "goal": goal}
        record_property("figure", line)

    return note


@pytest.fixture
def peak_memory():
    """Tells the most memory that a process had so far, MiB."""

    def peak(pid):
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
        return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024

    return peak


def pytest_terminal_summary(terminalreporter):
    """Show the table, and write it as JSON into the file that ``SMSFS_FIGURES`` names."""
    reports = [report for key in ("passed", "failed") for report in terminalreporter.getreports(key)]
    lines = figures.lines_of(reports)
    if not lines:
        return
    around = figures.circumstances()
    terminalreporter.section("figures (SMSFS_BENCHMARK=full for full sizes)")
    for line in figures.table(lines):
        terminalreporter.write_line(line)
    terminalreporter.write_line(", ".join(f"{name} {value}" for name, value in around.items()))
    if path := os.environ.get("SMSFS_FIGURES"):
        figures.write_json(path, lines, around)
        terminalreporter.write_line(f"written to {path}")


@pytest.fixture
def server(tmp_path):
    """A server with an account, its workers up."""
    installation = Installation(tmp_path, SECTIONS)
    key = make_key(tmp_path)
    installation.add_account("clinic", "a password", "--key", f"{key}.pub")
    with Server(installation) as running:
        running.login = Login(running.port, "clinic", "a password", key, "", tmp_path)
        wait_for(lambda: len(running.workers()) == 3, "the workers")
        yield running
