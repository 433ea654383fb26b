"""When a backend is left alone, and when it is tried again."""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from smsfs.pipeline.dispatch.breaker import LONGEST, SPREAD_SECONDS, Breaker, BreakerState

CLOSED, OPEN, HALF_OPEN = BreakerState.CLOSED, BreakerState.OPEN, BreakerState.HALF_OPEN


def opened(at=0.0, **values):
    """A breaker that has just opened."""
    breaker = Breaker(limit=2, seconds=30, **values)
    breaker.failed(at)
    breaker.failed(at)
    return breaker


def test_opens_after_failures_in_a_row():
    """A carrier that answers nothing would be given the whole backlog, and all of it be of unknown fate."""
    breaker = Breaker(limit=3, seconds=30)
    for at in (0, 1, 2):
        assert breaker.now(at) is CLOSED
        breaker.failed(at, lost=True)
    assert breaker.now(2) is OPEN


def test_an_answer_ends_the_row():
    """A carrier that loses one message in a thousand would be left alone."""
    breaker = Breaker(limit=2, seconds=30)
    for at in range(10):
        breaker.failed(at, lost=True)
        breaker.answered()
    assert breaker.now(10) is CLOSED


def test_answers_lost_in_one_moment_open_nothing():
    """A connection that breaks, and is there again in a second, would stop messages for half a minute."""
    breaker = Breaker(limit=2, seconds=30)
    for _ in range(100):
        breaker.failed(5.0, lost=True)
    assert breaker.now(5) is CLOSED
    breaker.failed(5.0 + SPREAD_SECONDS, lost=True)
    assert breaker.now(7) is OPEN


def test_failures_of_the_backend_itself_count_at_once():
    """A backend that is broken would be given slice after slice in the same second."""
    assert opened().now(0) is OPEN


def test_half_open_after_a_pause_that_doubles():
    """A carrier would be tried without pause, or hours after it came back."""
    breaker, at, pauses = opened(), 0.0, []
    for _ in range(6):
        begun = at
        while breaker.now(at) is OPEN:
            at += 1
        pauses.append(at - begun)
        assert breaker.now(at) is HALF_OPEN
        breaker.probed(at, answered=False)
    assert pauses == [30, 60, 120, 240, 300, 300]


def test_probe_closes_and_the_next_pause_is_short_again():
    """A carrier that is well again would get one message at a time, or wait long for its next fault."""
    breaker = opened()
    breaker.now(30)
    breaker.probed(30, answered=False)
    assert breaker.now(90) is HALF_OPEN
    breaker.probed(90, answered=True)
    assert breaker.now(90) is CLOSED
    breaker.failed(91)
    assert breaker.now(91) is CLOSED, "the row starts anew"
    breaker.failed(91)
    assert (breaker.now(120), breaker.now(121)) == (OPEN, HALF_OPEN)


def test_late_words_about_earlier_messages_decide_nothing():
    """Answers that come after the pause would close or open it in place of the probe."""
    breaker = opened()
    breaker.answered()
    breaker.failed(29)
    breaker.probed(29, answered=True)
    assert breaker.now(29) is OPEN
    assert breaker.now(30) is HALF_OPEN
    breaker.answered()
    breaker.failed(31)
    assert breaker.now(31) is HALF_OPEN


def test_zero_switches_it_off():
    """An operator who knows better could not have every message tried."""
    breaker = Breaker(limit=0, seconds=30)
    for at in range(100):
        breaker.failed(at)
    assert breaker.now(100) is CLOSED


class BreakerMachine(RuleBasedStateMachine):
    """Whatever happens, in any order and with any pauses."""

    def __init__(self):
        super().__init__()
        self.breaker = Breaker(limit=3, seconds=30)
        self.at, self.row, self.opened_at = 0.0, 0, None

    @rule(seconds=st.floats(0, 400))
    def time_passes(self, seconds):
        """Nothing else happens."""
        self.at += seconds

    @rule(lost=st.booleans())
    def a_message_fails(self, lost):
        """Outside of probes."""
        was = self.breaker.now(self.at)
        self.breaker.failed(self.at, lost=lost)
        self.row += was is CLOSED
        if was is CLOSED and self.breaker.now(self.at) is OPEN:
            assert self.row >= 3
            self.opened_at = self.at

    @rule()
    def a_message_is_answered(self):
        """Outside of probes."""
        was = self.breaker.now(self.at)
        self.breaker.answered()
        self.row = 0
        assert self.breaker.now(self.at) is was

    @precondition(lambda self: self.breaker.now(self.at) is HALF_OPEN)
    @rule(answered=st.booleans())
    def a_probe_ends(self, answered):
        """Well or not."""
        self.breaker.probed(self.at, answered=answered)
        assert self.breaker.now(self.at) is (CLOSED if answered else OPEN)
        self.row, self.opened_at = 0, None if answered else self.at

    @invariant()
    def pauses_are_kept_and_end(self):
        """It is open for 30 seconds at least and 300 at most; closed only by a probe."""
        state = self.breaker.now(self.at)
        if self.opened_at is None:
            assert state is CLOSED
        elif self.at - self.opened_at < 30:
            assert state is OPEN
        elif self.at - self.opened_at > 30 * LONGEST:
            assert state is HALF_OPEN
        else:
            assert state is not CLOSED


TestBreakerMachine = BreakerMachine.TestCase
