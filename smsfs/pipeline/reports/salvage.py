"""What was saved of a store, in files that people and programs can read."""

import csv
import json
import os
import shutil
from collections import Counter
from collections.abc import Container, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from attrs import asdict

from smsfs.names import is_too_long
from smsfs.pipeline.reports.messages import MessageStatus, statuses, statuses_in
from smsfs.pipeline.slices import DamagedSlice, messages_of
from smsfs.states import MessageState, SliceState
from smsfs.store import Account, Batch, File, Slice, Store

MESSAGES = ("account", "file", "row", "recipient", "sender", "text", "class", "userref", "encoding", "parts")
FATE = ("state", "doubled", "carrier_id", "code", "reason", "submitted_at", "changed_at")
REPLIES = ("account", "file", "row", "sender", "recipient", "text", "whole", "at")


def export(store: Store, contents: Path, folder: Path) -> Counter[str]:
    """Write everything that a store holds.

    Args:
        store: what was saved.
        contents: the folder of the damaged store's file contents, named as in ``store``.
        folder: where to; it exists, and is empty but for what is the caller's.

    Returns:
        How many there are of each kind.
    """
    names = {account.id: account.name for account in store.accounts.all()}
    batches = list(store.queue.batches())
    _json(folder / "accounts.json", [_account(store, each, names) for each in store.accounts.all()])
    _json(folder / "host_keys.json", store.accounts.host_keys())
    return Counter(
        accounts=len(names),
        optouts=_table(folder / "optouts.csv", ("account", "msisdn", "since", "source"), _optouts(store)),
        replies=_table(folder / "replies.csv", REPLIES, _replies(store)),
        messages=_table(folder / "messages.csv", MESSAGES + FATE, _messages(store, batches, names)),
        files=_table(
            folder / "files.csv",
            ("account", "file", "state", "bytes", "modified_at", "saved_as"),
            _files(store, contents, folder, names),
        ),
    )


def _json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _table(path: Path, columns: Iterable[str], rows: Iterable[dict[str, Any]]) -> int:
    count = 0
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(columns))
        writer.writeheader()
        for row in rows:
            writer.writerow(row)
            count += 1
    return count


def _moment(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _account(store: Store, account: Account, names: dict[int, str]) -> dict[str, Any]:
    more = {"keys": store.accounts.keys(account.id), "credits": store.accounts.credits(account.id)}
    parent = names.get(account.parent) if account.parent else None
    return asdict(account) | {"parent": parent, "settings": dict(account.settings)} | more


def _optouts(store: Store) -> Iterator[dict[str, Any]]:
    for account in store.accounts.all():
        for item in store.optouts.all(account.id):
            fields = {"msisdn": item.msisdn, "since": _moment(item.since), "source": item.source}
            yield {"account": account.name, **fields}


def _replies(store: Store) -> Iterator[dict[str, Any]]:
    for reply in store.inbound.replies():
        fields = {
            name: getattr(reply, name) for name in ("account", "row", "sender", "recipient", "text", "whole")
        }
        yield {**fields, "file": reply.path, "at": _moment(reply.at)}


def _messages(store: Store, batches: Iterable[Batch], names: dict[int, str]) -> Iterator[dict[str, Any]]:
    for batch in batches:
        whole = {item.id for item in store.queue.slices(batch.id) if _rows(item) is not None}
        waiting = _waiting(store, batch)
        for status in _statuses(store, batch, whole):
            yield _message(names.get(batch.account, ""), status, waiting)


def _statuses(store: Store, batch: Batch, whole: Container[int]) -> Iterator[MessageStatus]:
    """The messages of a batch; where some slices cannot be decoded, those of the others one by one."""
    slices = list(store.queue.slices(batch.id))
    if all(item.id in whole for item in slices):
        yield from statuses(store, batch)
        return
    for item in slices:
        if item.id in whole and not item.again:
            claimed = item.state is SliceState.CLAIMED
            yield from statuses_in(store, batch, item, _rows(item) or (), claimed=claimed)


def _rows(slice_: Slice) -> set[int] | None:
    """The rows of a slice; None when its messages cannot be decoded."""
    try:
        return {message.row for message in messages_of(slice_)}
    except DamagedSlice:
        return None


def _waiting(store: Store, batch: Batch) -> set[int]:
    """The rows that wait to be sent: any other without an outcome has lost it."""
    waits = (SliceState.QUEUED, SliceState.STOPPED, SliceState.HELD)
    queued = (item for item in store.queue.slices(batch.id) if item.state in waits)
    return {row for item in queued for row in _rows(item) or ()}


def _message(account: str, status: MessageStatus, waiting: set[int]) -> dict[str, Any]:
    message, last = status.message, status.last
    is_lost = status.state in (MessageState.QUEUED, MessageState.HELD) and message.row not in waiting
    fields = {name: getattr(message, name) for name in ("row", "recipient", "sender", "text", "userref")}
    return {
        **fields,
        "account": account,
        "file": status.batch.path,
        "class": message.klass,
        "encoding": message.encoding,
        "parts": message.parts,
        "state": str(MessageState.UNKNOWN if is_lost else status.state),
        "doubled": status.doubled,
        "carrier_id": status.carrier_id,
        "code": last.code if last else "",
        "reason": "its outcome is lost" if is_lost else last.reason if last else "",
        "submitted_at": _moment(status.batch.submitted),
        "changed_at": _moment(last.at if last else None),
    }


def _files(store: Store, contents: Path, folder: Path, names: dict[int, str]) -> Iterator[dict[str, Any]]:
    """Copy the contents of files, and of those that no file is known for any more."""
    left = {entry.name for entry in os.scandir(contents)} if contents.is_dir() else set()
    for file in store.files.all():
        account = names.get(file.account, "lost")
        place = Path("files", _safe(account, "lost"), *_parts(file))
        saved = file.content in left and _copy(contents / file.content, folder / place)
        fields = {"account": account, "file": file.path, "state": str(file.state), "bytes": file.size}
        yield {**fields, "modified_at": _moment(file.mtime), "saved_as": str(place) if saved else ""}
        if saved:
            left.discard(file.content)
    for content in sorted(left):
        place = Path("files", "lost", content)
        if _copy(contents / content, folder / place):
            size = (folder / place).stat().st_size
            yield {"account": "", "file": "", "state": "", "bytes": size, "saved_as": str(place)}


def _parts(file: File) -> list[str]:
    """A file's path, safe on any disk whatever a broken page says."""
    *folders, name = file.path.split("/")
    return [*(_safe(part, "lost") for part in folders), _safe(name, f"file-{file.id}")]


def _safe(name: str, instead: str) -> str:
    is_safe = name not in ("", ".", "..") and not set(name) & {"/", "\0"}
    return name if is_safe and not is_too_long(name) else instead


def _copy(source: Path, target: Path) -> bool:
    """Copy a file that can be read to where none is yet; whether that was done."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with source.open("rb") as old, target.open("xb") as new:
            shutil.copyfileobj(old, new)
    except OSError:
        return False
    return True
