"""How long a file of ten rows takes while another account has a large backlog, on either engine.

In each case the neighbour's files come first. The small files then come one after the other; of each it is
measured how long it takes to be ``.success``, and until its last message has left.
"""

import io
import json
import os
import time
import zipfile
from contextlib import closing, contextmanager
from statistics import quantiles

import pytest

from smsfs.cli.common import filesystems
from smsfs.config import load, open_store
from smsfs.states import FileState
from tests.support.server import Installation, Server, wait_for

ZIPS, FILES = 3, 10_000
CONTACTS, SHORT_CONTACTS = 370_000, 40_000
SHORT_FILES = 300
SAMPLES, SHORT_SAMPLES = 100, 10
BOUND = 280.0


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request, tmp_path):
    """Where a server keeps everything."""
    if request.param == "sqlite":
        return f"sqlite://{tmp_path / 'smsfs.db'}"
    return request.getfixturevalue("database")


@contextmanager
def serving(folder, url):
    """A server with two accounts, and a store of ours."""
    outbox = {"type": "outbox", "path": str(folder / "outbox.jsonl")}
    sections = {"store": {"url": url}, "log": {"level": "warning"}, "backends.outbox": outbox}
    installation = Installation(folder, sections)
    installation.add_account("clinic", "a password")
    installation.add_account("bulk", "a password")
    installation.add_account("portal", "a password", dialect="smsportal")
    installation.run("account", "set", "portal", "check_networks=false")
    with Server(installation) as server, closing(open_store(load(installation.configuration))) as store:
        wait_for(lambda: len(server.workers()) == 3, "the workers")
        owner = store.register("test")
        yield server, lambda name: filesystems(store, owner).of(store.accounts.find(name))


def submit(files, draft_name, sent_name, data):
    """Upload a file and have it sent."""
    draft = files.open(draft_name, os.O_WRONLY | os.O_CREAT)
    draft.write(0, data)
    draft.close()
    files.rename(draft_name, sent_name, replace=False)


def make_zip(contacts, first):
    """A zip with one document of SMSPortal."""
    people = [{"msisdn": f"27{820000000 + first + number}"} for number in range(contacts)]
    text = f"version: 7\n{json.dumps({'message_template': 'Your bill is ready.', 'contacts': people})}"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"list{first}.json", text)
    return packed.getvalue()


def make_rows(number, rows=10):
    """A file of ten rows."""
    lines = [f"45{number:06}{row:02},Your appointment is tomorrow at 09:15." for row in range(rows)]
    return "\n".join(["msisdn,message", *lines]).encode()


class Outbox:
    """Counts an account's messages in the outbox, each byte looked at once."""

    def __init__(self, installation, account):
        self._path = installation.folder / "outbox.jsonl"
        self._mark, self._offset, self._count = f'"{account}"'.encode(), 0, 0

    def __call__(self):
        """How many there are now."""
        if self._path.exists():
            with self._path.open("rb") as stream:
                stream.seek(self._offset)
                data = stream.read()
            data = data[: data.rfind(b"\n") + 1]
            self._offset += len(data)
            self._count += sum(self._mark in line for line in data.splitlines())
        return self._count


def measure(server, files, samples):
    """Seconds to ``.success``, and to the last message, of so many small files."""
    outbox, times = Outbox(server.installation, "clinic"), []
    sent = outbox()
    for number in range(samples):
        name = f"small{number}.csv"
        submit(files, name, f"{name}.ready", make_rows(number))
        began = time.perf_counter()
        ready = f"{name}.ready"
        wait_for(lambda name=ready: files.stat(name).state is FileState.SUCCESS, "its reading", BOUND)
        accepted = time.perf_counter() - began
        sent += 10
        wait_for(lambda sent=sent: outbox() >= sent, "its last message", BOUND)
        times.append((accepted, time.perf_counter() - began))
    return list(zip(*times, strict=True))


def told(figure, what, times):
    """Two lines of the table."""
    for name, seconds in zip(("to .success", "to its last message"), times, strict=True):
        cuts = quantiles(seconds, n=100)
        shown = f"median {cuts[49]:.2f} s, 99 % below {min(cuts[98], max(seconds)):.2f} s"
        figure(f"{what}: ten rows {name}", shown, f"{len(seconds)} files")


@pytest.mark.parametrize("backlog", ["nothing", "zips", "files"])
def test_small_file_beside_a_backlog(tmp_path, request, store_url, backlog, full, figure):
    """One account's campaign would keep everybody's appointments waiting."""
    contacts, files = (CONTACTS, FILES) if full else (SHORT_CONTACTS, SHORT_FILES)
    samples = SAMPLES if full else SHORT_SAMPLES
    with serving(tmp_path, store_url) as (server, of):
        if backlog == "zips":
            for number in range(ZIPS):
                name = f"{number}.zip"
                submit(
                    of("portal"),
                    f"Send_SMS/.{name}",
                    f"Send_SMS/{name}",
                    make_zip(contacts, number * contacts),
                )
        elif backlog == "files":
            bulk = of("bulk")
            for number in range(files):
                submit(bulk, f"{number}.csv", f"{number}.csv.ready", make_rows(number))
        times = measure(server, of("clinic"), samples)
    engine = request.node.callspec.params["store_url"]
    told(figure, f"{engine}, beside {backlog}", times)
    assert len(times[0]) == samples
