"""When requests may leave: the contract's limit, pauses that the carrier asks for, and its troubles. Pure."""

from math import inf

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
#: After a failure the carrier is tried again, each time after twice as long.
FIRST_TRY, LONGEST_TRY = 0.5, 30.0
#: Without a connection for so long, messages had better wait elsewhere.
PATIENCE_SECONDS = 3.0


class Pace:
    """How many messages may leave now.

    Args:
        limit: messages per second; 0 for no limit. At most a second's worth leaves at once.
    """

    def __init__(self, limit: float) -> None:
        self._limit = limit or inf
        self._free_at = -inf
        self._paused_at = self._until = -inf
        self._pause = 0.0

    def room(self, now: float) -> float:
        """How many messages may leave at a time: seconds on any clock, as everywhere here."""
        return 0 if self.wait(now) > 0 else max(1.0, self._limit)

    def spend(self, messages: int, now: float) -> None:
        """So many leave."""
        self._free_at = max(now, self._free_at) + messages / self._limit

    def wait(self, now: float) -> float:
        """Seconds until something may leave."""
        return max(0.0, self._free_at - now, self._until - now)

    def paused(self, now: float) -> float:
        """Seconds that are left of a pause that the carrier asked for."""
        return max(0.0, self._until - now)

    def not_now(self, now: float, began: float, retry_after: float) -> float:
        """The carrier did not take a request that left at ``began``; the length of the pause from now on.

        Without a word of the carrier's, each pause is twice as long as the one before it.
        """
        if began > self._paused_at:
            self._pause = min(self._pause * 2 or FIRST_PAUSE, LONGEST_PAUSE)
            self._paused_at = now
        self._until = max(self._until, now + (retry_after or self._pause))
        return self._until - now

    def taken(self) -> None:
        """The carrier took something."""
        self._pause = 0.0


class Health:
    """Whether the carrier can be used, and when to try it again."""

    def __init__(self) -> None:
        self.reason = ""
        self.down = False
        self._since = self._failed_at = self._next = -inf
        self._wait = FIRST_TRY

    @property
    def good(self) -> bool:
        """Nothing is known to be wrong."""
        return not self.reason

    def may_try(self, now: float) -> bool:
        """Whether something may leave: in trouble, one request now and then."""
        return now >= self._next

    def wait(self, now: float) -> float:
        """Seconds until it may be tried."""
        return max(0.0, self._next - now)

    def failed(self, now: float, began: float, reason: str, patience: float = 0.0) -> None:
        """A request that left at ``began`` failed; for longer than ``patience``, and the carrier is down."""
        if self.good:
            self._since = now
        self.reason = reason
        self.down = self.down or now - self._since >= patience
        if began >= self._failed_at:
            self._failed_at, self._next = now, now + self._wait
            self._wait = min(self._wait * 2, LONGEST_TRY)

    def worked(self, began: float) -> bool:
        """A request that left at ``began`` was answered; whether that ends a trouble."""
        if self.good or began < self._failed_at:
            return False
        self.reason, self.down = "", False
        self._next, self._wait = -inf, FIRST_TRY
        return True
