"""A real server under ``kill -9`` before a provider with each of its faults: the ledger against the store."""

from collections import Counter
from contextlib import closing

import pytest

from smsfs.config import load, open_store
from smsfs.states import MessageState as State
from tests.support.faulty_runs import check_none_lost, kill_on_the_way, messages, upload
from tests.support.http_carrier import HttpCarrier
from tests.support.server import Installation, Server, wait_for

ROWS, KILLS, AT_ONCE = 400, 2, 3
ENDS = {State.SUBMITTED, State.REJECTED}
END_BOUND = 180.0
QUICK = {"batch": 20, "connections": 2, "response_timeout": 2}
#: A fault of the provider: how the simulator is told.
FAULTS = {
    "slow": ["--latency", "0.2"],
    "too many requests": ["--fault", "429=0.2", "--retry-after", "1"],
    "unavailable": ["--fault", "503=0.2"],
    "error before": ["--fault", "500=0.15"],
    "error after": ["--fault", "500-taken=0.15"],
    "cut before": ["--fault", "cut=0.15"],
    "cut after": ["--fault", "cut-taken=0.15"],
    "half a body": ["--fault", "half=0.15"],
    "no JSON": ["--fault", "wrong=0.15"],
    "slow answer": ["--fault", "slow=0.1"],
    "rejects": ["--refuse", "7$=0x0215"],
}


def installed(folder, carrier):
    """A configuration whose messages leave over HTTP."""
    (folder / "smsfs").mkdir()
    login = {"type": "gatewayapi", "url": carrier.url, "token": "secret-token"}
    sections = {"pipeline": {"default_backend": "gateway"}, "backends.gateway": {**login, **QUICK}}
    return Installation(folder / "smsfs", sections)


def is_over(store):
    """Whether every message has its end."""
    states = {status.state for status in messages(store).values()}
    return states and states <= ENDS


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("fault", FAULTS)
def test_kills_before_a_faulty_provider(runs, fault):
    """A message would be lost, or be sent twice in silence."""
    runs[fault].result()


def run(folder, fault):
    """A file to a provider with a fault, the server killed on its way."""
    carrier = HttpCarrier(folder)
    with carrier.running(*FAULTS[fault]), Server(installed(folder, carrier)) as server:
        upload(server, ROWS)
        kill_on_the_way(server, lambda: len(carrier.received()), KILLS, ROWS // 2)
        with closing(open_store(load(server.installation.configuration))) as store:
            wait_for(lambda: is_over(store), "all to have their end", END_BOUND, pause=0.5)
            rows = messages(store)
    check(fault, rows, Counter(item.destination for item in carrier.received()))
    assert "Traceback" not in server.log


def check(fault, rows, took):
    """Nothing lost, and nothing doubled that is not recorded as such."""
    check_none_lost(rows, took, ROWS)
    refused = sum(row.state == "rejected" for row in rows.values())
    assert refused == (ROWS // 10 if fault == "rejects" else 0)
