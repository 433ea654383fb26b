"""Each row is taken out of each table once; a store in which every row happens has to notice."""

from contextlib import contextmanager
from pathlib import Path

import pytest
from attrs import evolve

from smsfs.pipeline.reports.messages import statuses
from smsfs.pipeline.slices import encoded
from smsfs.pipeline.sorting import sort
from smsfs.sms.message import Message
from smsfs.states import LIVES, FileState, IllegalTransitionError
from smsfs.store import (
    Batch,
    NewEntry,
    NewFile,
    NewOrder,
    Outcome,
    ResultVersion,
    SetAside,
    SliceReport,
    Store,
    Verdict,
)
from smsfs.store.sql import load_statements
from smsfs.store.sqlite import SqliteStore, connection
from tests.support.store_suite.base import NOW, claimed, draft, found, new_slice, submitted, taken, verdict

ENTRY = NewEntry(NOW, "alice", "command on gateway1", "file hold", "batch 3")
#: What happens to one message each, in the order in which it is noted.
HISTORIES = (
    ("not_now",),
    ("accepted",),
    ("no_answer", "accepted"),
    ("refused",),
    ("no_answer", "refused"),
    ("no_answer",),
    ("no_answer", "resend"),
    ("too_late",),
    ("cancel",),
    ("no_answer", "resend", "delivered"),
    ("accepted", "delivered"),
    ("no_answer", "refused", "delivered"),
    ("no_answer", "resend", "too_late", "delivered"),
    ("no_answer", "delivered"),
    ("no_answer", "resend", "cancel", "delivered"),
    ("accepted", "undelivered"),
    ("no_answer", "undelivered"),
    ("accepted", "receipt_expired"),
    ("no_answer", "receipt_expired"),
)
ROWS = [
    (kind, event, source)
    for kind, (births, moves) in LIVES.items()
    for event, source in [
        *((event, None) for event in births),
        *((event, source) for event, rows in moves.items() for source in rows),
    ]
    if kind != "message" or source  # messages begin where their slice puts them
]


def _told(row, events):
    return [Outcome(row, event, NOW, carrier_id="id" if event != "no_answer" else "") for event in events]


def _slice(seq, rows, **changes):
    data = encoded([Message(row, "4512345678", "hello") for row in rows])
    return evolve(
        new_slice(seq), first_row=rows[0], last_row=rows[-1], size=len(rows), messages=data, **changes
    )


class _Life:
    """A store in which every row of the tables happens; ``seen`` is what came of it."""

    def __init__(self, path: Path) -> None:
        self.store: Store = SqliteStore(path, clock=lambda: NOW)
        self.path, self.seen = path, []
        self.account = self.store.accounts.add("shop", "gatewayapi", {}, NOW)
        self.owner = self.store.register("test")

    def look(self) -> None:
        """Remember how everything is."""
        batches = list(self.store.queue.batches())
        self.seen += [(file.path, file.state) for file in self.store.files.all()]
        self.seen += [(batch.id, batch.state) for batch in batches]
        slices = ((batch.id, item) for batch in batches for item in self.store.queue.slices(batch.id))
        self.seen += [(number, item.seq, item.state) for number, item in slices]

    def look_at_messages(self, batch: Batch) -> None:
        """Remember what has become of each message."""
        self.seen += [(item.message.row, item.state) for item in statuses(self.store, batch)]

    def sent(self) -> None:
        """A file whose messages all went different ways, and its result file."""
        store, owner = self.store, self.owner
        assert store.lead(owner, "results")
        submitted(store, self.account, "sent")
        batch = claimed(store, owner)
        last = len(HISTORIES)
        parts = [_slice(0, range(1, last + 1)), _slice(1, [last + 1]), _slice(2, [last + 2], attempt=1)]
        refused = _slice(3, [last + 3], backend="", refused=_told(last + 3, ["refused"]))
        store.queue.stage(batch.id, owner, [*parts, refused])
        store.queue.accept(batch.id, owner, evolve(verdict("sent.success", messages=last + 3), results=True))
        self.look()
        first = taken(store, owner)
        store.queue.release_slice(first, owner)
        self.look()
        first, second, third = (taken(store, owner) for _ in range(3))
        self.look()
        self.look_at_messages(batch)
        outcomes = [item for row, events in enumerate(HISTORIES, 1) for item in _told(row, events)]
        store.queue.record(owner, [SliceReport(first, outcomes, done=True)])
        resent = _told(last + 1, ["no_answer", "resend", "delivered"])
        store.queue.record(owner, [SliceReport(second, resent)])
        later = [_slice(2, [last + 2], again=True)]
        late = _told(last + 2, ["accepted", "undelivered"])
        store.queue.record(owner, [SliceReport(third, late, done=True, later=later)])
        self.look()
        early = _told(last + 2, ["accepted", "delivered"])
        store.queue.record(owner, [SliceReport(taken(store, owner), early, done=True)])
        self.look_at_messages(batch)
        for final in (False, True):
            (result,) = store.results.due(NOW, 9)
            version = ResultVersion(f"c{final}", 1, NOW, final, 0.0, NOW)
            store.results.show(result, version, ["results/sent.csv"], owner, "results")
            self.look()

    def aside(self) -> None:
        """A file whose messages could not be read for a while, and a report beside it."""
        store, owner = self.store, self.owner
        submitted(store, self.account, "aside")
        batch = claimed(store, owner)
        store.queue.stage(batch.id, owner, [_slice(0, [1]), _slice(1, [2])])
        report = NewFile("report.txt", "content", 1)
        store.queue.accept(batch.id, owner, evolve(verdict("aside.success", messages=2), reports=[report]))
        for in_doubt in (False, True):
            reason = SetAside("damaged", NOW, in_doubt=in_doubt)
            store.queue.record(owner, [SliceReport(taken(store, owner), [], done=True, aside=reason)])
        self.look()
        self.look_at_messages(batch)
        assert store.trouble.put_back(store.trouble.asides(batch.id)[0].slice)
        self.look()

    def held_late(self) -> None:
        """A message that is held before it is sent again, and had arrived."""
        store, owner = self.store, self.owner
        while store.queue.claim_slice(owner, "out", NOW, oldest=True):
            pass
        submitted(store, self.account, "late")
        batch = claimed(store, owner)
        store.queue.accept(batch.id, owner, verdict("late.success", messages=1), [_slice(0, [1])])
        told = _told(1, ["no_answer", "resend", "delivered"])
        report = SliceReport(taken(store, owner), told, done=True, later=[_slice(0, [1], again=True)])
        store.orders.give([NewOrder(batch.id, "hold")], ENTRY)
        store.queue.record(owner, [report])
        self.look_at_messages(batch)

    def read(self) -> None:
        """Files that were read several times, and came to other ends."""
        store, owner = self.store, self.owner
        submitted(store, self.account, "again")
        batch = claimed(store, owner)
        store.queue.retry_batch(batch.id, owner, NOW)
        self.look()
        other = SqliteStore(self.path, clock=lambda: NOW)
        claimed(other, other.register("other"))
        self.look()
        other.close()
        assert store.settle() == 1
        self.look()
        batch = claimed(store, owner)
        store.queue.reject(batch.id, owner, verdict("again.rejected"))
        self.look()
        with store.files.change(self.account.id) as files:
            files.submit(found(store, batch.file), "again.processing", "again", (), NOW, NOW)
        self.look()
        batch = claimed(store, owner)
        store.queue.accept(batch.id, owner, evolve(verdict("hidden"), state=FileState.CONSUMED))
        self.look()
        submitted(store, self.account, "mended")
        batch = claimed(store, owner)
        store.queue.reject(batch.id, owner, verdict("mended.rejected"))
        with store.files.change(self.account.id) as files:
            files.reopen(batch.file, "mended.csv")
        submitted(store, self.account, "ignored")
        batch = claimed(store, owner)
        store.queue.ignore(batch.id, owner, verdict("ignored.csv"))
        self.look()
        stray = draft(store, self.account, "stray.csv")
        assert store.queue.note_stray(stray, "stray", Verdict("stray.csv", NOW))
        self.look()

    def ordered(self) -> None:
        """Files that operators held, released and cancelled, in whole and in part."""
        store, owner = self.store, self.owner
        submitted(store, self.account, "ordered")
        batch = claimed(store, owner)
        parts = [_slice(0, [1]), _slice(1, [2, 3, 4])]
        store.queue.stage(batch.id, owner, parts)
        store.queue.accept(batch.id, owner, verdict("ordered.success", messages=4))
        for action, rows in (("hold", (1, 3)), ("release", (2, 2)), ("hold", (1, 1)), ("cancel", (3, 4))):
            store.orders.give([NewOrder(batch.id, action, *rows)], ENTRY)
            self.look()
            sort(store)
            self.look()
            self.look_at_messages(batch)
        store.orders.give([NewOrder(batch.id, "release")], ENTRY)
        sort(store)
        self.look()
        self.look_at_messages(batch)


def _lived(path: Path) -> list[object]:
    life = _Life(path)
    try:
        life.sent()
        life.aside()
        life.ordered()
        life.held_late()
        life.read()
    finally:
        life.store.close()
    return life.seen


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """What comes of a life with every row in its table."""
    return _lived(tmp_path_factory.mktemp("whole") / "smsfs.db")


def test_a_life_is_the_same_each_time(whole, tmp_path):
    """The test below would pass whatever is missing from the tables."""
    assert _lived(tmp_path / "smsfs.db") == whole
    reached = {state for _, moves in LIVES.values() for rows in moves.values() for state in rows.values()}
    assert {state for *_, state in whole} >= reached


@pytest.mark.parametrize(("kind", "event", "source"), ROWS, ids=str)
def test_each_row_of_the_tables_counts(whole, monkeypatch, tmp_path, kind, event, source):
    """A change of state would be made beside the tables, and the page that shows them be untrue."""
    births, moves = LIVES[kind]
    table, row = (births, event) if source is None else (moves[event], source)
    with _without(table, row):
        _check_that_it_counts(whole, monkeypatch, tmp_path)


@contextmanager
def _without(table, row):
    """The table lacks a row; afterwards the rows are in their order again, which the page has, too."""
    rows = dict(table)
    del table[row]
    try:
        yield
    finally:
        table.clear()
        table.update(rows)


def _check_that_it_counts(whole, monkeypatch, tmp_path):
    try:
        monkeypatch.setattr(connection, "SQL", load_statements("smsfs.store.sql", "smsfs.store.sqlite"))
        seen = _lived(tmp_path / "smsfs.db")
    except (IllegalTransitionError, KeyError, AssertionError):
        return
    assert seen != whole
