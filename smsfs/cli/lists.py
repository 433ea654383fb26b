"""``smsfs files`` and ``smsfs messages``: what there is, and what became of it."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import lru_cache
from operator import attrgetter
from pathlib import Path
from typing import Any

import click

from smsfs.cli.common import cell, config_option, find_account, opened, show_list
from smsfs.cli.terminal import err
from smsfs.control.find import Wanted
from smsfs.errors import StoreUnavailable
from smsfs.pipeline.reports.follow import Follower
from smsfs.pipeline.reports.messages import MessageStatus, batches_with, statuses
from smsfs.states import FileState, MessageState
from smsfs.store import Account, Batch, Overview, Store

#: What is shown of a message, and how wide where that cannot be found out.
COLUMNS = {
    "account": 10,
    "file": 40,
    "row": 6,
    "recipient": 15,
    "state": 11,
    "parts": 5,
    "code": 5,
    "reason": 0,
}
#: How long news may take to show where the store does not announce it.
FOLLOW_SECONDS = 1.0
#: The exit status of a program that Ctrl-C has ended.
INTERRUPTED = 130


def moment(seconds: float | None) -> str | None:
    """A time as ISO 8601 in UTC, to the second."""
    if seconds is None:
        return None
    minute, second = divmod(int(seconds), 60)
    return f"{_minute(minute)}:{second:02}Z"


@lru_cache(maxsize=1024)
def _minute(minute: int) -> str:
    """A time to the minute: what is listed together has many of one."""
    return datetime.fromtimestamp(minute * 60, UTC).isoformat(timespec="minutes").removesuffix("+00:00")


@click.command()
@click.option("--account", "name", help="Only this account's.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
@config_option
def files(name: str | None, as_json: bool, config_file: Path | None) -> None:
    """List files with their states."""
    columns = ["account", "file", "state", "bytes", "modified", "messages", "causes"]
    with opened(config_file) as (_, store):
        every = sorted(store.accounts.all(), key=attrgetter("id"))
        accounts = [find_account(store, name)] if name else every
        show_list(columns, _files(store, accounts), as_json=as_json)


def _files(store: Store, accounts: Iterable[Account]) -> Iterator[dict[str, Any]]:
    for account in accounts:
        for file in store.files.overview(account.id):
            # A draft was rejected, and renamed to be mended; one that was ignored has its name still.
            is_batch = file.state is not FileState.DRAFT or file.batch == file.path
            yield {
                "account": account.name,
                "file": file.path,
                "state": file.state.value,
                "bytes": _bytes(store, file),
                "modified": moment(file.mtime),
                "cut": file.cut,
                "submitted_at": moment(file.submitted) if is_batch else None,
                "messages": file.messages if is_batch else None,
                "causes": file.cause_count if is_batch else None,
                "cause": str(file.cause) if is_batch and file.cause else None,
            }


def _bytes(store: Store, file: Overview) -> int:
    """The size of a file; what arrived of one that is being written, or was when its upload ended."""
    if file.written or file.cut:
        with suppress(StoreUnavailable):
            return store.contents.size(file.content)
    return file.size


@click.command()
@click.option("--account", "name", help="Only this account's.")
@click.option("--file", "file", help="Only this file's: its path now, or one it had before.")
@click.option(
    "--state", type=click.Choice([str(state) for state in MessageState]), help="Only in this state."
)
@click.option("--follow", is_flag=True, help="Then print each change of state as it comes, until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
@config_option
def messages(
    *,
    name: str | None,
    file: str | None,
    state: str | None,
    follow: bool,
    as_json: bool,
    config_file: Path | None,
) -> None:
    """List messages with their states, oldest first."""
    with opened(config_file) as (_, store):
        account = find_account(store, name).id if name else None
        wanted = Wanted(store, account, file and file.lstrip("/"))
        shown = _follow(store, wanted) if follow else _existing(store, wanted, state)
        found = _messages(store, (status for status in shown if state in (None, status.state)))
        with _until_interrupted():
            if follow and not as_json:
                _show_lines(found)
            else:
                show_list(list(COLUMNS), found, as_json=as_json)


@contextmanager
def _until_interrupted() -> Iterator[None]:
    """Ctrl-C is how a user ends it: the exit status says so, and nothing else."""
    try:
        yield
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _show_lines(found: Iterable[dict[str, Any]]) -> None:
    """A table that grows: the width of its columns cannot be known."""
    click.echo(_line({key: key for key in COLUMNS}))
    for item in found:
        click.echo(_line(item))


def _line(item: Mapping[str, Any]) -> str:
    return "  ".join(cell(item[key]).ljust(width) for key, width in COLUMNS.items()).rstrip()


def _named(wanted: Wanted) -> Iterator[Batch]:
    """The batches there are, oldest first; a word on standard error if a file was named and there is none."""
    found = False
    for batch in wanted.batches():
        found = True
        yield batch
    if wanted.file and not found:
        err.print(
            f"No file {wanted.file} was submitted; smsfs files lists those there are.",
            markup=False,
        )


def _existing(store: Store, wanted: Wanted, state: str | None) -> Iterator[MessageStatus]:
    some = batches_with(store, MessageState(state)) if state and not wanted.file else None
    for batch in _named(wanted) if some is None else filter(wanted, some):
        yield from statuses(store, batch)


def _follow(store: Store, wanted: Wanted) -> Iterator[MessageStatus]:
    follower = Follower(store, wanted)
    yield from follower.existing(_named(wanted))
    while True:
        try:
            yield from follower.news()
        except StoreUnavailable as exc:
            err.print(f"smsfs: {exc}", markup=False)
        store.changed(FOLLOW_SECONDS)


def _messages(store: Store, found: Iterable[MessageStatus]) -> Iterator[dict[str, Any]]:
    names = {item.id: item.name for item in store.accounts.all()}
    for status in found:
        account = status.batch.account
        if account not in names:
            names |= {item.id: item.name for item in store.accounts.all()}
        yield _message(names.get(account, "?"), status.batch, status)


def _message(account: str, batch: Batch, status: MessageStatus) -> dict[str, Any]:
    message, last = status.message, status.last
    return {
        "id": f"{batch.id}-{message.row}",
        "account": account,
        "file": batch.path,
        "row": message.row,
        "recipient": message.recipient,
        "sender": message.sender,
        "text": message.text,
        "class": message.klass,
        "userref": message.userref,
        "encoding": message.encoding,
        "parts": message.parts,
        "state": str(status.state),
        "doubled": status.doubled,
        "carrier_id": status.carrier_id,
        "code": last.code if last else "",
        "reason": last.reason if last else "",
        "submitted_at": moment(batch.submitted),
        "sent_at": moment(status.submitted),
        "changed_at": moment(last.at) if last else None,
        "done_at": moment(status.done),
        "carrier_done_at": moment(last.done) if last else None,
    }
