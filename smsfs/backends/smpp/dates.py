"""The times in receipts, as carriers write them."""

from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache

#: Lengths of ``YYMMDDhhmm``; ``YYMMDDhhmmss`` or ``YYYYMMDDhhmm``; ``YYYYMMDDhhmmss``; and of
#: ``YYMMDDhhmmsstnnp`` (section 7.1.1).
_SHORT, _MIDDLE, _LONG, _ABSOLUTE = 10, 12, 14, 16
_QUARTERS = 48


@lru_cache(maxsize=1024)  # receipts come by thousands a second
def moment(text: str) -> datetime | None:
    """A time; None if the text is not a time. Only one in the absolute form of SMPP has a zone.

    Of twelve digits, the first four are the year if the month would be over 12 otherwise.
    """
    if len(text) < _SHORT or not text.isascii():
        return None
    if not text.isdigit():
        return _absolute(text) if len(text) == _ABSOLUTE else None
    if len(text) == _LONG:
        return _of(text)
    if len(text) == _MIDDLE:
        return _of("20" + text) or _of(text + "00")
    return _of(f"20{text}00") if len(text) == _SHORT else None


def _absolute(text: str) -> datetime | None:
    """Local time to a tenth of a second, then its distance from UTC in quarters of an hour, and a sign."""
    digits, sign = text[:-1], text[-1]
    if not digits.isdigit() or sign not in "+-":
        return None
    local, quarters = _of("20" + digits[:12]), int(digits[13:])
    if local is None or quarters > _QUARTERS:
        return None
    offset = timedelta(minutes=15 * quarters) * (1 if sign == "+" else -1)
    return local.replace(microsecond=int(digits[12]) * 100_000, tzinfo=timezone(offset)).astimezone(UTC)


def _of(digits: str) -> datetime | None:
    """Fourteen digits."""
    day = int(digits[:4]), int(digits[4:6]), int(digits[6:8])
    try:  # a quarter of the time that strptime takes, for each of thousands a second
        return datetime(*day, int(digits[8:10]), int(digits[10:12]), int(digits[12:]))  # noqa: DTZ001 - the carrier's zone is unknown
    except ValueError:
        return None
