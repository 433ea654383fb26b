"""What carriers are asked about."""

import pytest

from smsfs.store import Account, Polled, Process, StaleOwnerError, Store
from tests.support.store_suite.base import NOW, StoreFixtures
from tests.support.store_suite.inbound import came, lost, receipt, sent, took


class PollSuite(StoreFixtures):
    """What a store promises to those who ask carriers."""

    def test_what_is_awaited(self, store: Store, account: Account, owner: Process) -> None:
        """A carrier would be asked about what is known, or never about what is not."""
        first = store.inbound.first_since(0)
        assert store.inbound.awaited("out", first - 1, NOW, 10) == (None, [])
        sent(store, account, owner, took("c1"), took("c2", row=2))
        sent(store, account, owner, lost(), took("c3", row=2, recipient=None), stem="b")
        sent(store, account, owner, took("c4"), backend="two", stem="c")
        came(store, receipt("c2"))
        start = store.inbound.first_since(NOW) - 1
        last, ids = store.inbound.awaited("out", start, NOW, 100)
        assert ids == ["c1"]
        assert last is not None
        assert store.inbound.awaited("out", last, NOW, 100) == (None, [])
        assert store.inbound.awaited("out", start, NOW - 1, 100) == (last, [])
        assert store.inbound.awaited("two", start, NOW, 100) == (last, ["c4"])
        assert store.inbound.awaited("out", start, NOW, 1) == (start + 1, ["c1"])
        assert store.inbound.first_since(NOW + 60) == last + 1

    def test_place_is_kept_by_who_leads(self, store: Store, other: Store, owner: Process) -> None:
        """Two hosts would ask about the same messages, at twice the rate that the carrier allows."""
        assert store.inbound.polled("out") == Polled("out")
        assert store.lead(owner, "poll out")
        second = other.register("dispatch")
        place = Polled("out", 7, NOW)
        with pytest.raises(StaleOwnerError):
            other.inbound.note_polled(second, "poll out", place)
        for each in (Polled("out", 5, NOW), place):
            store.inbound.note_polled(owner, "poll out", each)
        assert other.inbound.polled("out") == place
