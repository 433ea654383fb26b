"""A PostgreSQL server and an SMTP server for whoever wants one; shipped suites show the values of asserts."""

import signal
import socket
from contextlib import contextmanager
from email import message_from_bytes, policy

import pytest
from aiosmtpd.controller import Controller

pytest.register_assert_rewrite("tests.support")

from tests.support.postgres import PostgresServer  # noqa: E402 -- after the line above

# In the background of a script, or under nohup, these are ignored, and every program would inherit that; a
# signal with a handler is as usual for the programs.
for _signal in (signal.SIGINT, signal.SIGHUP):
    if signal.getsignal(_signal) is signal.SIG_IGN:
        signal.signal(_signal, lambda *_: None)


#: Folders of tests that load the whole machine: kills, real clients, figures.
HEAVY = ("tests/crash/", "tests/end_to_end/", "tests/benchmarks/")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """In a parallel run, heavy tests go one after another, and beside them the others, file by file."""
    from xdist.scheduler import LoadScopeScheduling  # noqa: PLC0415 -- for parallel runs only

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return "heavy" if nodeid.startswith(HEAVY) else nodeid.partition("::")[0]

    return Scheduling(config, log)


@pytest.fixture(scope="session")
def postgres():
    """One server for the whole run; each test makes its own database."""
    server = PostgresServer()
    yield server
    server.stop()


@pytest.fixture
def database(postgres):
    """The URL of an empty database."""
    url = postgres.new_database()
    yield url
    postgres.drop_database(url)


class Inbox:
    """What the relay got, and what it answers to each recipient in turn."""

    def __init__(self):
        self.mails, self.answers, self.taken = [], [], lambda _: None

    async def handle_RCPT(self, *given):  # noqa: N802 -- aiosmtpd's name
        """Take a recipient, or answer as told."""
        _, _, envelope, address, _ = given
        answer = self.answers.pop(0) if self.answers else "250 OK"
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, *given):  # noqa: N802 -- aiosmtpd's name
        """Keep a mail."""
        self.mails.append(message_from_bytes(given[2].content, policy=policy.default))
        self.taken(self.mails[-1])
        return "250 OK"


@contextmanager
def _served(inbox, port=0, **options):
    """A running SMTP server; its port."""
    if not port:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
    controller = Controller(inbox, hostname="127.0.0.1", port=port, **options)
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


@pytest.fixture
def inbox():
    """What an SMTP server got, and what it answers."""
    return Inbox()


@pytest.fixture(scope="session")
def served():
    """Runs an SMTP server that puts mails into an inbox, in a ``with`` statement that gives its port."""
    return _served
