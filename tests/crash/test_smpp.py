"""A real server under ``kill -9`` before a carrier with each of its faults: the ledger against the store."""

import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import paramiko
import pytest

from smsfs.config import load, open_store
from smsfs.pipeline.reports.messages import statuses
from smsfs.states import MessageState as State
from tests.support.server import Installation, Server, wait_for
from tests.support.smsc import Smsc

ROWS, KILLS = 400, 3
AT_ONCE = 4
ENDS = {State.DELIVERED, State.UNDELIVERED, State.REJECTED}
END_BOUND = 120.0
RECEIPTS = ["--receipts", "0.2"]
#: A fault of the carrier: how the simulator is told, and what the client needs to get over it soon.
FAULTS = {
    "slow": ([*RECEIPTS, "--latency", "0.05"], {}),
    "too fast": ([*RECEIPTS, "--throughput", "400"], {}),
    "queue full": ([*RECEIPTS, "--queue", "100", "--latency", "0.01"], {}),
    "rejects": ([*RECEIPTS, "--reject", "7 =RINVDSTADR"], {}),
    "disconnects": ([*RECEIPTS, "--disconnect-after", "150"], {}),
    "no answer": ([*RECEIPTS, "--no-answer", "0.02"], {"response_timeout": 1}),
    "late answer": ([*RECEIPTS, "--no-answer", "0.05", "--late", "1.5"], {"response_timeout": 1}),
    "deaf": ([*RECEIPTS, "--deaf", "--latency", "0.02"], {"enquire_link": 0.2, "response_timeout": 1}),
    "undelivered": ([*RECEIPTS, "--undelivered", "3$"], {}),
    "receipt first": (["--receipts", "before-response", "--latency", "0.01"], {}),
    "strange ids": (
        [*RECEIPTS, "--receipt-format", "letters", "--id-base", "dec-hex"],
        {"receipt_id_base": "hexadecimal", "id_base": "decimal"},
    ),
}


def recipient(row):
    """A number of its own for each row."""
    return str(4520000000 + row)


def installed(folder, port, client):
    """A configuration whose messages leave over SMPP."""
    (folder / "smsfs").mkdir()
    login = {"type": "smpp", "host": "127.0.0.1", "port": port, "system_id": "smsfs", "password": "secret"}
    quick = {"reconnect_first": 0.1, "reconnect_longest": 0.5, "window": 20}
    sections = {"pipeline": {"default_backend": "carrier"}, "backends.carrier": {**login, **quick, **client}}
    return Installation(folder / "smsfs", sections)


def upload(server):
    """A file with a row for each recipient, submitted."""
    rows = "".join(f"{recipient(row)},Row {row}\n" for row in range(ROWS))
    server.installation.add_account("shop", "a password")
    with closing(paramiko.Transport(("127.0.0.1", server.port))) as transport:
        transport.connect(username="shop", password="a password")
        sftp = paramiko.SFTPClient.from_transport(transport)
        with sftp.file("a.csv", "w") as file:
            file.write("msisdn,message\n" + rows)
        sftp.rename("a.csv", "a.csv.ready")


def messages(store):
    """Every message with what became of it, by recipient."""
    return {
        status.message.recipient: status
        for batch in store.queue.batches()
        for status in statuses(store, batch)
    }


def is_over(store):
    """Whether every message has its end, and every receipt its message."""
    states = {status.state for status in messages(store).values()}
    return states and states <= ENDS and not store.inbound.waiting()


def kill_on_the_way(server, smsc):
    """Kill everything a few times, each time after some more messages have left."""
    for _ in range(KILLS):
        before = smsc.count()
        enough = min(before + 40, ROWS - 1)
        wait_for(lambda enough=enough: smsc.count() >= enough, "some to leave")
        server.kill_all()
        server.start()


@pytest.fixture(scope="module")
def runs(request, tmp_path_factory):
    """The run of each fault that is to be tested; several at a time, since each waits for the most part."""
    faults = [
        item.callspec.params["fault"] for item in request.session.items if item.module is request.module
    ]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {fault: pool.submit(run, tmp_path_factory.mktemp("run"), fault) for fault in faults}
        pool.shutdown(cancel_futures=True)


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_kills_before_a_faulty_carrier(runs, fault):
    """A message would be lost, be sent twice in silence, or never show that it arrived."""
    runs[fault].result()


def run(folder, fault):
    """A file through a carrier with a fault, the server killed on its way."""
    options, client = FAULTS[fault]
    smsc = Smsc(folder)
    with smsc.running(*options), Server(installed(folder, smsc.port, client)) as server:
        upload(server)
        kill_on_the_way(server, smsc)
        with closing(open_store(load(server.installation.configuration))) as store:
            wait_for(lambda: is_over(store), "all to have their end", END_BOUND, pause=0.5)
            rows = messages(store)
    check(fault, rows, Counter(item.destination for item in smsc.received()))
    assert "Traceback" not in server.log
    counts = dict(re.findall(r"(\w+) (\d+)", (folder / "simulator.out").read_text(encoding="utf-8")))
    assert counts["receipts"] == counts["delivered"]


def check(fault, rows, took):
    """Nothing lost, and nothing doubled that is not recorded as such."""
    assert len(rows) == ROWS
    for number, row in rows.items():
        times = took[number]
        wanted = 0 if row.state == "rejected" else 1
        assert times == wanted or (times > wanted and row.doubled), (row, times)
    ends = Counter(row.state for row in rows.values())
    expected = {"rejects": {"rejected": ROWS // 10}, "undelivered": {"undelivered": ROWS // 10}}.get(
        fault, {}
    )
    assert ends == {**expected, "delivered": ROWS - sum(expected.values())}
