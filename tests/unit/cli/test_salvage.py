"""What ``smsfs fsck --salvage`` saves of a damaged store."""

import csv
import json
import os
import sqlite3
from contextlib import closing

import pytest

from smsfs.pipeline.slices import span
from smsfs.store import NewReplyPart
from smsfs.store.sqlite.salvage import salvage

PAGE = 4096
ROWS, SENT = 3000, 500


def text_of(row):
    """A text of its own for each row."""
    return f"Dear number {row}, your appointment is at {row % 24}:00. " + "x" * (row % 50)


@pytest.fixture
def filled(clinic, store, submitted, tmp_path):
    """Messages sent and waiting, a reply, opt-outs, a draft; all in the one file. Its path."""
    lines = [f'{4512000000 + row},"{text_of(row)}"' for row in range(1, ROWS + 1)]
    submitted("sent.csv", "msisdn,message\n" + "\n".join(lines) + "\n", until="sent")
    submitted("waiting.csv", "msisdn,message\n4513000001,Not yet\n", until="read")
    submitted("new.csv", "msisdn,message\n4514000001,Unread\n")
    account = store.accounts.find(clinic)
    store.optouts.add(account.id, [str(4515000000 + number) for number in range(500)], "test", store.now())
    part = NewReplyPart(
        "outbox", "4512000001", "clinic", "Thank you", store.now(), reference=0, part=1, total=1
    )
    store.inbound.receive([], [part], lambda *_: False)
    store.close()
    path = tmp_path / "data" / "smsfs.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


def saved(smsfs, tmp_path, name="saved"):
    """Run it, and read what it wrote: by table its rows."""
    folder = tmp_path / name
    done = smsfs("fsck", "--salvage", folder)
    assert done.status == 0, done.err
    tables = {}
    for file in folder.glob("*.csv"):
        with file.open(encoding="utf-8", newline="") as stream:
            tables[file.stem] = list(csv.DictReader(stream))
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert {name: len(rows) for name, rows in tables.items()} == {
        name: count for name, count in report["saved"].items() if name != "accounts"
    }
    return folder, tables


def spoil(path, *numbers):
    """Overwrite pages, counted from 1."""
    with path.open("r+b") as stream:
        for number in numbers:
            stream.seek((number - 1) * PAGE)
            stream.write(os.urandom(PAGE))


def check_whole(folder, tables, clinic):
    """Everything of ``filled`` is there."""
    sent = {int(item["row"]): item for item in tables["messages"] if item["file"].startswith("sent")}
    assert {row: (item["recipient"], item["text"], item["state"]) for row, item in sent.items()} == {
        row: (str(4512000000 + row), text_of(row), "submitted" if row <= SENT else "queued")
        for row in range(1, ROWS + 1)
    }
    waiting = [item for item in tables["messages"] if item["file"].startswith("waiting")]
    assert [(item["text"], item["state"]) for item in waiting] == [("Not yet", "queued")]
    assert {item["msisdn"] for item in tables["optouts"]} == {str(4515000000 + n) for n in range(500)}
    assert [(item["account"], item["text"]) for item in tables["replies"]] == [("", "Thank you")]
    (account,) = json.loads((folder / "accounts.json").read_text(encoding="utf-8"))
    assert (account["name"], account["dialect"]) == (clinic, "gatewayapi")
    assert account["password"].startswith("$argon2")
    found = [item for item in tables["files"] if item["file"].startswith("new.csv")]
    assert "4514000001,Unread" in (folder / found[0]["saved_as"]).read_text(encoding="utf-8")


def test_a_sound_store_is_saved_whole(smsfs, filled, clinic, tmp_path):
    """What is there would be missing from what was saved, and be taken for lost."""
    before = filled.read_bytes()
    folder, tables = saved(smsfs, tmp_path)
    check_whole(folder, tables, clinic)
    assert filled.read_bytes() == before
    assert sorted(path.name for path in folder.iterdir()) == [
        *("accounts.json", "files", "files.csv", "host_keys.json", "messages.csv", "optouts.csv"),
        *("replies.csv", "report.json"),
    ]
    assert all(path.stat().st_mode & 0o077 == 0 for path in [folder, *folder.rglob("*")])


def test_a_store_without_its_first_page_is_saved_whole(smsfs, filled, clinic, tmp_path):
    """SQLite reads nothing of such a file, though every message is in it."""
    spoil(filled, 1)
    check_whole(*saved(smsfs, tmp_path), clinic)


def test_messages_outlive_what_they_belong_to(smsfs, filled, tmp_path):
    """Texts and numbers would be left behind because the page of their account or file is broken."""
    with closing(sqlite3.connect(filled)) as connection:
        rows = connection.execute("SELECT name, rootpage FROM sqlite_schema WHERE type = 'table'").fetchall()
    spoil(filled, *(root for name, root in rows if name in {"account", "batch", "slice", "file"}))
    _, found = saved(smsfs, tmp_path)
    assert {item["recipient"] for item in found["messages"]} == {
        "4513000001",
        *(str(4512000000 + row) for row in range(1, ROWS + 1)),
    }
    assert {item["account"] for item in found["optouts"]} == {"lost-1"}
    assert all(item["saved_as"].startswith("files/lost/") for item in found["files"])
    assert len(found["files"]) == 3


def test_every_page_may_be_lost(filled, tmp_path):
    """One broken page would take more with it than what it held, or end the rescue in a traceback."""
    pages = filled.stat().st_size // PAGE
    data = filled.read_bytes()
    whole = sum(salvage(filled, tmp_path / "whole.db", span).rows.values())
    for number in range(1, pages + 1, max(1, pages // 40)):
        filled.write_bytes(data)
        spoil(filled, number)
        done = salvage(filled, tmp_path / f"{number}.db", span)
        lost = whole - sum(done.rows.values())
        assert lost <= PAGE // 6, (number, lost, done)


def test_what_is_only_in_the_log_is_saved(smsfs, clinic, store, submitted, tmp_path):
    """A server that was killed leaves its last minutes there."""
    submitted("list.csv", until="sent")
    path = tmp_path / "data" / "smsfs.db"
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("smsfs.db", "smsfs.db-wal"):
        (copy / name).write_bytes((path.parent / name).read_bytes())
    assert (copy / "smsfs.db-wal").stat().st_size > 0
    done = salvage(copy / "smsfs.db", copy / "new.db", span)
    assert (done.rows["account"], done.rows["batch"], done.rows["outcome"]) == (1, 1, 2)
    assert clinic
    assert store
    assert smsfs


def test_it_says_when_it_cannot(smsfs, clinic, store, tmp_path):
    """Half of a running server's store would be saved, or another folder's files be overwritten."""
    owner = store.register("front")
    done = smsfs("fsck", "--salvage", tmp_path / "x")
    assert done.status == 1
    assert "has this store open: stop smsfs serve" in done.err
    assert not (tmp_path / "x").exists()
    store.close()
    assert owner
    assert clinic
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").touch()
    assert "is not empty; name a new one." in smsfs("fsck", "--salvage", tmp_path / "full").err


def test_fsck_tells_damage(smsfs, filled):
    """An operator would be told to try again later."""
    spoil(filled, filled.stat().st_size // PAGE - 3)
    done = smsfs("fsck")
    assert done.status == 74
    assert "damaged: restore a backup, or save what can be read with smsfs fsck --salvage DIR" in done.out
