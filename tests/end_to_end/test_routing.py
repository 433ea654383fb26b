"""Two carriers, and one of them fails: what both ledgers hold against what the store says."""

from collections import Counter
from contextlib import ExitStack

import pytest

from tests.support.server import Installation, Server, wait_for
from tests.support.smsc import Smsc

pytestmark = pytest.mark.logs("backend_not_started")  # an outbox that cannot be opened

ROWS = 1500
LOGIN = {"type": "smpp", "host": "127.0.0.1", "system_id": "smsfs", "password": "secret", "window": 20}
QUICK = {"reconnect_first": 0.1, "reconnect_longest": 0.5, "response_timeout": 1.0, "on_unknown": "hold"}


@pytest.fixture
def carriers(tmp_path):
    """Two SMSCs that do not run yet."""
    folders = [tmp_path / name for name in ("first", "second")]
    for folder in folders:
        folder.mkdir()
    return [Smsc(folder) for folder in folders]


@pytest.fixture
def away(carriers):
    """Starts both, with options of the first; ends the first one when it is called."""
    first, second = carriers
    with ExitStack() as both, ExitStack() as one:

        def start(*options):
            one.enter_context(first.running(*options))
            both.enter_context(second.running())
            return one.close

        yield start


def serving(folder, carriers, route):
    """A server that sends by both."""
    (folder / "smsfs").mkdir()
    backends = {
        f"backends.{name}": {**LOGIN, **QUICK, "port": smsc.port}
        for name, smsc in zip(("first", "second"), carriers, strict=True)
    }
    pipeline = {"default_backend": route, "stop_grace": 10, "breaker_seconds": 60}
    return Server(
        Installation(folder / "smsfs", {"pipeline": pipeline, **backends, "log": {"format": "json"}})
    )


def submit(server, kit, *options):
    """An account with a file of many rows that is accepted."""
    account = kit.Account(server, "shop", server.installation.folder, *options)
    with account.session() as sftp:
        with sftp.file("a.csv", "w") as file:
            file.write(kit.csv_of("a", ROWS))
        sftp.rename("a.csv", "a.csv.ready")
        account.wait_for_state(sftp, "a", "success")


def rows(server):
    """The state of each text."""
    return {row["text"]: row["state"] for row in server.installation.rows("messages")}


def settled(server):
    """Whether each message left, or is of unknown fate."""
    return set(rows(server).values()) <= {"submitted", "unknown"}


def texts(smsc):
    """How often each text came."""
    return Counter(received.text for received in smsc.received())


def states(server):
    """What is shown of the backends."""
    return {row["backend"]: row["state"] for row in server.installation.rows("backends")}


def check(server, carriers):
    """Each row came once, or is known to be of unknown fate; those of unknown fate; the second's."""
    unknown = {text for text, state in rows(server).items() if state == "unknown"}
    first, second = map(texts, carriers)
    assert not first.keys() & second.keys(), "no message was given to both"
    assert set((first + second).values()) == {1}
    assert first.keys() | second.keys() | unknown == rows(server).keys()
    return unknown, second


def test_messages_leave_by_the_other_carrier(carriers, away, tmp_path, kit):
    """Customers would wait for hours because one of two carriers is away, or get messages twice."""
    stop = away("--latency", "0.1")
    with serving(tmp_path, carriers, "first,second") as server:
        wait_for(lambda: states(server) == {"first": "up", "second": "up"}, "both links")
        submit(server, kit)
        wait_for(lambda: carriers[0].count() > 100, "some to leave")
        stop()
        wait_for(lambda: settled(server), "the rest to leave", 60)
        unknown, second = check(server, carriers)
        assert 0 < len(unknown) <= 20
        assert len(second) > ROWS / 2
        assert states(server) == {"first": "down", "second": "up"}
        (shown,) = [row for row in server.installation.rows("backends") if row["state"] == "down"]
        assert (shown["type"], shown["queued"]) == ("smpp", 0)
        assert "cannot connect: Connection refused" in shown["reason"]
    assert '"event": "rerouted"' in server.log
    assert "Traceback" not in server.log


def test_carrier_that_swallows_messages_is_left_alone(carriers, away, tmp_path, kit):
    """A carrier that takes messages and never answers would get all of them, and nobody know their fate."""
    away("--no-answer", "1")
    with serving(tmp_path, carriers, "45=first,second second") as server:
        wait_for(lambda: states(server) == {"first": "up", "second": "up"}, "both links")
        submit(server, kit)
        wait_for(lambda: settled(server), "the rest to leave", 60)
        unknown, second = check(server, carriers)
        assert unknown == texts(carriers[0]).keys()
        assert 10 <= len(unknown) <= 60
        assert len(second) == ROWS - len(unknown)
        wait_for(lambda: states(server) == {"first": "open", "second": "up"}, "the state")


def test_prefixes_decide_by_which_carrier(carriers, away, tmp_path, kit):
    """Messages to one country would be sent, and paid for, by the carrier of another."""
    away()
    route = "backend=451000000=first,second second"
    with serving(tmp_path, carriers, "second") as server:
        wait_for(lambda: states(server) == {"first": "up", "second": "up"}, "both links")
        submit(server, kit, "--set", route)
        wait_for(lambda: set(rows(server).values()) == {"submitted"}, "all to leave")
        first = [received.destination for received in carriers[0].received()]
    assert sorted(first) == [f"45{10_000_000 + row}" for row in range(10)]
    assert len(carriers[1].received()) == ROWS - 10


def test_backends_that_cannot_be_made_stop_no_other(tmp_path, kit):
    """One carrier's bad certificates, or one full disk, would keep every customer's messages from leaving."""
    authority, full = tmp_path / "ca.pem", tmp_path / "full.jsonl"
    authority.write_text("no certificate", encoding="utf-8")
    full.symlink_to("/dev/full")
    secure = {**LOGIN, "tls": True, "ca": str(authority), "port": 1}
    sections = {
        "pipeline": {"default_backend": "secure,full,good"},
        "backends.secure": secure,
        "backends.full": {"type": "outbox", "path": str(full)},
        "backends.good": {"type": "outbox", "path": str(tmp_path / "outbox.jsonl")},
    }
    installation = Installation(tmp_path, sections)
    with Server(installation) as server:
        submit(server, kit)
        wait_for(lambda: set(rows(server).values()) == {"submitted"}, "all to leave")
        assert states(server) == {"secure": "down", "full": "down", "good": "up"}
        reasons = {row["backend"]: row["reason"] for row in installation.rows("backends")}
        assert "are no PEM certificates" in reasons["secure"]
        assert "cannot be written" in reasons["full"]
        assert len(installation.sent()) == ROWS
        full.unlink()
        wait_for(lambda: states(server)["full"] == "up", "the outbox that was mended")
    assert "worker_ended" not in server.log
    assert "Traceback" not in server.log
