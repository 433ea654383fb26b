"""What ``/metrics`` shows of the store, asked now and then."""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator

import structlog

from smsfs.errors import StoreDamaged, StoreUnavailable
from smsfs.metrics import MOST_SERIES, Sample
from smsfs.metrics.catalog import (
    BACKEND_CREDIT,
    BACKEND_CREDIT_LOW,
    BACKEND_UP,
    BANNED_ADDRESSES,
    CREDIT_LEFT,
    LEASE_SECONDS,
    MAIL_WAITING,
    QUEUE_MESSAGES,
    QUEUE_OLDEST,
    STORE_UP,
    UNKNOWN_MESSAGES,
)
from smsfs.store import BackendCredit, BackendState, ProcessInfo, QueueFigure, Store

#: The store is asked no more often than this, in seconds,
ASK_SECONDS = 10.0
#: and, where it takes long to answer, for this part of the time at most,
SHARE = 0.01
#: but at least so often.
LONGEST_SECONDS = 300.0
#: A page waits no longer than this for it.
PATIENCE = 2.0

log = structlog.get_logger(frontend="web")


class StoreFigures:
    """The store's figures; to be used in one event loop.

    A question that hangs, as one to a database that is gone, is not asked again before it was answered.

    Args:
        store: the store.
        backends: those that are shown without a message waiting, too.
        by_account: whether there are figures of accounts.
        clock: seconds of a steady clock.
    """

    def __init__(
        self,
        store: Store,
        backends: Iterable[str] = (),
        *,
        by_account: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store, self._by_account, self._clock = store, by_account, clock
        self._idle = dict.fromkeys(backends, QueueFigure(0, None))
        self._question: asyncio.Future[tuple[list[Sample], float]] | None = None
        self._known: list[Sample] = []
        self._next = float("-inf")

    async def samples(self) -> list[Sample]:
        """What is known; without an answer, that there is none."""
        if self._question is None and self._clock() >= self._next:
            self._question = asyncio.ensure_future(asyncio.to_thread(self._ask))
        if self._question:
            await asyncio.wait([self._question], timeout=PATIENCE)
            if self._question.done():
                self._take(self._question)
                self._question = None
            else:
                self._known = []
        return [Sample(STORE_UP.name, (), float(bool(self._known))), *self._known]

    def _take(self, answer: "asyncio.Future[tuple[list[Sample], float]]") -> None:
        took = 0.0
        try:
            self._known, took = answer.result()
        except (StoreUnavailable, StoreDamaged):
            self._known = []  # which says so itself
        except Exception:
            log.exception("figures_failed")
            self._known = []
        self._next = self._clock() + min(max(ASK_SECONDS, took / SHARE), LONGEST_SECONDS)

    def _ask(self) -> tuple[list[Sample], float]:
        """The samples, and how long that took."""
        began, now = self._clock(), self._store.now()
        figures, hosts = self._store.measures.figures(now), self._store.hosts()
        samples = [
            Sample(UNKNOWN_MESSAGES.name, (), figures.unknown),
            Sample(MAIL_WAITING.name, (), figures.mails),
            Sample(BANNED_ADDRESSES.name, (), figures.bans),
            *_of_backends(self._store.routing.states(), hosts),
            *_of_leases(hosts, now),
            *_of_credits(self._store.routing.credits()),
        ]
        for backend, figure in (self._idle | dict(figures.queue)).items():
            samples += _of_queue(backend, figure, now)
        if self._by_account:
            credits_ = self._store.measures.credits(MOST_SERIES)
            samples += [Sample(CREDIT_LEFT.name, (name,), left) for name, left in credits_.items()]
        return samples, self._clock() - began


def _of_queue(backend: str, figure: QueueFigure, now: float) -> Iterator[Sample]:
    waited = 0.0 if figure.since is None else max(0.0, now - figure.since)
    yield Sample(QUEUE_MESSAGES.name, (backend,), figure.messages)
    yield Sample(QUEUE_OLDEST.name, (backend,), waited)


def _of_backends(states: list[BackendState], hosts: list[ProcessInfo]) -> Iterator[Sample]:
    host_of = {process.term: process.host for process in hosts if process.alive}
    for state in states:
        if state.owner in host_of:
            up = state.state in ("up", "half-open")
            yield Sample(BACKEND_UP.name, (state.backend, host_of[state.owner]), float(up))


def _of_credits(credits_: list[BackendCredit]) -> Iterator[Sample]:
    for item in credits_:
        amount, _, currency = item.credit.partition(" ")
        yield Sample(BACKEND_CREDIT.name, (item.backend, currency), float(amount))
        yield Sample(BACKEND_CREDIT_LOW.name, (item.backend,), float(item.low))


def _of_leases(hosts: list[ProcessInfo], now: float) -> Iterator[Sample]:
    """Of several processes of one kind, the one whose lease ends first."""
    left: dict[tuple[str, str], float] = {}
    for process in hosts:
        if process.until is not None:
            key = process.host, process.kind
            left[key] = min(left.get(key, float("inf")), max(0.0, process.until - now))
    return (Sample(LEASE_SECONDS.name, key, seconds) for key, seconds in left.items())
