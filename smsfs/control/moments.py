"""Times as operators give them, and as they are shown to them."""

import re
from datetime import UTC, datetime, timedelta

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_ago = re.compile(r"([0-9]{1,9})([smhdw])").fullmatch
_time = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d)?", re.ASCII).fullmatch
_day = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII).fullmatch
_DAY = timedelta(days=1)


def span(text: str, now: float) -> tuple[float, float]:
    """What a time as an operator gives it stands for, from its first moment on and before its end.

    Args:
        text: a day in UTC such as ``2026-11-30``, ``today`` or ``yesterday``; or a moment, in UTC unless it
            says otherwise, such as ``2026-11-30T09:00``, ``2026-11-30T09:00+01:00``, ``now``, or ``2h`` for
            two hours ago (s, m, h, d, w).
        now: in seconds since the epoch.

    Returns:
        Seconds since the epoch; twice the same for a moment.

    Raises:
        ValueError: it is no time; the text is a clause that says how to write one.
    """
    if found := _ago(text):
        return _moment(now - int(found[1]) * _UNITS[found[2]])
    if text == "now":
        return _moment(now)
    try:
        day = _start(text, now)
        if day:
            return day.timestamp(), (day + _DAY).timestamp()
        if _time(text):
            given = datetime.fromisoformat(text)
            return _moment((given if given.tzinfo else given.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        pass
    today = datetime.fromtimestamp(now, UTC).date()
    ways = f"{today}, {today}T09:00 (both UTC), today, yesterday, or 2h for two hours ago"
    raise ValueError(f"is no time; write it as {ways}")


def shown(seconds: float) -> str:
    """A moment, in seconds since the epoch, as sentences have it."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _start(text: str, now: float) -> datetime | None:
    """When a day begins; None if the text is none.

    Raises:
        ValueError: there is no such day.
    """
    if text in ("today", "yesterday"):
        today = datetime.fromtimestamp(now, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        return today if text == "today" else today - _DAY
    return datetime.fromisoformat(text).replace(tzinfo=UTC) if _day(text) else None


def _moment(seconds: float) -> tuple[float, float]:
    return seconds, seconds
