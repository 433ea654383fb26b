"""The clock is set a day ahead, or back, while everything runs."""

import msgspec
import pytest
from attrs import evolve

from smsfs.backends import Throttled, Unknown
from smsfs.dialects.registry import dialect
from smsfs.pipeline import setback
from smsfs.pipeline.dispatch.routes import BreakerRules
from smsfs.pipeline.intake.reader import Intake, IntakeRules
from smsfs.pipeline.intake.rota import Rota
from smsfs.pipeline.reports.cancelled import look_again
from smsfs.pipeline.reports.mail import Mailer
from smsfs.pipeline.reports.retention import sweep
from smsfs.pipeline.reports.strays import LOOK_SECONDS, Strays
from smsfs.pipeline.setback import Setback
from smsfs.pipeline.slices import encoded
from smsfs.pipeline.turns import equal
from smsfs.sms.message import Message
from smsfs.store.bans import Ban, BanRules
from tests.support.scripted import ScriptedCarrier

pytestmark = pytest.mark.logs(
    "backend_failed", "backend_state", "clock_set_back", "intake_failed", "waits_shortened"
)

DAY = 86_400


@pytest.fixture
def ahead(clock):
    """The clock is a day ahead; setting it right is to call this."""
    clock.now += DAY

    def right():
        clock.now -= DAY

    return right


@pytest.mark.parametrize("restarted", [True, False])
def test_a_file_submitted_while_the_clock_was_ahead_is_read_at_once(house, table, ahead, restarted):
    """A file would lie there for a day, though its client heard OK."""
    reader = house.intake()
    assert not reader.step()
    number = house.submit(table(1))
    ahead()
    assert (house.intake() if restarted else reader).step()
    assert house.batch(number).state == "accepted"


def test_a_reader_of_several_files_reads_it_at_once(house, table, ahead, clock):
    """The same in the process that reads files by turns."""
    intake = Intake(house.store, house.owner, dialect, IntakeRules("out"))
    rota = Rota(house.store, intake, equal)
    assert not rota.step()
    number = house.submit(table(1))
    ahead()
    while rota.step():
        clock.now += 0.1
    assert house.batch(number).state == "accepted"


def test_a_file_that_failed_waits_no_longer_than_it_would_have(house, table, ahead, clock, monkeypatch):
    """A file that the server failed to read would be tried again a day late; or at once, without a pause."""
    number, intake = house.submit(table(1)), house.intake()
    monkeypatch.setattr(house.store.contents, "open_read", _no_room)
    assert intake.step()
    assert house.batch(number).failures == 1
    monkeypatch.undo()
    ahead()
    assert not intake.step()
    clock.now += 1799
    assert not intake.step()
    clock.now += 2
    assert intake.step()
    assert house.batch(number).state == "accepted"


def _is_mended(events):
    """Whether what waited in vain was found: one that begins later counts from then."""
    return any(event["event"] == "waits_shortened" for event in events)


def _no_room(*_args):
    raise OSError("no room")


@pytest.mark.parametrize("read_before", [True, False])
def test_its_messages_leave_at_once(house, table, ahead, run, settled, until, read_before):
    """Messages would leave a day late, accepted before the clock was set right or after."""
    if read_before:
        number = house.accept(3)
        ahead()
        run(ScriptedCarrier(), until_=settled(number))
        return
    number, carrier = house.submit(table(3)), ScriptedCarrier()
    batch = house.store.queue.claim_batch(house.owner, house.store.now())
    reading = house.intake().reading(batch)

    async def scenario(dispatcher, task):
        del dispatcher, task
        ahead()
        for _ in reading:
            pass
        await until(settled(number))

    run(carrier, scenario=scenario)


def test_messages_that_were_told_not_now_are_tried_again_soon(
    house, ahead, run, settled, until, clock, events
):
    """A carrier's moment of trouble would hold messages up for a day, and all others for it too."""
    number, other = house.accept(1), house.accept(1, "b")
    carrier = ScriptedCarrier({1: [Throttled(30)]})

    async def scenario(dispatcher, task):
        del dispatcher, task
        await until(lambda: house.events(number) or house.events(other))
        ahead()
        await until(lambda: _is_mended(events))
        clock.now += 31
        await until(lambda: all(settled(each)() for each in (number, other)))

    run(carrier, scenario=scenario)


def test_a_backend_that_was_left_alone_is_tried_again(house, ahead, run, settled, until, clock, events):
    """A carrier would get nothing for a day because it failed for a moment."""
    number = house.accept(3)
    carrier = ScriptedCarrier({row: [Unknown("lost")] for row in (1, 2, 3)})

    async def scenario(dispatcher, task):
        del task
        await until(lambda: len(house.events(number)) == 3)
        gate = dispatcher._gates["out"]
        gate.failed("broken", probe=False)
        assert gate.open
        ahead()
        await until(lambda: _is_mended(events))
        clock.now += 60
        await until(settled(number))

    run(carrier, scenario=scenario, rules=BreakerRules(1, 30))


def test_messages_that_their_file_gives_a_time_keep_it(house, ahead, clock, run, settled):
    """Messages would leave at night that are to leave tomorrow morning."""
    number = house.accept(1)
    (slice_,) = house.store.queue.slices(number)
    due = clock.now - DAY + 3600
    page = house.store.waits.slices(0, clock.now - DAY, 10)
    assert [item.id for item in page] == [slice_.id]
    messages = evolve(slice_, messages=_with(slice_.messages, due, due + 7200), not_before=due)
    assert setback._due(messages, due - 3600, backoff=lambda _: 0.0) == due
    ahead()
    run(ScriptedCarrier(), until_=settled(number))


def _with(payload, due, until):
    messages = msgspec.msgpack.decode(payload, type=list[Message])
    return encoded([msgspec.structs.replace(item, due=due, until=until) for item in messages])


def test_bans_end_when_they_were_meant_to(house, ahead, clock):
    """An honest client would be shut out for a day and ten minutes."""
    bans, rules = house.store.bans, BanRules(after=2, window=600, time=100)
    bans.add(Ban("192.0.2.7", clock.now, clock.now + 100, "why"))
    bans.fail("192.0.2.8", rules, "why", clock.now)
    ahead()
    Setback(house.store).step()
    assert [(ban.since, ban.until) for ban in bans.all(clock.now)] == [(clock.now, clock.now + 100)]
    assert bans.all(clock.now + 101) == []
    assert bans.fail("192.0.2.8", rules, "why", clock.now) is None


def test_names_that_answer_for_a_while_do_so_for_as_long_as_was_meant(house, table, ahead, clock):
    """The old name of a file would answer for a day, or no longer at all."""
    number = house.submit(table(1))
    with house.store.files.change(house.account.id) as files:
        files.add_alias(house.account.id, "a.ready", house.batch(number).file, clock.now + 60)
    ahead()
    for _ in range(3):
        Setback(house.store).step()
    view = house.store.files.view()
    house.intake().step()
    assert view.alias(house.account.id, "a.ready", clock.now + 59)
    assert not view.alias(house.account.id, "a.ready", clock.now + 61)


def test_mails_are_sent_at_once(house, ahead):
    """Nobody would be told for a day that a file was rejected."""
    house.set(email="ann@example.com")
    house.submit(b"x")
    house.intake().step()
    mailer = Mailer(house.store, None, lambda: True, dialect)
    ahead()
    assert mailer.step() == 1


def test_result_files_are_written_in_time(house, ahead, clock):
    """A client would look at an old result file for a day."""
    number = house.accept(1, results=True)
    house.store.results.postpone(number, clock.now + 60)
    ahead()
    watch = Setback(house.store)
    watch.step()
    assert house.store.results.next_time() <= clock.now


def test_reports_on_a_window_that_is_not_over_wait_for_its_end(house):
    """Every message with a time would be looked at four times a minute until then."""
    number = house.accept(1)
    (slice_,) = house.store.queue.slices(number)
    assert look_again(house.store, _notice(number)) == slice_.expires + 15


def _notice(number):
    class Told:
        batch = number

    return Told()


def test_uploads_that_are_never_sent_are_looked_for_as_before(house, ahead, clock):
    """A client that uploaded under a wrong name would be told a day late."""
    looks = []
    store = house.store
    strays = Strays(store, ["smsportal"], dialect)
    store.queue.strays, found = (lambda *_: looks.append(clock.now) or []), store.queue.strays
    strays.step()
    ahead()
    strays.step()
    strays.step()
    clock.now += LOOK_SECONDS
    strays.step()
    store.queue.strays = found
    assert len(looks) == 3


def test_a_clock_that_goes_ahead_ends_nothing_that_is_not_due_by_then(house, clock, run, settled):
    """A wrong clock would delete files that are kept for a month, or end messages that are valid for days."""
    number = house.accept(2, validity_seconds=2 * DAY)
    content = house.store.contents.create()
    clock.now += DAY + 1
    assert sweep(house.store, dialect, ()).orphans == []
    run(ScriptedCarrier(), until_=settled(number))
    assert house.file(number) is not None
    house.store.contents.delete([content])


def test_an_upload_that_is_beginning_is_no_orphan_by_a_clock_that_went_ahead(house, clock):
    """The bytes of a file would be deleted between the moment they are written and the one they are known."""
    content = house.store.contents.create()
    clock.now = 4e9
    orphans = sweep(house.store, dialect, ()).orphans
    assert orphans == [content]
    assert house.store.contents.orphans(clock.now) == [content]
    sweep(house.store, dialect, orphans)
    assert house.store.contents.orphans(clock.now) == []


def test_nothing_is_done_while_the_clock_goes_on_as_it_should(house, table, clock, events):
    """Files would be read before their pause is over, or the log filled, on a host whose clock is right."""
    watch = Setback(house.store)
    house.submit(table(1))
    for _ in range(5):
        clock.now += 1
        assert watch.step() == 0
        clock.now -= 0.5
        assert watch.step() == 0
    assert [event for event in events if event["event"] in ("clock_set_back", "waits_shortened")] == []


def test_what_others_write_by_the_old_time_is_found_too(house, table, clock, ahead, events):
    """A file whose submission was under way as the clock was set right would lie there for a day."""
    seconds = [0.0]
    watch = Setback(house.store, timer=lambda: seconds[0])
    watch.step()
    ahead()
    assert watch.step() == DAY
    clock.now += DAY
    number = house.submit(table(1))
    clock.now -= DAY
    seconds[0] += 11
    watch.mend()
    assert house.store.queue.claim_batch(house.owner, clock.now).id == number
    assert [event["event"] for event in events].count("clock_set_back") == 1
