"""When requests leave, without a clock."""

from datetime import UTC, datetime

import pytest

from smsfs.backends.http.pace import FIRST_TRY, LONGEST_TRY, Health, Pace
from smsfs.backends.http.transport import retry_after

NOW = datetime(2026, 12, 1, 10, 0, tzinfo=UTC).timestamp()
IN_A_MINUTE = "Tue, 01 Dec 2026 10:01:00 GMT"


def test_no_limit_waits_for_nothing():
    """A backend without a limit would be slowed down by one."""
    pace = Pace(0)
    pace.spend(10_000, 5.0)
    assert pace.wait(5.0) == 0
    assert pace.room(5.0) > 10_000


def test_limit_is_kept_over_time():
    """The carrier would throttle what comes faster than the contract says."""
    pace, now, left = Pace(20), 0.0, 0
    while now < 10:
        if room := int(pace.room(now)):
            left += min(room, 7)
            pace.spend(min(room, 7), now)
        now += 0.01
    assert 180 <= left <= 220


def test_each_pause_without_a_word_is_longer():
    """A carrier in trouble would be asked every second for hours."""
    pace = Pace(0)
    assert [pace.not_now(at, at - 0.1, 0) for at in (10.0, 20.0, 30.0)] == [1, 2, 4]
    pace.taken()
    assert pace.not_now(40.0, 39.9, 0) == 1


def test_requests_under_way_make_no_longer_pause():
    """Eight connections that were refused at the same moment would stop the backend for minutes."""
    pace = Pace(0)
    pauses = [pace.not_now(10.0 + number / 100, 9.9, 0) for number in range(8)]
    assert max(pauses) <= 1
    assert pace.paused(10.5) == pytest.approx(0.57)


def test_the_carriers_word_counts():
    """The carrier would be asked before it wants to be."""
    pace = Pace(0)
    assert pace.not_now(10.0, 9.0, 45.0) == 45
    assert pace.wait(54.0) == 1


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "30"}, 30),
        ({"retry-after": "0"}, 0),
        ({"retry-after": IN_A_MINUTE}, 60),
        ({"retry-after": IN_A_MINUTE, "date": "Tue, 01 Dec 2026 10:00:50 GMT"}, 10),
        ({"retry-after": "Tue, 01 Dec 2026 09:00:00 GMT"}, 0),
        ({"retry-after": "Thu, 01 Dec 2099 10:00:00 GMT"}, 3600),
        ({"retry-after": "999999999"}, 3600),
        ({"retry-after": "soon"}, 0),
        ({"retry-after": "-5"}, 0),
        ({}, 0),
    ],
)
def test_retry_after_in_both_forms(headers, seconds):
    """A carrier's word on when to come back would be ignored, or stop the backend for years."""
    assert retry_after(headers, NOW) == pytest.approx(seconds)


def test_health_has_patience():
    """A carrier that restarts in a second would have its messages moved elsewhere."""
    health = Health()
    health.failed(10.0, 9.9, "refused", 3.0)
    assert (health.good, health.down) == (False, False)
    health.failed(13.5, 13.4, "refused", 3.0)
    assert health.down
    assert health.worked(14.0)
    assert (health.good, health.down, health.reason) == (True, False, "")


def test_tries_become_rarer():
    """A carrier that is away would be asked twice a second all night."""
    health, now, waits = Health(), 0.0, []
    for _ in range(10):
        health.failed(now, now, "refused")
        waits.append(health.wait(now))
        now += waits[-1]
        assert health.may_try(now)
    assert waits[0] == FIRST_TRY
    assert waits[-1] == LONGEST_TRY
    assert waits == sorted(waits)


def test_answer_to_an_older_request_ends_no_trouble():
    """A token that was withdrawn would seem to work again, and messages come and go."""
    health = Health()
    health.failed(10.0, 9.9, "refused")
    assert not health.worked(9.5)
    assert health.down
