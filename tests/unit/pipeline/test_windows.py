"""Messages whose time is over before they have left."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from attrs import evolve

from smsfs.dialects.registry import dialect
from smsfs.pipeline.dispatch.windows import reopening
from smsfs.pipeline.slices import encoded, messages_of
from smsfs.sms.message import Message
from smsfs.store import NewSlice, Verdict
from tests.support.scripted import ScriptedCarrier

pytestmark = pytest.mark.logs("not_now", "too_late", "cancel", "backend_state")

DAY = 86_400
BRUSSELS = ZoneInfo("Europe/Brussels")
OFFICE = {"weekdays": "mon-fri", "hours": "08:00-20:00", "timezone": "Europe/Brussels"}


def at(*moment):
    """A moment in Brussels, in seconds since the epoch."""
    return datetime(*moment, tzinfo=BRUSSELS).timestamp()


@pytest.fixture
def queue(house, clock):
    """Queues a message with a time of its own; the number of its batch."""

    def queue(due, until, number=1):
        batch = house.submit(b"x", f"f{number}")
        house.store.queue.claim_batch(house.owner, clock.now)
        packed = encoded([Message(1, "4512345678", "hi", due=due, until=until)])
        slice_ = NewSlice(0, 1, 1, 1, packed, "out", due or clock.now, until or clock.now + 2 * DAY)
        house.store.queue.stage(batch, house.owner, [slice_])
        house.store.queue.accept(batch, house.owner, Verdict(f"f{number}.success", clock.now, 1))
        return batch

    return queue


def test_what_has_not_left_by_the_end_of_its_window_is_cancelled(run, clock, queue, settled):
    """An offer that ended at noon would be sent in the evening."""
    number = queue(clock.now, clock.now + 60)
    clock.now += 61
    carrier = ScriptedCarrier()
    run(carrier, until_=settled(number, "cancelled"))
    assert carrier.sent == []


@pytest.mark.parametrize("event", ["cancelled", "expired"])
def test_the_clock_ends_messages_while_the_carrier_is_away(run, clock, queue, settled, event, pace):
    """A campaign would be told as waiting, for hours after its end, until the carrier is back."""
    window = (clock.now, clock.now + 60) if event == "cancelled" else (0, 0)
    number = queue(*window)
    carrier = ScriptedCarrier()
    carrier.down, carrier.slices = "no connection", 0
    clock.now += 61 if event == "cancelled" else 2 * DAY + 1
    run(carrier, until_=settled(number, event), pace=evolve(pace, overdue=0.02))
    assert carrier.sent == []


def test_a_message_without_a_window_expires(run, clock, queue, settled):
    """Late messages would be told as withdrawn, and nobody would look why."""
    number = queue(0, 0)
    clock.now += 2 * DAY + 1
    run(ScriptedCarrier(), until_=settled(number, "expired"))


def test_a_message_waits_for_the_next_opening(house, run, clock, queue, settled, until):
    """A message that the evening's close overtook would be lost, or ring at night."""
    house.store.accounts.update(house.account.id, {**OFFICE, "validity_seconds": 4 * DAY})
    clock.now = at(2026, 3, 27, 19, 59)  # a Friday; the clocks change on Sunday
    number = queue(clock.now, at(2026, 3, 27, 20, 0))
    clock.now += 120
    carrier = ScriptedCarrier()

    async def scenario(dispatcher, _task):
        await until(lambda: house.events(number) == {1: ["not_now"]})
        (_, later) = house.store.queue.slices(number)
        assert (later.not_before, later.expires) == (at(2026, 3, 30, 8, 0), at(2026, 3, 30, 20, 0))
        assert later.not_before - clock.now < 3 * DAY - 12 * 3600  # an hour less than by the calendar
        clock.now = at(2026, 3, 30, 7, 59)
        assert carrier.sent == []
        clock.now = at(2026, 3, 30, 8, 1)
        await until(settled(number))
        dispatcher.stop()

    run(carrier, scenario=scenario, reopen=reopening(house.store, lambda _: dialect("naxai")))
    assert carrier.sent == [1]


@pytest.mark.parametrize(("age", "opens"), [(1 * DAY, True), (3 * DAY, False)])
def test_messages_wait_within_their_validity_only(house, clock, queue, age, opens):
    """After a long failure of a carrier, weeks of reminders would leave at once."""
    house.store.accounts.update(house.account.id, OFFICE)
    number = queue(clock.now, clock.now + 60)
    (slice_,) = house.store.queue.slices(number)
    messages = messages_of(slice_)
    reopen = reopening(house.store, lambda _: dialect("naxai"))
    window = reopen(slice_, messages, clock.now + age)
    assert (window is not None) == opens
    if window:
        assert datetime.fromtimestamp(window[0], UTC).astimezone(BRUSSELS).hour >= 8


def test_messages_leave_when_the_calendar_is_lifted(house, run, clock, queue, settled):
    """An operator who opens a connector at night to have its messages out would lose them instead."""
    number = queue(clock.now, clock.now + 60)
    clock.now += 61
    carrier = ScriptedCarrier()
    run(carrier, until_=settled(number), reopen=reopening(house.store, lambda _: dialect("naxai")))
    assert carrier.sent == [1]


def test_a_calendar_that_never_opens_any_more_cancels(house, clock, queue):
    """Dispatch would stop over one account's setting."""
    house.store.accounts.update(house.account.id, {**OFFICE, "exclusions": "2023-01-01..2026-12-31"})
    number = queue(clock.now, clock.now + 60)
    (slice_,) = house.store.queue.slices(number)
    messages = messages_of(slice_)
    assert reopening(house.store, lambda _: dialect("naxai"))(slice_, messages, clock.now + 61) is None
