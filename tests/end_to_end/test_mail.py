"""E-mails of a real server about its clients' files, over a real SMTP server."""

import contextlib
import json
import os
import signal

import pytest

from smsfs.config import load, open_store
from tests.support.server import Installation, Server, free_ports, wait_for

pytestmark = pytest.mark.logs("worker_ended", "mail_given_up")  # the one is killed, the other refused

DOCUMENT = (
    'version: 7\n{"email": "%s", "message_template": "Hello", "contacts": [{"msisdn": "27821234567"}, {}]}'
)


@pytest.fixture
def mailing(tmp_path, kit):
    """A server with a relay, which nobody runs yet, and an account."""
    (port,) = free_ports(1)
    relay = {"host": "127.0.0.1", "port": port, "sender": "smsfs@example.org"}
    with Server(Installation(tmp_path, {**kit.sections, "mail": relay})) as server:
        options = ("--dialect", "smsportal", "--set", "email=account@example.com")
        account = kit.Account(server, "portal", tmp_path, *options)
        account.relay_port = port
        yield account
    assert "Traceback" not in server.log


@pytest.fixture
def submit(mailing):
    """Uploads a file whose text names an address."""

    def submit(name, address):
        with mailing.session() as sftp, sftp.open(f"Send_SMS/{name}", "w") as file:
            file.write(DOCUMENT % address)

    return submit


@pytest.fixture
def notices(mailing):
    """The notices that are still to be sent, whenever they are due."""
    with contextlib.closing(open_store(load(mailing.installation.configuration))) as store:

        def pending(*, now=False):
            found = store.notices.due(1e12, 10)
            for notice in found if now else ():
                store.notices.later(notice, 0, failed=False)
            return found

        yield pending


def test_one_mail_for_each_file_though_the_relay_was_away(mailing, submit, notices, inbox, served):
    """Nobody would hear of a file that came while the relay was restarted, or hear of it several times."""
    submit("first.json", "ann@example.com")
    submit("second.json", "")
    wait_for(lambda: [notice.failures > 0 for notice in notices()] == [True, True], "two tries in vain")
    with served(inbox, mailing.relay_port):
        notices(now=True)
        wait_for(lambda: not notices(), "the mails")
        submit("third.json", "no address")
        wait_for(lambda: len(inbox.mails) == 3 and not notices(), "the third mail")
    told = {mail["To"]: mail for mail in inbox.mails[:2]}
    assert told.keys() == {"ann@example.com", "account@example.com"}
    subject = "first.json: accepted, messages: 1, faults: 1"
    assert told["ann@example.com"]["Subject"] == subject
    text = told["ann@example.com"].get_content()
    assert "- RequiredParameter.Missing: first.json, contact 2: msisdn is missing or empty" in text
    assert inbox.mails[2]["To"] == "account@example.com"
    assert "no address" in inbox.mails[2].get_content()


def test_a_sender_that_is_killed_repeats_a_mail_once_at_most(mailing, submit, notices, inbox, served):
    """A mail would be lost with the process that sent it, or come twice and look like two files."""
    pids = [wait_for(lambda: mailing.server.workers().get("reports"), "the process that sends mails")]

    def kill(_):
        if len(inbox.mails) == 1:
            os.kill(pids[0], signal.SIGKILL)

    inbox.taken = kill
    with served(inbox, mailing.relay_port):
        submit("killed.json", "ann@example.com")
        wait_for(lambda: len(inbox.mails) == 2 and not notices(), "the mail from another process")
    assert mailing.server.workers().get("reports") != pids[0]
    assert len({mail["Message-ID"] for mail in inbox.mails}) == 1
    wait_for(lambda: "mail_sent" in mailing.server.log, "the line about it")
    events = [json.loads(line)["event"] for line in mailing.server.log.splitlines() if line.startswith("{")]
    assert events.count("mail_sent") == 1
