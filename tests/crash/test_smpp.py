"""A real server under ``kill -9`` before a carrier with each of its faults: the ledger against the store."""

import re
from collections import Counter
from contextlib import closing

import pytest

from smsfs.config import load, open_store
from smsfs.states import MessageState as State
from tests.support.faulty_runs import check_none_lost, kill_on_the_way, messages, upload
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


def installed(folder, port, client):
    """A configuration whose messages leave over SMPP."""
    (folder / "smsfs").mkdir()
    login = {"type": "smpp", "host": "127.0.0.1", "port": port, "system_id": "smsfs", "password": "secret"}
    quick = {"reconnect_first": 0.1, "reconnect_longest": 0.5, "window": 20}
    sections = {"pipeline": {"default_backend": "carrier"}, "backends.carrier": {**login, **quick, **client}}
    return Installation(folder / "smsfs", sections)


def is_over(store):
    """Whether every message has its end, and every receipt its message."""
    states = {status.state for status in messages(store).values()}
    return states and states <= ENDS and not store.inbound.waiting()


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
        upload(server, ROWS)
        kill_on_the_way(server, smsc.count, KILLS, ROWS - 1)
        with closing(open_store(load(server.installation.configuration))) as store:
            wait_for(lambda: is_over(store), "all to have their end", END_BOUND, pause=0.5)
            rows = messages(store)
    check(fault, rows, Counter(item.destination for item in smsc.received()))
    assert "Traceback" not in server.log
    counts = dict(re.findall(r"(\w+) (\d+)", (folder / "simulator.out").read_text(encoding="utf-8")))
    assert counts["receipts"] == counts["delivered"]


def check(fault, rows, took):
    """Nothing lost, and nothing doubled that is not recorded as such."""
    check_none_lost(rows, took, ROWS)
    ends = Counter(row.state for row in rows.values())
    expected = {"rejects": {"rejected": ROWS // 10}, "undelivered": {"undelivered": ROWS // 10}}.get(
        fault, {}
    )
    assert ends == {**expected, "delivered": ROWS - sum(expected.values())}
