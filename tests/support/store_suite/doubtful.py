"""Receipts of carriers that leave something out: the mark of a receipt, the final word, or the id."""

import pytest
from attrs import evolve
from msgspec.structs import replace

from smsfs.store import Account, NewReceipt, Process, SliceReport, Store
from tests.support.store_suite.base import NOW, StoreFixtures, accepted, new_slice, taken
from tests.support.store_suite.inbound import (
    MANY,
    came,
    events,
    matched,
    never,
    part,
    receipt,
    sent,
    took,
)

WORDS = "id:c1 stat:DELIVRD"


def doubtful(carrier_id: str, at: float = NOW + 5) -> NewReceipt:
    """A message that may be a receipt, or a person's."""
    return on("out", replace(receipt(carrier_id, at=at), reply=part(WORDS, at=at)))


def on(backend: str, item: NewReceipt) -> NewReceipt:
    """By another backend."""
    return replace(item, backend=backend, reply=item.reply and evolve(item.reply, backend=backend))


class DoubtfulSuite(StoreFixtures):
    """What a store promises about receipts that nothing but their text tells from replies."""

    def test_the_id_of_a_message_makes_it_a_receipt(
        self, store: Store, account: Account, owner: Process
    ) -> None:
        """A message would stay submitted, and a customer be shown a reply that nobody wrote."""
        batch = sent(store, account, owner, took("c1"))
        arrived = came(store, doubtful("c1"))
        assert ([item.row for item in arrived.matched], arrived.kept, arrived.replies) == ([1], [], [])
        assert events(store, batch)[1:] == [(1, "delivered", "c1")]
        again = came(store, doubtful("c1", NOW + 50))
        assert (len(again.again), again.replies) == (1, [])
        assert list(store.inbound.replies()) == []

    def test_any_other_is_a_reply(self, store: Store, account: Account, owner: Process) -> None:
        """What a person wrote would be gone because it looks like a receipt."""
        sent(store, account, owner, took("c1"))
        arrived = came(store, doubtful("c2"), on("two", doubtful("c1")))
        assert (arrived.matched, arrived.kept) == ([], [])
        assert [item.backend for item in store.inbound.replies()] == ["out", "two"]
        assert store.inbound.waiting() == 0

    def test_an_answer_may_tell_otherwise(
        self, store: Store, other: Store, account: Account, owner: Process
    ) -> None:
        """The receipt of a quick carrier that does not mark it would be a reply for nobody."""
        batch = accepted(store, account, owner, new_slice())
        slice_ = taken(store, owner)
        arrived = came(store, doubtful("c1"), doubtful("c9"))
        assert ([item.carrier_id for item in arrived.kept], arrived.replies) == (["c1", "c9"], [])
        store.queue.record(owner, [SliceReport(slice_, [took("c1")], done=True)])
        found = other.inbound.match(NOW + 9, MANY, never)
        assert [item.receipt.carrier_id for item in found.matched] == ["c1"]
        assert [item.text for item in found.replies] == [WORDS]
        assert (events(store, batch)[1:], store.inbound.waiting()) == ([(1, "delivered", "c1")], 0)

    def test_a_busy_backend_is_not_waited_for_long(
        self, store: Store, account: Account, owner: Process
    ) -> None:
        """As long as anything is sent, nobody would see what a person wrote."""
        accepted(store, account, owner, new_slice())
        taken(store, owner)
        came(store, doubtful("c9"))
        assert store.inbound.match(NOW + 30, MANY, never).replies == []
        assert [item.text for item in store.inbound.match(NOW + 90, MANY, never).replies] == [WORDS]
        assert store.inbound.waiting() == 0

    def test_nobody_settles_a_message_by_writing(
        self, store: Store, account: Account, owner: Process
    ) -> None:
        """A person could have a message of unknown fate shown as delivered."""
        sent(store, account, owner, took(""))
        came(store, doubtful("c9"))
        assert matched(store, NOW + 90) == []
        assert [item.text for item in store.inbound.replies()] == [WORDS]

    def test_of_two_ids_the_known_one_counts(self, store: Store, account: Account, owner: Process) -> None:
        """A carrier that tells our id beside one of its own would have no receipt matched."""
        batch = sent(store, account, owner, took("c1"), took("c2", row=2))
        came(store, replace(receipt("theirs"), other="c1"), replace(receipt("c2"), other="c1"))
        assert events(store, batch)[2:] == [(1, "delivered", "c1"), (2, "delivered", "c2")]
        came(store, replace(receipt("late"), other="c3"))
        later = sent(store, account, owner, took("c3"), stem="b")
        assert matched(store, NOW + 9) == ["c3"]
        assert events(store, later)[1:] == [(1, "delivered", "c3")]


class PassingSuite(StoreFixtures):
    """What a store promises about messages that are on their way."""

    def test_each_word_is_kept_once(self, store: Store, account: Account, owner: Process) -> None:
        """Nobody would see what the carrier said last, or each repetition would be kept."""
        batch = sent(store, account, owner, took("c1"))
        words = [
            replace(receipt("c1", "passing"), reason=reason) for reason in ("ACCEPTD", "ENROUTE", "ACCEPTD")
        ]
        arrived = came(store, *words)
        assert (len(arrived.matched), len(arrived.again)) == (2, 1)
        assert len(came(store, words[1], receipt("c1")).matched) == 1
        found = store.queue.outcomes(batch.id, 1, 2)[1:]
        assert [(item.event, item.reason) for item in found] == [
            ("passing", "ACCEPTD"),
            ("passing", "ENROUTE"),
            ("delivered", "DELIVRD"),
        ]


class NoIdSuite(StoreFixtures):
    """What a store promises about messages that a carrier took without an id."""

    def test_a_message_without_an_id_is_found_by_its_number(
        self, store: Store, account: Account, owner: Process
    ) -> None:
        """A message would stay submitted for ever, at a carrier that gives its id in the receipt alone."""
        batch = sent(store, account, owner, took(""))
        came(store, receipt("x"))
        assert matched(store, NOW + 8) == []
        assert matched(store, NOW + 70) == ["x"]
        assert events(store, batch)[1:] == [(1, "part", "x"), (1, "delivered", "x")]
        assert len(came(store, receipt("x", at=NOW + 90)).again) == 1
        came(store, receipt("y", at=NOW + 91))
        assert matched(store, NOW + 900) == [], "it has its id"

    def test_each_of_its_parts_is_found(self, store: Store, account: Account, owner: Process) -> None:
        """A long message would never count as delivered, where the carrier gave a part no id."""
        known = replace(took("b"), event="part", parts=0)
        batch = sent(store, account, owner, replace(took(""), parts=3), known)
        came(store, receipt("b"), receipt("x"), receipt("y"), receipt("z"))
        assert [matched(store, NOW + wait) for wait in (70, 200, 1000)] == [["x"], ["y"], []]
        assert [event for _, event, _ in events(store, batch)].count("delivered") == 3

    def test_two_of_them_stay_as_they_are(self, store: Store, account: Account, owner: Process) -> None:
        """A receipt would be told of the other message."""
        sent(store, account, owner, took(""), took("", row=2))
        came(store, receipt("x"))
        assert matched(store, NOW + 70) == []
        assert store.inbound.waiting() == 1

    @pytest.mark.parametrize("event", ["alias", "spare", "part"])
    def test_every_id_is_known(self, store: Store, account: Account, owner: Process, event: str) -> None:
        """A receipt under another id of the same message would be told of another message."""
        batch = sent(store, account, owner, took("a"), replace(took("b"), event=event, parts=0))
        assert len(came(store, receipt("b")).matched) == 1
        assert events(store, batch)[2:] == [(1, "delivered", "b")]
