"""What messages cost."""

from msgspec.structs import replace

from smsfs.store import Account, Process, Store
from tests.support.store_suite.base import NOW, StoreFixtures
from tests.support.store_suite.inbound import came, matched, receipt, sent, took


class PriceSuite(StoreFixtures):
    """What a store promises about prices."""

    def test_price_is_kept_whenever_it_comes(self, store: Store, account: Account, owner: Process) -> None:
        """What a message cost would be lost where the carrier tells it late, or be added twice."""
        batch = sent(store, account, owner, took("c1"))
        priced = replace(receipt("c1"), price="0.0075 EUR")
        assert len(came(store, receipt("c1")).matched) == 1
        assert [len(came(store, priced).matched) for _ in range(2)] == [1, 0]
        early = replace(receipt("c2"), price="1")
        came(store, early)
        batch2 = sent(store, account, owner, took("c2"), stem="b")
        assert matched(store, NOW + 10) == ["c2"]
        found = [store.queue.outcomes(item.id, 1, 2) for item in (batch, batch2)]
        assert [[(item.event, item.price) for item in own] for own in found] == [
            [("accepted", None), ("delivered", None), ("passing", "0.0075 EUR")],
            [("accepted", None), ("delivered", "1")],
        ]
