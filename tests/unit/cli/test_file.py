"""``smsfs file`` and ``smsfs log``."""

import json

import pytest


@pytest.fixture
def sent(submitted, store):
    """The batch of a file whose two messages wait."""
    submitted("a.csv", until="read")
    (batch,) = store.queue.batches()
    return batch.id


def one(done):
    """The JSON object that a command printed."""
    assert done.status == 0, done.err
    return json.loads(done.out)


def test_a_file_is_held_released_and_cancelled(smsfs, sent):
    """An operator could not stop a file with a wrong text."""
    batch = sent
    held = one(smsfs("file", "hold", batch, "--json"))
    assert (held["held"], held["messages"], held["dry_run"]) == (2, 2, False)
    assert one(smsfs("file", "show", batch, "--json"))["messages"] == {"held": 2}
    assert one(smsfs("file", "release", batch, "--rows", "1", "--json"))["released"] == 1
    assert one(smsfs("file", "cancel", batch, "--to", "+45 12 34 56 02", "--json"))["cancelled"] == 1
    states = [row["state"] for row in smsfs("messages", "--json").rows()]
    assert states == ["queued", "cancelled"]


def test_a_verb_says_what_it_did(smsfs, sent):
    """An operator could not tell a customer how much of the file was stopped."""
    batch = sent
    dry = smsfs("file", "cancel", batch, "--dry-run")
    assert dry.out.startswith(f"batch {batch} of clinic: a.")
    assert dry.out.endswith("would be: 2 of 2 cancelled.\n")
    assert smsfs("file", "cancel", "a.csv").out.endswith(".success: 2 of 2 cancelled.\n")
    (entry,) = smsfs("log", "--verb", "file cancel", "--json").rows()
    assert (entry["result"], entry["target"].split(":")[0]) == (
        "2 of 2 cancelled",
        f"batch {batch} of clinic",
    )
    assert entry["who"]
    assert entry["origin"].startswith("command on ")


def test_what_cannot_be_meant_is_refused(smsfs, sent):
    """A slip of the pen would cancel another file, or all of one."""
    assert smsfs("file", "cancel", "b.csv").err.startswith("smsfs: No file b.csv was submitted")
    assert "is not a row or a range" in smsfs("file", "cancel", sent, "--rows", "9-5").err
    assert "--to names no phone number" in smsfs("file", "cancel", sent, "--to", "call me").err
    assert [row["state"] for row in smsfs("messages", "--json").rows()] == ["queued", "queued"]
