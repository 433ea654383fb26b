"""Times as operators give them."""

from datetime import UTC, datetime

import pytest

from smsfs.control.moments import span

NOW = datetime(2026, 11, 30, 14, 30, 15, tzinfo=UTC).timestamp()


def at(*when):
    """A moment in UTC."""
    return datetime(*when, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("now", NOW),
        ("2h", NOW - 7200),
        ("90m", NOW - 5400),
        ("15s", NOW - 15),
        ("3d", NOW - 3 * 86_400),
        ("1w", NOW - 7 * 86_400),
        ("2026-11-30T09:00", at(2026, 11, 30, 9)),
        ("2026-11-30 09:00:07", at(2026, 11, 30, 9, 0, 7)),
        ("2026-11-30T09:00Z", at(2026, 11, 30, 9)),
        ("2026-11-30T09:00+01:00", at(2026, 11, 30, 8)),
    ],
)
def test_a_moment(text, moment):
    """An operator would see the messages of another hour."""
    assert span(text, NOW) == (moment, moment)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("today", at(2026, 11, 30)),
        ("yesterday", at(2026, 11, 29)),
        ("2026-11-30", at(2026, 11, 30)),
        ("2024-02-29", at(2024, 2, 29)),
    ],
)
def test_a_day_is_all_of_it(text, day):
    """A list until a day would lack that day."""
    assert span(text, NOW) == (day, day + 86_400)


@pytest.mark.parametrize(
    "text",
    [
        *("", "soon", "2", "h", "-2h", "2 h", "2y", "0x2h", "٢h", "30/11/2026", "2026-11", "2026-11-31"),
        *("2025-02-29", "2026-11-30T25:00", "2026-11-30T9:00", "2026-W48-1", "20261130", "9999999999h"),
        *("Today", "2026-11-30T09:00+25:00", "9999-12-31"),
    ],
)
def test_what_is_no_time_says_how_to_write_one(text):
    """A slip would list messages of another time, as if there were no others."""
    with pytest.raises(ValueError, match="is no time; write it as 2026-11-30, 2026-11-30T09:00"):
        span(text, NOW)
