"""A PostgreSQL server and an SMTP server for whoever wants one; shipped suites show the values of asserts."""

import random
import secrets
import signal
import socket
import subprocess
from contextlib import contextmanager, suppress
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller

pytest.register_assert_rewrite("tests.support")

from tests.support.postgres import PostgresServer  # noqa: E402 -- after the line above
from tests.support.watch import named, unexpected  # noqa: E402

# In the background of a script, or under nohup, these are ignored, and every program would inherit that; a
# signal with a handler is as usual for the programs.
for _signal in (signal.SIGINT, signal.SIGHUP):
    if signal.getsignal(_signal) is signal.SIG_IGN:
        signal.signal(_signal, lambda *_: None)


#: A test that takes longer, in seconds, has the marker ``slow``.
SLOW = 5.0
#: So many lines of a log that nobody expects are shown.
SHOWN = 20
#: Longest first, so that the short ones fill the gaps at the end; all else comes after these.
FIRST = (
    *("tests/unit/packaging/", "tests/unit/test_house.py", "tests/crash/", "tests/end_to_end/"),
    *("tests/benchmarks/", "tests/contract/"),
)
#: Files of long tests that share nothing: each may run beside the others.
APART = tuple(
    f"tests/crash/test_{name}.py" for name in ("every_point", "full_disks", "pair", "pair_connectors")
)


#: The warnings that servers of any test may log, each with the reason; not errors of the same name.
MAY_WARN = {
    "store_made": "the store of a test is new",
    "plain_ftp": "there is no need of TLS on loopback",
    "transfer_cut": "clients of tests break off, or are killed",
    "session_refused": "as many sessions as are allowed were opened",
    "shut_out": "an account was disabled under its session",
    "proxy_header_missing": "a balancer's look whether the port answers",
    "writer_killed": "programs of tests end while they write",
    "descriptors_short": "the host of a test may allow few",
    "hangup_ignored": "servers of tests are sent it",
    "worker_stays_up": "one that was killed again and again is left alone at last",
    **dict.fromkeys(
        ["backend_state", "smsc_away", "carrier_trouble", "slowing_down", "late_answer", "rerouted"],
        "carriers of tests have faults, end and come again",
    ),
    **dict.fromkeys(
        ["receipt_unreadable", "hook_refused", "ignored", "mail_relay_away", "no_room", "waits_shortened"],
        "what is sent to servers of tests is wrong on purpose, and relays, disks and clocks fail",
    ),
    **dict.fromkeys(
        ["taken_over", "unknown_after_crash", "stale_write", "host_lost", "lease_lost", "sessions_ended"],
        "processes and hosts of tests die, and others take over",
    ),
    **dict.fromkeys(
        ["answer_lost", "store_unavailable", "store_settings", "session_failed", "ended"],
        "databases of tests go away, or are small",
    ),
    **dict.fromkeys(
        # its name is all of it as JSON, and its first word otherwise
        ["No", "No smsfs serve runs on this store: what is submitted waits until one does."],
        "mounts of tests have no server, or not yet",
    ),
}


def pytest_addoption(parser):
    """The seed of the order in which the tests run, and whether to check the markers."""
    parser.addoption("--order-seed", type=int, help="repeat the order of a run that showed this seed")
    parser.addoption("--check-slow", action="store_true", help="list false and missing markers slow")


def pytest_configure(config):
    """Choose a seed, unless one is given."""
    shared = getattr(config, "workerinput", {}).get("order_seed")
    if config.option.order_seed is None:
        config.option.order_seed = _seed_of_the_day() if shared is None else shared


def _seed_of_the_day():
    """The day of the last commit: another order each day, and the same for everybody who runs a commit."""
    git = ["git", "-C", str(Path(__file__).parent), "log", "-1", "--format=%cd", "--date=format:%Y%m%d"]
    with suppress(OSError):
        day = subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip()
        if day.isdigit():
            return int(day)
    return secrets.randbits(32)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node):
    """All processes of a parallel run have the same seed."""
    node.workerinput["order_seed"] = node.config.option.order_seed


def pytest_report_header(config):
    """Show the seed."""
    return f"random order: --order-seed={config.option.order_seed}"


def pytest_terminal_summary(terminalreporter, exitstatus, config):
    """Show the seed where it is needed, and false markers where that is wanted."""
    if exitstatus:
        terminalreporter.write_line(f"--order-seed={config.option.order_seed} repeats the order of this run")
    if config.option.check_slow:
        terminalreporter.section(f"tests whose marker slow (over {SLOW:g} s) is missing or false")
        for line in _falsely_marked(terminalreporter.getreports("passed")):
            terminalreporter.write_line(line)


def _falsely_marked(reports):
    """A line for each test that is slow and not marked, or the other way round, by its slowest parameters."""
    longest = {}
    for report in reports:
        test = report.nodeid.partition("[")[0], "slow" in report.keywords
        longest[test] = max(longest.get(test, 0.0), report.duration)
    for (test, marked), seconds in sorted(longest.items(), key=lambda item: -item[1]):
        if marked != (seconds > SLOW):
            yield f"{seconds:7.1f} s {'marked' if marked else 'not marked'}  {test}"


@pytest.hookimpl(tryfirst=True)  # before pytest brings those together that share a parameter of a fixture
def pytest_collection_modifyitems(config, items):
    """Shuffle the files, and the tests of each, so that none comes to depend on what ran before."""
    chance = random.Random(config.option.order_seed)  # noqa: S311 -- to be repeated, not to be secret
    chance.shuffle(items)
    files = {}
    for item in items:
        files.setdefault(_file(item.nodeid), []).append(item)
    items[:] = [item for file in sorted(files, key=_rank) for item in files[file]]


def _file(nodeid):
    return nodeid.partition("::")[0]


def _rank(file):
    return next((rank for rank, folder in enumerate(FIRST) if file.startswith(folder)), len(FIRST))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """In a parallel run, each process takes one file after another; all benchmarks count as one."""
    from xdist.scheduler import LoadScopeScheduling  # noqa: PLC0415 -- for parallel runs only

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            if nodeid.startswith(APART):
                return nodeid
            return "benchmarks" if nodeid.startswith("tests/benchmarks/") else _file(nodeid)

    return Scheduling(config, log)


@pytest.fixture
def may_log():
    """The errors that servers of any test in a folder may log, each with the reason."""
    return {"worker_killed": "where the machine is busy, it takes longer to stop than a test's server waits"}


@pytest.fixture(autouse=True)
def _watched_log(request, may_log):
    """Fail a test whose servers log an error or a warning that nobody expects."""
    yield
    events = unexpected({*named(request), *may_log})
    if lines := [event.line for event in events if event.level != "warning" or event.name not in MAY_WARN]:
        pytest.fail("\n".join(["Nobody expects this in the log:", *lines[:SHOWN]]), pytrace=False)


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
