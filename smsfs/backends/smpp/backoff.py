"""When to try to connect again."""

import random
from collections.abc import Callable


class Backoff:
    """Waits that double from ``first`` to ``longest`` seconds, each shortened at random by up to a half.

    The randomness keeps several hosts from knocking at once when an SMSC comes back.

    Args:
        first: the first wait.
        longest: the last ones.
        jitter: gives a number from 0 to 1.
    """

    def __init__(
        self,
        first: float,
        longest: float,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._first, self._longest, self._jitter = first, longest, jitter
        self._failures = 0

    def failed(self) -> float:
        """An attempt failed: the seconds to wait before the next."""
        wait = min(self._longest, self._first * 2.0 ** min(self._failures, 32))
        self._failures += 1
        return wait * (1.0 - self._jitter() / 2.0)

    def worked(self) -> None:
        """An attempt did work: the next wait is the first again."""
        self._failures = 0
