"""Orders, a dispatcher and its crashes in any order, beside a model of what may leave."""

import shutil
import tempfile
from pathlib import Path

import structlog
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from smsfs.pipeline.dispatch.recovery import Recovery
from smsfs.pipeline.dispatch.routes import Route
from smsfs.pipeline.reports.messages import statuses
from smsfs.pipeline.slices import later, messages_of
from smsfs.pipeline.sorting import sort
from smsfs.store import NewEntry, NewOrder, Outcome, SliceReport
from smsfs.store.orders import touched
from smsfs.store.sqlite import SqliteStore
from tests.support.scripted import ScriptedCarrier
from tests.support.store_suite.base import NOW, accepted
from tests.support.store_suite.orders import messages

ENTRY = NewEntry(NOW, "alice", "command on gateway1", "file cancel", "batch 1")
ROWS = range(1, 9)
SPANS = st.tuples(st.sampled_from(ROWS), st.sampled_from(ROWS)).map(sorted)


class Orders(RuleBasedStateMachine):
    """Eight messages of one file.

    ``decided`` is what the orders that were given come to for each row, ``hand`` the slices that the
    dispatcher has and what of them has not left, ``sent`` how often each row left.
    """

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.store, self.theirs = self.open(), self.open()
        self.dispatcher = self.theirs.register("dispatch")
        account = self.store.accounts.add("shop", "gatewayapi", {}, NOW)
        self.owner = self.store.register("test")
        self.batch = accepted(self.store, account, self.owner, messages(0), messages(1))
        self.decided = dict.fromkeys(ROWS, "queued")
        self.hand, self.sent = {}, dict.fromkeys(ROWS, 0)

    def open(self):
        """The store as a process has it."""
        return SqliteStore(self.folder / "smsfs.db", lambda: NOW)

    @rule(action=st.sampled_from(["hold", "release", "cancel"]), span=SPANS)
    def order(self, action, span):
        """An operator orders something."""
        self.store.orders.give([NewOrder(self.batch.id, action, *span)], ENTRY)
        after = {"hold": "held", "release": "queued", "cancel": "cancelled"}[action]
        for row in range(span[0], span[1] + 1):
            if self.decided[row] != "cancelled":
                self.decided[row] = after

    @rule()
    def sort(self):
        """A dispatcher, or who gave an order, sorts what was stopped."""
        sort(self.store)

    @rule()
    def claim(self):
        """The dispatcher takes a slice: none with a message that is held or cancelled."""
        slice_ = self.theirs.queue.claim_slice(self.dispatcher, "out", NOW, oldest=True)
        if slice_:
            rows = {message.row: message for message in messages_of(slice_)}
            assert {self.decided[row] for row in rows} == {"queued"}
            self.hand[slice_.id] = slice_, rows

    @precondition(lambda self: self.hand)
    @rule(data=st.data())
    def send(self, data):
        """A message that the dispatcher has leaves, and is answered."""
        slice_, rows = self.hand[data.draw(st.sampled_from(sorted(self.hand)))]
        row = data.draw(st.sampled_from(sorted(rows)))
        self.sent[row] += 1
        del rows[row]
        done = [Outcome(row, "accepted", NOW, f"c{row}", attempt=slice_.attempt)]
        self.record(slice_, rows, done, [])

    @precondition(lambda self: self.hand)
    @rule(data=st.data())
    def call_back(self, data):
        """The dispatcher gives back what orders concern."""
        slice_, rows = self.hand[data.draw(st.sampled_from(sorted(self.hand)))]
        is_meant = touched(self.theirs.orders.since(0), slice_)
        back = [rows.pop(row) for row, item in list(rows.items()) if is_meant(row, item.recipient)]
        if back:
            told = [Outcome(item.row, "not_now", NOW, attempt=slice_.attempt) for item in back]
            self.record(slice_, rows, told, back)

    @precondition(lambda self: self.hand)
    @rule(data=st.data())
    def put_off(self, data):
        """The carrier wants the rest of a slice later."""
        slice_, rows = self.hand[data.draw(st.sampled_from(sorted(self.hand)))]
        back = list(rows.values())
        rows.clear()
        told = [Outcome(item.row, "not_now", NOW, attempt=slice_.attempt) for item in back]
        self.record(slice_, rows, told, back)

    def record(self, slice_, rows, outcomes, back):
        """What the dispatcher has learnt is stored."""
        again = [later(slice_, back, NOW)] if back else []
        report = SliceReport(slice_, outcomes, done=not rows, later=again)
        assert self.theirs.queue.record(self.dispatcher, [report]) == []
        if not rows:
            del self.hand[slice_.id]

    @rule()
    def crash(self):
        """The dispatcher dies, and another takes over."""
        self.theirs.close()
        self.hand = {}
        self.theirs = self.open()
        self.dispatcher = self.theirs.register("dispatch")
        with structlog.testing.capture_logs():
            Recovery(self.theirs, self.dispatcher, {"out": Route("out", ScriptedCarrier())}).step()

    @invariant()
    def every_message_is_somewhere(self):
        """No message is lost, and none is shown as waiting or sent that is neither."""
        shown = {item.message.row: str(item.state) for item in statuses(self.store, self.batch)}
        assert set(shown) == set(ROWS)
        for row, state in shown.items():
            assert (state == "submitted") is (self.sent[row] > 0), (row, state)

    def teardown(self):
        """In the end, what was held is released, and everything leaves but what was cancelled."""
        for _ in ROWS:  # whatever waits now may
            self.claim()
        self.crash()
        before = dict(self.sent)
        self.order("release", (ROWS[0], ROWS[-1]))
        sort(self.store)
        while slice_ := self.theirs.queue.claim_slice(self.dispatcher, "out", NOW, oldest=True):
            told = [
                Outcome(item.row, "accepted", NOW, "c", attempt=slice_.attempt)
                for item in messages_of(slice_)
            ]
            for item in told:
                self.sent[item.row] += 1
            self.theirs.queue.record(self.dispatcher, [SliceReport(slice_, told, done=True)])
        for row in ROWS:
            if self.decided[row] == "cancelled":
                assert self.sent[row] == before[row]
            else:
                assert self.sent[row] == 1
        self.store.close()
        self.theirs.close()
        shutil.rmtree(self.folder)


TestOrders = Orders.TestCase
TestOrders.settings = settings(max_examples=10, stateful_step_count=25, deadline=None)
