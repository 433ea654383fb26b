"""A real server under ``kill -9`` before providers that know a message when it comes again: no doubles."""

from collections import Counter

import pytest

from tests.support.faulty_runs import killed_over_http
from tests.support.http_carrier import HttpCarrier

ROWS, KILLS, AT_ONCE = 120, 2, 5
#: What leaves it open whether a request was taken: how the simulator is told.
FAULTS = {
    "cut after": ["--fault", "cut-taken=0.15"],
    "half a body": ["--fault", "half=0.15"],
    "no JSON": ["--fault", "wrong=0.15"],
    "slow answer": ["--fault", "slow=0.1"],
    "error before or after": ["--fault", "500-taken=0.1", "--fault", "500=0.1"],
}
LOGIN = {
    "naxai": {"client_id": "client", "client_secret": "the-secret", "default_sender": "Acme", "batch": 1},
    "bulksms": {"token_id": "id", "token_secret": "the-secret"},
}


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "fault", [(provider, fault) for provider in LOGIN for fault in FAULTS], ids=": ".join
)
def test_nothing_is_doubled_where_there_is_a_key(runs, fault):
    """A person would get a message twice from a provider that would have known it again."""
    runs[fault].result()


def run(folder, fault):
    """A file to a provider with a fault, the server killed on its way."""
    provider, name = fault
    carrier = HttpCarrier(folder, provider)
    with carrier.running(*FAULTS[name]):
        login = {"type": provider, **LOGIN[provider]}
        if provider == "naxai":
            login["auth_url"] = f"{carrier.url}/oauth2/token"
        rows = killed_over_http(folder, carrier, login, ROWS, KILLS)
    took = Counter(item.destination for item in carrier.received())
    assert len(rows) == ROWS
    assert any(row.doubled for row in rows.values())  # they were sent again
    assert took == dict.fromkeys(rows, 1)
