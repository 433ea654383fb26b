"""E-mails about files, over a real SMTP server."""

import ssl
import subprocess

import pytest
import structlog
from aiosmtpd.smtp import AuthResult
from attrs import evolve

from smsfs.dialects.registry import dialect
from smsfs.errors import Cause
from smsfs.pipeline.intake.reader import Intake, IntakeRules
from smsfs.pipeline.reports import mail
from smsfs.pipeline.reports.mail import MOST_FAILURES, Mailer, Relay
from smsfs.pipeline.slices import encoded
from smsfs.sms.message import Message
from smsfs.store import NewNotice, NewSlice, Outcome, SliceReport, Verdict

pytestmark = pytest.mark.logs("mail_given_up", "mail_relay_away")

ANN = "ann@example.com"


@pytest.fixture
def relay(inbox, served):
    """A running SMTP server."""
    with served(inbox) as port:
        yield Relay("127.0.0.1", port, "smsfs@example.org")


@pytest.fixture
def mailer(house, relay):
    """The process that sends."""
    return Mailer(house.store, relay, lambda: True, dialect)


def _rejected(house, address=ANN, kind="verdict", causes=("'x' is no phone number",)):
    """A file that was rejected, and somebody to be told."""
    number = house.submit(b"x")
    house.store.queue.claim_batch(house.owner, house.store.now())
    told = [NewNotice(kind, address, house.store.now())]
    listed = [Cause(text, line) for line, text in enumerate(causes, 2)]
    verdict = Verdict(f"{number}.rejected", house.store.now(), causes=listed[:100], cause_count=len(listed))
    house.store.queue.reject(number, house.owner, evolve(verdict, notices=told))
    return number


def test_a_mail_tells_how_a_file_went_and_is_sent_once(house, mailer, inbox):
    """Nobody would learn that a file was rejected, or everybody several times."""
    number = _rejected(house)
    assert (mailer.step(), mailer.step()) == (1, 0)
    (got,) = inbox.mails
    assert (got["To"], got["From"]) == (ANN, "smsfs@example.org")
    assert got["Subject"] == f"{number}.rejected: rejected, nothing is sent"
    assert "- line 2: 'x' is no phone number" in got.get_content()
    assert got["Auto-Submitted"] == "auto-generated"


def test_a_mail_steers_no_terminal(house):
    """A mail reader on a terminal would obey a client's file name, or show a cause that nobody wrote."""
    acting = "\x1b[2J\x9b1m\x7f\u202e\u2028\ud800\r\n"
    _rejected(house, causes=[acting])
    (notice,) = house.store.notices.due(house.store.now(), 1)
    batch = evolve(house.store.feed.batch(notice.batch), path=f"{acting}.rejected")
    told = mail.verdict_text(house.account, batch)
    sent = mail.letter(notice, "smsfs@example.org", house.store.now(), *told)
    text = "".join(map(str, sent.values())) + sent.get_content()
    assert text.replace("\n", "").isprintable()
    assert text.count("[2J") == 3


def test_mails_of_rejected_files_alone(house, relay, inbox):
    """People who send a file every minute would be told of each, and pass over the one that was rejected."""
    _rejected(house)
    number = house.submit(b"msisdn,message\n4512345678,hi\n")
    house.set(email=ANN)
    assert house.intake().step()
    assert house.batch(number).state == "accepted"
    mailer = Mailer(house.store, evolve(relay, on="rejected"), lambda: True, dialect)
    assert (mailer.step(), mailer.step()) == (2, 0)
    assert [mail["Subject"].endswith("rejected, nothing is sent") for mail in inbox.mails] == [True]


def test_many_faults_are_counted(house, mailer, inbox):
    """A mail of a hundred thousand lines would be thrown away by the first relay."""
    _rejected(house, causes=["bad"] * 50)
    mailer.step()
    text = inbox.mails[0].get_content()
    assert (text.count("bad"), "and 30 more" in text) == (mail.SHOWN_CAUSES, True)


def test_an_accepted_file_is_told_with_its_count(house):
    """The sender of a list would not know how many people it went to."""
    number = house.submit(b"msisdn,message\n4512345678,hi\n")
    rules = IntakeRules("out")
    reader = Intake(house.store, house.owner, dialect, rules)
    assert reader.step()
    batch = house.store.feed.batch(number)
    subject, body = mail.verdict_text(house.account, batch)
    assert subject.endswith(": accepted, messages: 1, faults: 0")
    assert "Received: 2023-11-14 22:13:20 UTC" in body


def test_a_recipient_refused_for_now_is_tried_again_later(house, mailer, inbox, clock):
    """A greylisting relay would keep the mail from ever coming."""
    inbox.answers = ["451 try again", "250 OK"]
    _rejected(house)
    mailer.step()
    assert (inbox.mails, mailer.step()) == ([], 0)
    clock.now += mail.FIRST_WAIT
    mailer.step()
    assert len(inbox.mails) == 1


def test_one_bad_address_does_not_hold_up_others(house, mailer, inbox):
    """One typing error would keep everybody's mails back."""
    inbox.answers = ["550 no such user"]
    _rejected(house, "typo@example.com")
    _rejected(house)
    assert mailer.step() == 2
    assert [got["To"] for got in inbox.mails] == [ANN]


def test_a_relay_that_is_away_is_tried_for_a_day_and_then_given_up(house, clock, events):
    """Mails would be lost with the first hiccup, or tried for ever."""
    start = clock.now
    _rejected(house)
    mailer = Mailer(house.store, Relay("127.0.0.1", 1, "smsfs@example.org"), lambda: True, dialect)
    for _ in range(MOST_FAILURES):
        assert mailer.step() == 1
        clock.now += mail.LONGEST_WAIT
    assert mailer.step() == 0
    assert clock.now - start > 86_400
    assert [event["event"] for event in events].count("mail_given_up") == 1


def test_the_same_mail_has_the_same_id(house):
    """A mail that had to be sent again could not be told from a second one."""
    _rejected(house)
    (notice,) = house.store.notices.due(house.store.now(), 10)
    made = [mail.letter(notice, "smsfs@example.org", at, "s", "b")["Message-ID"] for at in (1.0, 2.0)]
    assert made[0] == made[1]
    assert made[0].endswith("@example.org>")


def test_only_the_one_that_leads_sends(house, relay, inbox):
    """Each host of a pair would send every mail."""
    _rejected(house)
    assert Mailer(house.store, relay, lambda: False, dialect).step() == 0
    assert inbox.mails == []


@pytest.mark.parametrize("address", ["", ANN])
def test_without_a_relay_or_address_nothing_waits(house, events, address):
    """Notices that nobody will ever send would pile up, and who misses a mail would not find out why."""
    _rejected(house, address)
    assert Mailer(house.store, None, lambda: True, dialect).step() == 1
    assert house.store.notices.due(1e12, 10) == []
    told = [event["to"] for event in events if event["event"] == "mail_not_sent"]
    assert told == ([address] if address else [])


def test_an_address_with_a_line_break_adds_no_header(house, mailer, inbox):
    """Whoever uploads a file could have the relay send anything to anybody."""
    _rejected(house, "ann@example.com\nBcc: all@example.com")
    mailer.step()
    assert all(got["Bcc"] is None and "\n" not in got["To"] for got in inbox.mails)


def test_one_mail_that_cannot_be_sent_does_not_hold_up_others(house, inbox, served):
    """One address with a letter that the relay does not know would keep everybody's mails back."""
    _rejected(house, "ä@example.com")
    _rejected(house)
    with served(inbox, enable_SMTPUTF8=False) as port:
        relay = Relay("127.0.0.1", port, "smsfs@example.org")
        assert Mailer(house.store, relay, lambda: True, dialect).step() == 2
    assert [got["To"] for got in inbox.mails] == [ANN]


def test_any_name_of_a_file_is_told(house, mailer, inbox):
    """One file with a strange name would end the process that sends mails, again and again."""
    number = house.submit(b"x")
    house.store.queue.claim_batch(house.owner, house.store.now())
    verdict = Verdict("a\nBcc: all@example.com\x00.rejected", house.store.now())
    told = [NewNotice("verdict", ANN, house.store.now())]
    house.store.queue.reject(number, house.owner, evolve(verdict, notices=told))
    mailer.step()
    (got,) = inbox.mails
    assert got["Subject"] == r"a\nBcc: all@example.com\x00.rejected: rejected, nothing is sent"
    assert got["Bcc"] is None


def test_the_end_of_a_window_is_told_only_if_messages_were_cancelled(house, mailer, inbox, clock):
    """A sender would take messages for sent that were cancelled when their time was over."""
    told = [NewNotice("window", ANN, clock.now)]
    number = house.submit(b"x")
    house.store.queue.claim_batch(house.owner, clock.now)
    slices = [
        NewSlice(
            0,
            1,
            2,
            2,
            encoded([Message(row, f"451234560{row}", "hi") for row in (1, 2)]),
            "out",
            clock.now,
            clock.now + 9,
        )
    ]
    house.store.queue.stage(number, house.owner, slices)
    house.store.queue.accept(number, house.owner, Verdict("x.success", clock.now, 2, notices=told))
    slice_ = house.store.queue.claim_slice(house.owner, "out", clock.now, oldest=True)
    outcomes = [Outcome(1, "accepted", clock.now, "id"), Outcome(2, "cancel", clock.now)]
    house.store.queue.record(house.owner, [SliceReport(slice_, outcomes, done=True)])
    mailer.step()
    (got,) = inbox.mails
    assert "messages cancelled at the end of their time: 1" in got["Subject"]
    assert "row 2, 4512345602" in got.get_content()


def test_the_relay_is_logged_in_to_over_tls(house, inbox, served, tmp_path, monkeypatch):
    """Passwords would cross the network in the clear, or mails would not be taken."""
    certificate = tmp_path / "relay.pem"
    request = (
        "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    )
    files = ["-keyout", certificate, "-out", tmp_path / "certificate"]
    subprocess.run(["openssl", *request.split(), *files], check=True, capture_output=True)
    with certificate.open("a") as file:
        file.write((tmp_path / "certificate").read_text())
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(certificate)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    seen = []

    def check(*given):
        _, session, _, _, data = given
        seen.append((data.login, data.password, session.ssl is not None))
        return AuthResult(success=True)

    options = {"tls_context": server, "require_starttls": True, "authenticator": check}
    with served(inbox, auth_required=True, **options) as port:
        login = "localhost", port, "smsfs@example.org", "starttls", "me"
        for relay in (
            Relay(*login, "secret"),
            Relay(*login, password_file="relay.password", folder=tmp_path),
        ):
            _rejected(house)
            Mailer(house.store, relay, lambda: True, dialect).step()
            (tmp_path / "relay.password").write_text("from-file\n")
    assert (seen, len(inbox.mails)) == ([(b"me", b"secret", True), (b"me", b"from-file", True)], 2)


def test_password_that_is_nowhere_keeps_mails(house, tmp_path, inbox, served):
    """A mistyped file name would lose mails, or stop the other reports."""
    with served(inbox) as port:
        login = {"username": "me", "password_file": "nowhere", "folder": tmp_path}
        mailer = Mailer(
            house.store, Relay("127.0.0.1", port, "s@example.org", **login), lambda: True, dialect
        )
        _rejected(house)
        with structlog.testing.capture_logs() as logs:
            mailer.step()
    assert inbox.mails == []
    assert "The password cannot be read from" in str(logs)
