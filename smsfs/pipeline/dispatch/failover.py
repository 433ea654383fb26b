"""Which backends can be used, as all hosts see it; what waits for one that cannot goes to the next.

Each dispatcher judges by its own connections. A slice stays as long as any living dispatcher can use its
backend, and moves to the first of its chain that one can use.
"""

from collections.abc import Callable, Collection, Iterable

import structlog
from attrs import define, evolve, frozen

from smsfs.backends import Accepted, Answer, Backend, Rejected, Unknown
from smsfs.pipeline.dispatch.breaker import Breaker, BreakerState
from smsfs.store import BackendState, Process, Store
from smsfs.store.routing import Pause

REPORT_SECONDS = 5.0
#: Slices of one kind that one step moves: half a million messages.
MOVE_SLICES = 1000

log = structlog.get_logger()


@define(eq=False)
class Gate:
    """What a backend may be given at present.

    Attributes:
        name: of the backend.
        backend: the backend.
        breaker: its breaker.
        clock: the store's.
        trouble: a clause about its last failure.
        paused_until: nothing is claimed for it before, by the store's clock.
        order: that an operator paused it; None: nobody did.
    """

    name: str
    backend: Backend
    breaker: Breaker
    clock: Callable[[], float]
    trouble: str = ""
    paused_until: float = 0.0
    order: Pause | None = None

    @property
    def slices(self) -> int:
        """How many slices it may have: as many as it wants, one to probe it with, or none."""
        wanted = 0 if self.order else self.backend.slices
        state = self.breaker.now(self.clock())
        if state is BreakerState.CLOSED:
            return wanted
        return min(wanted, 1) if state is BreakerState.HALF_OPEN else 0

    @property
    def closed(self) -> bool:
        """Everything may go to it."""
        return self.breaker.now(self.clock()) is BreakerState.CLOSED and not self._stopped

    @property
    def probing(self) -> bool:
        """One message may go to it, alone."""
        return self.breaker.now(self.clock()) is BreakerState.HALF_OPEN and not self._stopped

    @property
    def open(self) -> bool:
        """Nothing may go to it."""
        return self.breaker.now(self.clock()) is BreakerState.OPEN or self._stopped

    @property
    def _stopped(self) -> bool:
        return self.order is not None and self.order.mode == "paused"

    @property
    def paused(self) -> bool:
        """Nothing is claimed for it for the time being."""
        return self.paused_until > self.clock()

    def pause(self, seconds: float) -> None:
        """Claim nothing for it for so long."""
        self.paused_until = max(self.paused_until, self.clock() + seconds)

    def set_back(self, seconds: float) -> None:
        """Wait no longer than was meant: the clock was set back by so much."""
        self.paused_until -= seconds
        self.breaker.set_back(seconds)

    def answered(self, answer: Answer, *, probe: bool) -> None:
        """Take note of an answer; "not now" says nothing about the backend's health."""
        good = isinstance(answer, (Accepted, Rejected))
        if good and not probe:
            self.breaker.answered()
            return
        if isinstance(answer, Unknown):
            self.trouble = answer.reason
        elif not good:
            return
        if probe:
            self.breaker.probed(self.clock(), answered=good)
        else:
            self.breaker.failed(self.clock(), lost=True)

    def failed(self, reason: str, *, probe: bool) -> None:
        """Take note that it broke, with the messages it had."""
        self.trouble = reason
        if probe:
            self.breaker.probed(self.clock(), answered=False)
        else:
            self.breaker.failed(self.clock())

    def state(self, now: float) -> BackendState:
        """How it fares."""
        if self.order:
            return BackendState(self.name, "down", str(self.order), self.order.at, now)
        up, reason = self.backend.state()
        breaker = self.breaker.now(now)
        if up == "down":
            return BackendState(self.name, "down", reason, now, now)
        if breaker is BreakerState.CLOSED:
            return BackendState(self.name, "up", "", now, now)
        reason = f"messages in a row had no answer; the last: {self.trouble}"
        return BackendState(self.name, breaker.value, reason, now, now)


class Failover:
    """Reports how the backends of a dispatcher fare, and moves what waits in vain.

    Args:
        store: where it is reported.
        owner: the dispatcher.
        gates: its backends.
    """

    def __init__(self, store: Store, owner: Process, gates: Iterable[Gate]) -> None:
        self._store, self._owner = store, owner
        self._gates = list(gates)
        self._states: dict[str, BackendState] = {}
        self._reported = float("-inf")

    def look(self) -> bool:
        """See how the backends fare; whether it is time to report."""
        now = self._store.now()
        for gate in self._gates:
            seen, before = gate.state(now), self._states.get(gate.name)
            if before is not None and before.state == seen.state:
                seen = evolve(seen, since=before.since)
            else:
                self._reported = float("-inf")
                _log_change(seen, before)
            self._states[gate.name] = seen
        return now - self._reported >= REPORT_SECONDS

    def obey(self) -> None:
        """See which backends operators paused.

        Raises:
            StoreUnavailable: what was known last still holds.
        """
        orders = {pause.backend: pause for pause in self._store.routing.pauses()}
        for gate in self._gates:
            gate.order = orders.get(gate.name)

    def set_back(self, seconds: float) -> None:
        """Take note that the clock was set back by so much."""
        self._reported = float("-inf")
        for gate in self._gates:
            gate.set_back(seconds)

    def report(self) -> None:
        """Let the other hosts and ``smsfs backends`` know.

        Raises:
            StoreUnavailable: nothing was reported; the next look says so again.
        """
        states = list(self._states.values())
        self._store.routing.report(self._owner, states)
        self._reported = max((state.at for state in states), default=self._reported)

    def reroute(self) -> int:
        """Move what waits for backends that nobody can use; how many slices.

        Raises:
            StoreUnavailable: some may have been moved.
        """
        waiting = self._store.routing.movable()
        if not waiting:
            return 0
        alive = self._store.alive()
        states = [state for state in self._store.routing.states() if state.owner in alive]
        return sum(self._move(move) for move in moves(waiting, states))

    def _move(self, move: "Move") -> int:
        now = self._store.now()
        moved = self._store.routing.move(move.backend, move.chain, move.target, now, MOVE_SLICES)
        if moved:
            log.warning("rerouted", backend=move.backend, to=move.target, slices=moved)
        return moved


@frozen
class Move:
    """Slices with this backend and chain go to ``target``."""

    backend: str
    chain: str
    target: str


def moves(waiting: Iterable[tuple[str, str]], states: Collection[BackendState]) -> list[Move]:
    """What is to be moved.

    Args:
        waiting: backend and chain of queued slices.
        states: what living processes say.
    """
    usable = {state.backend for state in states if state.state in ("up", "half-open")}
    up = {state.backend for state in states if state.state == "up"}
    found = []
    for backend, chain in waiting:
        target = next((name for name in chain.split(",") if name in up), None)
        if backend not in usable and target:
            found.append(Move(backend, chain, target))
    return found


def _log_change(seen: BackendState, before: BackendState | None) -> None:
    if before is None and seen.state == "up":  # as expected
        return
    tell = log.info if seen.state == "up" else log.warning
    tell("backend_state", backend=seen.backend, state=seen.state, reason=seen.reason)
