"""Which dialects the reports process works for."""

from smsfs.dialects.registry import dialect
from smsfs.pipeline.reports.in_use import LOOK_SECONDS, DialectsInUse


def test_only_dialects_of_accounts_are_asked_for(house, clock):
    """A host without connectors would keep the template engine in memory."""
    asked = []

    def found(name):
        asked.append(name)
        return dialect(name)

    house.store.accounts.add("tools", "smstools", {}, clock())
    assert list(DialectsInUse(house.store, found, lambda rules: rules.shows_replies)) == ["smstools"]
    assert "naxai" not in asked


def test_the_first_account_of_a_dialect_is_noticed(house, clock):
    """Replies to an account that was added while the server runs would wait for its next start."""
    names = DialectsInUse(house.store, dialect, lambda rules: rules.shows_replies, clock)
    assert list(names) == []
    house.store.accounts.add("tools", "smstools", {}, clock())
    assert list(names) == []
    clock.now += LOOK_SECONDS
    assert list(names) == ["smstools"]
