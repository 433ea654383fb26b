"""What comes back from carriers, as every engine keeps it: receipts, replies, opt-outs."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from smsfs.store.records import Account, Arrived, NewReceipt, NewReplyPart, Optout, Reply

#: Whether a reply of this text puts its sender on the account's opt-out list.
Stops = Callable[[Account, str], bool]


class Inbound(Protocol):
    """Receipts and replies.

    A receipt becomes an outcome of its message, once that is known; until then it is kept. Of receipts and
    parts that are delivered again, one counts.
    """

    def receive(self, receipts: Sequence[NewReceipt], parts: Sequence[NewReplyPart], stops: Stops) -> Arrived:
        """Store what carriers delivered, all of it in one commit, with what can be made of it."""

    def match(self, now: float, limit: int, stops: Stops) -> Arrived:
        """Look again at up to ``limit`` kept receipts that are due, and at as many unfinished replies.

        A receipt of an id that nobody knows, and of which nobody can learn any more, or only a carrier that
        has been silent for a minute, goes to the message of its backend to the same number whose fate is
        unknown, if there is exactly one. A reply is put together after a day with what came of it.
        """

    def waiting(self) -> int:
        """How many receipts are kept without a message."""

    def replies(
        self, account: int | None = None, since: float = 0.0, until: float = math.inf
    ) -> Iterator[Reply]:
        """Replies that came from ``since`` on and before ``until``, oldest first.

        Those for nobody only where no account is named.
        """

    def expire(self, replies_before: Mapping[int, float], kept_before: float, limit: int) -> int:
        """Forget up to ``limit`` of what is too old, of each kind.

        Args:
            replies_before: by account, when the newest reply to forget came.
            kept_before: likewise for receipts without a message, and replies for nobody.
            limit: how many in one call.
        """


class Optouts(Protocol):
    """Numbers that want no more messages of an account."""

    def add(self, account: int, msisdns: Iterable[str], source: str, now: float) -> int:
        """Put numbers on the list; how many were not there."""

    def remove(self, account: int, msisdns: Iterable[str]) -> int:
        """Take numbers from the list; how many were there."""

    def all(self, account: int) -> Iterator[Optout]:
        """The list, by number."""

    def listed(self, account: int, msisdns: Iterable[str]) -> set[str]:
        """Those of some numbers that are on the list."""
