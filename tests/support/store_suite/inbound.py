"""What comes back from carriers: receipts, replies, opt-outs."""

import pytest
from attrs import evolve
from msgspec.structs import replace

from smsfs.store import (
    Account,
    Arrived,
    Batch,
    NewReceipt,
    NewReplyPart,
    Outcome,
    Process,
    SliceReport,
    Store,
)
from tests.support.store_suite.base import (
    DAY,
    NOW,
    StoreFixtures,
    accepted,
    new_slice,
    reading,
    taken,
    verdict,
)

MSISDN = 4512345678
MANY = 100


def never(account: Account, text: str) -> bool:
    """No reply is an opt-out."""
    del account, text
    return False


def on_stop(account: Account, text: str) -> bool:
    """STOP is one, where the account wants a list."""
    return bool(account.settings.get("optouts")) and text == "STOP"


def receipt(carrier_id: str, event: str = "delivered", at: float = NOW + 5) -> NewReceipt:
    """A receipt as it comes."""
    return NewReceipt("out", carrier_id, MSISDN, event, at, "0", "DELIVRD", NOW + 4)


def part(text: str, number: int = 1, total: int = 1, at: float = NOW + 5) -> NewReplyPart:
    """A part of a reply, or all of it."""
    reference = 77 if total > 1 else 0
    return NewReplyPart("out", str(MSISDN), "2929", text, at, reference, number, total)


def sent(
    store: Store, account: Account, owner: Process, *outcomes: Outcome, backend: str = "out", stem: str = "a"
) -> Batch:
    """A batch of two messages that were handed to a backend, with these outcomes."""
    batch = accepted(store, account, owner, new_slice(backend=backend), stem=stem)
    report(store, owner, *outcomes, backend=backend)
    return batch


def report(store: Store, owner: Process, *outcomes: Outcome, backend: str = "out") -> None:
    """The next slice is sent, with these outcomes."""
    slice_ = taken(store, owner, backend=backend)
    assert store.queue.record(owner, [SliceReport(slice_, outcomes, done=True)]) == []


def took(carrier_id: str, row: int = 1, recipient: int | None = MSISDN) -> Outcome:
    """A message that the carrier took."""
    return Outcome(row, "accepted", NOW, carrier_id, parts=1, attempt=1, recipient=recipient)


def lost(row: int = 1, parts: int = 1, at: float = NOW) -> Outcome:
    """A message of unknown fate."""
    return Outcome(row, "no_answer", at, parts=parts, attempt=1, recipient=MSISDN)


def came(store: Store, *receipts: NewReceipt) -> Arrived:
    """Receipts come."""
    return store.inbound.receive(receipts, [], never)


def matched(store: Store, now: float) -> list[str]:
    """The ids of receipts that are matched at a time."""
    return [item.receipt.carrier_id for item in store.inbound.match(now, MANY, never).matched]


def events(store: Store, batch: Batch) -> list[tuple[int, str, str]]:
    """Row, event and carrier's id of each outcome of a batch."""
    return [(item.row, item.event, item.carrier_id) for item in store.queue.outcomes(batch.id, 1, 2)]


class ReceiptSuite(StoreFixtures):
    """What a store promises about receipts."""

    def test_receipt_becomes_an_outcome(
        self, store: Store, other: Store, account: Account, owner: Process
    ) -> None:
        """A delivered message would be shown as submitted for ever."""
        batch = sent(store, account, owner, took("c1"), took("c2", row=2))
        arrived = came(store, receipt("c2"))
        assert [(item.account, item.path, item.row) for item in arrived.matched] == [("shop", "a.success", 2)]
        assert (arrived.kept, other.inbound.waiting()) == ([], 0)
        told = Outcome(2, "delivered", NOW + 5, "c2", "0", "DELIVRD", attempt=1, done=NOW + 4)
        assert other.queue.outcomes(batch.id, 1, 2)[2:] == [told]

    def test_receipts_reach_result_files(self, store: Store, account: Account, owner: Process) -> None:
        """A customer's result file would not tell of receipts."""
        batch = reading(store, account, owner)
        store.queue.stage(batch.id, owner, [new_slice()])
        store.queue.accept(batch.id, owner, evolve(verdict("a.success", messages=2), results=True))
        report(store, owner, took("c1"), lost(2))
        (before,) = store.results.due(NOW + 100, 1)
        came(store, receipt("c1"), receipt("x"))
        (after,) = store.results.due(NOW + 100, 1)
        assert after.changes > before.changes
        assert matched(store, NOW + 70) == ["x"]
        (last,) = store.results.due(NOW + 100, 1)
        assert last.changes > after.changes

    def test_each_part_has_its_receipt(self, store: Store, account: Account, owner: Process) -> None:
        """A long message would never count as delivered."""
        further = replace(took("c2"), event="part", parts=0)
        batch = sent(store, account, owner, took("c1"), further)
        assert len(came(store, receipt("c2"), receipt("c1", "undelivered")).matched) == 2
        assert events(store, batch)[2:] == [(1, "delivered", "c2"), (1, "undelivered", "c1")]

    def test_early_receipt_waits_for_its_message(
        self, store: Store, other: Store, account: Account, owner: Process
    ) -> None:
        """A receipt that overtakes the carrier's answer would be lost."""
        batch = accepted(store, account, owner, new_slice())
        arrived = came(store, receipt("c1"))
        assert ([item.carrier_id for item in arrived.kept], store.inbound.waiting()) == (["c1"], 1)
        assert matched(other, NOW + 7) == []
        report(store, owner, took("c1"))
        assert matched(other, NOW + 7.5) == [], "it is not looked at all the time"
        assert matched(other, NOW + 9) == ["c1"]
        assert (matched(store, NOW + DAY), store.inbound.waiting()) == ([], 0)
        assert events(store, batch) == [(1, "accepted", "c1"), (1, "delivered", "c1")]

    @pytest.mark.parametrize("outcome", [took("c1"), lost()])
    def test_what_is_matched_late_counts_from_then(
        self, store: Store, account: Account, owner: Process, outcome: Outcome
    ) -> None:
        """A message would be in no daily report: its own day's is made before its receipt is matched."""
        batch = accepted(store, account, owner, new_slice())
        came(store, receipt("c1"))
        report(store, owner, outcome)
        assert matched(store, NOW + 2 * 3600) == ["c1"]
        assert store.queue.outcomes(batch.id, 1, 2)[-1].at == NOW + 2 * 3600

    def test_receipt_that_comes_again_counts_once(
        self, store: Store, other: Store, account: Account, owner: Process
    ) -> None:
        """History would grow with every repetition, and lists be written anew for nothing."""
        batch = sent(store, account, owner, took("c1"))
        assert len(came(store, receipt("c1"), receipt("c1")).matched) == 1
        again = came(other, receipt("c1", at=NOW + 60))
        assert (again.matched, again.kept, store.inbound.waiting()) == ([], [], 0)
        came(store, receipt("early"), receipt("early"))
        batch2 = sent(store, account, owner, took("early"), stem="b")
        assert matched(store, NOW + 10) == ["early"]
        assert store.inbound.waiting() == 0
        assert [events(store, item)[1:] for item in (batch, batch2)] == [
            [(1, "delivered", "c1")],
            [(1, "delivered", "early")],
        ]

    def test_ids_belong_to_their_backend(self, store: Store, account: Account, owner: Process) -> None:
        """One carrier's receipt would settle another carrier's message: both count from 1."""
        batch = sent(store, account, owner, took("1"), backend="two")
        assert came(store, receipt("1")).matched == []
        assert len(came(store, replace(receipt("1"), backend="two")).matched) == 1
        assert events(store, batch)[1:] == [(1, "delivered", "1")]

    def test_an_id_used_again_means_the_newer_message(
        self, store: Store, account: Account, owner: Process
    ) -> None:
        """A carrier's counter that starts anew would have receipts settle last year's messages."""
        old = sent(store, account, owner, took("1"))
        came(store, receipt("1"))
        new = sent(store, account, owner, took("1"), stem="b")
        assert len(came(store, receipt("1")).matched) == 1
        assert (len(events(store, old)), len(events(store, new))) == (2, 2)

    def test_outcomes_without_a_recipient_have_no_receipts(
        self, store: Store, account: Account, owner: Process
    ) -> None:
        """Messages of the outbox would be searched for every receipt."""
        sent(store, account, owner, took("c1", recipient=None))
        assert came(store, receipt("c1")).matched == []

    @pytest.mark.parametrize(("carrier_id", "event"), [("", "delivered"), ("c1", ""), ("", "")])
    def test_unreadable_receipts_are_kept(
        self, store: Store, account: Account, owner: Process, carrier_id: str, event: str
    ) -> None:
        """What a carrier said in its own words would be gone, with nothing to learn them from."""
        sent(store, account, owner, took("c1"), took("", row=2))
        arrived = came(store, receipt(carrier_id, event))
        assert (len(arrived.kept), arrived.matched) == (1, [])
        assert matched(store, NOW + DAY) == []
        assert store.inbound.waiting() == 1

    def test_any_text_is_stored(self, store: Store) -> None:
        """A carrier would deliver the same odd receipt for ever, and nothing else."""
        odd = replace(receipt("a\0\ud800"), code="\0", reason="\udfff", recipient=None)
        assert len(came(store, odd, receipt("fine")).kept) == 2
        assert store.inbound.waiting() == 2

    def test_receipts_are_one_commit(self, store: Store, account: Account, owner: Process) -> None:
        """The carrier would hear that a receipt is stored, of which half the batch is not."""
        batch = sent(store, account, owner, took("c1"))
        broken = replace(receipt("c9"), at=None)
        with pytest.raises(Exception):  # noqa: B017 -- which one is the engine's affair
            came(store, receipt("c1"), broken)
        assert (store.inbound.waiting(), len(events(store, batch))) == (0, 1)

    def test_no_more_than_asked_for_is_looked_at(
        self, store: Store, account: Account, owner: Process
    ) -> None:
        """A flood of early receipts would keep the store from everyone else."""
        came(store, *(receipt(f"c{number}") for number in range(5)))
        sent(store, account, owner, *(took(f"c{number}") for number in range(5)))
        found = [len(store.inbound.match(NOW + 10, 2, never).matched) for _ in range(4)]
        assert found == [2, 2, 1, 0]

    def test_two_hosts_match_a_receipt_once(
        self, store: Store, other: Store, account: Account, owner: Process
    ) -> None:
        """A message would have two receipts where the carrier sent one."""
        came(store, receipt("c1"))
        batch = sent(store, account, owner, took("c1"))
        assert sorted([*matched(store, NOW + 10), *matched(other, NOW + 10)]) == ["c1"]
        assert events(store, batch)[1:] == [(1, "delivered", "c1")]

    def test_old_receipts_without_a_message_are_forgotten(self, store: Store) -> None:
        """Receipts of other systems on the same line would fill the disk."""
        came(store, receipt("c1"), receipt("c2", at=NOW + DAY))
        assert store.inbound.expire({}, NOW + 10, MANY) == 1
        assert store.inbound.waiting() == 1


class LostReceiptSuite(StoreFixtures):
    """Receipts for messages whose carrier's id was never learnt."""

    def test_unknown_fate_is_settled_by_recipient(
        self, store: Store, other: Store, account: Account, owner: Process
    ) -> None:
        """A message that arrived would stay unknown because its answer was lost."""
        batch = sent(store, account, owner, lost())
        came(store, receipt("x"))
        assert matched(store, NOW + 5) == [], "its id may still become known"
        assert matched(other, NOW + 70) == ["x"]
        assert events(store, batch)[1:] == [(1, "part", "x"), (1, "delivered", "x")]
        assert came(store, receipt("x", at=NOW + 80)).kept == [], "redelivered"
        assert len(events(store, batch)) == 3

    def test_a_late_answer_is_waited_for(self, store: Store, account: Account, owner: Process) -> None:
        """The receipt of a message whose answer is late would be told of another one to the same number."""
        sent(store, account, owner, lost())
        other_backend = sent(store, account, owner, took("c"), backend="two", stem="b")
        batch = accepted(store, account, owner, new_slice(), stem="c")
        slice_ = taken(store, owner)
        came(store, receipt("late"))
        assert matched(store, NOW + 30) == []
        store.queue.record(owner, [SliceReport(slice_, [took("late")], done=True)])
        assert matched(store, NOW + 50) == ["late"]
        assert events(store, batch)[1:] == [(1, "delivered", "late")]
        assert len(events(store, other_backend)) == 1

    def test_a_busy_backend_is_not_waited_for_long(
        self, store: Store, account: Account, owner: Process
    ) -> None:
        """As long as anything is sent, no message of unknown fate would be settled."""
        sent(store, account, owner, lost())
        accepted(store, account, owner, new_slice(), stem="b")
        taken(store, owner)
        came(store, receipt("x"))
        assert matched(store, NOW + 64) == []
        assert matched(store, NOW + DAY) == ["x"]

    def test_two_messages_of_unknown_fate_stay_so(
        self, store: Store, account: Account, owner: Process
    ) -> None:
        """A receipt would be told of a message that may have never left."""
        sent(store, account, owner, lost(1), lost(2))
        came(store, receipt("x"))
        assert matched(store, NOW + 70) == []
        assert store.inbound.waiting() == 1

    def test_one_receipt_settles_one_message(self, store: Store, account: Account, owner: Process) -> None:
        """The receipt of the second attempt would be told of the first as well, once that is settled."""
        sent(store, account, owner, lost())
        came(store, receipt("x"), receipt("y", at=NOW + 6))
        assert matched(store, NOW + 70) == ["x"]
        assert matched(store, NOW + DAY) == []
        assert store.inbound.waiting() == 1

    def test_receipts_of_two_attempts_find_one_message(
        self, store: Store, account: Account, owner: Process
    ) -> None:
        """A message whose server was killed twice over it would keep its receipts waiting for ever."""
        batch = accepted(store, account, owner, new_slice())
        again = evolve(new_slice(), attempt=1, again=True)
        first = SliceReport(taken(store, owner), [lost()], done=True, later=[again])
        assert store.queue.record(owner, [first]) == []
        report(store, owner, lost())
        came(store, receipt("x"), receipt("y"))
        matched(store, NOW + 70)
        matched(store, NOW + 200)
        assert [event for _, event, _ in events(store, batch)].count("delivered") == 2
        assert store.inbound.waiting() == 0

    def test_each_part_finds_its_message(self, store: Store, account: Account, owner: Process) -> None:
        """A long message of unknown fate would never count as delivered."""
        known = replace(took("p1"), event="part", parts=0)
        batch = sent(store, account, owner, known, lost(parts=3))
        came(store, receipt("p1"), receipt("p2"), receipt("p3"), receipt("p4"))
        times = [matched(store, NOW + wait) for wait in (70, 200, 1000, 5000)]
        assert times == [["p2"], ["p3"], [], []]
        assert [event for _, event, _ in events(store, batch)].count("delivered") == 3

    @pytest.mark.parametrize("at", [NOW - 4 * DAY, NOW + 2 * 3600])
    def test_only_what_was_sent_then_is_meant(
        self, store: Store, account: Account, owner: Process, at: float
    ) -> None:
        """A stray receipt would settle a message of another week."""
        sent(store, account, owner, lost(at=at))
        came(store, receipt("x"))
        assert matched(store, NOW + DAY) == []

    def test_other_numbers_and_backends_are_not_meant(
        self, store: Store, account: Account, owner: Process
    ) -> None:
        """A receipt would settle a message to someone else."""
        sent(store, account, owner, lost())
        came(store, replace(receipt("x"), recipient=MSISDN + 1), replace(receipt("y"), recipient=None))
        came(store, replace(receipt("z"), backend="two"))
        assert matched(store, NOW + DAY) == []
        assert store.inbound.waiting() == 3


class ReplySuite(StoreFixtures):
    """What a store promises about replies and opt-outs."""

    def test_reply_is_for_the_last_message_to_its_sender(
        self, store: Store, other: Store, account: Account, owner: Process
    ) -> None:
        """A customer would not hear what was answered, or hear another customer's answer."""
        neighbour = store.accounts.add("neighbour", "gatewayapi", {}, NOW)
        sent(store, account, owner, took("c1"))
        sent(store, neighbour, owner, took("c2", row=2), stem="b")
        sent(store, account, owner, took("c3"), backend="two", stem="c")
        (reply,) = store.inbound.receive([], [part("Ja")], never).replies
        assert (reply.account, reply.path, reply.row) == ("neighbour", "b.success", 2)
        assert (reply.sender, reply.recipient, reply.text, reply.whole) == (str(MSISDN), "2929", "Ja", True)
        three = evolve(part("Nej"), backend="three")
        assert store.inbound.receive([], [three], never).replies[0].path == "c.success"
        assert [item.text for item in other.inbound.replies(account.id)] == ["Nej"]
        assert list(other.inbound.replies(neighbour.id)) == [reply]

    def test_reply_to_the_parts_that_came(self, store: Store, account: Account, owner: Process) -> None:
        """Who got one part of a message, and asked for no more, would get the next message."""
        ends = Outcome(1, "refused", NOW, attempt=1, recipient=MSISDN)
        sent(store, account, owner, Outcome(1, "part", NOW, "c1", attempt=1, recipient=MSISDN), ends)
        assert store.inbound.receive([], [part("STOP")], never).replies[0].account == account.name

    def test_reply_for_nobody_is_kept(self, store: Store, account: Account) -> None:
        """What a person wrote would vanish."""
        store.inbound.receive([], [part("Hello?"), evolve(part("Ad"), sender="BANK")], never)
        assert [(item.text, item.account) for item in store.inbound.replies()] == [
            ("Hello?", None),
            ("Ad", None),
        ]
        assert list(store.inbound.replies(account.id)) == []

    def test_parts_are_joined_in_their_order(self, store: Store, other: Store) -> None:
        """A long reply would be read in pieces, or a character at the cut be lost."""
        whole = "long " * 20 + "\U0001f600 end"
        cut = whole.index("\U0001f600")
        halves = [whole[:cut] + "\ud83d", "\ude00 end"]
        assert not store.inbound.receive([], [part(halves[1], 2, 2)], never).replies
        (reply,) = other.inbound.receive([], [part(halves[0], 1, 2, NOW + 9)], never).replies
        assert (reply.text, reply.whole, reply.at) == (whole, True, NOW + 9)

    def test_parts_of_others_stay_apart(self, store: Store) -> None:
        """Two people's long replies would be mixed."""
        parts = [part("mine 1", 1, 2), evolve(part("yours 2", 2, 2), sender="4599999999")]
        assert not store.inbound.receive([], parts, never).replies
        assert [item.text for item in store.inbound.receive([], [part("mine 2", 2, 2)], never).replies] == [
            "mine 1mine 2"
        ]

    def test_parts_that_come_again_count_once(self, store: Store) -> None:
        """A reply would be there twice, or its beginning be."""
        first, second = part("one ", 1, 2), part("two", 2, 2)
        for parts in ([first, first], [first], [second, second], [first, second]):
            store.inbound.receive([], parts, never)
        store.inbound.receive([], [part("short"), part("short", at=NOW + 30)], never)
        store.inbound.match(NOW + 2 * DAY, MANY, never)
        assert [item.text for item in store.inbound.replies()] == ["one two", "short"]

    def test_the_same_word_later_is_another_reply(self, store: Store) -> None:
        """The answer to the second question would be taken for a repetition of the first."""
        store.inbound.receive([], [part("Ja")], never)
        store.inbound.receive([], [part("Ja", at=NOW + 600)], never)
        assert [item.at for item in store.inbound.replies()] == [NOW + 5, NOW + 600]

    def test_a_reply_with_an_id_counts_once(self, store: Store) -> None:
        """An answer that a provider posts again after hours would be there twice, or a second one be lost."""
        for name, at in [("r-1", NOW), ("r-2", NOW + 1), ("r-1", NOW + DAY / 2)]:
            store.inbound.receive([], [evolve(part("Ja", at=at), id=name)], never)
        assert [item.at for item in store.inbound.replies()] == [NOW, NOW + 1]

    def test_incomplete_reply_is_put_together_after_a_day(self, store: Store) -> None:
        """What came of a long reply would never be seen because one part is missing."""
        store.inbound.receive([], [part("one ", 1, 3), part("\ude00three", 3, 3)], never)
        assert not store.inbound.match(NOW + DAY - 60, MANY, never).replies
        (reply,) = store.inbound.match(NOW + DAY + 60, MANY, never).replies
        assert (reply.text, reply.whole) == ("one \ufffdthree", False)
        assert reply.at == NOW + DAY + 60, "its day's report is made"
        assert not store.inbound.match(NOW + 2 * DAY, MANY, never).replies

    def test_reference_in_use_again_loses_nothing(self, store: Store) -> None:
        """A part of the new reply would be taken for one of the old, and be thrown away."""
        store.inbound.receive([], [part("old 1 ", 1, 2)], never)
        replies = store.inbound.receive([], [part("new 1 ", 1, 2), part("new 2", 2, 2)], never).replies
        assert [(item.text, item.whole) for item in replies] == [("old 1 ", False), ("new 1 new 2", True)]

    @pytest.mark.parametrize(("number", "total"), [(0, 0), (3, 2), (0, 2), (1, 1)])
    def test_impossible_parts_are_whole_replies(self, store: Store, number: int, total: int) -> None:
        """A reply with wrong numbers in its header would be thrown away."""
        odd = evolve(part("nul \0"), part=number, total=total)
        assert [item.text for item in store.inbound.receive([], [odd], never).replies] == ["nul \ufffd"]

    def test_stop_word_goes_to_the_list(
        self, store: Store, other: Store, account: Account, owner: Process
    ) -> None:
        """Who asked for no more messages would get the next one."""
        sent(store, account, owner, took("c1"))
        assert not store.inbound.receive([], [part("STOP")], on_stop).replies[0].stopped
        assert list(store.optouts.all(account.id)) == []
        store.accounts.update(account.id, {"optouts": True})
        later = [part(text, at=NOW + 600) for text in ("No", "STOP")]
        replies = store.inbound.receive([], later, on_stop).replies
        assert {item.text: item.stopped for item in replies} == {"No": False, "STOP": True}
        assert other.optouts.listed(account.id, [str(MSISDN), "4500000000"]) == {str(MSISDN)}
        (entry,) = other.optouts.all(account.id)
        assert (entry.since, entry.source) == (NOW + 600, "reply")

    def test_list_is_kept(self, store: Store, other: Store, account: Account) -> None:
        """An operator's list would hold what nobody put there, or lose what somebody did."""
        numbers = [str(MSISDN + number) for number in range(1200)]
        assert store.optouts.add(account.id, numbers, "import", NOW) == 1200
        assert store.optouts.add(account.id, [*numbers[:2], "4500000000"], "command", NOW + 1) == 1
        listed = {item.msisdn: item for item in other.optouts.all(account.id)}
        assert len(listed) == 1201
        assert (listed[numbers[0]].since, listed[numbers[0]].source) == (NOW, "import")
        assert store.optouts.remove(account.id, [numbers[0], "4511111111"]) == 1
        assert other.optouts.listed(account.id, numbers[:2]) == {numbers[1]}

    def test_lists_belong_to_accounts(self, store: Store, account: Account) -> None:
        """A number that one customer must not write to would hear from no customer."""
        neighbour = store.accounts.add("neighbour", "gatewayapi", {}, NOW)
        store.optouts.add(account.id, [str(MSISDN)], "command", NOW)
        assert list(store.optouts.all(neighbour.id)) == []
        assert store.optouts.listed(neighbour.id, [str(MSISDN)]) == set()
        assert store.optouts.remove(neighbour.id, [str(MSISDN)]) == 0

    def test_removed_account_takes_its_replies_along(
        self, store: Store, account: Account, owner: Process
    ) -> None:
        """What people wrote to a customer would outlive the customer."""
        store.accounts.update(account.id, {"optouts": True})
        sent(store, account, owner, took("c1"))
        store.inbound.receive([], [part("STOP")], on_stop)
        store.accounts.remove(account.id)
        assert list(store.inbound.replies()) == []
        assert list(store.optouts.all(account.id)) == []
        assert store.damage() == []

    def test_replies_are_kept_for_their_time(self, store: Store, account: Account, owner: Process) -> None:
        """Replies would be lost early, or kept for ever."""
        store.inbound.receive([], [part("nobody's")], never)
        sent(store, account, owner, took("c1"))
        store.inbound.receive([], [part("mine", at=NOW + 100)], never)
        assert store.inbound.expire({account.id: NOW + 100}, NOW + 5, MANY) == 0
        assert store.inbound.expire({account.id: NOW + 100}, NOW + 6, MANY) == 1
        assert [item.text for item in store.inbound.replies()] == ["mine"]
        assert store.inbound.expire({account.id: NOW + 101}, NOW + 6, MANY) == 1
        assert list(store.inbound.replies()) == []
