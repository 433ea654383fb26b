"""One account, file, address or answer that nobody can deal with: everyone else's work goes on."""

import pytest
from aiosmtpd.smtp import SMTP

from smsfs.backends import Accepted, Throttled
from smsfs.dialects.registry import dialect
from smsfs.errors import StoreUnavailable
from smsfs.pipeline import jobs
from smsfs.pipeline.dispatch.arrivals import stops
from smsfs.pipeline.jobs import Every, Jobs
from smsfs.pipeline.reports.daily import DailyReporter
from smsfs.pipeline.reports.mail import Mailer, Relay
from smsfs.pipeline.reports.retention import sweep
from smsfs.store import NewNotice, Verdict
from tests.support.scripted import ScriptedCarrier

pytestmark = pytest.mark.logs(
    "account_left_alone",
    "gave_up",
    "intake_failed",
    "job_failed",
    "mail_broke_off",
    "mail_relay_away",
    "not_given_up",
    "not_recorded",
    "not_taken_over",
    "notice_failed",
)

DAY = 86_400


@pytest.fixture
def stranger(house, clock):
    """An account with folder rules that are not known here, as after going back to an older smsfs."""
    return house.store.accounts.add("a-stranger", "tomorrows", {}, clock.now)


@pytest.mark.parametrize("beside", [[], [Throttled(0)]])
def test_answer_that_cannot_be_stored_holds_up_no_other(house, run, settled, clock, beside):
    """Every message of every account would be sent again and again since one answer cannot be stored."""
    number, other = house.accept(3, "a"), house.accept(3, "b", backend="two")
    carrier = ScriptedCarrier({1: [Accepted("id", 2**70)], 2: list(beside)})

    def done():
        clock.now += 0.2
        return settled(number, "submitted", "unknown")() and settled(other)()

    run(carrier, ScriptedCarrier(), until_=done)
    assert house.states(number) == {1: "unknown", 2: "submitted" if beside else "unknown", 3: "unknown"}
    assert sorted(set(carrier.sent)) == [1, 2, 3]
    assert carrier.sent.count(1) == 1


def test_file_that_cannot_even_be_rejected_waits(house, clock, stranger):
    """Intake would die over one file again and again, and no file of anyone be read."""
    house.account, own = stranger, house.account
    number = house.submit(b"x")
    house.account = own
    house.store.queue.retry_batch(house.store.queue.claim_batch(house.owner, clock.now).id, house.owner, 0)
    reader = house.intake(max_failures=0, retry_seconds=100)
    assert reader.step()
    assert house.batch(number).state == "pending"
    good = house.submit(b"msisdn,message\n4512345678,hi\n")
    assert reader.step()
    assert (house.batch(good).state, reader.step()) == ("accepted", False)


def test_retention_passes_over_an_account_of_unknown_rules(house, clock, stranger, events):
    """Nobody's old files would be deleted any more, and the disk fill up."""
    number = house.accept(1)
    clock.now += 1000 * DAY
    house.store.queue.record(house.owner, [])
    sweep(house.store, dialect)
    assert house.file(number) is None
    assert [event["account"] for event in events if event["event"] == "account_left_alone"] == [stranger.name]


def test_daily_reports_pass_over_an_account_of_unknown_rules(house, stranger):
    """No connector would get its daily reports any more."""
    assert stranger.dialect == "tomorrows"
    assert not DailyReporter(house.store, house.owner, dialect).step()


def test_reply_to_an_account_of_unknown_rules_is_no_stop_word(stranger):
    """Receipts of every account, which come together with that reply, could not be stored."""
    assert not stops(stranger, "STOP")


def test_one_job_that_fails_holds_up_no_other(clock, monkeypatch):
    """Result files would not be written since mails cannot be, or the other way round."""
    monkeypatch.setattr(jobs, "FAILED_SECONDS", 10.0)
    done = []

    def bad():
        done.append("bad")
        raise ValueError("poison")

    both = Jobs({"bad": bad, "good": lambda: done.append("good")}, clock)
    both.step()
    both.step()
    clock.now += 10
    both.step()
    assert done == ["bad", "good", "good", "bad", "good"]


def test_store_that_is_away_is_no_failure_of_a_job(clock):
    """A process that lost its lease would go on beside its successor."""

    def away():
        raise StoreUnavailable("away")

    with pytest.raises(StoreUnavailable):
        Jobs({"any": away}, clock).step()


def test_job_for_now_and_then(clock):
    """The sweep would be done without a pause, or never again."""
    done = []
    job = Every(10, clock, lambda: done.append(clock.now))
    for _ in range(3):
        assert not job.step()
        clock.now += 5
    assert len(done) == 2


def test_job_that_has_more_to_do_goes_on(clock):
    """A store to which more files come in an hour than one sweep deletes would grow for ever."""
    left = [True, True, False]
    job = Every(10, clock, lambda: left.pop(0))
    assert [job.step() for _ in range(5)] == [True, True, False, False, False]


def rejected(house, address):
    """A file that was rejected, and somebody to be told."""
    number = house.submit(b"x")
    house.store.queue.claim_batch(house.owner, house.store.now())
    notices = [NewNotice("verdict", address, house.store.now())]
    verdict = Verdict(f"{number}.rejected", house.store.now(), notices=notices)
    house.store.queue.reject(number, house.owner, verdict)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_mail_at_which_the_relay_breaks_off_holds_up_no_other(house, inbox, served, monkeypatch, place):
    """Nobody would get a mail for a day, and then all be given up, since a relay chokes on one of them."""
    people = ["ann@example.com", "ben@example.com", "cid@example.com"]
    bad = people[place]

    rcpt = SMTP.smtp_RCPT

    async def choking(server, argument):
        if bad in argument:
            server.transport.abort()
        else:
            await rcpt(server, argument)

    monkeypatch.setattr(SMTP, "smtp_RCPT", choking)
    for address in people:
        rejected(house, address)
    with served(inbox) as port:
        mailer = Mailer(house.store, Relay("127.0.0.1", port, "smsfs@example.org"), lambda: True, dialect)
        mailer.step()
    assert sorted(mail["To"] for mail in inbox.mails) == [each for each in people if each != bad]
