"""Log events that clients can cause thousands of times a second."""

import time
from collections.abc import Callable
from typing import Any

#: Seconds between two lines of the same kind.
EVERY = 10.0
MOST_KINDS = 100


class Quiet:
    """Lets one event of a kind through every so many seconds, with the number of those held back.

    Args:
        every: seconds between two of a kind.
        clock: a steady one.
    """

    def __init__(self, every: float = EVERY, clock: Callable[[], float] = time.monotonic) -> None:
        self._every = every
        self._clock = clock
        self._logged: dict[tuple[str, str], tuple[float, int]] = {}

    def tell(self, log: Callable[..., Any], event: str, reason: str, **values: Any) -> None:
        """Log an event, unless one of its kind was logged a moment ago.

        Args:
            log: a logger's method.
            event: with ``reason``, its kind.
            reason: why.
            values: what else the line says.
        """
        now, kind = self._clock(), (event, reason)
        logged, passed_over = self._logged.get(kind, (-self._every, 0))
        if now - logged < self._every:
            self._logged[kind] = (logged, passed_over + 1)
            return
        if len(self._logged) >= MOST_KINDS:
            self._logged.clear()
        self._logged[kind] = (now, 0)
        more = {"passed_over": passed_over} if passed_over else {}
        log(event, reason=reason, **values, **more)
