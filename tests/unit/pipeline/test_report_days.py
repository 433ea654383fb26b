"""The days whose reports are due."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from smsfs.pipeline.reports.daily import report_days, span

DAY = date(2026, 11, 21)


def test_span_of_a_day():
    """A message of midnight would be in two reports, or in none."""
    start, end = span(DAY)
    assert (start, end - start) == (datetime(2026, 11, 21, tzinfo=UTC).timestamp(), 86_400)
    assert span(DAY + timedelta(days=1))[0] == end


@pytest.mark.parametrize(
    ("now", "made", "days"),
    [
        ("2026-11-22T01:59", set(), []),
        ("2026-11-22T02:00", set(), [DAY]),
        ("2026-11-22T04:59", {DAY}, []),
        ("2026-11-22T23:00", set(), [DAY]),
        ("2026-11-24T03:00", {date(2026, 11, 22)}, [DAY, date(2026, 11, 23)]),
        ("2026-11-21T12:00", set(), []),
    ],
)
def test_days_that_are_due(now, made, days):
    """A day's report would be made before the day is over, twice, or never if the server was down."""
    at = datetime.fromisoformat(now).replace(tzinfo=UTC)
    assert report_days(at, made, since=DAY) == days
    elsewhere = at.astimezone(timezone(timedelta(hours=13)))
    assert report_days(elsewhere, made, since=DAY) == days


def test_days_of_the_last_thirty_are_made_up_for():
    """After a long failure, a report would be made that is no longer kept, or none of one that is."""
    now = datetime(2026, 11, 22, 3, tzinfo=UTC)
    days = report_days(now, set(), since=date(2020, 1, 1))
    assert (days[0], days[-1], len(days)) == (date(2026, 10, 23), DAY, 30)
