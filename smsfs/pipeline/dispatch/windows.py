"""Messages whose time is over before they have left: too late, cancelled, or sent at another time."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import msgspec
from attrs import evolve

from smsfs.dialects import Dialect
from smsfs.dialects.settings import settings_of
from smsfs.errors import Unreadable
from smsfs.pipeline.slices import later
from smsfs.sms.message import Message
from smsfs.store import NewSlice, Outcome, Slice, Store

#: When messages of a slice may be sent instead, from and until, in seconds since the epoch; None: never.
Reopen = Callable[[Slice, Sequence[Message], float], tuple[float, float] | None]


def never(slice_: Slice, messages: Sequence[Message], now: float) -> None:
    """No message has another time."""
    del slice_, messages, now


def reopening(store: Store, dialect: Callable[[str], Dialect]) -> Reopen:
    """As the dialects of accounts say, while messages are within their validity."""

    def reopen(slice_: Slice, messages: Sequence[Message], now: float) -> tuple[float, float] | None:
        account = store.accounts.find(slice_.account)
        if account is None:
            return None
        rules = dialect(account.dialect)
        settings = settings_of(rules, account.settings)
        first = max(slice_.submitted, messages[0].due)
        if now >= first + settings["validity_seconds"]:
            return None
        try:
            return rules.again(settings, datetime.fromtimestamp(now, UTC))
        except Unreadable:  # its calendar was changed, and has no opening any more
            return None

    return reopen


def over(
    slice_: Slice,
    messages: Sequence[Message],
    now: float,
    window: tuple[float, float] | None,
    trouble: str = "",
) -> tuple[list[Outcome], list[NewSlice]]:
    """What becomes of a slice whose time is over: outcomes, and the slice with its messages for later.

    Args:
        slice_: it.
        messages: its messages.
        now: the store's time.
        window: when they may be sent instead; None for never.
        trouble: why its backend cannot send now, a clause; empty when it can.
    """
    if window is None:
        event, what = ("cancel", "time window") if messages[0].until else ("too_late", "validity")
        end = f"{datetime.fromtimestamp(slice_.expires, UTC):%Y-%m-%d %H:%M:%S} UTC"
        reason = f"it had not left by {end}, the end of its {what}" + (f"; {trouble}" if trouble else "")
        attempt = slice_.attempt
        return [Outcome(item.row, event, now, reason=reason, attempt=attempt) for item in messages], []
    due, until = window
    moved = [msgspec.structs.replace(message, until=until) for message in messages]
    new = evolve(later(slice_, moved, max(due, now), slice_.chain), expires=until)
    put_back = [Outcome(message.row, "not_now", now, attempt=slice_.attempt) for message in messages]
    return put_back, [new]
