"""One slice on its way through a backend, from its messages to what is to be recorded of each."""

import asyncio
from collections.abc import Sequence
from functools import partial

import structlog

from smsfs.backends import Accepted, Answer, Envelope, NotTaken, OnAnswers, Rejected, Throttled, Unknown
from smsfs.errors import StoreUnavailable
from smsfs.pipeline.dispatch.failover import Gate
from smsfs.pipeline.dispatch.held import Held
from smsfs.pipeline.dispatch.pace import Pace
from smsfs.pipeline.dispatch.recalls import Recalls, key_of
from smsfs.pipeline.dispatch.recovery import set_aside
from smsfs.pipeline.dispatch.routes import Route, unknown_outcomes
from smsfs.pipeline.dispatch.windows import Reopen, over
from smsfs.pipeline.outcomes import accepted, of_answer
from smsfs.pipeline.slices import DamagedSlice, messages_of
from smsfs.sms.message import Message
from smsfs.store import Freed, Outcome, Process, Slice, Store
from smsfs.store.claims import recipient_key

log = structlog.get_logger()


class _Answers:
    """Takes fates of messages one by one, or ``many`` in a call."""

    __slots__ = ("many",)

    def __init__(self, many: OnAnswers) -> None:
        self.many = many

    def __call__(self, envelope: Envelope, what: Answer) -> None:
        """One."""
        self.many([(envelope, what)])


class Sender:
    """Hands slices to one backend.

    Args:
        store: knows the time, and whether this process may send.
        owner: the dispatcher.
        route: the backend, and what to do with messages of unknown fate.
        gate: what the backend may be given.
        recalls: knows which messages operators called back, and the recorder of what became of each.
        reopen: when messages may be sent whose time is over.
        pace: how long to wait before another attempt.
    """

    def __init__(
        self,
        store: Store,
        owner: Process,
        route: Route,
        gate: Gate,
        recalls: Recalls,
        reopen: Reopen,
        pace: Pace,
    ) -> None:
        self._store, self._owner, self._route, self._gate = store, owner, route, gate
        self._recorder, self._recalls, self._reopen, self._pace = recalls.recorder, recalls, reopen, pace

    async def send(self, slice_: Slice) -> bool:
        """Hand a claimed slice over; False when nothing of it was sent and it is to be given back."""
        try:
            messages = messages_of(slice_)
        except DamagedSlice as exc:
            held = Held(slice_, {}, aside=set_aside(self._store, slice_, exc))
            self._recorder.held.append(held)
            self._recorder.finish(held)
            return True
        held = Held(slice_, {message.row: message for message in messages})
        self._recorder.held.append(held)
        self._recalls.mark(held)
        if slice_.expires <= self._store.now():
            await self._time_over(held, messages)
        else:
            await self._submit(held, self._envelopes(slice_, messages))
        if held.untouched:
            self._recorder.held.remove(held)
            return False
        self._recorder.finish(held)
        return True

    def _envelopes(self, slice_: Slice, messages: list[Message]) -> list[Envelope]:
        account, path = slice_.account, slice_.path
        submitted, attempt, expires = slice_.submitted, slice_.attempt, slice_.expires
        left = expires - self._store.now()
        return [
            Envelope(key_of(slice_, message.row), account, path, submitted, attempt, message, expires, left)
            for message in messages
        ]

    async def _time_over(self, held: Held, messages: list[Message]) -> None:
        """Give up a slice whose time is over, or put it back for when it may be sent instead."""
        now, slice_ = self._store.now(), held.slice
        held.waiting.clear()
        try:
            window = (
                await asyncio.to_thread(self._reopen, slice_, messages, now) if messages[0].until else None
            )
        except StoreUnavailable:
            window = now + self._pace.recover, slice_.expires
        outcomes, held.moved = over(slice_, messages, now, window, self._gate.state(now).reason)
        held.ready += outcomes
        if window is None:
            held.freed = [Freed(message.row, recipient_key(message.recipient)) for message in messages]
        log.warning(
            outcomes[0].event, account=slice_.account, file=slice_.path, messages=len(messages), window=window
        )

    async def _submit(self, held: Held, envelopes: list[Envelope]) -> None:
        """Hand a slice over; to a backend that was in trouble, its first message to begin with."""
        gate = self._gate
        if gate.probing:
            await self._hand_over(held, envelopes[:1], probe=True)
            envelopes = envelopes[1:]
        if held.untouched:
            return
        if gate.closed and envelopes:
            await self._hand_over(held, envelopes)
            return
        if gate.probing:  # it said "not now", and the next slice would fare no better
            gate.pause(self._pace.backoff)
        self._put_off(held, envelopes)

    async def _hand_over(self, held: Held, envelopes: list[Envelope], *, probe: bool = False) -> None:
        envelopes = self._without_recalled(held, envelopes)
        if not envelopes:
            return
        answer = _Answers(partial(self._take, held, probe=probe))
        what, counts = Unknown("the backend gave no answer"), True
        try:
            await self._route.backend.submit(envelopes, answer, self._may_send)
        except NotTaken as exc:
            self._not_taken(held, envelopes, exc)
            return
        except Exception as exc:
            file = {"account": held.slice.account, "file": held.slice.path}
            log.exception("backend_failed", backend=self._route.name, **file)
            what, counts = Unknown(f"the backend failed: {exc}"), False
            self._gate.failed(what.reason, probe=probe)
        for envelope in [item for item in envelopes if item.message.row in held.waiting]:
            del held.waiting[envelope.message.row]
            if counts:
                self._gate.answered(what, probe=probe)
            self._answer(held, envelope.message, what)

    def _take(self, held: Held, answers: Sequence[tuple[Envelope, Answer]], *, probe: bool) -> None:
        """Take what became of some messages: most were accepted under one id, which goes a short way."""
        now, attempt, traceable = self._store.now(), held.slice.attempt, self._route.backend.traceable
        taken, note, gate, good, noted = held.waiting.pop, held.ready.append, self._gate, 0, False
        for envelope, what in answers:
            message = envelope.message
            if taken(message.row, None) is None:
                continue
            if type(what) is Accepted and not (what.more or what.aliases or what.spare):
                if not noted:  # one after the other says nothing more of the backend
                    gate.answered(what, probe=probe)
                note(accepted(what, message, now, attempt, traceable=traceable))
                good, noted = good + 1, True
            else:
                gate.answered(what, probe=probe)
                self._answer(held, message, what)
                noted = False
        self._recorder.answered(good)

    def _without_recalled(self, held: Held, envelopes: list[Envelope]) -> list[Envelope]:
        """Those that are still to be sent; what an operator called back meanwhile is not."""
        if not held.recalled:
            return envelopes
        for row in held.recalled.intersection(item.message.row for item in envelopes):
            if message := held.waiting.pop(row, None):
                self._answer(held, message, Throttled(0))
        return [item for item in envelopes if item.message.row in held.waiting]

    def _may_send(self) -> bool:
        return self._store.holds(self._owner) and not self._gate.open

    def _not_taken(self, held: Held, envelopes: list[Envelope], exc: NotTaken) -> None:
        """Put off what has no answer: nothing of it has left."""
        log.debug("not_taken", backend=self._route.name, file=held.slice.path, reason=str(exc))
        self._gate.pause(self._pace.backoff)
        if len(held.waiting) == held.slice.size:
            held.untouched = True
            return
        self._put_off(held, [item for item in envelopes if item.message.row in held.waiting])

    def _put_off(self, held: Held, envelopes: list[Envelope]) -> None:
        """Leave for later what no carrier was asked about: there is nothing to record of it."""
        for envelope in envelopes:
            if held.waiting.pop(envelope.message.row, None):
                self._later(held.again, held, envelope.message)

    def _answer(self, held: Held, message: Message, what: Answer) -> None:
        now, attempt = self._store.now(), held.slice.attempt
        if isinstance(what, (Accepted, Rejected)):
            held.ready += of_answer(what, message, now, attempt, traceable=self._route.backend.traceable)
        elif isinstance(what, Throttled) and message.row in held.recalled:
            held.ready.append(Outcome(message.row, "not_now", now, attempt=attempt))
            held.back.append(message)
        elif isinstance(what, Throttled):
            held.again_outcomes.append(Outcome(message.row, "not_now", now, attempt=attempt))
            self._later(held.again, held, message, what.retry_after)
            if what.retry_after:
                self._gate.pause(what.retry_after)
        else:
            held.again_outcomes += unknown_outcomes(self._route, message, now, what, attempt)
            if self._route.resends:
                self._later(held.resent, held, message)
        self._recorder.answered()

    def _later(self, messages: list[Message], held: Held, message: Message, wait: float = 0) -> None:
        at = self._store.now() + max(wait, self._pace.after(held.slice.attempt))
        messages.append(message)
        held.again_after = max(held.again_after, at)
