"""What there is to see of a file."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

from smsfs.pipeline.reports.messages import statuses
from smsfs.states import BatchState
from smsfs.store import Batch, Order, Resend, Store
from smsfs.store.orders import LAST_ROW

#: The latest orders that are shown.
MOST_ORDERS = 20


def shown_file(store: Store, batch: Batch) -> dict[str, Any]:
    """A file, as ``smsfs file show --json`` has it; times are ISO 8601 in UTC."""
    account = store.accounts.get(batch.account)
    file = store.files.view().get(batch.file) if batch.file else None
    found = Counter(str(item.state) for item in statuses(store, batch))
    orders, again = store.orders.of_batch(batch.id), store.resends.of(batch.id)
    slices = Counter(
        item.backend for item in store.queue.slices(batch.id) if item.state in ("queued", "claimed", "held")
    )
    return {
        "batch": batch.id,
        "account": account.name if account else None,
        "file": batch.path,
        "now": file.path if file else None,
        "state": str(batch.state),
        "submitted": _moment(batch.submitted),
        "read": _moment(batch.finished),
        "messages": dict(found),
        "causes": [str(cause) for cause in batch.causes],
        "backends": sorted(slices),
        "resends": again.origin if again else None,
        "sent_again": [_resend(item) for item in store.resends.origin(batch.id)[-MOST_ORDERS:]],
        "orders": [_order(item) for item in orders[-MOST_ORDERS:]],
    }


def _resend(made: Resend) -> str:
    state = ", which was rejected" if made.state is BatchState.REJECTED else ""
    what = f"{made.messages} as batch {made.batch}{state}, by {made.who} at {_moment(made.at)}"
    return f"{what} (entry {made.entry} of smsfs log)"


def _order(order: Order) -> str:
    rows = "" if order.last_row == LAST_ROW else f", rows {order.first_row}-{order.last_row}"
    number = f", to {order.recipient}" if order.recipient else ""
    return f"{order.action} at {_moment(order.at)}{rows}{number} (entry {order.audit} of smsfs log)"


def _moment(seconds: float | None) -> str | None:
    return None if seconds is None else f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
