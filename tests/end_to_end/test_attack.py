"""All floods at once, beside a customer."""

import pytest

from tests.support.attack.__main__ import MOST_LOG, MOST_MEMORY, run
from tests.support.attack.floods import FLOODS


@pytest.mark.slow
@pytest.mark.parametrize(("engine", "hosts"), [("sqlite", 1), ("postgresql", 2)])
def test_a_customer_is_served_while_all_others_attack(engine, hosts):
    """One greedy client, or strangers without a login, would keep everybody's messages from leaving."""
    seen = run(12, tuple(FLOODS), engine, hosts)
    assert seen.failures == []
    assert len(seen.seconds) > hosts
    assert seen.memory < MOST_MEMORY
    assert seen.log < MOST_LOG
