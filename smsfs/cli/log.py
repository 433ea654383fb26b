"""``smsfs log``: the record of what operators did."""

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import click

from smsfs.cli.common import config_option, opened, show_list
from smsfs.cli.lists import moment
from smsfs.store import Entry, Store

COLUMNS = ["entry", "at", "who", "verb", "target", "result"]


@click.command()
@click.option("--verb", help="Only these, such as 'file cancel'.")
@click.option("--who", help="Only this operator's.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="So many at most.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
@config_option
def log(*, verb: str | None, who: str | None, limit: int, as_json: bool, config_file: Path | None) -> None:
    """Show what operators did, newest first: who, when, from where, to what, and what came of it.

    \b
    smsfs log
    smsfs log --verb "file cancel" --json
    """  # noqa: D301 -- click keeps the lines below it
    with opened(config_file) as (_, store):
        found = (item for item in _entries(store) if verb in (None, item.verb) and who in (None, item.who))
        show_list(COLUMNS, [_shown(item) for item in islice(found, limit)], as_json=as_json)


def _entries(store: Store) -> Iterator[Entry]:
    before = None
    while page := store.audit.entries(before):
        yield from page
        before = page[-1].id


def _shown(entry: Entry) -> dict[str, Any]:
    return {
        "entry": entry.id,
        "at": moment(entry.at),
        "who": entry.who,
        "origin": entry.origin,
        "verb": entry.verb,
        "target": entry.target,
        "options": json.loads(entry.options),
        "result": "broken off" if entry.result is None else entry.result,
    }
