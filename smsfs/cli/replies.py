"""``smsfs replies``: what people wrote back."""

from pathlib import Path
from typing import Any

import click

from smsfs.cli.common import config_option, find_account, opened, show_list
from smsfs.cli.lists import moment
from smsfs.store import Reply


@click.command()
@click.option("--account", "name", help="Only this account's.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
@config_option
def replies(name: str | None, as_json: bool, config_file: Path | None) -> None:
    """List replies, each with the last message to its sender before."""
    with opened(config_file) as (_, store):
        found = map(_reply, store.inbound.replies(find_account(store, name).id if name else None))
        columns = ["received_at", "account", "file", "row", "sender", "text"]
        show_list(columns, found, as_json=as_json)


def _reply(reply: Reply) -> dict[str, Any]:
    return {
        "id": reply.id,
        "received_at": moment(reply.at),
        "account": reply.account,
        "file": reply.path,
        "row": reply.row,
        "sender": reply.sender,
        "recipient": reply.recipient,
        "text": reply.text,
        "whole": reply.whole,
        "backend": reply.backend,
    }
