from functools import partial

import pytest

from smsfs.store.postgresql import PostgresStore
from tests.support.store_suite import StoreSuite


class TestPostgresStore(StoreSuite):
    death_seconds = 1.0
    notice_seconds = 0.3

    @pytest.fixture
    def opener(self, database):
        """Open the store of this test, with leases short enough to see them end."""
        return partial(PostgresStore, database, lease=self.death_seconds, margin=0.2)
