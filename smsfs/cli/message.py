"""``smsfs message``: all that is known of one message."""

import re
from pathlib import Path
from typing import Any

import click

from smsfs.cli.common import config_option, opened, show_list
from smsfs.cli.lists import moment
from smsfs.cli.messages import message_fields
from smsfs.cli.terminal import out
from smsfs.control.search import History, history
from smsfs.errors import ConfigurationError
from smsfs.sms.quoting import json_text
from smsfs.store import Attempt, Store

_ID = re.compile(r"(\d{1,18})-(\d{1,18})").fullmatch
COLUMNS = ["at", "attempt", "event", "backend", "carrier_id", "parts", "code", "reason", "carrier_done_at"]


@click.command()
@click.argument("message_id", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@config_option
def message(message_id: str, as_json: bool, config_file: Path | None) -> None:
    """Show one message and all that became of it.

    ID is its id in smsfs messages --json, such as 12-3: the number of its file's batch, and its row.
    """
    found = _ID(message_id)
    if found is None:
        raise ConfigurationError(
            f"{message_id!r} is no id of a message; smsfs messages --json shows ids such as 12-3."
        )
    with opened(config_file) as (_, store):
        told = history(store, int(found[1]), int(found[2]))
        if told is None:
            raise ConfigurationError(
                f"There is no message {message_id}: no accepted file has it, or has it still."
            )
        shown = history_fields(store, told)
    if as_json:
        click.echo(json_text(shown))
        return
    attempts = shown.pop("history")
    for name, value in shown.items():
        if value not in (None, ""):
            out.print(f"{name + ':':17}{value}", markup=False)
    out.print("")
    show_list(COLUMNS, attempts, as_json=False)


def history_fields(store: Store, told: History) -> dict[str, Any]:
    """What is shown of a message and all that became of it."""
    account = store.accounts.get(told.status.batch.account)
    return message_fields(account.name if account else "?", told.status) | {
        "accepted_at": moment(told.status.batch.finished),
        "waits_for": told.waits_for,
        "result_file": told.result and told.result.path,
        "result_written_at": moment(told.result.mtime) if told.result else None,
        "result_final": told.final,
        "history": [_attempt(item) for item in told.attempts],
    }


def _attempt(item: Attempt) -> dict[str, Any]:
    what = item.outcome
    return {
        "at": moment(what.at),
        "attempt": what.attempt,
        "event": what.event,
        "backend": item.backend,
        "carrier_id": what.carrier_id,
        "parts": what.parts or None,
        "code": what.code,
        "reason": what.reason,
        "carrier_done_at": moment(what.done),
        "price": what.price,
    }
