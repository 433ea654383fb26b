"""The part of the interface that is about the store itself: damage, and what deleting leaves behind."""

from typing import Protocol

from smsfs.errors import StoreDamaged
from smsfs.store.processes import Process


class Soundness(Protocol):
    """What an engine knows of its own health."""

    made: bool  #: whether opening made the store
    ends_when_damaged: bool  #: whether damage ends all that runs on it, until a backup is restored

    def damage(self) -> list[str]:
        """What the engine finds wrong with its own files; nothing when they are whole."""

    def look_over(self, seconds: float) -> bool:
        """Look for damage for so long at most; whether all of the store was looked at.

        Raises:
            StoreDamaged: there is some.
        """

    def tidy(self) -> bool:
        """Remove what deleted rows have left, in short turns; whether nobody was in the way."""

    def damaged(self) -> StoreDamaged | None:
        """The damage that was met, by this process or one that it was told of; None while there is none."""

    def condemn(self, found: StoreDamaged) -> None:
        """Take another process's word that the store is damaged."""

    def touch(self, owner: Process) -> None:
        """Commit a change that alters nothing, to know that the store takes changes.

        Raises:
            StoreUnavailable: it does not.
        """

    def concerns(self, connections: int) -> list[str]:
        """What the operator should know of how the store is set; each host takes so many connections."""
