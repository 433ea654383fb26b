"""What becomes of messages, as it happens, for people who watch.

Outcomes have numbers that grow, but with several hosts one may be committed after a later one. A missing
number is therefore asked for again for a while. Everything is read in pages, and what was
shown is remembered for the latest messages only, so memory is bounded.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache

from attrs import frozen

from smsfs.pipeline.reports.messages import MessageStatus, statuses, statuses_in
from smsfs.states import BatchState, MessageState
from smsfs.store import Batch, Claimed, News, Store

PAGE = 500
#: How long a transaction may take, at most, between its numbers or its time and its commit.
COMMIT_SECONDS = 60.0
#: Numbers before the newest among which some may not be committed yet.
UNCERTAIN = 5_000
REMEMBERED = 50_000
BATCHES = 1_000
NO_END = 2**62


@frozen
class Gap:
    """Numbers that were left out, to be asked for until some time."""

    first: int
    last: int
    until: float

    def without(self, found: Iterable[News]) -> list["Gap"]:
        """What is still left out when some of it, in order, was found."""
        first, left = self.first, []
        for number in [*(news.number for news in found), self.last + 1]:
            if number > first:
                left.append(Gap(first, number - 1, self.until))
            first = number + 1
        return left


class Follower:
    """Tells what is new about messages.

    Args:
        store: where they are.
        wanted: whether the messages of a batch are of interest.
    """

    def __init__(self, store: Store, wanted: Callable[[Batch], bool]) -> None:
        self._store = store
        self._wanted = wanted
        self._batch = lru_cache(BATCHES)(store.feed.batch)
        self._gaps: list[Gap] = []
        self._fresh_news: list[News] = []
        self._next = max(1, store.feed.newest() - UNCERTAIN)
        while self._read_on():
            pass
        self._fresh_news = []
        self._since = store.now() - COMMIT_SECONDS
        self._accepted: dict[int, float] = {}
        self._claimed: set[Claimed] = set()
        self._shown: OrderedDict[tuple[int, int], MessageState] = OrderedDict()

    def existing(self, batches: Iterable[Batch]) -> Iterator[MessageStatus]:
        """The messages of some batches as they are; what is shown here is not shown again later."""
        for batch in batches:
            finished = batch.finished if batch.state is BatchState.ACCEPTED else None
            if finished is not None and finished >= self._since:
                self._accepted[batch.id] = finished
            yield from self._changed(statuses(self._store, batch))

    def news(self) -> Iterator[MessageStatus]:
        """What is new since the last time: messages that were accepted, or whose state has changed.

        Where the store is away meanwhile, the next call goes on from there.
        """
        yield from self._changed(self._new_batches())
        while self._fresh_news or self._read_on():
            yield from self._changed(self._of_outcomes(self._fresh_news))
            self._fresh_news = []
        yield from self._changed(self._of_claims())

    def _changed(self, found: Iterable[MessageStatus]) -> Iterator[MessageStatus]:
        for status in found:
            key = (status.batch.id, status.message.row)
            if self._shown.get(key) != status.state:
                yield status
            self._shown[key] = status.state
            self._shown.move_to_end(key)
            if len(self._shown) > REMEMBERED:
                self._shown.popitem(last=False)

    def _new_batches(self) -> Iterator[MessageStatus]:
        since = self._store.now() - COMMIT_SECONDS
        for number, finished in self._store.feed.accepted(min(self._since, since)):
            batch = self._interesting(number) if number not in self._accepted else None
            if batch:
                yield from statuses(self._store, batch)
            self._accepted[number] = finished
        self._since = since
        self._accepted = {number: at for number, at in self._accepted.items() if at >= since}

    def _interesting(self, number: int) -> Batch | None:
        batch = self._batch(number)
        return batch if batch and self._wanted(batch) else None

    def _read_on(self) -> bool:
        """Read the next page of outcomes that were not read before; whether there were any."""
        now, feed = self._store.now(), self._store.feed
        gaps = [gap for gap in self._gaps if gap.until > now]
        late = [(gap, feed.outcomes(gap.first, gap.last, PAGE)) for gap in gaps]
        page = feed.outcomes(self._next, NO_END, PAGE)
        self._gaps = [left for gap, found in late for left in gap.without(found)]
        if page:
            last = page[-1].number
            self._gaps += Gap(self._next, last, now + COMMIT_SECONDS).without(page)
            self._next = last + 1
        self._fresh_news = [news for _, found in late for news in found] + page
        return bool(self._fresh_news)

    def _of_outcomes(self, fresh: Iterable[News]) -> Iterator[MessageStatus]:
        rows: dict[tuple[int, int], set[int]] = {}
        for item in fresh:
            rows.setdefault((item.batch, item.slice), set()).add(item.row)
        for (number, of), wanted in rows.items():
            batch = self._interesting(number)
            slice_ = self._store.feed.slice(of) if batch else None
            if batch and slice_:
                yield from statuses_in(self._store, batch, slice_, wanted, claimed=False)

    def _of_claims(self) -> Iterator[MessageStatus]:
        """Messages that were handed to a backend meanwhile, and are there still; or came back untried."""
        claimed = set(self._store.feed.claimed())
        for number, _ in sorted(self._claimed - claimed):
            yield from self._of_slice(number, MessageState.QUEUED)
        for number, _ in sorted(claimed - self._claimed):
            yield from self._of_slice(number, MessageState.SUBMITTING)
        self._claimed = claimed

    def _of_slice(self, number: int, state: MessageState) -> Iterator[MessageStatus]:
        """Those messages of a slice that are in a state."""
        slice_ = self._store.feed.slice(number)
        batch = self._interesting(slice_.batch) if slice_ else None
        if slice_ and batch:
            rows = set(range(slice_.first_row, slice_.last_row + 1))
            claimed = state is MessageState.SUBMITTING
            found = statuses_in(self._store, batch, slice_, rows, claimed=claimed)
            yield from (status for status in found if status.state is state)
