"""How fast, and in how much memory, a connector's file becomes messages, its text made with Liquid."""

import os
import time
from contextlib import closing

import pytest

from smsfs.cli.common import filesystems
from smsfs.config import load, open_store
from tests.support.server import wait_for

MOST_MEMORY = 120  # MiB, whatever the size of the file
BOUND = 240.0
TEXT = (
    "Dear {{ name | capitalize }}, {% if vip == 'yes' %}your table{% else %}a table{% endif %} awaits you "
    "on {{ day | date: '%d/%m' }}."
)


def make_csv(rows):
    """A file as people have them, within the 20 MB that the vendor allows."""
    lines = [
        f"0476{row:06};anna{row};{'yes' if row % 3 else 'no'};2026-11-{row % 28 + 1:02}"
        for row in range(rows)
    ]
    return "\n".join(["phone;name;vip;day", *lines]).encode()


def read(server, data):
    """Upload a file; the seconds until all its messages are stored."""
    with closing(open_store(load(server.installation.configuration))) as store:
        files = filesystems(store, store.register("test")).of(store.accounts.find("leads"))
        draft = files.open("rows.csv", os.O_WRONLY | os.O_CREAT)
        draft.write(0, data)
        began = time.perf_counter()
        draft.close()
        wait_for(lambda: not files.listdir("/"), "its reading", BOUND)
        (batch,) = store.queue.batches(store.accounts.find("leads").id)
        return batch.messages, time.perf_counter() - began


@pytest.mark.parametrize("rows", [10_000, 200_000])
@pytest.mark.parametrize("rules", [(), ("dedupe_days=30", "max_parts=1")], ids=["plain", "no duplicates"])
def test_rows_with_liquid_become_messages(server, tmp_path, rows, rules, full, figure, peak_memory):
    """A large file would take all of the host's memory, or hours."""
    if rows > 10_000 and not full:
        pytest.skip("SMSFS_BENCHMARK=full measures this size")
    (tmp_path / "sample.csv").write_bytes(make_csv(3))
    options = ("--account", "clinic", "--sample", str(tmp_path / "sample.csv"), "--template", TEXT)
    server.installation.run("connector", "create", "leads", *options, "--country", "BE")
    if rules:
        server.installation.run("connector", "set", "leads", *rules)
    messages, took = read(server, make_csv(rows))
    memory = peak_memory(server.workers()["intake"])
    what = f"{rows:,} rows with Liquid{', no number twice in 30 days' if rules else ''}"
    figure(f"{what}: upload to stored", f"{rows / took:,.0f} rows/s", f"intake {memory:.0f} MiB")
    assert messages == rows
    assert memory < MOST_MEMORY
