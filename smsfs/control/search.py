"""Searches for messages, so that few of the stored ones are looked at, however many there are."""

import math
from bisect import bisect_left
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from itertools import groupby
from operator import attrgetter

from attrs import frozen

from smsfs.control.find import Wanted
from smsfs.pipeline.reports.messages import MessageStatus, statuses
from smsfs.pipeline.slices import DamagedSlice, messages_of, numbers
from smsfs.sms.message import Message
from smsfs.states import LEAVING_STATES, MessageState, rare_ways_to
from smsfs.store import Attempt, Batch, File, Span, Store

#: Those of a message that did not, and will not, reach anybody, whoever is to blame.
FAILED_STATES = frozenset({MessageState.UNDELIVERED, MessageState.REJECTED, MessageState.EXPIRED})
_LAST = 2**62


@frozen
class Search:
    """What is wanted of a message; all of it.

    Attributes:
        wanted: the account and the file that it belongs to.
        since: its file was submitted then or later, in seconds since the epoch.
        until: and before that.
        states: it is in one of these.
        to: the MSISDN of its recipient; empty: any.
        sender: its sender, as the file says it; None: any.
    """

    wanted: Wanted
    since: float = -math.inf
    until: float = math.inf
    states: Collection[MessageState] = frozenset(MessageState)
    to: str = ""
    sender: str | None = None

    def found(self) -> Iterator[MessageStatus]:
        """Such messages, oldest file first, each as it is found."""
        ways = _rare_ways(self.states)
        for batch, spans in self._places(ways):
            some = spans if ways is None else self._near(batch, spans, ways)
            for status in statuses(self.wanted.store, batch, some, self._wants):
                if status.state in self.states:
                    yield status

    def __call__(self, status: MessageStatus) -> bool:
        """Whether a message is one of them."""
        return status.state in self.states and self._wants(status.message) and self._takes(status.batch)

    def _wants(self, message: Message) -> bool:
        return self.to in ("", message.recipient) and self.sender in (None, message.sender)

    def _takes(self, batch: Batch) -> bool:
        return self.since <= batch.submitted < self.until and self.wanted(batch)

    def _places(self, ways: frozenset[str] | None) -> Iterator[tuple[Batch, Sequence[Span] | None]]:
        """Where such messages may be: batches, each with its slices, if not all of them."""
        first, last = self._numbers()
        store = self.wanted.store
        if self.to:
            number = numbers([self.to])
            for key, spans in groupby(store.search.holding(number, first, last), attrgetter("batch")):
                if (batch := store.feed.batch(key)) and self._takes(batch):
                    yield batch, list(spans)
        else:
            for batch in self._batches(ways, first):
                if batch.id > last:
                    return
                if self._takes(batch):
                    yield batch, None

    def _numbers(self) -> tuple[int, int]:
        """The first and the last number of the batches submitted in the time."""
        if (self.since, self.until) == (-math.inf, math.inf):
            return 0, _LAST
        found = self.wanted.store.search.submitted(max(self.since, 0.0), min(self.until, float(_LAST)))
        return found or (1, 0)

    def _batches(self, ways: frozenset[str] | None, first: int) -> Iterator[Batch]:
        store = self.wanted.store
        if ways is None or self.wanted.file:
            return self.wanted.batches(first - 1)
        known = store.feed.rare(ways) | {aside.batch for aside in store.trouble.asides()}
        if LEAVING_STATES.intersection(self.states):
            known |= {span.batch for span in store.search.unsettled()}
        some = sorted(number for number in known if number >= first)
        return (batch for number in some if (batch := store.feed.batch(number)))

    def _near(self, batch: Batch, spans: Sequence[Span] | None, ways: frozenset[str]) -> list[Span]:
        """The slices of a batch that have messages in these states, which are rare, or pass soon."""
        store = self.wanted.store
        rows = sorted(store.search.rare_rows(batch.id, ways))
        ends = [(aside.first_row, aside.last_row) for aside in store.trouble.asides(batch.id)]
        if LEAVING_STATES.intersection(self.states):
            ends += [(span.first_row, span.last_row) for span in store.search.unsettled(batch.id)]
        every = store.search.spans(batch.id) if spans is None else spans
        return [span for span in every if _has_row(span, rows) or _meets(span, ends)]


@frozen
class History:
    """One message and all that became of it.

    Attributes:
        status: where it is.
        attempts: all that was recorded of it, oldest first.
        waits_for: the backend that is to send it, or tries to; empty when none is.
        result: the result file that tells of it; None where there is none now.
        final: nothing more is written there; None where the file was to have none.
    """

    status: MessageStatus
    attempts: Sequence[Attempt]
    waits_for: str
    result: File | None
    final: bool | None


def history(store: Store, number: int, row: int) -> History | None:
    """All that is known of the message of a row of a batch; None if there is no such message."""
    batch = store.feed.batch(number)
    if batch is None:
        return None
    spans = [span for span in store.search.spans(number) if span.first_row <= row <= span.last_row]
    status = next(statuses(store, batch, spans, lambda message: message.row == row), None)
    if status is None:
        return None
    written, final = store.search.result(number) or (None, None)
    result = store.files.view().get(written) if written else None
    return History(status, store.search.attempts(number, row), _backend_of(store, status), result, final)


def _backend_of(store: Store, status: MessageStatus) -> str:
    """The backend that a message waits for, or is with."""
    number, row = status.batch.id, status.message.row
    if status.state not in LEAVING_STATES:
        return ""
    for span in reversed(store.search.unsettled(number)):
        if span.first_row <= row <= span.last_row and (slice_ := store.feed.slice(span.slice)):
            with suppress(DamagedSlice):
                if any(message.row == row for message in messages_of(slice_)):
                    return slice_.backend
    return ""


def _rare_ways(states: Collection[MessageState]) -> frozenset[str] | None:
    """The events that lead to states, of those that smsfs has yet to send none; None if one is common."""
    ways = [rare_ways_to(state) for state in states if state not in LEAVING_STATES]
    rare = [events for events in ways if events is not None]
    return frozenset[str]().union(*rare) if len(rare) == len(ways) else None


def _has_row(span: Span, rows: Sequence[int]) -> bool:
    place = bisect_left(rows, span.first_row)
    return place < len(rows) and rows[place] <= span.last_row


def _meets(span: Span, ends: Sequence[tuple[int, int]]) -> bool:
    return any(first <= span.last_row and last >= span.first_row for first, last in ends)
