"""``smsfs file``: what an operator can do about the messages of a file."""

import getpass
import os
import re
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from attrs import frozen

from smsfs.cli.common import config_option, find_account, opened
from smsfs.cli.lists import moment
from smsfs.cli.terminal import out
from smsfs.control.acting import Operator
from smsfs.control.files import DONE, POSSIBLE, USUAL, Answer, Selection, foresee, order, target_of, told
from smsfs.control.find import named
from smsfs.control.showing import shown_file
from smsfs.errors import ConfigurationError
from smsfs.sms.local import reader
from smsfs.sms.quoting import json_text
from smsfs.states import MessageState
from smsfs.store import Batch, Store
from smsfs.store.orders import Action

if TYPE_CHECKING:
    from smsfs.control.resend import Resent

F = TypeVar("F", bound=Callable[..., Any])
#: How long to wait for dispatchers and carriers, and between two looks, in seconds.
PATIENCE, LOOK = 10.0, 0.1
_ROWS = re.compile(r"(\d{1,9})(?:-(\d{1,9}))?")


@click.group()
def file() -> None:
    """See how a file fares; hold, release or cancel its messages, or send some of them again.

    NAME is the number of a batch, the first part of each id of smsfs messages --json, or a path that the file
    has or had.

    \b
    smsfs file show campaign.csv
    smsfs file hold 1042
    smsfs file cancel 1042 --rows 5-90
    smsfs file cancel campaign.csv --account shop --to 4512345678
    smsfs file resend campaign.csv
    """  # noqa: D301 -- click keeps the lines below it


def _common(function: F) -> F:
    """What each of these commands takes."""
    for decorate in (
        config_option,
        click.option("--json", "as_json", is_flag=True, help="One JSON object."),
        click.option("--account", "account", help="Whose file, where several have it."),
        click.argument("name"),
    ):
        function = decorate(function)
    return function


def _selecting(function: F) -> F:
    """What those take that do something."""
    for decorate in (
        click.option("--dry-run", is_flag=True, help="Do nothing, and say what would be done now."),
        click.option("--to", "to", metavar="NUMBER", help="Only the messages to this number."),
        click.option("--rows", metavar="ROWS", help="Only these rows, such as 5-90 or 7,12,20-30."),
    ):
        function = decorate(function)
    return _common(function)


@file.command()
@_common
def show(name: str, account: str | None, *, as_json: bool, config_file: Path | None) -> None:
    """Show a file: its messages by state, what was ordered about it, and what its backends have of it."""
    with opened(config_file) as (_, store):
        found = shown_file(store, _batch(store, name, account))
    if as_json:
        click.echo(json_text(found))
        return
    for key, value in found.items():
        for line in value if isinstance(value, list) else [value]:
            if line not in (None, "", {}):
                out.print(f"{key.replace('_', ' '):<10}  {_line(line)}", markup=False)


def _line(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{count} {state}" for state, count in value.items())
    return str(value)


@file.command()
@_selecting
def hold(**options: Any) -> None:
    """Hold messages that have not left. They wait until they are released or cancelled, on every host.

    What waits past its validity is not sent late: it expires when it is released.

    \b
    smsfs file hold campaign.csv
    smsfs file hold 1042 --rows 1000-2000
    """  # noqa: D301 -- click keeps the lines below it
    _do("hold", _Asked(**options))


@file.command()
@_selecting
def release(**options: Any) -> None:
    """Release messages that are held: they go to their backends as if they had just been queued.

    \b
    smsfs file release campaign.csv
    smsfs file release 1042 --rows 1-50
    """  # noqa: D301 -- click keeps the lines below it
    _do("release", _Asked(**options))


@file.command()
@_selecting
def cancel(**options: Any) -> None:
    """Cancel messages that have not left, held ones too, for good.

    The answer says how many were cancelled, how many had left before, and how many are on their way: handed
    to a carrier's connection, which has not answered. Once it is there, nothing leaves but those.

    \b
    smsfs file cancel campaign.csv --dry-run
    smsfs file cancel 1042 --to 4512345678
    """  # noqa: D301 -- click keeps the lines below it
    _do("cancel", _Asked(**options))


@file.command()
@click.option(
    "--state",
    "states",
    metavar="STATES",
    help="Only messages in these states, such as expired or rejected,undelivered.",
)
@_selecting
def resend(states: str | None, **options: Any) -> None:
    """Send messages of a file again whose sending ended without success, as a new file beside it.

    Those are sent that are undelivered, rejected, expired or unknown, unless --state names others. Unknown
    ones may have arrived. The new file is read by the rules for any new file: duplicates, opt-outs, time
    windows and credit. A row is sent again once; to send it a third time, name the new batch.

    \b
    smsfs file resend campaign.csv --dry-run
    smsfs file resend 1042 --state rejected --rows 5-90
    smsfs file resend 1042 --to 4512345678 --state delivered
    """  # noqa: D301 -- click keeps the lines below it
    from smsfs.control import resend as verb  # noqa: PLC0415 -- other verbs start without the filesystem

    asked, wanted = _Asked(**options), _states(states)
    with opened(asked.config_file) as (_, store):
        batch = _batch(store, asked.name, asked.account)
        which = Selection(_rows(asked.rows), _recipient(store, batch, asked.to))
        if asked.dry_run:
            answer = verb.foresee_resend(store, batch, which, wanted)
        else:
            answer = verb.resend(store, operator(), batch, which, wanted)
        text = f"{target_of(store, batch)}: {'would be: ' if asked.dry_run else ''}"
        text += verb.told_again(store, batch, answer)
    click.echo(json_text(_resent_as_json(batch, answer)) if asked.as_json else f"{text}.")


def _states(text: str | None) -> frozenset[MessageState]:
    """The states that ``--state`` names.

    Raises:
        ConfigurationError: there is no such state, or nothing is sent again from it.
    """
    if text is None:
        return USUAL
    known = {str(state): state for state in POSSIBLE}
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in known:
            several = ", ".join(sorted(known))
            raise ConfigurationError(f"--state {name!r} cannot be sent again; the states are {several}.")
    return frozenset(known[name] for name in names)


def _resent_as_json(batch: Batch, answer: "Resent") -> dict[str, Any]:
    choice, made = answer.choice, answer.made
    return {
        "batch": batch.id,
        "action": "resend",
        "dry_run": made is None,
        "entry": made.entry if made else None,
        "new_batch": made.batch if made else None,
        "file": answer.path or None,
        "sent_again": choice.tally.messages,
        "states": dict(choice.done),
        "before": {str(number): count for number, count in choice.before.items()},
        "left_alone": dict(choice.others),
        "damaged": choice.damaged.total(),
    }


@frozen
class _Asked:
    """What the command line says."""

    name: str
    account: str | None
    rows: str | None
    to: str | None
    dry_run: bool
    as_json: bool
    config_file: Path | None


def _do(action: Action, asked: _Asked) -> None:
    with opened(asked.config_file) as (_, store):
        batch = _batch(store, asked.name, asked.account)
        which = Selection(_rows(asked.rows), _recipient(store, batch, asked.to))
        if asked.dry_run:
            answer = foresee(store, batch, action, which)
        else:
            answer = order(store, operator(), batch, action, which, patience(store))
        target = target_of(store, store.feed.batch(batch.id) or batch)
    if asked.as_json:
        click.echo(json_text(_as_json(batch, answer)))
    else:
        click.echo(f"{target}: {'would be: ' if asked.dry_run else ''}{told(answer)}.")


def _batch(store: Store, name: str, account: str | None) -> Batch:
    return named(store, name, find_account(store, account).id if account else None)


def _as_json(batch: Batch, answer: Answer) -> dict[str, Any]:
    return {
        "batch": batch.id,
        "action": answer.action,
        "dry_run": answer.entry is None,
        "entry": answer.entry,
        "unread": answer.unread,
        "messages": answer.messages,
        DONE[answer.action]: answer.done,
        "in_doubt": answer.in_doubt,
        "on_the_way": answer.on_the_way,
        "left": answer.left,
        "before": dict(answer.before),
        "submitted_at": moment(batch.submitted),
    }


def operator() -> Operator:
    """The person at the terminal, by the account of this host that they logged in with."""
    name = os.environ.get("SUDO_USER") or getpass.getuser()
    return Operator(name, f"command on {socket.gethostname()}")


def patience(store: Store, seconds: float = PATIENCE) -> Iterator[None]:
    """Wait for something to change in the store at each step, for so long in all."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield
        store.changed(LOOK, "all")


def _rows(text: str | None) -> tuple[tuple[int, int], ...]:
    """Rows as ``--rows`` names them.

    Raises:
        ConfigurationError: they are not rows.
    """
    return tuple(_range(part.strip()) for part in text.split(",")) if text is not None else ()


def _range(text: str) -> tuple[int, int]:
    match = _ROWS.fullmatch(text)
    first = int(match[1]) if match else 0
    last = int(match[2] or first) if match else 0
    if not 0 < first <= last:
        raise ConfigurationError(f"--rows {text!r} is not a row or a range of rows, such as 7 or 5-90.")
    return first, last


def _recipient(store: Store, batch: Batch, text: str | None) -> str:
    """The number that ``--to`` names, as messages have it.

    Raises:
        ConfigurationError: it is not a phone number.
    """
    if text is None:
        return ""
    account = store.accounts.get(batch.account)
    try:
        return reader(account.settings.get("country", "") if account else "")(text)
    except ValueError as exc:
        raise ConfigurationError(f"--to names no phone number: {exc}.") from None
