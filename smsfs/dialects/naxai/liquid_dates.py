"""Dates in texts, as people and programs write them: what the filter ``date`` of Liquid makes of a cell.

The day comes before the month where both are numbers. What can be taken for two days, or for none, is
refused.
"""

import re
from datetime import datetime, tzinfo

from smsfs.sms.quoting import quoted

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = "(?P<name>jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)"
_LONG = "(?:uary|ruary|ch|il|ust|tember|ember|ober)?"
_CLOCK = (
    r"(?:(?:T|,?\s+)(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.\d{1,9})?)?"
    r"(?:\s*(?P<half>[ap])\.?m\.?)?(?:\s*(?P<zone>Z|UTC|GMT|[+-]\d{2}:?\d{2}))?)?"
)
_WEEKDAY = r"(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?,?\s+)?"
_DAYS = (
    r"(?P<day>\d{1,2})[./-](?P<month>\d{1,2})[./-](?P<year>\d{4})",
    r"(?P<year>\d{4})[./-](?P<month>\d{1,2})[./-](?P<day>\d{1,2})",
    _WEEKDAY + r"(?P<day>\d{1,2})(?:st|nd|rd|th)?[\s-]+" + _MONTH + _LONG + r"\.?,?[\s-]+(?P<year>\d{4})",
    _WEEKDAY + _MONTH + _LONG + r"\.?\s+(?P<day>\d{1,2})(?:st|nd|rd|th)?,?\s+(?P<year>\d{4})",
)
_readers = [re.compile(day + _CLOCK, re.ASCII | re.IGNORECASE).fullmatch for day in _DAYS]
#: As ctime(3) and date(1) write it: the year comes last.
_ctime = re.compile(
    _WEEKDAY + _MONTH + r"\s+(?P<day>\d{1,2})\s+(?P<hour>\d{1,2}):(?P<minute>\d{2}):(?P<second>\d{2})"
    r"(?:\s+(?P<zone>UTC|GMT))?\s+(?P<year>\d{4})",
    re.ASCII | re.IGNORECASE,
).fullmatch
#: Seconds since 1970: from 1973 on, and before numbers are milliseconds. Eight digits are a day.
_epoch = re.compile(r"\d{9,11}", re.ASCII).fullmatch
_directive = re.compile(r"%(?:%|(?P<digits>\d*)(?P<fraction>[LN])|(?P<colons>:{1,2})z|(?P<vms>v))").sub
_NOON = 12


def moment(text: str, now: datetime | None, zone: tzinfo) -> datetime:
    """The time that a text says, with a time zone: that of the text, or else ``zone``.

    Args:
        text: without blanks around it.
        now: what "now" and "today" are; None where there is no such time.
        zone: of times without one.

    Raises:
        ValueError: it says none, or none that is sure; the text is a clause.
    """
    try:
        found = now if text.lower() in ("now", "today") else _read(text, zone)
    except (ValueError, OverflowError):
        found = None
    if found is None:
        advice = "write it as 2026-12-31 or 31/12/2026, with a time as 2026-12-31 14:30"
        raise ValueError(f"{quoted(text)} is no date: {advice}")
    return found if found.tzinfo else found.replace(tzinfo=zone)


def _read(text: str, zone: tzinfo) -> datetime:
    if _epoch(text):
        return datetime.fromtimestamp(int(text), zone)
    for reader in (*_readers, _ctime):
        if found := reader(text):
            return _made(found.groupdict())
    return datetime.fromisoformat(text)


def _made(parts: dict[str, str | None]) -> datetime:
    name, half, zone = parts.get("name"), parts.get("half"), parts.get("zone")
    month = _MONTHS.index(name[:3].lower()) + 1 if name else int(parts["month"] or 0)
    hour = int(parts["hour"] or 0)
    if half:
        if not 1 <= hour <= _NOON:
            raise ValueError("a half of a day has twelve hours")
        hour = hour % _NOON + (_NOON if half.lower() == "p" else 0)
    year, day, minute, second = (int(parts[part] or 0) for part in ("year", "day", "minute", "second"))
    made = datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - the zone follows
    return made.replace(tzinfo=datetime.strptime(_offset(zone), "%z").tzinfo) if zone else made


def _offset(zone: str) -> str:
    return "+0000" if zone.upper() in ("Z", "UTC", "GMT") else zone


def formatted(at: datetime, form: str) -> str:
    """A time in a form of Ruby's ``strftime``, which knows more directives than C's."""

    def replaced(found: re.Match[str]) -> str:
        if found["fraction"]:
            digits = int(found["digits"] or (3 if found["fraction"] == "L" else 9))
            return f"{at.microsecond:06}000"[: min(digits, 9)]
        if found["colons"]:
            offset = at.strftime("%z")
            return f"{offset[:3]}:{offset[3:5]}" + (":00" if found["colons"] == "::" else "")
        return "%e-%^b-%Y" if found["vms"] else found[0]

    return at.strftime(_directive(replaced, form))
