"""What each wing of the pipeline is started with; ``start`` in its module ``start`` is the way in."""

import threading
from collections.abc import Callable

from attrs import frozen

from smsfs.config import Config
from smsfs.dialects import Dialect
from smsfs.store import About, Process, Store

IDLE_SECONDS = 1.0


@frozen
class Wing:
    """One wing, as the command that starts it provides for it.

    Attributes:
        config: the configuration.
        store: open.
        dialect: finds one by its name.
        register: makes this process known, to the store and to ``smsfs serve``.
        ended: set when this process is to stop; some time later it is killed.
        in_hand: of a reader, the descriptor by which ``smsfs serve`` learns what is being read.
    """

    config: Config
    store: Store
    dialect: Callable[[str], Dialect]
    register: Callable[[], Process]
    ended: threading.Event
    in_hand: int | None = None


def pause(store: Store, due: float | None) -> float:
    """Seconds until something is due, at most one: much comes up without being told of."""
    return IDLE_SECONDS if due is None else min(IDLE_SECONDS, max(0.0, due - store.now()))


def wait(store: Store, due: float | None, about: About) -> None:
    """Wait for a change, or until something is due."""
    store.changed(pause(store, due), about)
