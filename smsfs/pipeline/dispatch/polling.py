"""Receipts that are asked for: where a provider calls no webhook of ours, or none is set up.

Each backend with ``poll_seconds`` goes round what it sent in the last hours, and asks about each message of
which nothing final is known. One process of all hosts does so. What it learns is stored before it goes on.
"""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog
from attrs import evolve

from smsfs.backends import Receipt
from smsfs.backends.http.asking import NotToldError, states_of
from smsfs.backends.http.options import HttpConfig
from smsfs.errors import StoreDamaged, StoreUnavailable
from smsfs.pipeline.dispatch.arrivals import Arrivals
from smsfs.store import Process, StaleOwnerError, Store

#: Outcomes that are looked through at a time, and messages that are asked about before what came is stored.
PAGE, CHUNK = 500, 50
#: A message is not asked about before: its receipt may be on its way.
YOUNGEST_SECONDS = 60.0
IDLE_SECONDS, FAILED_SECONDS = 1.0, 60.0

log = structlog.get_logger()

#: What carriers say of some messages, by their ids; raises ``NotToldError``.
Ask = Callable[[Sequence[str]], Sequence[Receipt]]


def asking(config: HttpConfig, folder: Path) -> Ask:
    """Asks the carrier itself; ``folder`` is what relative paths are relative to."""
    return lambda ids: states_of(config, folder, ids)


class Poll:
    """Asks one carrier, round after round.

    Args:
        store: where messages are.
        owner: this process.
        name: of the backend.
        config: its section.
        ask: what became of some.
    """

    def __init__(self, store: Store, owner: Process, name: str, config: HttpConfig, ask: Ask) -> None:
        self._store, self._owner, self._name, self._config, self._ask = store, owner, name, config, ask
        self._arrivals, self._lead = Arrivals(store), f"poll {name}"
        self._failed = ""

    def run(self, ended: threading.Event) -> None:
        """Ask until the end."""
        while not ended.is_set():
            wait = IDLE_SECONDS
            try:
                wait = 0.0 if self.step() else IDLE_SECONDS
            except (StoreUnavailable, StaleOwnerError):
                pass  # the dispatcher says so, and ends if that lasts
            except StoreDamaged:
                return
            except NotToldError as exc:
                self._tell(str(exc))
                wait = FAILED_SECONDS
            except Exception:
                log.exception("poll_failed", backend=self._name, again_in=FAILED_SECONDS)
                wait = FAILED_SECONDS
            ended.wait(wait)

    def step(self) -> bool:
        """Ask about some messages; whether there may be more to ask about.

        Raises:
            NotToldError: the carrier does not say, or not now; these are asked about again.
        """
        if not self._store.lead(self._owner, self._lead):
            return False
        now = self._store.now()
        place = self._store.inbound.polled(self._name)
        if place.after < 0:  # between two rounds
            if place.began <= now < place.began + self._config.poll_seconds:
                return False
            since = now - self._config.poll_hours * 3600
            place = evolve(place, after=self._store.inbound.first_since(since) - 1, began=now)
        last, ids = self._store.inbound.awaited(self._name, place.after, now - YOUNGEST_SECONDS, PAGE)
        for start in range(0, len(ids), CHUNK):
            if receipts := self._ask(ids[start : start + CHUNK]):
                self._arrivals.take(self._name, receipts)
        self._failed = ""
        self._store.inbound.note_polled(
            self._owner, self._lead, evolve(place, after=-1 if last is None else last)
        )
        return last is not None

    def _tell(self, reason: str) -> None:
        if reason != self._failed:
            log.warning("poll_unanswered", backend=self._name, reason=reason)
        self._failed = reason


def start_polls(
    store: Store, owner: Process, backends: dict[str, HttpConfig], folder: Path, ended: threading.Event
) -> None:
    """A thread for each backend that is to be asked: one that hardly answers holds up no other."""
    for name, config in backends.items():
        if config.poll_seconds:
            poll = Poll(store, owner, name, config, asking(config, folder))
            threading.Thread(target=poll.run, args=(ended,), name=f"smsfs-poll-{name}", daemon=True).start()
