"""How often a dispatcher does what; tests and benchmarks go faster."""

from attrs import frozen

#: The longest wait before the next attempt, in seconds.
BACKOFF_CEILING = 900.0


@frozen
class Pace:
    """The intervals of a dispatcher, in seconds.

    Attributes:
        flush: answers are stored this often, and sooner when there are many.
        flush_answers: so many answers are stored at once.
        poll: how long to wait for a change in the store before asking again.
        recover: between looks for dead dispatchers, for failed backends and for a store that is away.
        overdue: how late messages end at most whose time is over while nothing is claimed for their backend.
        backoff: before the second attempt; doubled for each further one.
    """

    flush: float = 0.1
    flush_answers: int = 500
    poll: float = 0.25
    recover: float = 1.0
    overdue: float = 2.0
    backoff: float = 5.0

    def after(self, attempt: int) -> float:
        """Seconds to wait after an attempt, counted from 1, that was answered with "not now"."""
        doublings = min(attempt - 1, 16)  # far beyond the ceiling, and far below what a float cannot hold
        return min(self.backoff * 2.0**doublings, BACKOFF_CEILING)
