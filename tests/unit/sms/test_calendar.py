"""Openings of calendars, across changes of the clock and days off."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from smsfs.sms.calendar import Calendar, Days, NeverOpen, days_of, hours_of, weekdays_of, zone_of

BRUSSELS, SANTIAGO = ZoneInfo("Europe/Brussels"), ZoneInfo("America/Santiago")
SECOND = timedelta(seconds=1)

minutes = st.one_of(st.integers(0, 1439), st.sampled_from([0, 60, 120, 150, 180, 1380, 1410]))
calendars = st.builds(
    lambda zone, days, start, end, closed: Calendar(zone, days, start, end, (closed,)),
    st.sampled_from([BRUSSELS, SANTIAGO, ZoneInfo("UTC"), ZoneInfo("Asia/Kolkata")]),
    st.frozensets(st.integers(0, 6), min_size=1),
    minutes,
    st.one_of(minutes, st.just(1440)),
    st.builds(
        lambda days, yearly: Days(tuple((day, day) for day in days), yearly),
        st.lists(st.dates(date(2026, 3, 26), date(2026, 4, 8)), max_size=4),
        st.frozensets(st.tuples(st.integers(1, 12), st.integers(1, 28)), max_size=3),
    ),
).filter(lambda calendar: calendar.start != calendar.end)
#: Around the changes of 2026: Brussels on 29 March and 25 October, Santiago on 5 April and 6 September.
CHANGES = ("2026-03-29T01:00Z", "2026-10-25T01:00Z", "2026-04-05T03:00Z", "2026-09-06T04:00Z")
moments = st.one_of(
    st.builds(
        lambda change, seconds: datetime.fromisoformat(change) + timedelta(seconds=seconds),
        st.sampled_from(CHANGES),
        st.integers(-100_000, 100_000),
    ),
    st.integers(0, 365 * 86_400).map(lambda s: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=s)),
)


def _is_open(calendar: Calendar, at: datetime) -> bool:
    """By the clock on the wall alone."""
    wall = at.astimezone(calendar.zone)
    minute = wall.hour * 60 + wall.minute
    if any(wall.date() in days for days in calendar.closed):
        return False
    today = wall.weekday() in calendar.weekdays
    if calendar.start < calendar.end:
        return today and calendar.start <= minute < calendar.end
    yesterday = (wall.weekday() - 1) % 7 in calendar.weekdays
    return (today and minute >= calendar.start) or (yesterday and minute < calendar.end)


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@given(calendars, moments, st.floats(0, 1))
def test_an_opening_is_never_outside_the_hours(calendar, at, share):
    """People would be woken at night, or on a day that the sender excluded."""
    start, end = calendar.opening(at)
    assert at <= start < end
    for moment in (start, start + (end - start - SECOND) * share, end - SECOND):
        assert _is_open(calendar, moment), moment.astimezone(calendar.zone)


@given(calendars, moments, st.integers(0, 3_000_000))
def test_openings_come_in_order(calendar, at, later):
    """A message handed over later would be sent before an earlier one."""
    first, second = calendar.opening(at), calendar.opening(at + timedelta(seconds=later))
    assert first[0] <= second[0]
    assert first[1] <= second[1]


@given(calendars, moments, st.floats(0, 1))
def test_no_opening_is_missed(calendar, at, share):
    """A message would wait for days although it might have been sent."""
    assume(calendar.zone not in {BRUSSELS, SANTIAGO})  # an hour shown twice is used once, at most
    start, end = calendar.opening(at)
    assert not _is_open(calendar, at + (start - at) * share) or start == at + (start - at) * share
    assert not _is_open(calendar, end) or end - start > timedelta(days=300)


@pytest.mark.parametrize(
    ("zone", "hours", "at", "start", "end"),
    [
        (BRUSSELS, "08:00-20:00", "2026-11-22T12:00", "2026-11-22T12:00", "2026-11-22T19:00"),
        (BRUSSELS, "08:00-20:00", "2026-11-22T19:00", "2026-11-23T07:00", "2026-11-23T19:00"),
        # Clocks go from 02:00 to 03:00 at 01:00 UTC: 02:30 is skipped.
        (BRUSSELS, "02:30-04:00", "2026-03-28T12:00", "2026-03-29T01:00", "2026-03-29T02:00"),
        (BRUSSELS, "01:00-02:30", "2026-03-28T12:00", "2026-03-29T00:00", "2026-03-29T01:00"),
        (BRUSSELS, "02:15-02:45", "2026-03-28T12:00", "2026-03-30T00:15", "2026-03-30T00:45"),
        # Clocks go from 03:00 back to 02:00 at 01:00 UTC: 02:30 is shown twice.
        (BRUSSELS, "02:30-04:00", "2026-10-24T12:00", "2026-10-25T01:30", "2026-10-25T03:00"),
        (BRUSSELS, "01:00-02:30", "2026-10-24T12:00", "2026-10-24T23:00", "2026-10-25T00:30"),
        (BRUSSELS, "02:15-02:45", "2026-10-24T12:00", "2026-10-26T01:15", "2026-10-26T01:45"),
        # In Santiago the day of the change in September begins at 01:00, which is 04:00 UTC.
        (SANTIAGO, "00:00-08:00", "2026-09-05T20:00", "2026-09-06T04:00", "2026-09-06T11:00"),
        # In April 23:00 to 24:00 comes twice; 24:00 is 04:00 UTC.
        (SANTIAGO, "22:00-02:00", "2026-04-04T20:00", "2026-04-05T01:00", "2026-04-05T06:00"),
        (ZoneInfo("UTC"), "22:00-06:00", "2026-11-22T03:00", "2026-11-22T03:00", "2026-11-22T06:00"),
    ],
)
def test_examples(zone, hours, at, start, end):
    """On the night of a change of the clock messages would come an hour early, or never."""
    calendar = Calendar(zone, frozenset(range(7)), *hours_of(hours))
    assert calendar.opening(_utc(at)) == (_utc(start), _utc(end))


def test_weekdays_and_days_off():
    """A reminder would go out on Christmas Day."""
    closed = (days_of("2026-12-24..2026-12-28"), days_of("12-25, 01-01"))
    calendar = Calendar(BRUSSELS, weekdays_of("mon-fri"), *hours_of("08:00-20:00"), closed)
    assert calendar.opening(_utc("2026-12-23T20:00"))[0] == _utc("2026-12-29T07:00")
    assert calendar.opening(_utc("2026-12-31T19:30"))[0] == _utc("2027-01-04T07:00")


def test_a_day_off_ends_the_night_before_it():
    """Hours past midnight would reach into a day on which nothing may be sent."""
    calendar = Calendar(ZoneInfo("UTC"), frozenset(range(7)), *hours_of("22:00-06:00"), (days_of("12-25"),))
    assert calendar.opening(_utc("2026-12-24T12:00")) == (_utc("2026-12-24T22:00"), _utc("2026-12-25T00:00"))
    assert calendar.opening(_utc("2026-12-25T12:00")) == (_utc("2026-12-26T00:00"), _utc("2026-12-26T06:00"))


def test_days_without_hours_are_one_opening():
    """Messages would stop at each midnight of a connector that only keeps Sundays free."""
    calendar = Calendar(BRUSSELS, weekdays_of("mon-sat"))
    assert calendar.opening(_utc("2026-11-16T00:00")) == (_utc("2026-11-16T00:00"), _utc("2026-11-21T23:00"))


def test_a_calendar_that_never_opens_is_told():
    """Messages would wait for ever without anybody being told."""
    calendar = Calendar(BRUSSELS, closed=(days_of("2026-01-01..2099-12-31"),))
    with pytest.raises(NeverOpen, match="nothing could be sent within a year"):
        calendar.opening(_utc("2026-11-22T00:00"))


def test_weekdays_in_words():
    """A calendar would be open on other days than those written."""
    assert weekdays_of("mon-fri") == {0, 1, 2, 3, 4}
    assert weekdays_of("sat-mon, Wed") == {5, 6, 0, 2}
    assert weekdays_of("") == set(range(7))
    assert weekdays_of("mon-mon") == {0}


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (weekdays_of, "monday"),
        (weekdays_of, "mon-"),
        (weekdays_of, "mon-xyz"),
        (hours_of, "8-20"),
        (hours_of, "08:00-24:01"),
        (hours_of, "24:00-08:00"),
        (hours_of, "08:00-08:00"),
        (days_of, "25-12-2026"),
        (days_of, "02-30"),
        (days_of, "2026-02-30"),
        (days_of, "2026-12-31..2026-12-01"),
        (zone_of, "Mars/Base"),
        (zone_of, "../../etc/passwd"),
        (zone_of, "Europe"),
        (zone_of, ""),
    ],
)
def test_what_cannot_be_read_is_refused(read, text):
    """A slip in a calendar would be kept and never do anything."""
    with pytest.raises(ValueError) as caught:
        read(text)
    assert str(caught.value)
