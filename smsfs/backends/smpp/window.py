"""The requests on a link that have no answer yet."""

from typing import Generic, TypeVar

T = TypeVar("T")


class Window(Generic[T]):
    """At most ``size`` unanswered requests, each with the time at which it was sent.

    SMPP has no window of its own: this is the sender's courtesy, and what carriers' contracts name.

    Args:
        size: how many, at least 1.
        timeout: seconds that an answer may take.
    """

    def __init__(self, size: int, timeout: float) -> None:
        self._size = size
        self._timeout = timeout
        self._out: dict[int, tuple[T, float]] = {}

    def __len__(self) -> int:
        return len(self._out)

    @property
    def free(self) -> int:
        """How many more may be sent."""
        return self._size - len(self._out)

    def add(self, sequence: int, request: T, now: float) -> None:
        """A request leaves.

        Raises:
            ValueError: the window is full, or the sequence number is in use.
        """
        if len(self._out) >= self._size or sequence in self._out:
            raise ValueError(f"no room in the window for request {sequence}")
        self._out[sequence] = (request, now)

    def take(self, sequence: int) -> tuple[T, float] | None:
        """The request that is answered, and when it was sent; None if none waits for this answer."""
        return self._out.pop(sequence, None)

    def expired(self, now: float) -> list[T]:
        """Give up the requests whose answer is overdue."""
        late = []
        for sequence, (request, sent) in self._out.items():  # the oldest first
            if sent + self._timeout > now:
                break
            late.append((sequence, request))
        for sequence, _ in late:
            del self._out[sequence]
        return [request for _, request in late]

    def clear(self) -> list[T]:
        """Give up all of them: the link is lost."""
        requests = [request for request, _ in self._out.values()]
        self._out.clear()
        return requests
