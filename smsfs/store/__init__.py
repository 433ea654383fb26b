"""The durable truth, and the interface to it that every engine implements.

An engine is a ``Store``: accounts, files, the queue and file contents. Whatever a method changes is on
stable storage when it returns, unless its description says otherwise. Methods are safe to call from
several threads and processes; each is one transaction, and ``Files.change`` opens one for several steps.
"""

from typing import Protocol

from smsfs.store.accounts import Account, Accounts
from smsfs.store.audit import Audit, Entry, NewEntry
from smsfs.store.bans import Bans
from smsfs.store.batches import Batch, CreditUsedUpError, Lane, Verdict
from smsfs.store.changes import About
from smsfs.store.claims import Claims
from smsfs.store.contents import Contents, ContentWriter
from smsfs.store.daily import Daily
from smsfs.store.feed import Acceptance, Claimed, Feed, News
from smsfs.store.figures import Figures, Measures, QueueFigure
from smsfs.store.files import File, FileChange, Files, FileView, Listed, NewFile, Overview, Stored
from smsfs.store.inbound import (
    Arrived,
    Inbound,
    MatchedReceipt,
    NewReceipt,
    NewReplyPart,
    Polled,
    Reply,
    Stops,
)
from smsfs.store.notices import NewNotice, Notice, Notices
from smsfs.store.operators import OperatorLogin, Operators, Role, WebSession
from smsfs.store.optouts import Optout, Optouts
from smsfs.store.orders import Holding, NewOrder, Order, Orders, Sorted
from smsfs.store.processes import LeaseLostError, Process, ProcessInfo, StaleOwnerError
from smsfs.store.queue import Queue
from smsfs.store.resends import NewResend, Resend, Resends
from smsfs.store.results import Result, Results, ResultVersion
from smsfs.store.routing import BackendCredit, BackendState, Routing, Waiting
from smsfs.store.search import Attempt, Search, Span
from smsfs.store.slices import Abandoned, Freed, NewSlice, Outcome, SetAside, Slice, SliceReport
from smsfs.store.soundness import Soundness
from smsfs.store.trouble import Aside, Trouble, WorkerState
from smsfs.store.waits import NewTime, Waits

__all__ = [
    "Abandoned",
    "About",
    "Acceptance",
    "Account",
    "Accounts",
    "Arrived",
    "Aside",
    "Attempt",
    "Audit",
    "BackendCredit",
    "BackendState",
    "Bans",
    "Batch",
    "Claimed",
    "Claims",
    "ContentWriter",
    "Contents",
    "CreditUsedUpError",
    "Daily",
    "Entry",
    "Feed",
    "Figures",
    "File",
    "FileChange",
    "FileView",
    "Files",
    "Freed",
    "Holding",
    "Inbound",
    "Lane",
    "LeaseLostError",
    "Listed",
    "MatchedReceipt",
    "Measures",
    "NewEntry",
    "NewFile",
    "NewNotice",
    "NewOrder",
    "NewReceipt",
    "NewReplyPart",
    "NewResend",
    "NewSlice",
    "NewTime",
    "News",
    "Notice",
    "Notices",
    "OperatorLogin",
    "Operators",
    "Optout",
    "Optouts",
    "Order",
    "Orders",
    "Outcome",
    "Overview",
    "Polled",
    "Process",
    "ProcessInfo",
    "Queue",
    "QueueFigure",
    "Reply",
    "Resend",
    "Resends",
    "Result",
    "ResultVersion",
    "Results",
    "Role",
    "Routing",
    "Search",
    "SetAside",
    "Slice",
    "SliceReport",
    "Sorted",
    "Span",
    "StaleOwnerError",
    "Stops",
    "Store",
    "Stored",
    "Trouble",
    "Verdict",
    "Waiting",
    "Waits",
    "WebSession",
    "WorkerState",
    "ensure_held",
]


class Store(Soundness, Protocol):
    """One engine's store."""

    accounts: Accounts
    bans: Bans
    files: Files
    queue: Queue
    claims: Claims
    notices: Notices
    measures: Measures
    daily: Daily
    results: Results
    routing: Routing
    inbound: Inbound
    optouts: Optouts
    feed: Feed
    search: Search
    trouble: Trouble
    waits: Waits
    orders: Orders
    resends: Resends
    audit: Audit
    operators: Operators
    contents: Contents

    def now(self) -> float:
        """Seconds since the epoch by the store's own clock."""

    def register(self, kind: str, name: str = "") -> Process:
        """Make this process known; it counts as alive until it ends, in whatever way.

        Args:
            kind: what it does.
            name: under which the process that started this one reports its end.
        """

    def holds(self, owner: Process) -> bool:
        """Whether this process may still act as ``owner``: nobody can have taken over from it yet."""

    def current(self, owner: Process) -> Process:
        """``owner`` while it is held, else the same kind of owner under a new term."""

    def lead(self, owner: Process, what: str) -> bool:
        """Whether ``owner`` is the one process, of all hosts, that does some work.

        It becomes that if nobody is, or the one that was is dead; it stays it until it dies.
        """

    def hosts(self) -> list[ProcessInfo]:
        """Every process there is, or was a moment ago."""

    def alive(self) -> dict[int, str]:
        """The processes that run: the kind of each by its id."""

    def settle(self, ended: str = "") -> int:
        """Put right what dead processes left: files they wrote are cut, batches they read are pending.

        Args:
            ended: the name of a process that has surely ended, however alive it seems.

        Returns:
            How many processes were found dead.
        """

    def changed(self, timeout: float, about: About = "all") -> bool:
        """Wait until something was committed that others act on, at most ``timeout`` seconds.

        Who commits may die before it could tell, and some changes are not told of: look now and then anyway.
        """

    def stamp(self) -> int | None:
        """A number that is another one after anything was committed; None where to ask for it takes long."""

    def close(self) -> None:
        """Let go of everything; owners registered here are dead from now on."""


def ensure_held(store: Store, owner: Process) -> None:
    """Check that this process may still act as ``owner``.

    Raises:
        LeaseLostError: another can have taken over from it: the store was away for too long.
    """
    if not store.holds(owner):
        raise LeaseLostError
