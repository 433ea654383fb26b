"""The contract of a store as tests that every engine must pass.

Derive a class whose name starts with ``Test`` from ``StoreSuite`` and override its fixture ``opener``::

    class TestMyStore(StoreSuite):
        @pytest.fixture
        def opener(self, tmp_path):
            return functools.partial(MyStore, tmp_path / "db")
"""

from tests.support.store_suite.accounts import AccountSuite
from tests.support.store_suite.bans import BanSuite
from tests.support.store_suite.claims import ClaimSuite
from tests.support.store_suite.connectors import ConnectorSuite, DailySuite
from tests.support.store_suite.doubtful import DoubtfulSuite, NoIdSuite, PassingSuite
from tests.support.store_suite.feed import FeedSuite
from tests.support.store_suite.figures import FigureSuite
from tests.support.store_suite.files import ContentSuite, FileSuite
from tests.support.store_suite.inbound import LostReceiptSuite, ReceiptSuite, ReplySuite
from tests.support.store_suite.marks import MarkSuite
from tests.support.store_suite.names import NameSuite
from tests.support.store_suite.operators import OperatorSuite
from tests.support.store_suite.orders import OrderSuite
from tests.support.store_suite.outcomes import OutcomeSuite
from tests.support.store_suite.owners import OwnerSuite, StaleSuite
from tests.support.store_suite.polls import PollSuite
from tests.support.store_suite.prices import PriceSuite
from tests.support.store_suite.queue import QueueSuite
from tests.support.store_suite.races import RaceSuite
from tests.support.store_suite.replies import ShownReplySuite
from tests.support.store_suite.resends import ResendSuite
from tests.support.store_suite.results import LeaderSuite, ResultSuite
from tests.support.store_suite.routing import RoutingSuite
from tests.support.store_suite.search import SearchSuite
from tests.support.store_suite.trouble import TroubleSuite
from tests.support.store_suite.waits import WaitSuite


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
    OrderSuite,
    OperatorSuite,
    LeaderSuite,
    ResendSuite,
    ResultSuite,
    FeedSuite,
    FigureSuite,
    RaceSuite,
    PollSuite,
    PriceSuite,
    RoutingSuite,
    SearchSuite,
    ReceiptSuite,
    LostReceiptSuite,
    ReplySuite,
    ShownReplySuite,
    TroubleSuite,
    MarkSuite,
    NameSuite,
    DoubtfulSuite,
    PassingSuite,
    NoIdSuite,
    WaitSuite,
):
    """Everything that a store promises."""


__all__ = ["StaleSuite", "StoreSuite"]
