"""What an operator sees of receipts, replies and opt-outs."""

import pytest

from smsfs.pipeline.dispatch.arrivals import stops
from smsfs.store import NewReceipt, NewReplyPart, Outcome, SliceReport

ADA = "4512345601"


@pytest.fixture
def sent(submitted, store):
    """A file of two messages that a carrier took."""
    submitted("good.csv", until="read")
    owner = store.register("dispatch")
    held = store.queue.claim_slice(owner, "outbox", store.now(), oldest=True)
    outcomes = [
        Outcome(row, "accepted", store.now(), f"c{row}", parts=1, attempt=1, recipient=int(ADA) + row - 1)
        for row in (1, 2)
    ]
    assert store.queue.record(owner, [SliceReport(held, outcomes, done=True)]) == []


def test_messages_show_what_receipts_said(smsfs, sent, store):
    """An operator could not tell who got a message, nor why someone did not."""
    del sent
    bad = NewReceipt("outbox", "c2", None, "undelivered", 1e9, "27", "UNDELIV", done=1e9 - 60)
    store.inbound.receive([NewReceipt("outbox", "c1", None, "delivered", 1e9), bad], [], stops)
    first, second = smsfs("messages", "--json").rows()
    assert (first["state"], first["done_at"], first["carrier_id"]) == (
        "delivered",
        "2001-09-09T01:46:40Z",
        "c1",
    )
    assert (second["state"], second["code"], second["reason"]) == ("undelivered", "27", "UNDELIV")
    assert second["carrier_done_at"] == "2001-09-09T01:45:40Z"
    assert "UNDELIV" in smsfs("messages", "--state", "undelivered").out


def test_messages_on_their_way_are_not_done(smsfs, sent):
    """A message would count as done before its receipt came."""
    del sent
    assert [row["done_at"] for row in smsfs("messages", "--json").rows()] == [None, None]


def test_replies_are_listed(smsfs, sent, clinic, store):
    """What people wrote back would be in the store and nowhere else."""
    del sent
    texts = {ADA: "Yes,\nI come", "4599999999": "Who is this?"}
    parts = [NewReplyPart("outbox", sender, "29", text, 1e9) for sender, text in texts.items()]
    store.inbound.receive([], parts, stops)
    first, second = smsfs("replies", "--json").rows()
    assert (first["account"], first["row"], first["text"]) == (clinic, 1, "Yes,\nI come")
    assert first["file"].startswith("good.csv.")
    assert (second["account"], second["file"], second["whole"]) == (None, None, True)
    head, line = smsfs("replies", "--account", clinic).out.splitlines()
    assert head.split() == ["received_at", "account", "file", "row", "sender", "text"]
    assert line.endswith("Yes, I come")


def test_any_reply_is_shown(smsfs, sent, store):
    """A stranger's text would end the command in a traceback, or steer the operator's terminal."""
    del sent
    texts = ["[/b] Yes :smile:", "\x1b[2JGone", "a" * 2000]
    store.inbound.receive([], [NewReplyPart("outbox", ADA, "29", text, 1e9) for text in texts], stops)
    lines = smsfs("replies").out.splitlines()[1:]
    assert [line.partition(ADA)[2].strip() for line in lines] == [texts[0], r"\x1b[2JGone", texts[2]]


def test_optouts_are_kept_by_hand(smsfs, clinic):
    """An operator could not honour a wish that came by telephone."""
    own = ("--account", clinic)
    assert smsfs("optout", "add", f"+{ADA}", "4512345602", ADA, *own).out == (
        "2 added, 0 were listed already.\n"
    )
    assert smsfs("optout", "remove", ADA, "4512345603", *own).out == "1 removed, 1 were not listed.\n"
    (row,) = smsfs("optout", "list", *own, "--json").rows()
    assert (row["msisdn"], row["source"]) == ("4512345602", "command")
    assert "4512345602" in smsfs("optout", "list", *own).out


@pytest.mark.parametrize("source", ["-", "numbers.txt"])
def test_optouts_are_imported(smsfs, clinic, tmp_path, source):
    """A list kept elsewhere would have to be typed again."""
    text = f"\ufeff{ADA}\r\n\n +4512345602 \n" if source != "-" else f"{ADA}\n4512345602\n"
    (tmp_path / "numbers.txt").write_text(text, encoding="utf-8")
    done = smsfs("optout", "import", source, "--account", clinic, text=text)
    assert (done.out, done.err) == ("2 added, 0 were listed already.\n", "")
    rows = smsfs("optout", "list", "--account", clinic, "--json").rows()
    assert [row["msisdn"] for row in rows] == [ADA, "4512345602"]


def test_optouts_are_read_as_people_write_them(smsfs, store):
    """A list that another system wrote would have to be rewritten, or name numbers that nobody has."""
    store.accounts.add("shop", "smsportal", {"country": "ZA"}, store.now())
    text = "+27 83 123 0001\n0027 (83) 123-0002\n083 123 0003\n27831230001\n"
    assert smsfs("optout", "import", "-", "--account", "shop", text=text).out == (
        "3 added, 0 were listed already.\n"
    )
    assert (
        smsfs("optout", "add", "083-123 0003", "--account", "shop").out == "0 added, 1 were listed already.\n"
    )
    assert (
        smsfs("optout", "remove", "+27 831230002", "--account", "shop").out
        == "1 removed, 0 were not listed.\n"
    )
    rows = smsfs("optout", "list", "--account", "shop", "--json").rows()
    assert [row["msisdn"] for row in rows] == ["27831230001", "27831230003"]


def test_wrong_numbers_are_named_and_nothing_is_imported(smsfs, clinic, tmp_path):
    """A list with a slip in it would be imported in part, and the rest be written to."""
    (tmp_path / "numbers.txt").write_text(f"{ADA}\nnobody\n\n12\n" + "x\n" * 30, encoding="utf-8")
    done = smsfs("optout", "import", "numbers.txt", "--account", clinic)
    assert done.status == 1
    assert done.err.startswith('smsfs: Nothing was imported. Line 2: "nobody" is no phone number: ')
    assert 'Line 4: "12" is no phone number: ' in done.err
    assert "(12 more lines are wrong.)" in done.err
    assert smsfs("optout", "list", "--account", clinic, "--json").out == ""


@pytest.mark.parametrize("command", ["add", "remove"])
def test_wrong_numbers_are_refused(smsfs, clinic, command):
    """A number with a slip in it would be listed, and the right one be written to."""
    done = smsfs("optout", command, "12", "--account", clinic)
    assert (done.status, done.err[:46]) == (1, 'smsfs: Nothing was changed: "12" is no phone n')


def test_optouts_need_an_account_that_is_there(smsfs, clinic):
    """A number would be put on nobody's list."""
    assert (
        "There is no account clini; there are: " in smsfs("optout", "list", "--account", f"{clinic}"[:-1]).err
    )
