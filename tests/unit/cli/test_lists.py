import json
import os

import pytest

from smsfs.cli.common import show_list
from smsfs.dialects.registry import dialect
from smsfs.filesystem import Filesystems
from smsfs.pipeline.intake.reader import Intake, IntakeRules


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


@pytest.fixture
def uploaded(store):
    """Uploads a file of an account, and reads it."""

    def upload(account, path, text):
        handle = (
            Filesystems(store, store.register("front"), dialect)
            .of(account)
            .open(path, os.O_WRONLY | os.O_CREAT)
        )
        handle.write(0, text.encode())
        handle.close()
        assert Intake(store, store.register("intake"), dialect, IntakeRules("outbox")).step()

    return upload


def test_a_file_that_was_ignored_says_why(smsfs, store, uploaded):
    """An operator could not tell a customer why a file is neither sent nor rejected."""
    uploaded(store.accounts.add("leads", "naxai", {"template": "Hi"}, store.now()), "a.csv", "name\nAda\n")
    (row,) = smsfs("files", "--json").rows()
    assert (row["state"], row["causes"]) == ("draft", 1)
    assert 'its columns are "name". The file is ignored and nothing sent' in row["cause"]


def test_a_table_is_shown_while_more_is_found(monkeypatch, capsys):
    """A list of millions would show nothing until its end, and be kept in memory as a whole."""
    monkeypatch.setattr("smsfs.cli.common.BLOCK_ROWS", 2)

    def found():
        yield from ({"n": 1, "word": "a"}, {"n": None, "word": "名"})
        assert capsys.readouterr().out.splitlines() == ["n  word", "1  a", "   名"]
        yield from ({"n": 22, "word": "b"}, {"n": True, "word": "c\td"})
        yield {"n": 5, "word": "e"}

    show_list(["n", "word"], found(), as_json=False)
    assert capsys.readouterr().out.splitlines() == ["22   b", "yes  c d", "5    e"]


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
    assert first["submitted_at"] <= first["sent_at"] == first["changed_at"]
    assert first["id"] != second["id"]


def test_messages_of_one_state(smsfs, submitted):
    """Whoever looks for messages that did not leave would have to read through all that did."""
    submitted("sent.csv", until="sent")
    submitted("waiting.csv", until="read")
    waiting = smsfs("messages", "--state", "queued", "--json").rows()
    assert {(row["file"].split(".")[0], row["sent_at"]) for row in waiting} == {("waiting", None)}
    assert smsfs("messages", "--state", "unknown", "--json").out == ""


def test_messages_are_searched_for(smsfs, submitted):
    """Whoever answers a complaint would read through all messages for those to one number, or of one day."""
    submitted("sent.csv", until="sent")
    submitted(
        "waiting.csv", "msisdn,message,sender\n4512345601,Hi Ada,Shop\n4512345603,Hi,Bank\n", until="read"
    )

    def found(*asked):
        rows = smsfs("messages", "--json", *asked).rows()
        return [(row["file"].split(".")[0], row["recipient"][-1]) for row in rows]

    assert (
        found("--to", "+45 12 34 56 01") == [("sent", "1"), ("waiting", "1")] == found("--to", "004512345601")
    )
    assert found("--to", "4512345601", "--sender", "Shop") == [("waiting", "1")]
    assert found("--sender", "Bank") == [("waiting", "3")]
    assert found("--state", "queued,submitted", "--limit", "3") == [
        ("sent", "1"),
        ("sent", "2"),
        ("waiting", "1"),
    ]
    assert found("--to", "4512345601", "--state", "queued") == [("waiting", "1")]
    assert found("--failed") == found("--until", "1h") == found("--since", "2999-01-01") == []
    assert len(found("--since", "today", "--until", "today")) == len(found("--since", "1h")) == 4


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        (["--to", "123"], "--to '123' is no phone number: "),
        (["--state", "queued,lost"], "'lost' is no state of a message; there are: queued, held, "),
        (["--since", "noon"], "--since 'noon' is no time; write it as "),
        (["--until", "2026-02-30"], "--until '2026-02-30' is no time; write it as "),
    ],
)
@pytest.mark.usefixtures("clinic")
def test_a_search_for_nothing_is_refused(smsfs, asked, sentence):
    """A slip in a search would look like messages that were never sent."""
    done = smsfs("messages", *asked)
    assert (done.out, done.status) == ("", 1)
    assert done.err.startswith(f"smsfs: {sentence}")


def test_a_message_and_its_history(smsfs, submitted):
    """An operator could not say when a message left, by which carrier, and what that answered."""
    submitted("sent.csv", until="sent")
    submitted("waiting.csv", until="read")
    sent, _, waiting, _ = smsfs("messages", "--json").rows()
    [told] = smsfs("message", sent["id"], "--json").rows()
    assert told | sent == told
    assert [(step["event"], step["backend"], step["carrier_id"]) for step in told["history"]] == [
        ("accepted", "outbox", "c-1")
    ]
    assert (told["waits_for"], told["result_file"]) == ("", None)
    [told] = smsfs("message", waiting["id"], "--json").rows()
    assert (told["state"], told["waits_for"], told["history"]) == ("queued", "outbox", [])
    shown = smsfs("message", sent["id"]).out
    assert "recipient:       4512345601\n" in shown
    assert shown.splitlines()[-1].split()[1:5] == ["1", "accepted", "outbox", "c-1"]


@pytest.mark.parametrize("name", ["7", "x-1", "0-0", "99-1"])
@pytest.mark.usefixtures("clinic")
def test_no_such_message(smsfs, name):
    """A slip in an id would be answered with a traceback, or with another message."""
    done = smsfs("message", name)
    assert (done.out, done.status) == ("", 1)
    assert done.err.startswith(
        ("smsfs: '7' is no id", "smsfs: 'x-1' is no id", "smsfs: There is no message ")
    )


@pytest.mark.parametrize("name", ["one.csv", "/one.csv", "one.csv.ready"])
def test_messages_of_one_file(smsfs, submitted, name):
    """A client knows the name that it gave the file, not the one that the server made of it."""
    submitted("one.csv", until="read")
    submitted("not one.csv", until="read")
    rows = smsfs("messages", "--file", name, "--json").rows()
    assert [row["file"].split(".")[0] for row in rows] == ["one", "one"]
    now = rows[0]["file"]
    assert len(smsfs("messages", "--file", now).out.splitlines()) == 3
    assert len(smsfs("messages", "--file", now.replace(".success", ".processing")).out.splitlines()) == 3


@pytest.mark.parametrize(
    ("dialect_name", "settings", "path", "content"),
    [
        (
            "smsportal",
            {"check_networks": False},
            "Send_SMS/x.json",
            {"message_template": "Hi", "contacts": [{"msisdn": "4512345601"}]},
        ),
        ("naxai", {"template": "Hi", "phone_column": "phone"}, "x.csv", "phone\n4512345601\n"),
    ],
)
def test_messages_of_a_file_that_has_moved(smsfs, store, uploaded, dialect_name, settings, path, content):
    """Whoever asks by the path of the upload would be told that nothing was sent."""
    account = store.accounts.add("shop", dialect_name, settings, store.now())
    uploaded(account, path, content if isinstance(content, str) else f"version: 7\n{json.dumps(content)}")
    for name in (path, f"/{path}", path.rpartition("/")[2]):
        assert [row["recipient"] for row in smsfs("messages", "--file", name, "--json").rows()] == [
            "4512345601"
        ]
    (row,) = smsfs("messages", "--json").rows()
    assert smsfs("messages", "--file", row["file"], "--json").rows() == [row]


@pytest.mark.usefixtures("clinic")
def test_messages_of_no_file(smsfs, submitted):
    """A slip in a name would look like a file of which nothing was sent."""
    submitted("bad.csv", "msisdn,message\n12,Hi\n", until="read")
    done = smsfs("messages", "--file", "bda.csv", "--json")
    assert (done.out, done.err) == ("", "No file bda.csv was submitted; smsfs files lists those there are.\n")
    assert smsfs("messages", "--file", "bad.csv", "--json").err == ""


def test_rejected_files_have_no_messages(smsfs, submitted):
    """Rows that were never sent would be listed as if they would be."""
    submitted("bad.csv", "msisdn,message\n4512345601,Hello\n12,Hi\n", until="read")
    assert smsfs("messages", "--json").out == ""
