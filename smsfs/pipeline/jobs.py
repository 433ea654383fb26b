"""Several jobs of one process in turn: one that fails holds up no other."""

from collections.abc import Callable, Mapping

import structlog

from smsfs.errors import StoreDamaged, StoreUnavailable

#: How long a job that failed is left alone.
FAILED_SECONDS = 60.0

log = structlog.get_logger()


class Jobs:
    """Jobs that are done in turn.

    Args:
        jobs: by name; each returns whether there was something to do.
        clock: seconds.
    """

    def __init__(self, jobs: Mapping[str, Callable[[], object]], clock: Callable[[], float]) -> None:
        self._jobs, self._clock = jobs, clock
        self._not_before: dict[str, float] = {}

    def step(self) -> bool:
        """Do some of each; whether there may be more to do.

        Raises:
            StoreUnavailable: the store is away.
        """
        done = [self._do(name) for name in self._jobs if self._is_due(name)]
        return any(done)

    def _is_due(self, name: str) -> bool:
        return self._clock() >= self._not_before.get(name, float("-inf"))

    def _do(self, name: str) -> bool:
        try:
            return bool(self._jobs[name]())
        except (StoreUnavailable, StoreDamaged):
            raise
        except Exception:
            log.exception("job_failed", job=name, again_in=FAILED_SECONDS)
            self._not_before[name] = self._clock() + FAILED_SECONDS
            return False


class Every:
    """A job that is done now and then.

    Args:
        seconds: between one time and the next.
        clock: seconds.
        job: what is done; whether there is more to do at once.
    """

    def __init__(self, seconds: float, clock: Callable[[], float], job: Callable[[], bool]) -> None:
        self._seconds, self._clock, self._job = seconds, clock, job
        self._next = float("-inf")

    def step(self) -> bool:
        """Do it, if it is due; whether there is more to do."""
        if self._clock() < self._next:
            return False
        more = self._job()
        if not more:
            self._next = self._clock() + self._seconds
        return more
