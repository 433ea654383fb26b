"""How fast files leave over SMPP, beside what the carrier allows and beside Kannel; and in how much memory.

All on this machine: the simulator answers each message after a while, and so many may wait for their
answers. Nobody can be faster than window divided by latency. For smsfs the time is from the rename over
SFTP until every outcome, or every receipt, is on stable storage. For Kannel, which keeps its queue in memory
and is given one text for all by its own mtbatch, it is from the start of that until the last answer.

At 1 ms a few others on the same processors decide who is faster: ``chrt -r 5`` before the command, for all
programs of it alike, keeps their work out of the figures.
"""

import os
import random
import time
from contextlib import closing, contextmanager
from pathlib import Path

import paramiko
import pytest

from smsfs.config import load, open_store
from tests.support.kannel import Kannel, programs
from tests.support.server import Installation, Server, wait_for
from tests.support.smsc import Smsc

PASSWORD = "a password"
LATENCIES, WINDOWS = (0.0, 0.001, 0.005, 0.01), (1, 10, 100)
WITH_RECEIPTS = ((0.0, 100), (0.005, 100))
SHORT, SHORT_RECEIPTS = (0.01, 10), (0.005, 100)
SECONDS, SHORT_ROWS, MOST_ROWS = 8, 1_000, 100_000
FILE_ROWS = 200_000
MOST_MORE_MEMORY = 30  # MiB, whatever the backlog
BOUND = 120.0
#: Our rate beside Kannel's; 1 where nothing is said.
GOALS = {(0.0, 100): ">= 4"}
NO_KANNEL = "no Kannel here to compare with: apt-get install kannel"
TEXTS = (
    "Dear customer {}, your appointment is tomorrow at 09:15.",
    "Kære {}, din tid er i morgen kl. 9.15 på Østerbrogade. Ring, hvis du er forhindret.",
    "Sehr geehrte Kundin {}, Ihr Termin ist morgen um 9.15 Uhr. Grüße aus der Praxis!",
    "Уважаемый клиент {}, ваш приём завтра в 9:15.",
)


def messages(rows, seed=1):
    """Recipients, no two alike and in no order, and texts of several languages."""
    numbers = random.Random(seed).sample(range(10**8), rows)  # noqa: S311 - the same in each run
    return [(f"45{number:08}", TEXTS[row % len(TEXTS)].format(row)) for row, number in enumerate(numbers)]


def make_csv(sent):
    """The file of these messages."""
    return "\n".join(["msisdn,message,sender", *(f'{to},"{text}",Clinic' for to, text in sent)]).encode()


def processor_seconds(pid):
    """What a process has used of the processors, for itself and in the kernel."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def serving(folder, smsc, window, *, receipts=False):
    """A server with an account, its link to the SMSC up; a store of ours and an SFTP session."""
    login = {"type": "smpp", "host": "127.0.0.1", "port": smsc.port, "system_id": "smsfs", "password": "x"}
    sections = {
        "pipeline": {"default_backend": "carrier"},
        "backends.carrier": {**login, "window": window, "registered_delivery": int(receipts)},
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
    assert sorted(message.destination for message in received) == sorted(to for to, _ in sent)
    return max(message.last for message in received) - began


def delivered(store, first, last):
    """How many receipts are stored for these rows of the only file."""
    [batch] = store.queue.batches()
    return sum(item.event == "delivered" for item in store.queue.outcomes(batch.id, first, last))


def all_stored(smsc, store, rows, *, receipts):
    """Wait until the last outcome is on stable storage; with receipts, the last of them."""
    wait_for(lambda: smsc.count() >= rows and not store.queue.backlog(), "the last outcome", BOUND)
    if receipts:
        wait_for(lambda: delivered(store, rows - 99, rows) == 100, "the last receipts", BOUND)
        wait_for(lambda: delivered(store, 1, rows) == rows, "all receipts", BOUND, pause=0.1)


def through_smsfs(folder, latency, window, sent, *, receipts=False):
    """Messages a second from a file to its last outcome or receipt stored, and dispatch's us for each."""
    smsc, rows = Smsc(folder), len(sent)
    options = ["--latency", str(latency), *(["--receipts", "0"] if receipts else [])]
    with smsc.running(*options), serving(folder, smsc, window, receipts=receipts) as (server, store, sftp):
        upload(sftp, "list", sent)
        dispatch = server.workers()["dispatch"]
        used, began = processor_seconds(dispatch), time.time()
        sftp.rename("list.csv", "list.csv.ready")
        all_stored(smsc, store, rows, receipts=receipts)
        ended, used = time.time(), processor_seconds(dispatch) - used
        all_came(smsc, sent, began)
    return rows / (ended - began), used / rows * 1e6


def through_kannel(folder, latency, window, sent):
    """Messages a second from mtbatch to the last answer."""
    smsc = Smsc(folder)
    with smsc.running("--latency", str(latency)):
        kannel = Kannel(folder, smsc.port, window)
        with kannel.running():
            began = time.time()
            kannel.batch([to for to, _ in sent], TEXTS[0], BOUND)
            return len(sent) / (all_came(smsc, sent, began) + latency)


def enough(latency, window, full):
    """How many messages to send, and what a carrier with such a window takes in a second at most."""
    most = window / latency if latency else float("inf")
    return int(min(MOST_ROWS if full else SHORT_ROWS, most * SECONDS)), most


def told(rate, us, most):
    """The figure: messages a second, the share of what was possible, and processor time."""
    share = f"{rate / most:.0%} of window/latency ({most:,.0f}/s), " if most < float("inf") else ""
    return f"{rate:,.0f}/s, {share}dispatch {us:.0f} us a message"


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("latency", LATENCIES)
def test_messages_a_second_beside_kannel(tmp_path, latency, window, full, figure):
    """A file would take longer than with what people have now, or lose or double messages at full speed."""
    if not full and (latency, window) != SHORT:
        pytest.skip("SMSFS_BENCHMARK=full measures this setting")
    rows, most = enough(latency, window, full)
    sent = messages(rows)
    (tmp_path / "kannel").mkdir()
    (ours, us), peer, ratio = through_smsfs(tmp_path, latency, window, sent), NO_KANNEL, None
    if programs():
        theirs = through_kannel(tmp_path / "kannel", latency, window, sent)
        ratio, peer = ours / theirs, f"Kannel {theirs:,.0f}/s"
    what = f"SMPP: {latency * 1000:.0f} ms, window {window}, {rows:,} messages"
    figure(what, told(ours, us, most), peer, ratio, GOALS.get((latency, window), ">= 1.0"))


@pytest.mark.parametrize(("latency", "window"), WITH_RECEIPTS)
def test_messages_a_second_with_receipts(tmp_path, latency, window, full, figure):
    """Messages would leave at half the pace, or receipts get lost, where a carrier sends one for each."""
    if not full and (latency, window) != SHORT_RECEIPTS:
        pytest.skip("SMSFS_BENCHMARK=full measures this setting")
    rows, most = enough(latency, window, full)
    rate, us = through_smsfs(tmp_path, latency, window, messages(rows), receipts=True)
    what = f"SMPP with receipts: {latency * 1000:.0f} ms, window {window}, {rows:,} messages"
    if latency:
        figure(what, told(rate, us, most), "window/latency", rate / most, ">= 0.9")
    else:
        figure(what, told(rate, us, most), "30,000/s", rate / 30_000, ">= 1.0")


def test_backlog_in_bounded_memory(tmp_path, full, figure, peak_memory):
    """A million messages that wait would take all of the host's memory, and the server with it."""
    files, rows, leave = (5, FILE_ROWS, 10_000) if full else (2, 10_000, 1_000)
    smsc = Smsc(tmp_path)
    with smsc.running("--latency", "0.1"), serving(tmp_path, smsc, 100) as (server, store, sftp):
        before = peak_memory(server.workers()["dispatch"])
        for number in range(files):
            upload(sftp, f"list{number}", messages(rows, number))
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
