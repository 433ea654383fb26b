"""Messages that were cancelled when their time was over, shown in reports beside the file."""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime

import structlog
from attrs import define, field

from smsfs.dialects import Dialect, Findings, Submission
from smsfs.errors import Cause
from smsfs.pipeline.free_names import show_free, spared
from smsfs.pipeline.reports.messages import MessageStatus, statuses
from smsfs.states import FileState, MessageState, SliceState
from smsfs.store import Batch, NewFile, Notice, StaleOwnerError, Store

#: When messages are first looked at after the end of their time, and until when most are reported.
FIRST_SECONDS, GRACE_SECONDS = 15.0, 120.0
SHOWN_CAUSES = 10_000

log = structlog.get_logger()


def cancelled(store: Store, batch: Batch) -> Iterator[MessageStatus]:
    """The messages of a batch that were not sent in their time."""
    return (status for status in statuses(store, batch) if status.state is MessageState.CANCELLED)


def look_again(store: Store, notice: Notice) -> float | None:
    """When to look again because some messages are still with a carrier; None when all are settled."""
    batch = store.feed.batch(notice.batch)
    slices = store.queue.slices(batch.id) if batch else ()
    ends = [item.expires for item in slices if item.state is not SliceState.DONE]
    now = store.now()
    if not ends:
        return None
    return max(ends) + FIRST_SECONDS if max(ends) > now else now + max(FIRST_SECONDS, (now - max(ends)) / 4)


@define
class _Tally:
    """What became of the messages of a file: how many have left, how many were cancelled, and the first."""

    left: int = 0
    total: int = 0
    causes: list[Cause] = field(factory=list)

    def add(self, status: MessageStatus) -> None:
        """Count one more."""
        self.left += status.submitted is not None or status.state is MessageState.UNKNOWN
        if status.state is MessageState.CANCELLED:
            self.total += 1
            if self.total <= SHOWN_CAUSES:
                self.causes.append(_cause(status))


def _tally(found: Iterable[MessageStatus]) -> _Tally:
    tally = _Tally()
    for status in found:
        tally.add(status)
    return tally


def report(store: Store, notice: Notice, dialect: Callable[[str], Dialect]) -> None:
    """Show reports on the cancelled messages of a batch, if there are any; that settles the notice."""
    account, batch = store.accounts.get(notice.account), store.feed.batch(notice.batch)
    tally = _tally(statuses(store, batch) if batch else ())
    if not (account and batch and tally.total):
        store.notices.done(notice, store.now())
        return
    now = store.now()
    rules, submission = dialect(account.dialect), Submission(batch.path.rpartition("/")[2])
    at = datetime.fromtimestamp(now, UTC)
    findings = Findings(submission, tally.causes, tally.total, FileState.SUCCESS, at, tally.left)
    reports = rules.reports(findings)
    log.info("cancelled", account=account.name, file=batch.path, messages=tally.total)

    def show(_path: str, files: list[NewFile]) -> None:
        try:
            store.notices.report(notice, files, store.now())
        except StaleOwnerError:
            store.contents.delete([file.content for file in files])

    show_free(store.contents, spared(rules, batch.path, reports, now), show)


def _cause(status: MessageStatus) -> Cause:
    known = "it had not left and was cancelled"
    if status.doubled:  # or would have been
        known = "it may have left, but no answer came, and was not sent again"
    reason = f"{known} {_why(status)}"
    return Cause(reason, index=status.message.row, msisdn=status.message.recipient)


def _why(status: MessageStatus) -> str:
    """By whom, or when its time was over."""
    end = status.message.until
    if status.last and (not end or status.last.at < end):
        return f"by an operator, at {datetime.fromtimestamp(status.last.at, UTC):%Y-%m-%d %H:%M} UTC"
    return f"when its time was over, at {datetime.fromtimestamp(end, UTC):%Y-%m-%d %H:%M} UTC"
