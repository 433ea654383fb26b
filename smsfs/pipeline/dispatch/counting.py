"""What a dispatcher counts for ``/metrics``, once it is stored."""

from collections import Counter
from collections.abc import Iterable, Sequence

from smsfs.backends import Backend, Load
from smsfs.metrics import tally
from smsfs.metrics.catalog import (
    ACCOUNT_MESSAGES,
    BINDS,
    BREAKER_STATE,
    MESSAGES,
    RECEIPT_OUTCOMES,
    RECEIPTS,
    THROTTLED,
    WINDOW_USED,
)
from smsfs.pipeline.dispatch.breaker import BreakerState
from smsfs.states import MessageState
from smsfs.store import Arrived, NewReceipt, Slice, SliceReport

#: An outcome -> the state that it is counted under.
STATES = {
    "accepted": MessageState.SUBMITTED,
    "refused": MessageState.REJECTED,
    "no_answer": MessageState.UNKNOWN,
    "too_late": MessageState.EXPIRED,
    "cancel": MessageState.CANCELLED,
}
BREAKERS = {BreakerState.CLOSED: 0, BreakerState.HALF_OPEN: 1, BreakerState.OPEN: 2}
RESULTS = ("matched", "unmatched", "repeated", "unreadable")


def begin(backend: str) -> None:
    """Begin at 0: what appears with its first event would not look like a rise."""
    for state in STATES.values():
        tally.add(MESSAGES, 0, backend, state)
    for result in RESULTS:
        tally.add(RECEIPTS, 0, backend, result)
    tally.add(THROTTLED, 0, backend)


def count_outcomes(reports: Iterable[SliceReport], stale: Sequence[Slice]) -> None:
    """Count what was recorded; nothing was of slices that are ``stale``."""
    left_out = {slice_.id for slice_ in stale}
    for report in reports:
        if report.slice.id in left_out:
            continue
        for event, messages in Counter(outcome.event for outcome in report.outcomes).items():
            if state := STATES.get(event):
                tally.add(MESSAGES, messages, report.slice.backend, state)
                tally.add(ACCOUNT_MESSAGES, messages, report.slice.account, state)


def count_arrived(arrived: Arrived, *, first: bool) -> None:
    """Count receipts; those kept only when they came (``first``), and not each time they are tried again."""
    matched = [item.receipt for item in arrived.matched]
    results = Counter((receipt.backend, "matched") for receipt in matched)
    if first:
        results.update((item.backend, "repeated") for item in arrived.again if isinstance(item, NewReceipt))
        results.update(
            (receipt.backend, "unmatched" if receipt.readable else "unreadable") for receipt in arrived.kept
        )
    for (backend, result), receipts in results.items():
        tally.add(RECEIPTS, receipts, backend, result)
    for (backend, event), receipts in Counter((item.backend, item.event) for item in matched).items():
        tally.add(RECEIPT_OUTCOMES, receipts, backend, event)


def measure(name: str, backend: Backend, breaker: BreakerState) -> None:
    """Take note of how a backend stands."""
    tally.measure(BREAKER_STATE, BREAKERS[breaker], name)
    load: Load | None = getattr(backend, "load", None)
    if load is None:
        return
    tally.measure(WINDOW_USED, load.requests, name)
    if load.binds is not None:
        tally.measure(BINDS, load.binds, name)
