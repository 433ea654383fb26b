"""Connectors on two hosts that share a database."""

import contextlib
import socket
import threading
from datetime import UTC, datetime, timedelta

import paramiko
import psycopg
import pytest

from smsfs.dialects.naxai.reports import names as report_names
from smsfs.pipeline.reports.daily import report_days
from tests.support.pair import Pair
from tests.support.server import wait_for

PASSWORD = "correct-horse-battery"
ROUNDS, NUMBERS = 5, 300
DAY = 86_400
LOGS = {"log": {"level": "info", "format": "json"}}


@pytest.fixture
def pair(database, tmp_path):
    """Two hosts, not started yet, with an account and its connector, which was made three days ago."""
    pair = Pair(tmp_path, [database, database], LOGS)
    pair.installation.add_account("clinic", PASSWORD)
    sample = tmp_path / "sample.csv"
    sample.write_text(table([4512345678]), encoding="utf-8")
    options = ("--account", "clinic", "--sample", str(sample), "--template", "Hi", "--password-stdin")
    rules = ("--set", "dedupe_days=1", "--set", "duplicate_seconds=0")
    pair.installation.run("connector", "create", "leads", *options, *rules, text=f"{PASSWORD}\n")
    with psycopg.connect(database) as connection:
        connection.execute("UPDATE account SET created = created - %s", [3 * DAY])
    return pair


@contextlib.contextmanager
def sessions(pair):
    """A session of the connector on each host."""
    with contextlib.ExitStack() as stack:
        found = []
        for server in pair.servers:
            raw = socket.create_connection(("127.0.0.1", server.port))
            transport = stack.enter_context(contextlib.closing(paramiko.Transport(raw)))
            transport.connect(username="leads", password=PASSWORD)
            found.append(paramiko.SFTPClient.from_transport(transport))
        yield found


def table(numbers):
    """A file to these numbers."""
    return "phone\n" + "".join(f"{number}\n" for number in numbers)


def upload(sftp, name, text):
    """Write a file."""
    with sftp.open(name, "w") as file:
        file.write(text)


def at_once(*calls):
    """Run calls at the same time, to their ends."""
    threads = [threading.Thread(target=call, args=arguments) for call, *arguments in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.slow
def test_a_number_in_two_files_at_once_gets_one_message(pair):
    """Whoever is on two lists that come in at the same moment would get two messages."""
    with pair, sessions(pair) as (here, there):
        for turn in range(ROUNDS):
            numbers = range(4500000000 + turn * NUMBERS, 4500000000 + (turn + 1) * NUMBERS)
            files = (here, f"a{turn}.csv", table(numbers)), (there, f"b{turn}.csv", table(reversed(numbers)))
            at_once(*((upload, *file) for file in files))
        wait_for(lambda: not [name for name in here.listdir() if name[0] in "ab"], "all to be read", 60)
        wait_for(lambda: len(pair.sent("leads")) >= ROUNDS * NUMBERS, "the messages", 60)
        codes = [row["code"] for row in pair.installation.rows("messages", "--account", "leads")]
    sent = [message["recipient"] for message in pair.sent("leads")]
    assert len(sent) == len(set(sent)) == ROUNDS * NUMBERS
    assert sorted(codes) == [""] * ROUNDS * NUMBERS + ["901"] * ROUNDS * NUMBERS


@pytest.mark.slow
def test_each_day_s_reports_are_made_once(pair):
    """A program would fetch a report while the other host writes it anew, or find none."""
    with pair, sessions(pair) as (here, there):
        now = datetime.now(UTC)
        due = report_days(now, (), (now - timedelta(days=3)).date())
        names = sorted(name for day in due for name in report_names(day))
        wait_for(lambda: sorted(there.listdir()) == names, f"the reports {names}", 30)
        assert here.open(names[-1]).read().startswith(b"templateId,fileIngestionId,messageId,phone,")
        there.remove(names[0])
        assert names[0] not in here.listdir()
    logs = "".join(server.log for server in pair.servers)
    made = [line for line in logs.splitlines() if '"daily_reports"' in line]
    assert len(made) == len(set(made)) == len(names) / 2
