"""How backends fare, and the messages that change between them."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from attrs import frozen

from smsfs.store.audit import NewEntry
from smsfs.store.processes import Process


@frozen
class BackendState:
    """How a backend fares, as one process sees it.

    Attributes:
        backend: its name.
        state: ``"up"``, ``"down"``, ``"open"`` (left alone after failures) or ``"half-open"`` (being probed).
        reason: a clause that says why it is not up.
        since: when it came into this state, in seconds since the epoch by the store's clock, as ``at``.
        at: when this was last seen.
        owner: the process that says so.
    """

    backend: str
    state: str
    reason: str
    since: float
    at: float
    owner: int = 0


@frozen
class BackendCredit:
    """The credit that is left with a carrier.

    Attributes:
        backend: its name.
        credit: a decimal number, and behind a blank the currency if it is known.
        at: when the carrier said so, in seconds since the epoch by the store's clock.
        low: it is less than the configuration wants.
        mailed: somebody was told so by mail, since it is.
    """

    backend: str
    credit: str
    at: float
    low: bool = False
    mailed: bool = False


@frozen
class Pause:
    """That an operator paused a backend.

    Attributes:
        backend: its name.
        mode: ``"paused"``: nothing more leaves; ``"draining"``: what was claimed for it still does.
        who: the operator.
        reason: why, for other operators; may be empty.
        at: since when, by the store's clock.
    """

    backend: str
    mode: str
    who: str
    reason: str
    at: float

    def __str__(self) -> str:
        """A clause for people."""
        return f"{self.mode} by {self.who}" + (f": {self.reason}" if self.reason else "")


class Waiting(NamedTuple):
    """A backend that queued slices wait for, and the chain that they have: names with commas between them."""

    backend: str
    chain: str


class Routing(Protocol):
    """How backends fare, and slices that change between them."""

    def report(self, owner: Process, states: Sequence[BackendState]) -> None:
        """Report how backends fare; their ``owner`` is this one. Forgotten with the process."""

    def states(self) -> list[BackendState]:
        """What every process said last, by backend; a dead one's words may be among them."""

    def note_credit(self, owner: Process, what: str, found: BackendCredit) -> None:
        """Note what is left with a carrier, in place of what was noted before.

        Args:
            owner: this process.
            what: it must lead.
            found: the credit.

        Raises:
            StaleOwnerError: the owner does not lead any more.
        """

    def credits(self) -> list[BackendCredit]:
        """What was noted last, by backend."""

    def pause(self, pause: Pause, entry: NewEntry) -> int:
        """Pause a backend on every host, and record that; the record's number."""

    def resume(self, backend: str, entry: NewEntry) -> int | None:
        """Let messages go to a backend again, and record that; None, and no record, if it was not paused."""

    def pauses(self) -> list[Pause]:
        """The backends that are paused."""

    def movable(self) -> list[Waiting]:
        """The pairs of backend and chain that queued slices with a chain have."""

    def move(self, backend: str, chain: str, target: str, now: float, limit: int) -> int:
        """Give queued slices of a backend and chain to the backend ``target``.

        One that was tried before is due at once; one that never was keeps its time.

        Returns:
            How many were moved, ``limit`` at most.
        """
