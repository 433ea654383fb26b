"""How fast to send: a limit from the contract, and the slower pace of an SMSC that says "not now"."""

from math import inf

SMALLEST_RATE = 1.0
#: A rate that no SMSC limits any more.
FREE_RATE = 100_000.0
#: After a throttled answer a rate stays a little under the one at which answers were good.
MARGIN = 0.95
#: A rate that is known to be good is reached again by the first factor per second; beyond it the factor
#: begins at 1 and gains the second number with each second.
FAST, SLOW = 4.0, 0.05
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 30.0
#: No message per wake-up of a timer: at least this many seconds' worth of them.
SHORTEST_WAIT = 0.005
BURST_SECONDS = 0.02
#: "Not now" for so long, and nothing else, means that messages had better wait elsewhere.
STALL_SECONDS = 30.0


class Throttle:
    """A token bucket whose rate falls when the SMSC says "not now", and recovers by itself.

    A first ESME_RTHROTTLED or ESME_RMSGQFUL pauses everything for a quarter of a second, and each further
    one without a success in between for twice as long, up to 30 seconds. Then the rate begins a little
    under what the SMSC lately took, and grows: slowly at first, the faster the longer all goes well.

    Args:
        limit: messages per second; 0 for no limit.
        now: seconds on any clock that never goes back; so with every other method.
    """

    def __init__(self, limit: float, now: float) -> None:
        self._limit = limit or inf
        self._rate = self._limit
        self._tokens = 1.0
        self._at = now
        self._pause_from = self._pause_until = -inf
        self._pauses = 0
        self._stalled_from = inf
        self._good_rate = 0.0
        self._meter = _Meter(now)

    @property
    def rate(self) -> float:
        """Messages per second at present; infinite if unlimited."""
        return self._rate

    def allowance(self, now: float) -> int | None:
        """How many messages may leave now; None for any number."""
        if now < self._pause_until:
            return 0
        elapsed, self._at = max(0.0, now - self._at), max(now, self._at)
        self._grow(now, elapsed)
        if self._rate == inf:
            return None
        self._tokens = min(self._tokens + elapsed * self._rate, max(1.0, self._rate * BURST_SECONDS))
        return int(self._tokens)

    def spend(self, messages: int) -> None:
        """So many left."""
        self._tokens -= messages

    def wait(self, now: float) -> float:
        """Seconds until it is worth asking again, when nothing may leave now."""
        if now < self._pause_until:
            return self._pause_until - now
        return max(SHORTEST_WAIT, (1.0 - self._tokens) / self._rate)

    def accepted(self, now: float, messages: int = 1) -> None:
        """The SMSC took so many messages."""
        if messages:
            self._meter.count(now, messages)
            self._pauses = 0
            self._stalled_from = inf

    def not_now(self, now: float, sent: float) -> float | None:
        """The SMSC did not take a message that left at ``sent``, because of its rate or a full queue.

        Returns:
            The length of the pause that begins; None if the message left before the last one began.
        """
        if sent <= self._pause_from or now < self._pause_until:
            return None
        if not self._pauses:
            self._stalled_from = now
            self._good_rate = self._meter.steady(now) * MARGIN
        pause = min(FIRST_PAUSE * 2.0 ** min(self._pauses, 16), LONGEST_PAUSE)
        self._pauses += 1
        self._pause_from, self._pause_until, self._at = now, now + pause, now + pause
        self._rate = max(SMALLEST_RATE, min(self._good_rate or self._meter.start(now), self._rate))
        self._tokens = 1.0
        return pause

    def stalled(self, now: float) -> bool:
        """Whether the SMSC has said nothing but "not now" for half a minute."""
        return now - self._stalled_from > STALL_SECONDS

    def _grow(self, now: float, elapsed: float) -> None:
        if self._rate >= self._limit:
            return
        beyond = self._good_rate and self._rate >= self._good_rate
        per_second = min(FAST, 1.0 + SLOW * (now - self._pause_until)) if beyond else FAST
        self._rate = min(self._limit, self._rate * per_second ** min(elapsed, 1.0))
        if self._rate >= FREE_RATE:
            self._rate = self._limit


class _Meter:
    """Events per second, lately."""

    def __init__(self, now: float) -> None:
        self._since = now
        self._events = 0
        self._before = 0.0

    def count(self, now: float, events: int) -> None:
        if now - self._since >= 1.0:
            self._before = self._events / (now - self._since)
            self._since, self._events = now, 0
        self._events += events

    def steady(self, now: float) -> float:
        """The larger of this second's and the last one's; 0 as long as there was no whole second."""
        if not self._before and now - self._since < 1.0:
            return 0.0
        return max(self._before, self._events / max(1.0, now - self._since))

    def start(self, now: float) -> float:
        """A first guess, from less than a second."""
        return self._events / max(0.25, now - self._since)
