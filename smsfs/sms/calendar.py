"""When messages may be sent: weekdays and hours in a time zone, without certain days.

All of it is about the clock on the wall: an opening holds no second at which that clock shows a time out
of hours, also where the clock is put forward or back.
"""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from attrs import field, frozen

from smsfs.sms.quoting import quoted

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MINUTES_OF_DAY = 24 * 60
HORIZON_DAYS = 366

_hours = re.compile(r"([01]?\d|2[0-4]):([0-5]\d)-([01]?\d|2[0-4]):([0-5]\d)", re.ASCII).fullmatch
_yearly = re.compile(r"(\d\d)-(\d\d)", re.ASCII).fullmatch
_SECOND = timedelta(seconds=1)
_DAY = timedelta(days=1)

Opening = tuple[datetime, datetime]


class NeverOpen(ValueError):
    """No opening within a year; the text is a clause."""


@frozen
class Days:
    """Days of the calendar on which nothing is sent.

    Attributes:
        ranges: first and last day of each range, both in it.
        yearly: month and day, of every year.
    """

    ranges: tuple[tuple[date, date], ...] = ()
    yearly: frozenset[tuple[int, int]] = frozenset()

    def __contains__(self, day: date) -> bool:
        return (day.month, day.day) in self.yearly or any(a <= day <= b for a, b in self.ranges)


@frozen
class Calendar:
    """The times at which messages may leave.

    Attributes:
        zone: whose clock it is.
        weekdays: on which hours begin, Monday being 0.
        start: minutes after midnight.
        end: minutes after midnight; not after ``start`` for hours that go on past midnight.
        closed: the kinds of days without any sending.
    """

    zone: ZoneInfo
    weekdays: frozenset[int] = frozenset(range(7))
    start: int = 0
    end: int = MINUTES_OF_DAY
    closed: tuple[Days, ...] = field(default=())

    def opening(self, at: datetime) -> Opening:
        """The opening that ``at`` is in, from ``at`` on, or else the next one; both ends in UTC.

        Raises:
            NeverOpen: there is no opening within a year.
        """
        at = at.astimezone(UTC)
        found: Opening | None = None
        for start, end in self._openings(at.astimezone(self.zone).date() - _DAY):
            if end <= at:
                continue
            if found and start > found[1]:
                break
            found = (found[0], end) if found else (max(start, at), end)
        if found is None:
            raise NeverOpen(
                "nothing could be sent within a year: its hours, weekdays and days off leave no time"
            )
        return found

    def _openings(self, first: date) -> Iterator[Opening]:
        """Each piece of opening time, in order; pieces may meet."""
        for number in range(HORIZON_DAYS + 2):
            day = first + number * _DAY
            if day.weekday() in self.weekdays:
                yield from self._of_day(day)

    def _of_day(self, day: date) -> Iterator[Opening]:
        """The hours that begin on a day, without what falls on a closed day."""
        past_midnight = self.end <= self.start
        start = _instant(day, self.start, self.zone, later=True)
        midnight_late = _instant(day, MINUTES_OF_DAY, self.zone, later=True)
        midnight_soon = _instant(day, MINUTES_OF_DAY, self.zone, later=False)
        if not past_midnight:
            pieces = [(day, start, _instant(day, self.end, self.zone, later=False))]
        elif self._closed(day) == self._closed(day + _DAY):
            pieces = [(day, start, _instant(day + _DAY, self.end, self.zone, later=False))]
        else:
            next_end = _instant(day + _DAY, self.end, self.zone, later=False)
            pieces = [(day, start, midnight_soon), (day + _DAY, midnight_late, next_end)]
        for on, begin, end in pieces:
            if begin < end and not self._closed(on):
                yield begin, end

    def _closed(self, day: date) -> bool:
        return any(day in days for days in self.closed)


def _instant(day: date, minutes: int, zone: ZoneInfo, *, later: bool) -> datetime:
    """The time in UTC at which the clock on the wall shows the minute.

    Of a time that is shown twice the earlier or the ``later``; where it is skipped, the moment of the skip.
    """
    day, minutes = (day + _DAY, 0) if minutes == MINUTES_OF_DAY else (day, minutes)
    wall = datetime.combine(day, time(minutes // 60, minutes % 60), zone)
    first, second = (wall.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
    if first <= second:
        return second if later else first
    return _skip(second, first, zone)


def _skip(low: datetime, high: datetime, zone: ZoneInfo) -> datetime:
    """The first second between two times at which the zone's clock has been put forward."""
    before = low.astimezone(zone).utcoffset()
    while high - low > _SECOND:
        middle = low + (high - low) // 2
        middle = middle.replace(microsecond=0)
        low, high = (middle, high) if middle.astimezone(zone).utcoffset() == before else (low, middle)
    return high


def zone_of(text: str) -> ZoneInfo:
    """The time zone of that name.

    Raises:
        ValueError: there is no such zone; the text is a clause.
    """
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{quoted(text)} is no time zone; write one such as Europe/Brussels") from None


def hours_of(text: str) -> tuple[int, int]:
    """Start and end in minutes after midnight, from ``08:00-20:00``; all day for the empty text.

    Raises:
        ValueError: it is no such text; the text is a clause.
    """
    if not text:
        return 0, MINUTES_OF_DAY
    if found := _hours(text):
        start, end = int(found[1]) * 60 + int(found[2]), int(found[3]) * 60 + int(found[4])
        if start < MINUTES_OF_DAY and end <= MINUTES_OF_DAY and start != end:
            return start, end
    raise ValueError(f"{quoted(text)} is no time of day from and to; write it such as 08:00-20:00")


def weekdays_of(text: str) -> frozenset[int]:
    """Weekdays, Monday being 0, from ``mon-fri`` or ``mon,wed,sat-sun``; all for the empty text.

    Raises:
        ValueError: it is no such text; the text is a clause.
    """
    days: set[int] = set()
    for part in filter(None, text.lower().replace(" ", "").split(",")):
        first, dash, last = part.partition("-")
        last = last if dash else first
        if first not in DAYS or last not in DAYS:
            raise ValueError(f"{quoted(part)} is no weekday; write them such as mon-fri or mon,wed,sat")
        start, end = DAYS.index(first), DAYS.index(last)
        days |= {day % 7 for day in range(start, end + 1 if end >= start else end + 8)}
    return frozenset(days or range(7))


def days_of(text: str) -> Days:
    """Days from ``2026-12-24..2027-01-02, 2027-04-05, 05-01``, the last of them every year.

    Raises:
        ValueError: one is no day; the text is a clause.
    """
    ranges, yearly = [], set()
    for part in filter(None, text.replace(" ", "").split(",")):
        first, _, last = part.partition("..")
        try:
            if found := _yearly(part):
                yearly.add((int(found[1]), int(found[2])))
                date(2028, int(found[1]), int(found[2]))  # a leap year has every day
                continue
            ranges.append((date.fromisoformat(first), date.fromisoformat(last or first)))
        except ValueError:
            raise ValueError(
                f"{quoted(part)} is no day; write 2026-12-25, 12-25 for every year, or 2026-12-24..2027-01-02"
            ) from None
        if ranges[-1][0] > ranges[-1][1]:
            raise ValueError(f"{quoted(part)} ends before it begins")
    return Days(tuple(ranges), frozenset(yearly))
