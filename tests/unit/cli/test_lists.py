import os

import pytest

from smsfs.dialects.registry import dialect
from smsfs.filesystem import Filesystems
from smsfs.pipeline.intake import Intake, IntakeRules


def test_files_in_each_state(smsfs, submitted):
    """An operator could not see what has become of a file."""
    submitted("good.csv", until="sent")
    submitted("bad.csv", "msisdn,message\n12,Hi\n", until="read")
    submitted("new.csv")
    rows = {row["file"].split(".")[0]: row for row in smsfs("files", "--json").rows()}
    assert {name: row["state"] for name, row in rows.items()} == {
        "good": "success",
        "bad": "rejected",
        "new": "processing",
    }
    assert (rows["good"]["messages"], rows["good"]["causes"], rows["good"]["cause"]) == (2, 0, None)
    assert (rows["bad"]["messages"], rows["bad"]["causes"]) == (0, 1)
    assert rows["bad"]["cause"].startswith("line 2, column msisdn: ")
    assert rows["good"]["submitted_at"].endswith("Z")


def test_a_file_that_was_ignored_says_why(smsfs, store):
    """An operator could not tell a customer why a file is neither sent nor rejected."""
    connector = store.accounts.add("leads", "naxai", {"template": "Hi"}, store.now())
    files = Filesystems(store, store.register("front"), dialect).of(connector)
    handle = files.open("a.csv", os.O_WRONLY | os.O_CREAT)
    handle.write(0, b"name\nAda\n")
    handle.close()
    assert Intake(store, store.register("intake"), dialect, IntakeRules("outbox")).step()
    (row,) = smsfs("files", "--json").rows()
    assert (row["state"], row["causes"]) == ("draft", 1)
    assert 'its columns are "name". The file is ignored and nothing sent' in row["cause"]


def test_files_as_a_table(smsfs, clinic, submitted):
    """On a terminal there would be JSON, or nothing."""
    submitted("good.csv", until="sent")
    head, line = smsfs("files", "--account", clinic).out.splitlines()
    assert head.split() == ["account", "file", "state", "bytes", "modified", "messages", "causes"]
    assert line.split()[0::2] == ["clinic", "success", line.split()[4], "0"]


def test_messages_show_what_was_sent(smsfs, submitted):
    """A user could not prove that a message left, nor find it at the carrier."""
    submitted("good.csv", until="sent")
    first, second = smsfs("messages", "--json").rows()
    assert (first["state"], first["recipient"], first["text"]) == ("submitted", "4512345601", "Hello Ada")
    assert (first["carrier_id"], first["userref"], first["doubled"]) == ("c-1", "a-1", False)
    assert first["id"] != second["id"]


def test_messages_of_one_state(smsfs, submitted):
    """Whoever looks for messages that did not leave would have to read through all that did."""
    submitted("sent.csv", until="sent")
    submitted("waiting.csv", until="read")
    assert {row["file"].split(".")[0] for row in smsfs("messages", "--state", "queued", "--json").rows()} == {
        "waiting"
    }
    assert smsfs("messages", "--state", "unknown", "--json").out == ""


@pytest.mark.parametrize("name", ["one.csv", "one.csv.ready"])
def test_messages_of_one_file(smsfs, submitted, name):
    """A client knows the name that it gave the file, not the one that the server made of it."""
    submitted("one.csv", until="read")
    submitted("two.csv", until="read")
    rows = smsfs("messages", "--file", name, "--json").rows()
    assert [row["file"].split(".")[0] for row in rows] == ["one", "one"]
    assert len(smsfs("messages", "--file", rows[0]["file"]).out.splitlines()) == 3


def test_rejected_files_have_no_messages(smsfs, submitted):
    """Rows that were never sent would be listed as if they would be."""
    submitted("bad.csv", "msisdn,message\n4512345601,Hello\n12,Hi\n", until="read")
    assert smsfs("messages", "--json").out == ""
