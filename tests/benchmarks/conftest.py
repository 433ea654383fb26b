"""A server to measure, and the table of figures at the end of the run.

Sizes are small unless ``SMSFS_BENCHMARK=full``. No test here fails because something was slow.
"""

import os
import re
from pathlib import Path

import pytest

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
    """Notes a line of the table: what, the figure, and what it is to be compared with."""
    return lambda what, value, peer="": record_property("figure", (what, value, peer))


@pytest.fixture
def peak_memory():
    """Tells the most memory that a process had so far, MiB."""

    def peak(pid):
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
        return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024

    return peak


def pytest_terminal_summary(terminalreporter):
    """Show the table; the reports carry its lines, also out of the processes of a parallel run."""
    reports = [report for key in ("passed", "failed") for report in terminalreporter.getreports(key)]
    ended = [report for report in reports if report.when == "call"]
    lines = [line for report in ended for name, line in report.user_properties if name == "figure"]
    if not lines:
        return
    terminalreporter.section("figures (SMSFS_BENCHMARK=full for full sizes)")
    widths = [max(len(line[column]) for line in lines) for column in range(3)]
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        terminalreporter.write_line("  ".join(cells).rstrip())


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
