"""A server to measure, and the table of figures at the end of the run.

Sizes are small unless ``SMSFS_BENCHMARK=full``. No test here fails because something was slow.
"""

import os
import re
from pathlib import Path

import pytest

from tests.support.clients import Login, make_key
from tests.support.server import Installation, Server, wait_for

FIGURES = pytest.StashKey[list[tuple[str, str, str]]]()
SECTIONS = {
    "sftp": {"max_connections_per_address": 100},
    "log": {"level": "warning"},
}


@pytest.fixture
def full():
    """Whether to measure at full size."""
    return os.environ.get("SMSFS_BENCHMARK") == "full"


@pytest.fixture
def figure(request):
    """Notes a line of the table: what, the figure, and what it is to be compared with."""
    lines = request.config.stash.setdefault(FIGURES, [])
    return lambda what, value, peer="": lines.append((what, value, peer))


@pytest.fixture
def peak_memory():
    """Tells the most memory that a process had so far, MiB."""

    def peak(pid):
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
        return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024

    return peak


def pytest_terminal_summary(terminalreporter, config):
    """Show the table."""
    lines = config.stash.get(FIGURES, [])
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
