"""What a monitor asks the store, in a few cheap questions."""

from collections.abc import Mapping
from typing import Protocol

from attrs import frozen

#: So many of the latest lost answers are looked at.
LOST_ANSWERS = 1000


@frozen
class QueueFigure:
    """What waits for a backend.

    Attributes:
        messages: queued, or with the backend.
        since: when the slice that has waited longest could have been sent first, in seconds since the epoch;
            it may lie ahead, and None says that nothing is queued.
    """

    messages: int
    since: float | None


@frozen
class Figures:
    """How much of what there is.

    Attributes:
        queue: by backend.
        unknown: messages whose answer was lost, and of which nothing was learnt since.
        mails: that are due and not sent.
        bans: that hold.
    """

    queue: Mapping[str, QueueFigure]
    unknown: int
    mails: int
    bans: int


class Measures(Protocol):
    """Figures of a store; each of its statements goes along an index of what is open."""

    def figures(self, now: float) -> Figures:
        """How much of what there is."""

    def oldest(self, backend: str) -> dict[str, float]:
        """Since when the first messages queued for a backend could be sent, by account; it may lie ahead."""

    def credits(self, limit: int) -> dict[str, int]:
        """SMS left of accounts that have a credit, by name; those with the least, ``limit`` at most."""
