"""The interface to how backends fare, and to the messages that change between them."""

from collections.abc import Sequence
from typing import Protocol

from smsfs.store.records import BackendState, Owner


class Routing(Protocol):
    """How backends fare, and slices that change between them."""

    def report(self, owner: Owner, states: Sequence[BackendState]) -> None:
        """Tell how backends fare; their ``owner`` is this one. Forgotten with the process."""

    def states(self) -> list[BackendState]:
        """What every process said last, by backend; a dead one's words may be among them."""

    def movable(self) -> list[tuple[str, str]]:
        """The pairs of backend and chain that queued slices with a chain have."""

    def move(self, backend: str, chain: str, target: str, now: float, limit: int) -> int:
        """Give queued slices of a backend and chain to the backend ``target``.

        One that was tried before is due at once; one that never was keeps its time.

        Returns:
            How many were moved, ``limit`` at most.
        """
