"""``smsfs files``: what there is, and what became of it."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from operator import attrgetter
from pathlib import Path
from typing import Any

import click

from smsfs.cli.common import config_option, find_account, opened, show_list
from smsfs.errors import StoreUnavailable
from smsfs.states import FileState
from smsfs.store import Account, Overview, Store


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
