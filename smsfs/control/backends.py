"""Verbs about backends: pause, drain, resume."""

from smsfs.control.acting import Operator
from smsfs.store import Store
from smsfs.store.routing import Pause

VERBS = {"paused": "backend pause", "draining": "backend drain"}


def pause_backend(store: Store, operator: Operator, name: str, mode: str, reason: str) -> int:
    """Pause a backend, or let it drain, on every host (``mode`` as in ``Pause``); the record's number."""
    now = store.now()
    pause = Pause(name, mode, operator.name, reason, now)
    entry = operator.entry(now, VERBS[mode], name, reason=reason or None)
    number = store.routing.pause(pause, entry)
    store.audit.conclude(number, mode)
    return number


def resume_backend(store: Store, operator: Operator, name: str) -> int | None:
    """Let messages go to a backend again; the number of the record, None if it was not paused."""
    number = store.routing.resume(name, operator.entry(store.now(), "backend resume", name))
    if number is not None:
        store.audit.conclude(number, "resumed")
    return number
