"""How fast files leave over SMPP, beside what the carrier allows and beside Kannel; and in how much memory.

All on this machine: the simulator answers each message after a while, and so many may wait for their
answers. Nobody can be faster than window divided by latency. For smsfs the time is from the rename over
SFTP until every outcome is on stable storage; for Kannel, which keeps its queue in memory, from the first
HTTP request until the last answer.

At 1 ms a few others on the same processors decide who is faster: ``chrt -r 5`` before the command, for all
programs of it alike, keeps their work out of the figures.
"""

import time
from contextlib import closing, contextmanager

import paramiko
import pytest

from smsfs.config import load, open_store
from tests.support.kannel import Kannel, programs
from tests.support.server import Installation, Server, wait_for
from tests.support.smsc import Smsc

PASSWORD = "a password"
LATENCIES, WINDOWS = (0.001, 0.01, 0.05), (1, 10, 100)
SHORT = (0.01, 10)
SECONDS, SHORT_SECONDS, MOST_ROWS = 8, 1, 100_000
FILE_ROWS = 200_000
MOST_MORE_MEMORY = 30  # MiB, whatever the backlog
BOUND = 120.0
NO_KANNEL = "no Kannel here to compare with: apt-get install kannel"


def messages(rows, first=0):
    """Recipients and texts as people have them."""
    return [
        (f"45{row:08}", f"Dear customer {row}, your appointment is tomorrow at 09:15.")
        for row in range(first, first + rows)
    ]


def make_csv(sent):
    """The file of these messages."""
    return "\n".join(["msisdn,message,sender", *(f'{to},"{text}",Clinic' for to, text in sent)]).encode()


@contextmanager
def serving(folder, smsc, window):
    """A server with an account, its link to the SMSC up; a store of ours and an SFTP session."""
    login = {"type": "smpp", "host": "127.0.0.1", "port": smsc.port, "system_id": "smsfs", "password": "x"}
    sections = {
        "pipeline": {"default_backend": "carrier"},
        "backends.carrier": {**login, "window": window, "registered_delivery": 0},
    }
    (folder / "smsfs").mkdir()
    installation = Installation(folder / "smsfs", sections)
    installation.add_account("clinic", PASSWORD)
    with (
        Server(installation) as server,
        closing(open_store(load(installation.configuration))) as store,
        closing(paramiko.Transport(("127.0.0.1", server.port))) as transport,
    ):
        wait_for(lambda: "smsc_bound" in server.log, "the link")
        transport.connect(username="clinic", password=PASSWORD)
        yield server, store, paramiko.SFTPClient.from_transport(transport)


def upload(sftp, name, sent):
    """Bring a file, not yet submitted."""
    with sftp.file(f"{name}.csv", "w") as file:
        file.set_pipelined(True)
        file.write(make_csv(sent))


def all_came(smsc, sent, began):
    """Wait for the last message; the seconds until its answer. Each came once."""
    wait_for(lambda: smsc.count() >= len(sent), "the last message", BOUND)
    received = smsc.received()
    assert sorted(message.destination for message in received) == [to for to, _ in sent]
    return max(message.last for message in received) - began


def through_smsfs(folder, latency, window, sent):
    """Messages a second from a file to its last outcome on stable storage."""
    smsc = Smsc(folder)
    with smsc.running("--latency", str(latency)), serving(folder, smsc, window) as (_, store, sftp):
        upload(sftp, "list", sent)
        began = time.time()
        sftp.rename("list.csv", "list.csv.ready")
        wait_for(lambda: smsc.count() >= len(sent) and not store.queue.backlog(), "the last outcome", BOUND)
        ended = time.time()
        all_came(smsc, sent, began)
    return len(sent) / (ended - began)


def through_kannel(folder, latency, window, sent):
    """Messages a second from HTTP to the last answer."""
    smsc = Smsc(folder)
    with smsc.running("--latency", str(latency)):
        kannel = Kannel(folder, smsc.port, window)
        with kannel.running():
            began = time.time()
            kannel.send(sent)
            return len(sent) / (all_came(smsc, sent, began) + latency)


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("latency", LATENCIES)
def test_messages_a_second_beside_kannel(tmp_path, latency, window, full, figure):
    """A file would take longer than with what people have now, or lose or double messages at full speed."""
    if not full and (latency, window) != SHORT:
        pytest.skip("SMSFS_BENCHMARK=full measures this setting")
    most = window / latency
    sent = messages(min(MOST_ROWS, int(most * (SECONDS if full else SHORT_SECONDS))))
    (tmp_path / "kannel").mkdir()
    ours, peer = through_smsfs(tmp_path, latency, window, sent), NO_KANNEL
    if programs():
        theirs = through_kannel(tmp_path / "kannel", latency, window, sent)
        peer = f"{ours / theirs:.1f} x Kannel ({theirs:,.0f}/s)"
    figure(
        f"SMPP: {latency * 1000:.0f} ms, window {window}, {len(sent):,} messages",
        f"{ours:,.0f}/s, {ours / most:.0%} of window/latency ({most:,.0f}/s)",
        peer,
    )


def test_backlog_in_bounded_memory(tmp_path, full, figure, peak_memory):
    """A million messages that wait would take all of the host's memory, and the server with it."""
    files, rows, leave = (5, FILE_ROWS, 10_000) if full else (2, 10_000, 1_000)
    smsc = Smsc(tmp_path)
    with smsc.running("--latency", "0.1"), serving(tmp_path, smsc, 100) as (server, store, sftp):
        before = peak_memory(server.workers()["dispatch"])
        for number in range(files):
            upload(sftp, f"list{number}", messages(rows, number * rows))
            sftp.rename(f"list{number}.csv", f"list{number}.csv.ready")
        wait_for(lambda: is_read(sftp, files), "all files to be read", BOUND)
        sent = smsc.count()
        wait_for(lambda: smsc.count() >= sent + leave, "some to leave", BOUND)
        waiting = sum(store.queue.backlog().values())
        peak = peak_memory(server.workers()["dispatch"])
    figure(
        f"SMPP: {waiting:,} messages wait", f"dispatch {peak:.0f} MiB", f"{before:.0f} MiB before they came"
    )
    assert waiting > 0.8 * files * rows
    assert peak - before < MOST_MORE_MEMORY


def is_read(sftp, files):
    """Whether so many files are accepted."""
    return sum(name.endswith(".success") for name in sftp.listdir()) == files
