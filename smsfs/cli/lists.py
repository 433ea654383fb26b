"""``smsfs files`` and ``smsfs messages``: what there is, and what became of it."""

import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from smsfs.cli.common import config_option, find_account, opened, show_table
from smsfs.errors import StoreUnavailable
from smsfs.pipeline.messages import MessageStatus, statuses
from smsfs.states import FileState, MessageState
from smsfs.store import Batch, File, Store


def moment(seconds: float | None) -> str | None:
    """A time as ISO 8601 in UTC, to the second."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


@click.command()
@click.option("--account", "name", help="Only this account's.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
@config_option
def files(name: str | None, as_json: bool, config_file: Path | None) -> None:
    """List files with their states."""
    with opened(config_file) as (_, store):
        shown = list(_files(store, find_account(store, name).id if name else None))
    if as_json:
        for item in shown:
            click.echo(json.dumps(item, ensure_ascii=False))
    else:
        columns = ["account", "file", "state", "bytes", "modified", "messages", "causes"]
        show_table(
            columns, [["" if item[key] is None else str(item[key]) for key in columns] for item in shown]
        )


def _files(store: Store, account: int | None) -> Iterator[dict[str, Any]]:
    names = {item.id: item.name for item in store.accounts.all()}
    batches = {batch.file: batch for batch in store.queue.batches(account) if batch.file}
    for file in store.files.all(account):
        batch = batches.get(file.id) if file.state is not FileState.DRAFT else None
        yield {
            "account": names.get(file.account, "?"),
            "file": file.path,
            "state": str(file.state),
            "bytes": _bytes(store, file),
            "modified": moment(file.mtime),
            "cut": file.cut,
            "submitted_at": moment(batch.submitted) if batch else None,
            "messages": batch.messages if batch else None,
            "causes": batch.cause_count if batch else None,
            "cause": str(batch.causes[0]) if batch and batch.causes else None,
        }


def _bytes(store: Store, file: File) -> int:
    """The size of a file; what arrived of one that is being written, or was when its upload ended."""
    if file.writers or file.cut:
        with suppress(StoreUnavailable):
            return store.contents.size(file.content)
    return file.size


@click.command()
@click.option("--account", "name", help="Only this account's.")
@click.option("--file", "file", help="Only this file's: its name now, or the one it was submitted under.")
@click.option(
    "--state", type=click.Choice([str(state) for state in MessageState]), help="Only in this state."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
@config_option
def messages(
    name: str | None, file: str | None, state: str | None, as_json: bool, config_file: Path | None
) -> None:
    """List messages with their states, oldest first."""
    with opened(config_file) as (_, store):
        account = find_account(store, name).id if name else None
        found = _messages(store, account, file, state)
        if as_json:
            for item in found:
                click.echo(json.dumps(item, ensure_ascii=False))
        else:
            columns = ["account", "file", "row", "recipient", "state", "parts", "code", "reason"]
            show_table(columns, [[str(item[key]) for key in columns] for item in found])


def _messages(
    store: Store, account: int | None, file: str | None, state: str | None
) -> Iterator[dict[str, Any]]:
    names = {item.id: item.name for item in store.accounts.all()}
    for batch in store.queue.batches(account, file):
        for status in statuses(store, batch):
            if state in (None, status.state):
                yield _message(names.get(batch.account, "?"), batch, status)


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
        "changed_at": moment(last.at) if last else None,
        "done_at": moment(status.done),
        "carrier_done_at": moment(last.done) if last else None,
    }
