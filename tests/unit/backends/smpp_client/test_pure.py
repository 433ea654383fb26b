from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsfs.backends.smpp.backoff import Backoff
from smsfs.backends.smpp.throttle import FIRST_PAUSE, LONGEST_PAUSE, STALL_SECONDS, Throttle
from smsfs.backends.smpp.window import Window

steps = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(1, 60)),
        st.tuples(st.just("take"), st.integers(1, 60)),
        st.tuples(st.just("pass"), st.integers(0, 20)),
        st.tuples(st.just("clear"), st.just(0)),
    ),
    max_size=80,
)


@given(size=st.integers(1, 8), script=steps)
def test_window(size, script):
    """More messages would be on their way than the contract allows, or one would be forgotten."""
    window, now = Window(size, 10.0), 0.0
    out = {}
    for what, number in script:
        if what == "add":
            if len(out) < size and number not in out:
                window.add(number, str(number), now)
                out[number] = now
            else:
                with pytest.raises(ValueError, match="no room"):
                    window.add(number, str(number), now)
        elif what == "take":
            assert window.take(number) == ((str(number), out.pop(number)) if number in out else None)
        elif what == "pass":
            now += number
            late = [key for key, sent in out.items() if sent + 10.0 <= now]
            assert window.expired(now) == [str(key) for key in late]
            out = {key: sent for key, sent in out.items() if key not in late}
        else:
            assert window.clear() == [str(key) for key in out]
            out = {}
        assert (len(window), window.free) == (len(out), size - len(out))


def sent_in(throttle, start, seconds, step=0.005):
    """How many messages may leave in so many seconds."""
    total = 0
    for tick in range(round(seconds / step)):
        allowed = throttle.allowance(start + tick * step)
        throttle.spend(allowed)
        total += allowed
    return total


@given(rate=st.sampled_from([0.5, 1, 7, 100, 3000]), start=st.floats(0, 1e6))
def test_throughput(rate, start):
    """A carrier would throttle, or charge, who sends faster than the contract says."""
    throttle = Throttle(rate, start)
    seconds = max(1.0, 5 / rate)
    assert rate * seconds * 0.9 - 1 <= sent_in(throttle, start, seconds) <= rate * seconds * 1.03 + 1
    throttle.allowance(start + 1000)
    assert sent_in(throttle, start + 1000, 1.0) <= rate * 1.03 + 1, "nothing is saved up"


def test_no_limit():
    """A carrier without a limit would be sent to at a pace that nobody asked for."""
    assert Throttle(0, 5.0).allowance(5.0) is None


def carrier(throttle, limit, seconds):
    """What a carrier with a limit per second takes of a sender with a window of 100 and 10 ms answers."""
    taken = refused = 0
    tokens = float(limit)
    for tick in range(round(seconds * 100)):
        now = tick / 100
        tokens = min(limit, tokens + limit / 100)
        allowed = throttle.allowance(now)
        sent = 100 if allowed is None else min(allowed, 100)
        throttle.spend(sent)
        for _ in range(sent):
            if tokens >= 1:
                tokens -= 1
                taken += 1
                throttle.accepted(now + 0.009)
            else:
                refused += 1
                throttle.not_now(now + 0.009, now)
    return taken, refused


@pytest.mark.parametrize("limit", [20, 100, 1000])
def test_pace_adapts(limit):
    """A carrier that throttles would be hammered until it locks the account, or get a trickle."""
    throttle = Throttle(0, 0.0)
    taken, refused = carrier(throttle, limit, 60.0)
    assert taken >= limit * 60 * 0.75
    assert refused <= taken * 0.1 + 200


def test_pace_recovers():
    """One busy minute of a carrier would slow its messages down for the rest of the day."""
    throttle = Throttle(0, 0.0)
    throttle.allowance(1.0)
    throttle.not_now(1.0, 0.9)
    now = 1.0
    while throttle.rate != inf:
        now += 0.1
        throttle.allowance(now)
        assert now < 60


def test_pauses_double():
    """A carrier whose queue is full for an hour would be asked ever so often."""
    throttle, now, pauses = Throttle(0, 0.0), 1.0, []
    for _ in range(10):
        pauses.append(throttle.not_now(now, now - 0.01))
        assert throttle.not_now(now, now - 0.01) is None, "one of the same burst"
        assert throttle.allowance(now) == 0
        assert throttle.wait(now) == pytest.approx(pauses[-1])
        now += pauses[-1] + 0.1
    assert pauses[:3] == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE]
    assert pauses[-1] == LONGEST_PAUSE
    assert throttle.stalled(1.2 + STALL_SECONDS)
    throttle.accepted(now)
    assert not throttle.stalled(now)
    assert throttle.not_now(now, now - 0.01) == FIRST_PAUSE


@given(st.floats(0, 1), st.integers(1, 100))
def test_backoff(jitter, failures):
    """An SMSC that is away would be asked a thousand times a second, or not again for days."""
    backoff = Backoff(1.0, 60.0, lambda: jitter)
    waits = [backoff.failed() for _ in range(failures)]
    for failure, wait in enumerate(waits):
        full = min(60.0, 2.0**failure)
        assert full / 2 <= wait <= full
    backoff.worked()
    assert backoff.failed() <= 1.0
