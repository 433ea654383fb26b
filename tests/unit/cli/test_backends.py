"""The list of backends."""

import pytest

from smsfs.config import load, open_store
from smsfs.store import BackendCredit, BackendState

CONFIGURATION = """
[pipeline]
default_backend = "45=second,outbox outbox"
[backends.outbox]
type = "outbox"
[backends.second]
type = "outbox"
path = "second.jsonl"
"""


@pytest.fixture
def configured(tmp_path, smsfs):
    """Two backends."""
    (tmp_path / "smsfs.toml").write_text(CONFIGURATION, encoding="utf-8")
    open_store(load()).close()
    return smsfs


def test_backends_without_a_server(configured):
    """An operator would take a backend for one that works although nothing sends."""
    first, second = configured("backends", "--json").rows()
    assert first == {
        "backend": "outbox",
        "type": "outbox",
        "host": None,
        "state": None,
        "since": None,
        "queued": 0,
        "reason": "no smsfs serve that has it runs",
    }
    assert second["backend"] == "second"


@pytest.mark.usefixtures("configured", "clinic")
def test_states_and_what_waits(configured, store, submitted):
    """An operator could not see which carrier is away, since when, why, and how much waits for it."""
    submitted("a.csv", until="read")
    owner, gone = store.register("dispatch"), store.register("dispatch")
    seen = [
        BackendState(
            "outbox", "down", "cannot connect: Connection refused", 1_700_000_000.0, 1_700_000_009.0
        ),
        BackendState("stray", "up", "", 1_700_000_000.0, 1_700_000_009.0),
    ]
    store.routing.report(owner, seen)
    first, second, stray = configured("backends", "--json").rows()
    assert (first["state"], first["since"], first["queued"]) == ("down", "2023-11-14T22:13:20Z", 2)
    assert (first["reason"], first["type"]) == ("cannot connect: Connection refused", "outbox")
    assert first["host"]
    assert (second["state"], second["queued"]) == (None, 0)
    assert (stray["type"], stray["state"]) == (None, "up")
    assert gone.id != owner.id
    header, line, *_ = configured("backends").out.splitlines()
    assert header.split() == ["backend", "type", "host", "state", "since", "queued", "reason"]
    assert line.split()[3:6] == ["down", "2023-11-14T22:13:20Z", "2"]
    assert line.endswith("cannot connect: Connection refused")


@pytest.mark.usefixtures("clinic")
def test_credit_that_is_left(tmp_path, smsfs, store):
    """An operator would see that the credit is used up only when nothing leaves any more."""
    section = '[backends.gateway]\ntype = "gatewayapi"\ntoken = "a secret"\nlow_credit = 50\n'
    (tmp_path / "smsfs.toml").write_text(CONFIGURATION + section, encoding="utf-8")
    owner = store.register("reports")
    assert store.lead(owner, "reports")
    store.routing.report(store.register("dispatch"), [BackendState("gateway", "up", "", 1.0, 1.0)])
    before = smsfs("backends", "--json").rows()[-1]
    assert (before["credit"], before["credit_low"], before["reason"]) == (None, False, "")
    found = BackendCredit("gateway", "12.5 DKK", 1_700_000_000.0, low=True)
    store.routing.note_credit(owner, "reports", found)
    first, *_, gateway = smsfs("backends", "--json").rows()
    assert "credit" not in first
    assert (gateway["credit"], gateway["credit_low"]) == ("12.5 DKK", True)
    assert (gateway["credit_at"], gateway["reason"]) == ("2023-11-14T22:13:20Z", "the credit is low")
    lines = smsfs("backends").out.splitlines()
    assert lines[0].split()[-2:] == ["credit", "reason"]
    assert "12.5 DKK" in lines[-1]


@pytest.mark.usefixtures("configured", "clinic")
def test_words_of_the_dead_are_not_shown(configured, store):
    """A server that was killed would be listed as one that sends."""
    owner = store.register("dispatch")
    store.routing.report(owner, [BackendState("outbox", "up", "", 1.0, 1.0)])
    store.close()
    assert configured("backends", "--json").rows()[0]["state"] is None


def test_a_server_that_has_not_told_yet(configured, store):
    """Right after its start a server would be said not to run."""
    front = store.register("front")
    (host,) = (host.host for host in store.hosts() if host.term == front.id)
    first, second = configured("backends", "--json").rows()
    told = f"smsfs serve on {host} is starting: look again in a moment, or into its log"
    assert (first["state"], first["reason"], second["reason"]) == (None, told, told)
    store.routing.report(store.register("dispatch"), [BackendState("outbox", "up", "", 1.0, 1.0)])
    first, second = configured("backends", "--json").rows()
    assert (first["state"], second["reason"]) == ("up", "no smsfs serve that has it runs")


def test_flash_messages_need_a_backend_that_sends_them(tmp_path, smsfs):
    """A code that is not to be kept would leave as an ordinary message, and nobody be told."""
    section = (
        '[backends.twilio]\ntype = "twilio"\naccount_sid = "AC1"\ntoken = "x"\ndefault_sender = "Acme"\n'
    )
    (tmp_path / "smsfs.toml").write_text(CONFIGURATION + section, encoding="utf-8")
    made = "account", "add", "x", "--dialect", "gatewayapi", "--password-stdin", "--set", "flash=send"
    refused = smsfs(*made, "--set", "backend=45=second,twilio outbox", text="password\n")
    assert refused.status != 0
    assert "The setting flash cannot be 'send': the backend 'twilio' (twilio)" in " ".join(
        refused.err.split()
    )
    assert smsfs(*made, "--set", "backend=outbox", text="password\n").status == 0


def test_a_backend_is_paused_and_resumed(smsfs, clinic):
    """An operator could not keep messages from a carrier that is in trouble, nor see who did."""
    assert smsfs("backend", "pause", "outbox", "--reason", "their maintenance").out == "outbox is paused.\n"
    (row,) = smsfs("backends", "--json").rows()
    assert (row["state"], row["host"]) == ("paused", None)
    assert row["reason"].startswith("paused by ")
    assert row["reason"].endswith(": their maintenance")
    assert smsfs("backend", "drain", "outbox").out == "outbox is draining.\n"
    assert smsfs("backend", "resume", "outbox").out == "outbox is resumed.\n"
    assert smsfs("backend", "resume", "outbox").err == "smsfs: The backend outbox is not paused.\n"
    assert "There is no backend other" in smsfs("backend", "pause", "other").err
    assert len(smsfs("log", "--json").rows()) == 3
    del clinic
