"""Messages that were cancelled when their time was over, told in reports beside the file."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import count, islice

import structlog

from smsfs.dialects import Dialect, Submission
from smsfs.errors import Cause, Exists
from smsfs.pipeline.messages import MessageStatus, statuses
from smsfs.states import FileState, MessageState
from smsfs.store import Batch, NewFile, Notice, StaleOwnerError, Store
from smsfs.store.contents import written

#: The first look at messages after the end of their time, when the last answers should be in.
GRACE_SECONDS = 120.0
SHOWN_CAUSES = 10_000

log = structlog.get_logger()


def cancelled(store: Store, batch: Batch) -> Iterator[MessageStatus]:
    """The messages of a batch that were not sent in their time."""
    return (status for status in statuses(store, batch) if status.state is MessageState.CANCELLED)


def look_again(store: Store, notice: Notice) -> float | None:
    """When to look at messages again of which some are still waiting, for a carrier that is away; or None."""
    batch = store.feed.batch(notice.batch)
    if batch is None or all(slice_.state == "done" for slice_ in store.queue.slices(batch.id)):
        return None
    now = store.now()
    return now + max(GRACE_SECONDS, (now - batch.submitted) / 4)


def report(store: Store, notice: Notice, dialect: Callable[[str], Dialect]) -> None:
    """Show reports on the cancelled messages of a batch, if there are any; that settles the notice."""
    account, batch = store.accounts.get(notice.account), store.feed.batch(notice.batch)
    found = cancelled(store, batch) if account and batch else iter(())
    causes = [_cause(status) for status in islice(found, SHOWN_CAUSES)]
    if not (account and batch and causes):
        store.notices.done(notice, store.now())
        return
    total, now = len(causes) + sum(1 for _ in found), store.now()
    rules, submission = dialect(account.dialect), Submission(batch.path.rpartition("/")[2])
    at = datetime.fromtimestamp(now, UTC)
    reports = rules.reports(submission, causes, total, FileState.SUCCESS, at)
    log.info("cancelled", account=account.name, file=batch.path, messages=total)
    next(names for names in _names(rules, reports, now) if _shown(store, notice, names))


def _names(rules: Dialect, reports: list[tuple[str, bytes]], now: float) -> Iterator[list[tuple[str, bytes]]]:
    """The reports under their own names, then under spare ones."""
    yield reports
    for second in count(int(now)):
        at = datetime.fromtimestamp(second, UTC)
        yield [(rules.spare(path, at), data) for path, data in reports]


def _cause(status: MessageStatus) -> Cause:
    end = datetime.fromtimestamp(status.message.until, UTC)
    known = "it had not left and was cancelled"
    if status.doubled:  # or would have been
        known = "it may have left, but no answer came, and was not sent again"
    reason = f"{known} when its time was over, at {end:%Y-%m-%d %H:%M} UTC"
    return Cause(reason, index=status.message.row, msisdn=status.message.recipient)


def _shown(store: Store, notice: Notice, reports: list[tuple[str, bytes]]) -> bool:
    """Whether the reports are there; not if one of their names is taken."""
    files = [NewFile(path, written(store.contents, data), len(data)) for path, data in reports]
    try:
        store.notices.report(notice, files, store.now())
    except (Exists, StaleOwnerError) as exc:
        store.contents.delete([file.content for file in files])
        return isinstance(exc, StaleOwnerError)
    return True
