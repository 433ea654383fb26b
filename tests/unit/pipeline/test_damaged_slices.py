"""Slices whose messages cannot be read: they are set aside, and everything else goes on."""

import msgspec
import pytest

from smsfs.pipeline.fsck import faults, repair
from smsfs.pipeline.reports.messages import statuses
from smsfs.pipeline.reports.results import REPORTS, ResultWriter
from smsfs.sms.message import Message
from tests.support.scripted import ScriptedCarrier

pytestmark = pytest.mark.logs("slice_set_aside", "taken_over")

DAMAGED = {
    "empty": b"",
    "noise": b"\xc1\x00\xff",
    "text": b"\xa5hello",
    "torn": lambda data: data[: len(data) // 2],
    "longer": lambda data: data + b"\x90",
    "nothing": msgspec.msgpack.encode([]),
    "fewer": lambda data: msgspec.msgpack.encode(msgspec.msgpack.decode(data)[:1]),
    "other rows": msgspec.msgpack.encode([Message(row, "4512345678", "x") for row in (7, 8, 9)]),
    "no number": msgspec.msgpack.encode([Message(row, "x" * row, "x") for row in (1, 2, 3)]),
    "no parts": msgspec.msgpack.encode([Message(row, "4512345678", "x", parts=0) for row in (1, 2, 3)]),
    "gone": None,
}


@pytest.fixture
def payload(house):
    """Reads and replaces what is stored of the first slice of a batch."""

    def payload(number, data):
        slice_ = next(house.store.queue.slices(number)).id
        with house.store._database.write() as connection:
            plain = connection.plain
            (old,) = plain.execute("SELECT messages FROM payload WHERE slice = ?", (slice_,)).fetchone()
            new = data(old) if callable(data) else data
            if new is None:
                plain.execute("DELETE FROM payload WHERE slice = ?", (slice_,))
            else:
                plain.execute("UPDATE payload SET messages = ? WHERE slice = ?", (new, slice_))
        return old

    return payload


@pytest.mark.parametrize("kind", DAMAGED)
def test_damaged_slice_stops_nothing_else(house, run, settled, events, payload, kind):
    """One damaged row of the database would keep every message of every account from leaving."""
    number, other = house.accept(3, "a"), house.accept(3, "b")
    payload(number, DAMAGED[kind])
    carrier = ScriptedCarrier()
    run(carrier, until_=lambda: settled(other)() and house.store.trouble.asides())
    assert sorted(carrier.sent) == [1, 2, 3]
    (told,) = [event for event in events if event["event"] == "slice_set_aside"]
    assert (told["batch"], told["rows"], told["messages"]) == (number, "1-3", 3)
    found = list(statuses(house.store, house.batch(number)))
    assert [(item.message.row, item.state) for item in found] == [(row, "rejected") for row in (1, 2, 3)]
    assert all("is damaged, and nothing was sent" in item.last.reason for item in found)
    (fault,) = faults(house.store)
    assert f"3 messages of batch {number} (" in fault
    assert house.store.queue.backlog() == {}


def test_what_is_damaged_shows_as_waiting_until_it_is_due(house, payload):
    """Messages would be told as rejected of which nobody has found out yet whether they can be sent."""
    number = house.accept(3)
    payload(number, b"")
    assert house.states(number) == {1: "queued", 2: "queued", 3: "queued"}


def test_damage_between_whole_slices(house, run, settled, payload):
    """A large file would be shown wrong as a whole, or its rows under the numbers of others."""
    number = house.accept(1200)
    payload(number, b"")
    carrier = ScriptedCarrier()
    run(carrier, until_=settled(number, "submitted", "rejected"))
    states = house.states(number)
    assert {row for row, state in states.items() if state == "rejected"} == set(range(1, 501))
    assert sorted(carrier.sent) == list(range(501, 1201)) == sorted(states)[500:]


def test_what_was_sent_before_the_damage_is_known(house, run, settled, payload):
    """Messages that arrived would be told as lost, and be sent again by their customer."""
    number = house.accept(3)
    run(ScriptedCarrier(), until_=settled(number))
    payload(number, b"")
    assert house.states(number) == {1: "submitted", 2: "submitted", 3: "submitted"}


def test_damaged_slice_of_a_dead_process_is_in_doubt(house, elsewhere, run, settled, payload):
    """A dispatcher would die over what a dead one held, again and again, and nothing leave any more."""
    number = house.accept(3)
    assert elsewhere.store.queue.claim_slice(elsewhere.owner, "out", house.store.now(), oldest=True)
    other = house.accept(3, "b")
    payload(number, b"")
    elsewhere.store.close()
    run(ScriptedCarrier(), until_=lambda: settled(other)() and house.store.trouble.asides())
    repair(house.store)
    assert house.store.trouble.asides()
    assert set(house.states(number).values()) == {"unknown"}


def test_result_file_of_a_damaged_batch_is_written(house, run, settled, payload):
    """No account would get its result files any more since one of them cannot be written."""
    house.set(results=True)
    number, other = house.accept(3, "a", results=True), house.accept(3, "b", results=True)
    payload(number, b"")
    run(ScriptedCarrier(), until_=lambda: settled(other)() and house.store.trouble.asides())
    assert house.store.lead(house.owner, REPORTS)
    writer = ResultWriter(house.store, house.owner)
    assert writer.step()
    assert writer.step()
    shown = {file.path: file for file in house.store.files.all() if file.path.startswith("results/")}
    texts = {path: house.store.contents.read(file.content, 0, file.size) for path, file in shown.items()}
    assert sorted(text.count(b"rejected") for text in texts.values()) == [0, 3]


def test_mended_slice_is_put_back(house, run, settled, payload):
    """An operator who restored the damaged rows could not have their messages sent."""
    number = house.accept(3)
    old = payload(number, b"")
    run(ScriptedCarrier(), until_=house.store.trouble.asides)
    payload(number, old)
    assert repair(house.store) == [f"3 messages of batch {number} can be read again and are queued."]
    carrier = ScriptedCarrier()
    run(carrier, until_=settled(number))
    assert (sorted(carrier.sent), house.doubled(number)) == ([1, 2, 3], [])
    assert list(faults(house.store)) == []
