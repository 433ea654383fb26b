"""A real server under ``kill -9`` before a provider with each of its faults: the ledger against the store."""

from collections import Counter

import pytest

from tests.support.faulty_runs import check_none_lost, killed_over_http
from tests.support.http_carrier import HttpCarrier

ROWS, KILLS, AT_ONCE = 400, 2, 6
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


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("fault", FAULTS)
def test_kills_before_a_faulty_provider(runs, fault):
    """A message would be lost, or be sent twice in silence."""
    runs[fault].result()


def run(folder, fault):
    """A file to a provider with a fault, the server killed on its way."""
    carrier = HttpCarrier(folder)
    with carrier.running(*FAULTS[fault]):
        rows = killed_over_http(folder, carrier, {"type": "gatewayapi", "token": "secret-token"}, ROWS, KILLS)
    check(fault, rows, Counter(item.destination for item in carrier.received()))


def check(fault, rows, took):
    """Nothing lost, and nothing doubled that is not recorded as such."""
    check_none_lost(rows, took, ROWS)
    refused = sum(row.state == "rejected" for row in rows.values())
    assert refused == (ROWS // 10 if fault == "rejects" else 0)
