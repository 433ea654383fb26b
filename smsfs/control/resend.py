"""The verb that sends rows of a file again, as a new file.

The new file has the bytes of the old one, and intake takes only the chosen rows of it: all that holds for a
new file holds for these, as the account is set up by then. A row is sent again once: who chooses it another
time, on whatever host, is told of the batch that it is in, which can be sent again in its turn.
"""

from collections import Counter
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import BinaryIO, cast

from attrs import evolve, field, frozen

from smsfs.control.acting import Operator
from smsfs.control.files import USUAL, Selection, target_of
from smsfs.control.moments import shown
from smsfs.dialects import Dialect, Submission
from smsfs.dialects.registry import dialect
from smsfs.errors import ConfigurationError, Missing
from smsfs.filesystem.handover import free_second
from smsfs.names import seconds_from
from smsfs.pipeline.reports.messages import statuses
from smsfs.states import LEAVING_STATES, BatchState, FileState, MessageState
from smsfs.store import Batch, File, FileChange, NewEntry, NewResend, Resend, Store
from smsfs.store.again import again
from smsfs.store.contents import fill, kept_if_shown
from smsfs.store.resends import Rows, Tally

_BLOCK = 262_144


@frozen
class Choice:
    """Which messages are sent again, or would be; each that was named is counted once.

    Attributes:
        rows: theirs.
        tally: counts these.
        done: how many of them are in which state.
        before: how many were sent again before, by the batch that they are in now.
        others: how many are in which other state.
        damaged: how many have a record that cannot be read, so nobody knows to whom they went.
        last: the newest batch that rows of theirs were sent again as; 0 if none.
    """

    rows: Rows = field(factory=Rows)
    tally: Tally = field(factory=Tally)
    done: Counter[str] = field(factory=Counter)
    before: Counter[int] = field(factory=Counter)
    others: Counter[str] = field(factory=Counter)
    damaged: Counter[str] = field(factory=Counter)
    last: int = 0


@frozen
class Resent:
    """What was sent again, or would be.

    Attributes:
        choice: what.
        made: the new batch; None where nothing was done.
        path: that of its file when it was made.
    """

    choice: Choice
    made: Resend | None = None
    path: str = ""


def foresee_resend(store: Store, batch: Batch, which: Selection, states: Collection[MessageState]) -> Resent:
    """What would be sent again at present.

    Raises:
        ConfigurationError: nothing can be.
    """
    return Resent(_choose(store, batch, which, states))


@again
def resend(
    store: Store, operator: Operator, batch: Batch, which: Selection, states: Collection[MessageState]
) -> Resent:
    """Send messages of an ended file again, as a new one.

    Raises:
        ConfigurationError: nothing can be sent again.
        StoreUnavailable: as for ``order``: the log tells whether it was done.
    """
    choice = _choose(store, batch, which, states)
    old = _file_of(store, batch)
    content = store.contents.create()
    path = ""

    def submit(files: FileChange) -> tuple[int, NewEntry]:
        nonlocal path
        file, number = _hand_over(store, files, batch, evolve(old, content=content))
        path = file.path
        shown = which.shown() | {"state": ",".join(sorted(states)) if states != USUAL else None}
        entry = operator.entry(store.now(), "file resend", target_of(store, batch), **shown)
        return number, evolve(entry, result=f"{choice.tally.messages} sent again as batch {number}")

    with kept_if_shown(store.contents, lambda: [content]):
        _copy(store, batch, old, content)
        new = NewResend(batch.id, choice.rows.ranges, choice.tally.messages, choice.tally.digest())
        made = store.resends.add(old.account, new, choice.last, submit)
    return Resent(choice, made, path)


def told_again(store: Store, batch: Batch, answer: Resent) -> str:
    """What was sent again, as a clause."""
    choice, made = answer.choice, answer.made
    as_batch = f" as batch {made.batch}: {answer.path}" if made else ""
    parts = [f"{choice.tally.messages} sent again{as_batch} ({_counts(choice.done)})"]
    return ", ".join([*parts, *_left_out(store, batch, choice)])


def _left_out(store: Store, batch: Batch, choice: Choice) -> Iterator[str]:
    """Clauses about the messages that are not sent again."""
    resends = {item.batch: item for item in store.resends.origin(batch.id)}
    for number, count in sorted(choice.before.items()):
        by = f"{resends[number].who} at {shown(resends[number].at)}" if number in resends else "somebody"
        yield f"{count} sent again before as batch {number} by {by}"
    if choice.damaged:
        yield f"{choice.damaged.total()} whose record is damaged left alone"
    if choice.others:
        yield f"{_counts(choice.others)} left alone"


def _counts(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))


def _choose(store: Store, batch: Batch, which: Selection, states: Collection[MessageState]) -> Choice:
    if batch.state is not BatchState.ACCEPTED:
        what = "was rejected" if batch.state is BatchState.REJECTED else "is not read yet"
        raise ConfigurationError(f"{target_of(store, batch)} {what}, so it has no messages to send again.")
    _file_of(store, batch)
    earlier = store.resends.origin(batch.id)
    sent = [(item.batch, Rows(item.ranges)) for item in earlier if item.state is not BatchState.REJECTED]
    choice = Choice(last=max((item.batch for item in earlier), default=0))
    leaving = 0
    for item in statuses(store, batch):
        leaving += item.state in LEAVING_STATES
        row = item.message.row
        if not which.has(item.message):
            continue
        if number := next((number for number, rows in sent if row in rows), None):
            choice.before[number] += 1
        elif item.state not in states:
            choice.others[str(item.state)] += 1
        elif not item.message.recipient:
            choice.damaged[str(item.state)] += 1
        else:
            choice.done[str(item.state)] += 1
            choice.rows.add(row)
            choice.tally.add(row, item.message.recipient)
    _check(store, batch, choice, leaving)
    return choice


def _check(store: Store, batch: Batch, choice: Choice, leaving: int) -> None:
    """Check that a file has ended, and that something of it is to be sent again."""
    target = target_of(store, batch)
    if leaving:
        raise ConfigurationError(
            f"{target}: {leaving} of its messages have not left yet; wait for them, or cancel them with "
            f"smsfs file cancel {batch.id}, and send rows again then."
        )
    if not choice.tally.messages:
        why = ", ".join(_left_out(store, batch, choice)) or "the file has no such rows"
        raise ConfigurationError(f"{target}: nothing to send again: {why}.")


def _file_of(store: Store, batch: Batch) -> File:
    """The file whose bytes are read again.

    Raises:
        ConfigurationError: it is gone.
    """
    file = store.files.view().get(batch.file) if batch.file else None
    if file is None or file.state not in (FileState.SUCCESS, FileState.CONSUMED):
        raise _gone(store, batch)
    return file


def _gone(store: Store, batch: Batch) -> ConfigurationError:
    return ConfigurationError(
        f"{target_of(store, batch)}: the file was deleted, so its rows cannot be read again; "
        "upload those to send as a new file."
    )


def _copy(store: Store, batch: Batch, old: File, content: str) -> None:
    """The bytes of a file, on stable storage under another name."""
    try:
        raw = store.contents.open_read(old.content)
    except (Missing, FileNotFoundError):
        raise _gone(store, batch) from None
    with cast("BinaryIO", raw) as stream:
        size = fill(store.contents.open_write(content), iter(partial(stream.read, _BLOCK), b""))
    if size != old.size:
        raise _gone(store, batch)


def _hand_over(store: Store, files: FileChange, batch: Batch, like: File) -> tuple[File, int]:
    """Submit a file with the content of ``like``, under the first name that is free; its batch's number."""
    account = files.account(like.account)
    if account is None:
        raise _gone(store, batch)
    rules, now = dialect(account.dialect), store.now()
    submission, at = _free(rules, files, account.id, Submission(batch.stem, batch.flags), int(now))
    path = rules.path(submission, at, FileState.PROCESSING)
    file = files.add(account.id, path, like.content, now)
    files.resize(file.id, like.size, now)
    number = files.submit(file, path, submission.stem, submission.flags, at.timestamp(), now)
    return file, number


def _free(
    rules: Dialect, files: FileChange, account: int, submission: Submission, now: int
) -> tuple[Submission, datetime]:
    """A submission whose names are free for its whole life, and the time that they carry."""
    if rules.stamped:
        return submission, free_second(rules, files, account, submission, now)
    at = datetime.fromtimestamp(now, UTC)
    states = (FileState.PROCESSING, FileState.SUCCESS, FileState.REJECTED)
    for second in seconds_from(now):
        spare = evolve(submission, stem=rules.spare(submission.stem, second))
        if not files.taken(account, {rules.path(spare, at, state) for state in states}):
            return spare, at
    raise AssertionError("names have no end")
