"""How fast, and in how much memory, a file becomes messages and these leave."""

import csv
import json
import os
import re
import time
from contextlib import closing

import pytest

from smsfs.cli.common import filesystems
from smsfs.config import load, open_store
from smsfs.sms import gsm
from smsfs.states import FileState
from tests.support.server import wait_for

MOST_MEMORY = 120  # MiB, whatever the size of the file
BOUND = 120.0
STEP = 0.0005  # between looks: a small file takes some milliseconds


def make_csv(rows):
    """A file with rows as people have them."""
    text = "Dear customer {}, your appointment is tomorrow at 09:15."
    lines = [f'45{row:08},"{text.format(row)}",Clinic,ref-{row}' for row in range(rows)]
    return "\n".join(["msisdn,message,sender,userref", *lines]).encode()


def seconds_of_csv(path):
    """How long Python's own reader takes for the rows, and two regular expressions for numbers and texts."""
    is_number = re.compile(r"\+?[1-9][0-9]{6,14}").fullmatch
    beyond_gsm = re.compile(f"[^{gsm.LETTERS}]").search
    began = time.perf_counter()
    with path.open(encoding="utf-8", newline="") as stream:
        rows = csv.reader(stream, strict=True)
        next(rows)
        assert all(is_number(row[0]) and not beyond_gsm(row[1]) for row in rows)
    return time.perf_counter() - began


class Lines:
    """Counts the lines of a growing file, each byte looked at once."""

    def __init__(self, path):
        self._path, self._offset, self._count = path, 0, 0

    def __call__(self):
        """How many there are now."""
        if self._path.exists():
            with self._path.open("rb") as stream:
                stream.seek(self._offset)
                data = stream.read()
            self._offset += len(data)
            self._count += data.count(b"\n")
        return self._count


def send(server, data, rows, account="clinic", names=("rows.csv", "rows.csv.ready")):
    """Upload a file and rename it; the seconds until it is accepted, and until its last message has left."""
    draft_name, sent_name = names
    lines = Lines(server.installation.folder / "outbox.jsonl")
    with closing(open_store(load(server.installation.configuration))) as store:
        files = filesystems(store, store.register("test")).of(store.accounts.find(account))
        draft = files.open(draft_name, os.O_WRONLY | os.O_CREAT)
        draft.write(0, data)
        draft.close()
        began = time.perf_counter()
        files.rename(draft_name, sent_name, replace=False)
        wait_for(lambda: files.stat(sent_name).state is not FileState.PROCESSING, "its reading", BOUND, STEP)
        assert files.stat(sent_name).state is FileState.SUCCESS
        accepted = time.perf_counter() - began
        wait_for(lambda: lines() >= rows, "the last message to leave", BOUND, STEP)
        return accepted, time.perf_counter() - began


@pytest.mark.parametrize("rows", [10_000, 200_000])
def test_rows_become_messages_in_bounded_memory(server, tmp_path, rows, full, figure, peak_memory):
    """A large file would take all of the host's memory and end the server for everyone."""
    if rows > 10_000 and not full:
        pytest.skip("SMSFS_BENCHMARK=full measures this size")
    data = make_csv(rows)
    (tmp_path / "peer.csv").write_bytes(data)
    peer = min(seconds_of_csv(tmp_path / "peer.csv") for _ in range(3))
    accepted, left = send(server, data, rows)
    memory = {name: peak_memory(pid) for name, pid in server.workers().items()}
    ratio = f"{accepted / peer:.1f} x the time of csv.reader and two regular expressions"
    figure(f"{rows:,} rows: rename to .success", f"{rows / accepted:,.0f} rows/s", ratio)
    figure(f"{rows:,} rows: rename to last message", f"{rows / left:,.0f} messages/s", "")
    shown = ", ".join(f"{name} {size:.0f} MiB" for name, size in sorted(memory.items()))
    figure(f"{rows:,} rows: peak memory", shown, f"bound {MOST_MEMORY} MiB")
    assert max(memory.values()) < MOST_MEMORY


@pytest.mark.parametrize("files", [20, 200])
def test_small_files_are_read_at_once(server, files, full, figure):
    """A client that sends ten messages would wait as if it had sent thousands."""
    if files > 20 and not full:
        pytest.skip("SMSFS_BENCHMARK=full measures this many")
    data = make_csv(10)
    # The first is left out: with it the processes import what they need for any.
    _, *times = [send(server, data, 10 * number, names=names(number)) for number in range(1, files + 2)]
    for what, place in (("to .success", 0), ("to the carrier", 1)):
        seconds = sorted(each[place] for each in times)
        middle, slow = seconds[files // 2], seconds[files * 99 // 100]
        figure(
            f"10 rows, {files} files: rename {what}, p50 / p99", f"{middle * 1e3:.0f} / {slow * 1e3:.0f} ms"
        )


def names(number):
    """What one of many files is called, before and behind the rename."""
    return f"r{number}.csv", f"r{number}.csv.ready"


def make_document(contacts):
    """A document of SMSPortal with a value for each contact."""
    template = {"message_template": "Dear customer @@value1@@, your appointment is tomorrow at 09:15."}
    people = [
        {"msisdn": f"2782{number:07}", "customerId": f"c-{number}", "values": {"value1": str(number)}}
        for number in range(contacts)
    ]
    return f"version: 7\n{json.dumps({**template, 'contacts': people})}".encode()


@pytest.mark.parametrize("contacts", [10_000, 200_000])
def test_contacts_become_messages_in_bounded_memory(server, contacts, full, figure, peak_memory):
    """A large document of SMSPortal would take all of the host's memory and end the server for everyone."""
    if contacts > 10_000 and not full:
        pytest.skip("SMSFS_BENCHMARK=full measures this size")
    server.installation.add_account("portal", "a password", "--dialect", "smsportal")
    data = make_document(contacts)
    began = time.perf_counter()
    json.loads(data.partition(b"\n")[2])
    peer = time.perf_counter() - began
    accepted, left = send(server, data, contacts, "portal", ("Send_SMS/x.part", "Send_SMS/x.json"))
    memory = peak_memory(server.workers()["intake"])
    what = f"{contacts:,} contacts of SMSPortal"
    figure(
        f"{what}: rename to Processed",
        f"{contacts / accepted:,.0f}/s",
        f"{accepted / peer:.0f} x json.loads's time",
    )
    figure(f"{what}: rename to last message", f"{contacts / left:,.0f} messages/s", "")
    figure(f"{what}: peak memory", f"intake {memory:.0f} MiB", f"bound {MOST_MEMORY} MiB")
    assert memory < MOST_MEMORY
