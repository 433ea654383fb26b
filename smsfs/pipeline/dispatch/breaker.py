"""When to leave a backend alone that answers nothing, and when to try it again. Pure: time is an argument.

Closed, everything goes to it. After so many failures in a row it opens: nothing does. After a pause it is
half open: one message probes; its answer closes it, and without one it opens for twice as long.

A connection that breaks takes every answer on its way along, all in one moment. That is no row of failures:
answers have to be missing for longer than ``SPREAD_SECONDS``.
"""

from enum import StrEnum

from attrs import define

SPREAD_SECONDS = 1.0
#: The longest pause is so many times the first.
LONGEST = 10


class BreakerState(StrEnum):
    """What may be sent: everything, nothing, or one message."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


@define
class Breaker:
    """The breaker of one backend.

    Attributes:
        limit: so many failures in a row open it; 0: never.
        seconds: of its first pause.
        state: at the last call.
    """

    limit: int = 10
    seconds: float = 30.0
    state: BreakerState = BreakerState.CLOSED
    _failures: int = 0
    _since: float = 0.0
    _pause: float = 0.0
    _until: float = 0.0

    def now(self, now: float) -> BreakerState:
        """The state at a time: a pause may have ended."""
        if self.state is BreakerState.OPEN and now >= self._until:
            self.state = BreakerState.HALF_OPEN
        return self.state

    def answered(self) -> None:
        """A message was accepted or refused: somebody is there."""
        self._failures = 0

    def failed(self, now: float, *, lost: bool = False) -> None:
        """The backend failed, or (``lost``) the answer to one message is missing."""
        if self.state is not BreakerState.CLOSED:  # of what went before; the probe alone counts
            return
        self._failures += 1
        if self._failures == 1:
            self._since = now
        at_once = lost and now - self._since < SPREAD_SECONDS
        if 0 < self.limit <= self._failures and not at_once:
            self._open(now)

    def probed(self, now: float, *, answered: bool) -> None:
        """What became of the probe."""
        if self.state is not BreakerState.HALF_OPEN:
            return
        if answered:
            self.state, self._failures, self._pause = BreakerState.CLOSED, 0, 0.0
        else:
            self._open(now)

    def set_back(self, seconds: float) -> None:
        """Take note that the clock was set back by so much."""
        self._since -= seconds
        self._until -= seconds

    def _open(self, now: float) -> None:
        self._pause = min(self._pause * 2 or self.seconds, self.seconds * LONGEST)
        self.state, self._until = BreakerState.OPEN, now + self._pause
