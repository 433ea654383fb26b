"""``smsfs messages`` and ``smsfs message``: what became of messages, and of one."""

import math
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import click

from smsfs.cli.common import cell, config_option, find_account, opened, show_list
from smsfs.cli.lists import moment
from smsfs.cli.terminal import err
from smsfs.control import moments
from smsfs.control.find import Wanted
from smsfs.control.search import FAILED_STATES, Search
from smsfs.errors import ConfigurationError, StoreUnavailable
from smsfs.pipeline.reports.follow import Follower
from smsfs.pipeline.reports.messages import MessageStatus
from smsfs.sms.numbers import msisdn
from smsfs.states import MessageState
from smsfs.store import Store

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
F = TypeVar("F", bound=Callable[..., Any])
_OPTIONS = (
    click.option("--account", help="Only this account's."),
    click.option("--file", help="Only this file's: its path now, or one it had before."),
    click.option("--to", metavar="NUMBER", help="Only to this number."),
    click.option("--sender", help="Only with this sender, as the file says it."),
    click.option("--since", metavar="T", help="Only of files submitted then or later: a time as below."),
    click.option("--until", metavar="T", help="Only of files submitted before it, or on that day."),
    click.option("--state", metavar="A,B", help="Only in one of these states."),
    click.option("--failed", is_flag=True, help="Only those that did not arrive and will not."),
)


def _search_options(function: F) -> F:
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


@click.command()
@_search_options
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="At most so many.")
@click.option("--follow", is_flag=True, help="Then print each change of state as it comes, until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
@config_option
def messages(
    *, limit: int | None, follow: bool, as_json: bool, config_file: Path | None, **asked: Any
) -> None:
    """List messages with their states, oldest first.

    A time T is a day in UTC such as 2026-11-30, today or yesterday; a moment such as 2026-11-30T09:00, in UTC
    unless it says otherwise (Z, +01:00); or 2h for two hours ago (s, m, h, d, w).
    """
    with opened(config_file) as (_, store):
        search = asked_search(store, asked)
        if search.wanted.file and next(search.wanted.batches(), None) is None:
            text = f"No file {search.wanted.file} was submitted; smsfs files lists those there are."
            err.print(text, markup=False)
        shown = filter(search, _follow(store, search)) if follow else search.found()
        found = _messages(store, islice(shown, limit))
        with _until_interrupted():
            if follow and not as_json:
                _show_lines(found)
            else:
                show_list(list(COLUMNS), found, as_json=as_json)


def asked_search(store: Store, asked: Mapping[str, Any]) -> Search:
    """The search that options ask for, by their names; None where one is not given.

    Raises:
        ConfigurationError: one of them cannot be understood.
    """
    account, file, now = asked["account"], asked["file"], store.now()
    wanted = Wanted(store, find_account(store, account).id if account else None, file and file.lstrip("/"))
    states = _states(asked["state"], failed=asked["failed"])
    return Search(
        wanted,
        since=_span("--since", asked["since"], now)[0],
        until=_span("--until", asked["until"], now)[1],
        states=states,
        to=_number(asked["to"]),
        sender=asked["sender"],
    )


def _states(names: str | None, *, failed: bool) -> frozenset[MessageState]:
    if names is None:
        return FAILED_STATES if failed else frozenset(MessageState)
    known = {state.value: state for state in MessageState}
    asked = [name.strip() for name in names.split(",")]
    if wrong := [name for name in asked if name not in known]:
        raise ConfigurationError(f"{wrong[0]!r} is no state of a message; there are: {', '.join(known)}.")
    return frozenset(known[name] for name in asked) | (FAILED_STATES if failed else frozenset())


def _number(text: str | None) -> str:
    """An MSISDN, from a number as people copy it: with a plus or two zeros before it, and blanks in it."""
    if text is None:
        return ""
    digits = "".join(text.split())
    try:
        return msisdn(digits.removeprefix("00") if digits.startswith("00") else digits)
    except ValueError as exc:
        raise ConfigurationError(f"--to {text!r} is no phone number: {exc}.") from None


def _span(option: str, text: str | None, now: float) -> tuple[float, float]:
    if text is None:
        return -math.inf, math.inf
    try:
        return moments.span(text, now)
    except ValueError as exc:
        raise ConfigurationError(f"{option} {text!r} {exc}.") from None


def _follow(store: Store, search: Search) -> Iterator[MessageStatus]:
    follower = Follower(store, search.wanted)
    yield from follower.existing(search.wanted.batches())
    while True:
        try:
            yield from follower.news()
        except StoreUnavailable as exc:
            err.print(f"smsfs: {exc}", markup=False)
        store.changed(FOLLOW_SECONDS)


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


def _messages(store: Store, found: Iterable[MessageStatus]) -> Iterator[dict[str, Any]]:
    names = {item.id: item.name for item in store.accounts.all()}
    for status in found:
        account = status.batch.account
        if account not in names:
            names |= {item.id: item.name for item in store.accounts.all()}
        yield message_fields(names.get(account, "?"), status)


def message_fields(account: str, status: MessageStatus) -> dict[str, Any]:
    """What is shown of a message of an account of that name."""
    batch, message, last = status.batch, status.message, status.last
    price, _, currency = status.price.partition(" ")
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
        "price": price or None,
        "currency": currency or None,
    }
