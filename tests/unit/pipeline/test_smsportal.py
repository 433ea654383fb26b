"""Files of SMSPortal in the pipeline, with the clock passed in: windows, what is cancelled, what is told."""

import json
from datetime import UTC, datetime

import pytest
from attrs import evolve

from smsfs.dialects.registry import dialect
from smsfs.pipeline.reports.cancelled import GRACE_SECONDS, cancelled
from smsfs.pipeline.reports.mail import Mailer, window_text
from smsfs.store import Outcome, SliceReport
from tests.support.scripted import ScriptedCarrier

pytestmark = pytest.mark.logs("backend_state", "cancel", "gave_up", "intake_failed")

EVENING = datetime(2026, 11, 22, 23, 50, tzinfo=UTC).timestamp()


def document(contacts, **options):
    """A file to so many contacts, with its own numbers."""
    numbers = [{"msisdn": f"2782{number:07}"} for number in range(contacts)]
    text = {"message_template": "Hello", **options, "contacts": numbers}
    return f"version: 7\n{json.dumps(text)}".encode()


@pytest.fixture
def portal(house, clock):
    """The house with an account of the dialect, shortly before midnight."""
    clock.now = EVENING
    made = type(house)(house.store, house.store.accounts.add("portal", "smsportal", {}, EVENING))
    made.mailer = Mailer(house.store, None, lambda: True, dialect)
    return made


def read(portal, data, name="x.json"):
    """A file that was read; its batch's number."""
    number = portal.submit(data, name)
    assert portal.intake().step()
    return number


def shown(portal, path):
    """The bytes of a file, as text; None where there is none."""
    file = portal.store.files.view().find(portal.account.id, path)
    return portal.store.contents.read(file.content, 0, file.size).decode() if file else None


def test_messages_are_spread_evenly_across_midnight(portal, clock):
    """A campaign that ends after midnight would be sent at once, or a day late."""
    number = read(portal, document(10, start="2026-11-22 23:55", end="2026-11-23 00:05"))
    left = []
    for minute in range(20):
        clock.now = EVENING + 60 * minute
        while slice_ := portal.store.queue.claim_slice(portal.owner, "out", clock.now, oldest=True):
            left.append((minute, slice_.first_row, slice_.last_row, slice_.expires - EVENING))
    assert left == [(minute + 5, minute + 1, minute + 1, 900) for minute in range(10)]
    assert set(portal.states(number).values()) == {"submitting"}


def test_what_was_cancelled_is_told_beside_the_file(portal, clock, run, settled):
    """A client that reads no mail would take messages for sent that were cancelled at the window's end."""
    number = read(portal, document(4, start="2026-11-22 23:50", end="2026-11-23 00:10"))
    clock.now = EVENING + 600
    run(ScriptedCarrier(), until_=lambda: sorted(portal.states(number).values())[-3:] == ["submitted"] * 3)
    clock.now = EVENING + 1200 + GRACE_SECONDS
    assert portal.mailer.step() == 1, "the last message may still leave"
    assert shown(portal, "Errors/x.json.errors.txt") is None
    run(ScriptedCarrier(), until_=settled(number, "submitted", "cancelled"))
    clock.now += 600
    assert portal.mailer.step() == 1
    lines = shown(portal, "Errors/x.json.errors.txt").splitlines()
    assert "contact 4 (27820000003): it had not left and was cancelled when its time was over" in lines[1]
    assert "at 2026-11-23 00:10 UTC." in lines[1]
    (fault,) = json.loads(shown(portal, "Errors/x.json.errors.json"))["faults"]
    assert (fault["contact"], fault["msisdn"]) == (4, "27820000003")
    assert portal.mailer.step() == 0


def test_what_may_have_left_is_not_told_as_if_it_had_not(portal, clock):
    """Somebody who may have got a message would be written to once more by hand."""
    number = read(portal, document(2, end="2026-11-23 00:00", email="ann@example.com"))
    while slice_ := portal.store.queue.claim_slice(portal.owner, "out", EVENING + 599, oldest=True):
        lost = ["no_answer", "resend"] if slice_.first_row == 1 else []
        outcomes = [Outcome(slice_.first_row, event, clock()) for event in (*lost, "cancel")]
        portal.store.queue.record(portal.owner, [SliceReport(slice_, outcomes, done=True)])
    clock.now = EVENING + 600 + GRACE_SECONDS
    portal.mailer.step()
    lines = shown(portal, "Errors/x.json.errors.txt").splitlines()
    assert "contact 1 (27820000000): it may have left, but no answer came, and was not sent again" in lines[1]
    assert "contact 2 (27820000001): it had not left and was cancelled" in lines[2]
    batch = portal.batch(number)
    _, body = window_text(portal.account, batch, cancelled(portal.store, batch))
    assert "row 1, 27820000000, which may have left\n- row 2, 27820000001\n" in body


@pytest.mark.parametrize("sent", [0, 1])
def test_cancelled_messages_are_told_within_two_minutes_and_truly(portal, clock, run, settled, sent, pace):
    """A report would say that the other messages were sent, though the carrier was away and none was."""
    pace = evolve(pace, overdue=0.02)
    number = read(
        portal, document(2, start="2026-11-22 23:50", end="2026-11-22 23:55", email="ann@example.com")
    )
    carrier = ScriptedCarrier()
    if sent:
        run(carrier, until_=lambda: portal.states(number)[1] == "submitted", pace=pace)
    carrier.down, carrier.slices = "no connection", 0
    clock.now = EVENING + 300
    run(carrier, until_=settled(number, "submitted", "cancelled"), pace=pace)
    clock.now = EVENING + 300 + GRACE_SECONDS / 2
    while portal.mailer.step():
        pass
    first, *faults = shown(portal, "Errors/x.json.errors.txt").splitlines()
    assert ("1 of its messages was sent" in first) == bool(sent)
    assert ("none of its messages is known to have been sent" in first) == (not sent)
    assert sum("was cancelled when its time was over" in line for line in faults) == 2 - sent


def test_reports_of_a_file_do_not_replace_each_other(portal, clock, run, settled):
    """The report on wrong contacts would vanish when others are cancelled."""
    data = document(2, start="2026-11-22 23:50", end="2026-11-22 23:55", email="nobody")
    number = read(portal, data)
    first = shown(portal, "Errors/x.json.errors.txt")
    clock.now = EVENING + 300 + GRACE_SECONDS
    run(ScriptedCarrier(), until_=settled(number, "cancelled"))
    assert portal.mailer.step() == 1
    assert shown(portal, "Errors/x.json.errors.txt") == first
    assert "2782" in shown(portal, "Errors/x.json.errors.20261122T235700.txt")


def test_a_mended_file_keeps_its_name_beside_the_reports_of_its_first_try(portal):
    """A program that waits for its file in Processed would take it for lost."""
    read(portal, document(1, max_errors="none"))
    first = shown(portal, "Errors/x.json.errors.txt")
    read(portal, document(1, email="nobody"))
    assert shown(portal, "Processed/x.json")
    assert shown(portal, "Errors/x.json.errors.txt") == first
    assert "no address" in shown(portal, "Errors/x.json.errors.20261122T235000.txt")


def test_nothing_is_told_when_all_was_sent(portal, clock, run, settled):
    """A report on a file of which all was sent would alarm its sender."""
    number = read(portal, document(2, start="2026-11-22 23:50", end="2026-11-22 23:55"))
    clock.now = EVENING + 200
    run(ScriptedCarrier(), until_=settled(number))
    clock.now = EVENING + 300 + GRACE_SECONDS
    assert (portal.mailer.step(), portal.mailer.step()) == (1, 0)
    assert shown(portal, "Errors/x.json.errors.txt") is None


def test_a_failure_of_the_server_is_told_with_its_code(portal, clock):
    """A file over which the server fails would never be heard of again."""
    number = portal.submit(document(1), "x.json")
    portal.store.contents.delete([portal.file(number).content])
    intake = portal.intake(max_failures=1)
    assert intake.step()
    clock.now += 1800
    assert intake.step()
    assert portal.file(number).path == "Errors/x.json"
    (fault,) = json.loads(shown(portal, "Errors/x.json.errors.json"))["faults"]
    assert fault["code"] == "InternalServerError"
    assert "nothing was sent" in fault["reason"]
    assert read(portal, document(1)) > number, "the name is free again"
    assert shown(portal, "Processed/x.json")


def test_reports_name_thousands_of_faults(portal):
    """Whoever mends a list would see a hundred wrong contacts, upload it again, and see the next hundred."""
    contacts = [{"msisdn": "12"}] * 5000 + [{"msisdn": "27821234567"}]
    number = read(
        portal, b'version: 7\n{"message_template": "Hi", "contacts": ' + json.dumps(contacts).encode() + b"}"
    )
    assert portal.states(number) == {5001: "queued"}
    assert len(json.loads(shown(portal, "Errors/x.json.errors.json"))["faults"]) == 5000
    assert (len(portal.batch(number).causes), portal.batch(number).cause_count) == (100, 5000)
