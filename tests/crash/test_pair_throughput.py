"""Two hosts send more than one: work is shared out, not given to a leader."""

import os

import pytest

from tests.support.carrier import drain, fill

MESSAGES = 200_000 if os.environ.get("SMSFS_FULL") else 20_000
#: What two hosts must send for each message of one, where processors have nothing else to do.
GAIN = 1.5
#: A host that gets less than this part of the messages hardly takes part.
LEAST = 0.25


def rate(postgres, hosts):
    """Messages a second that hosts send together, and what each sent."""
    url = postgres.new_database()
    fill(url, MESSAGES)
    shares = drain(url, hosts)
    postgres.drop_database(url)
    sent = [share.sent for share in shares]
    assert sum(sent) == MESSAGES
    return MESSAGES / (max(share.ended for share in shares) - min(share.began for share in shares)), sent


@pytest.mark.slow
def test_two_hosts_share_the_work(postgres, capsys):
    """The second host would stand by for the day the first dies, and add nothing until then."""
    idle = os.getloadavg()[0] < len(os.sched_getaffinity(0))
    alone, _ = rate(postgres, 1)
    together, sent = rate(postgres, 2)
    with capsys.disabled():
        print(  # noqa: T201 -- the figures are for whoever runs the tests
            f"\n{MESSAGES} messages of 5 ms, 100 at a time: one host {alone:.0f}/s, two {together:.0f}/s "
            f"({together / alone:.2f} times, {sent})"
        )
    assert min(sent) > LEAST * MESSAGES
    if idle:
        assert together > GAIN * alone
