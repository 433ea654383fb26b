"""``smsfs file resend``."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from smsfs.control.acting import Operator
from smsfs.control.files import USUAL, Selection
from smsfs.control.resend import resend
from smsfs.dialects.registry import dialect
from smsfs.errors import ConfigurationError, NotAllowed
from smsfs.filesystem import Filesystems
from smsfs.pipeline.intake.reader import Intake, IntakeRules
from smsfs.pipeline.reports.messages import statuses
from smsfs.pipeline.slices import messages_of
from smsfs.store import Outcome, SliceReport

ROWS = "msisdn,message\n" + "".join(f"45123456{row:02},Hello {row}\n" for row in range(1, 7))


@pytest.fixture
def read(store):
    """Read the next file."""
    return Intake(store, store.register("intake"), dialect, IntakeRules("outbox")).step


@pytest.fixture
def ended(submitted, store):
    """Send a file of which some rows ended in other states."""

    def ended(name="a.csv", **others):
        submitted(name, ROWS, until="read")
        events = {int(row.removeprefix("row")): event for row, event in others.items()}
        return answer(store, events)

    return ended


def answer(store, events):
    """Tell what became of the messages that wait; the number of their batch."""
    owner = store.register("dispatch")
    held = store.queue.claim_slice(owner, "outbox", store.now(), oldest=True)
    outcomes = []
    for message in messages_of(held):
        event = events.get(message.row, "accepted")
        steps = ["accepted", event] if event == "delivered" else [event]
        outcomes += [
            Outcome(message.row, step, store.now(), f"c{message.row}", parts=1, attempt=held.attempt)
            for step in steps
        ]
    assert store.queue.record(owner, [SliceReport(held, outcomes, done=True)]) == []
    return held.batch


def rows_of(store, batch):
    """The rows of the messages of a batch, and to whom they go."""
    return {item.message.row: item.message.recipient for item in statuses(store, store.feed.batch(batch))}


def one(done):
    """The JSON object that a command printed."""
    assert done.status == 0, done.err
    return json.loads(done.out)


def test_failed_rows_are_sent_again_as_a_new_file(smsfs, ended, store, read):
    """An operator would upload the whole file again, and those who have the message would get it twice."""
    old = ended(row2="refused", row5="no_answer")
    dry = smsfs("file", "resend", old, "--dry-run")
    assert dry.out.endswith("would be: 2 sent again (1 rejected, 1 unknown), 4 submitted left alone.\n")
    told = one(smsfs("file", "resend", old, "--json"))
    new = told["new_batch"]
    assert (told["sent_again"], told["left_alone"], told["before"]) == (2, {"submitted": 4}, {})
    assert read()
    assert rows_of(store, new) == {2: "4512345602", 5: "4512345605"}
    shown = one(smsfs("file", "show", old, "--json"))
    assert shown["sent_again"][0].startswith(f"2 as batch {new}, by ")
    assert one(smsfs("file", "show", new, "--json"))["resends"] == old
    (entry,) = smsfs("log", "--verb", "file resend", "--json").rows()
    assert entry["result"] == f"2 sent again as batch {new}"


def test_a_row_is_sent_again_once(smsfs, ended, store, read):
    """Two operators who see the same failure would send the message twice."""
    old = ended(row2="refused", row5="no_answer")
    first = one(smsfs("file", "resend", old, "--rows", "1-3", "--json"))["new_batch"]
    second = one(smsfs("file", "resend", old, "--json"))
    assert (second["sent_again"], second["before"]) == (1, {str(first): 1})
    refused = smsfs("file", "resend", old).err
    assert f"nothing to send again: 1 sent again before as batch {first} by " in refused
    assert f"1 sent again before as batch {second['new_batch']} by " in refused
    assert read()
    answer(store, {2: "refused"})
    third = one(smsfs("file", "resend", first, "--json"))["new_batch"]
    assert read()
    assert read()
    assert rows_of(store, third) == {2: "4512345602"}


def test_only_what_is_named_is_sent_again(smsfs, ended, store, read):
    """Rows that arrived would be sent again beside the one that was meant."""
    old = ended(row2="refused", row5="delivered")
    told = one(smsfs("file", "resend", old, "--to", "+45 12 34 56 05", "--state", "delivered", "--json"))
    assert told["sent_again"] == 1
    assert read()
    assert list(rows_of(store, told["new_batch"])) == [5]


def test_what_cannot_be_sent_again_is_refused(smsfs, submitted, ended, store):
    """Messages that are on their way would be sent twice, or the operator would not know why nothing is."""
    submitted("b.csv", until="read")
    (waiting,) = store.queue.batches()
    refused = smsfs("file", "resend", waiting.id).err
    assert "2 of its messages have not left yet; wait for them, or cancel them" in refused
    assert "--state 'queued' cannot be sent again" in (
        smsfs("file", "resend", waiting.id, "--state", "queued").err
    )
    answer(store, {})
    assert "nothing to send again: 2 submitted left alone" in smsfs("file", "resend", waiting.id).err
    old = ended("c.csv", row1="refused")
    with store.files.change(waiting.account) as files:
        files.remove(store.feed.batch(old).file)
    assert "the file was deleted, so its rows cannot be read again" in smsfs("file", "resend", old).err


@pytest.mark.logs("rejected")
def test_rows_that_are_read_otherwise_now_are_not_sent(smsfs, ended, store, read):
    """After a change of settings, the message of one person would go to another."""
    old = ended(row2="refused")
    new = one(smsfs("file", "resend", old, "--json"))["new_batch"]
    file = store.files.view().get(store.feed.batch(new).file)
    writer = store.contents.open_write(file.content)
    writer.write(0, ROWS.replace("4512345602", "4512345699").encode())
    writer.close()
    assert read()
    batch = store.feed.batch(new)
    assert (batch.state, batch.messages) == ("rejected", 0)
    assert "0 of the 1 rows of batch" in str(batch.causes[0]) or "1 of the 1 rows" in str(batch.causes[0])
    assert one(smsfs("file", "resend", old, "--json"))["sent_again"] == 1


@pytest.mark.logs("rejected")
def test_a_rejected_one_is_not_mended(smsfs, clinic, ended, store, read):
    """A client that mends it, as any rejected file, would send all rows of the old file again."""
    old = ended(row2="refused")
    new = one(smsfs("file", "resend", old, "--json"))["new_batch"]
    store.optouts.add(store.accounts.find(clinic).id, {"4512345602"}, "command", store.now())
    assert smsfs("account", "set", clinic, "optouts=true").status == 0
    assert read()
    path = store.files.view().get(store.feed.batch(new).file).path
    filesystem = Filesystems(store, store.register("front"), dialect).of(store.accounts.find(clinic))
    with pytest.raises(NotAllowed, match="Delete it, and upload what is to be sent as a new file"):
        filesystem.rename(path, "again.csv.ready", replace=False)


def test_at_once_from_two_places_one_sends(ended, store):
    """Two hosts would send the same rows again at the same moment."""
    old = store.feed.batch(ended(row2="refused", row5="no_answer"))

    def once(who):
        try:
            return resend(store, Operator(who, "test"), old, Selection(), USUAL).choice.tally.messages
        except ConfigurationError as exc:
            return str(exc)

    with ThreadPoolExecutor(2) as pool:
        found = sorted(pool.map(once, ("ada", "bo")), key=str)
    assert found[0] == 2
    assert "2 sent again before as batch" in found[1]
    assert len(store.resends.origin(old.id)) == 1


@pytest.mark.logs("rejected")
def test_a_lost_record_of_what_to_send_again_sends_nothing(smsfs, ended, store, read):
    """After damage to the store, all who have the message already would get it once more."""
    old = ended(row2="refused")
    new = one(smsfs("file", "resend", old, "--json"))["new_batch"]
    with store._database.write() as connection:
        connection.plain.execute("DELETE FROM resend")
    assert read()
    batch = store.feed.batch(new)
    assert (batch.state, batch.messages) == ("rejected", 0)
    assert f"which rows of batch {old} are to be sent again is lost" in batch.causes[0].reason
    assert store.resends.has_file(batch.file)
