"""The contract of a store as tests that every engine must pass.

Derive a class whose name starts with ``Test`` from ``StoreSuite`` and override its fixture ``opener``::

    class TestMyStore(StoreSuite):
        @pytest.fixture
        def opener(self, tmp_path):
            return functools.partial(MyStore, tmp_path / "db")
"""

from smsfs.testing.store_suite.accounts import AccountSuite
from smsfs.testing.store_suite.bans import BanSuite
from smsfs.testing.store_suite.claims import ClaimSuite
from smsfs.testing.store_suite.connectors import ConnectorSuite, DailySuite
from smsfs.testing.store_suite.doubtful import DoubtfulSuite, NoIdSuite, PassingSuite
from smsfs.testing.store_suite.feed import FeedSuite
from smsfs.testing.store_suite.files import ContentSuite, FileSuite
from smsfs.testing.store_suite.inbound import LostReceiptSuite, ReceiptSuite, ReplySuite
from smsfs.testing.store_suite.marks import MarkSuite
from smsfs.testing.store_suite.outcomes import OutcomeSuite
from smsfs.testing.store_suite.owners import OwnerSuite, StaleSuite
from smsfs.testing.store_suite.queue import QueueSuite
from smsfs.testing.store_suite.races import RaceSuite
from smsfs.testing.store_suite.results import LeaderSuite, ResultSuite
from smsfs.testing.store_suite.routing import RoutingSuite
from smsfs.testing.store_suite.trouble import TroubleSuite
from smsfs.testing.store_suite.waits import WaitSuite


class StoreSuite(
    AccountSuite,
    BanSuite,
    ClaimSuite,
    ConnectorSuite,
    DailySuite,
    ContentSuite,
    FileSuite,
    OwnerSuite,
    StaleSuite,
    QueueSuite,
    OutcomeSuite,
    LeaderSuite,
    ResultSuite,
    FeedSuite,
    RaceSuite,
    RoutingSuite,
    ReceiptSuite,
    LostReceiptSuite,
    ReplySuite,
    TroubleSuite,
    MarkSuite,
    DoubtfulSuite,
    PassingSuite,
    NoIdSuite,
    WaitSuite,
):
    """Everything that a store promises."""


__all__ = ["StaleSuite", "StoreSuite"]
