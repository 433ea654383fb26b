from functools import partial

import pytest

from smsfs.store.sqlite import SqliteStore
from tests.support.store_suite import StoreSuite


class TestSqliteStore(StoreSuite):
    @pytest.fixture
    def opener(self, tmp_path):
        """Open the store of this test."""
        return partial(SqliteStore, tmp_path / "smsfs.db")
