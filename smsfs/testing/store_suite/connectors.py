"""What accounts that belong to another ask of a store."""

from smsfs.store import Account, Owner, Store
from smsfs.testing.store_suite.base import NOW, StoreFixtures
from smsfs.testing.store_suite.inbound import MSISDN, on_stop, part, sent, took


class ConnectorSuite(StoreFixtures):
    """Connectors."""

    def test_stop_word_goes_to_the_accounts_list(self, store: Store, account: Account, owner: Owner) -> None:
        """Who asked a connector for no more messages would get the next one through another."""
        store.accounts.update(account.id, {"optouts": True})
        connector = store.accounts.add("leads", "naxai", {}, NOW, parent=account.id)
        sent(store, connector, owner, took("c1"))
        assert store.inbound.receive([], [part("STOP")], on_stop).replies[0].stopped
        assert [item.msisdn for item in store.optouts.all(account.id)] == [str(MSISDN)]
        assert list(store.optouts.all(connector.id)) == []
