"""``smsfs status``: on one screen, what is stuck and why."""

import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from smsfs.cli.backends import backend_rows
from smsfs.cli.common import config_option, opened, show_list
from smsfs.cli.hosts import process_rows
from smsfs.cli.lists import moment
from smsfs.cli.terminal import err, out
from smsfs.config import Config
from smsfs.control.status import Facts, Finding, ago, findings, status_of
from smsfs.errors import ConfigurationError, Refusal
from smsfs.sms.quoting import json_text
from smsfs.store import Store

#: With ``--watch``, seconds between two looks.
LOOK_SECONDS = 2.0
#: Accounts with a credit that are looked at, those with the least.
MOST_CREDITS = 100
#: Lines about what waits.
MOST_WAITING = 10
CRITICAL = 2
_WORDS = {0: "fine", 1: "warning", CRITICAL: "critical"}


@click.command()
@click.option("--watch", is_flag=True, help="Look again every two seconds, until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@config_option
def status(watch: bool, as_json: bool, config_file: Path | None) -> None:
    """Show what is stuck and why, what waits longest, and how backends and hosts fare.

    The exit status is 0 if all is fine, 1 for a warning, and 2 where messages are kept from being sent or the
    store cannot be asked.

    \b
    smsfs status
    smsfs status --watch
    smsfs status --json || mail -s "smsfs" ops@example.org
    """  # noqa: D301 -- click keeps the lines below it
    try:
        with opened(config_file) as (config, store):
            found = _show(config, store, as_json=as_json)
            while watch:
                time.sleep(LOOK_SECONDS)
                click.clear()
                found = _show(config, store, as_json=as_json)
    except (ConfigurationError, Refusal) as exc:
        err.print(f"smsfs: {exc}", markup=False)
        sys.exit(CRITICAL)
    sys.exit(status_of(found))


def _show(config: Config, store: Store, *, as_json: bool) -> list[Finding]:
    facts = facts_of(config, store)
    found = findings(facts)
    if as_json:
        click.echo(json_text(_as_json(facts, found)))
    else:
        _print(facts, found)
    return found


def _print(facts: Facts, found: list[Finding]) -> None:
    out.print(f"{_WORDS[status_of(found)]} at {moment(facts.now)}", markup=False)
    for finding in found:
        out.print(f"{finding.level:<8}  {finding.about}: {finding.what}", markup=False)
    for title, columns, rows in (
        ("waiting longest", ["backend", "account", "since", "for"], list(_waiting(facts))[:MOST_WAITING]),
        ("backends", ["backend", "host", "state", "queued", "reason"], facts.backends),
        ("hosts", ["host", "kind", "version", "alive", "trouble"], facts.hosts),
    ):
        if rows:
            click.echo(f"\n{title}")
            show_list(columns, map(dict, rows), as_json=False)


def _waiting(facts: Facts) -> Iterator[dict[str, Any]]:
    """What could have been sent, the longest first."""
    for (backend, account), since in sorted(facts.waiting.items(), key=lambda item: item[1]):
        if since <= facts.now:
            passed = ago(facts.now - since)
            yield {"backend": backend, "account": account, "since": moment(since), "for": passed}


def _as_json(facts: Facts, found: list[Finding]) -> dict[str, Any]:
    return {
        "status": _WORDS[status_of(found)],
        "at": moment(facts.now),
        "findings": [finding._asdict() for finding in found],
        "waiting": list(_waiting(facts)),
        "backends": list(facts.backends),
        "hosts": list(facts.hosts),
        "unknown": facts.unknown,
        "disk_free": facts.free,
    }


def facts_of(config: Config, store: Store) -> Facts:
    """What is known, by questions that take no longer where much is stored."""
    now = store.now()
    figures, due = store.measures.figures(now), store.queue.lanes().values()
    waiting = {
        (backend, account): since
        for backend in figures.queue
        for account, since in store.measures.oldest(backend).items()
    }
    credits_ = store.measures.credits(MOST_CREDITS)
    free = None
    with suppress(OSError):  # on PostgreSQL, there may be no folder
        disk = shutil.disk_usage(config.data)
        free = disk.free / disk.total
    return Facts(
        now,
        backends=list(backend_rows(config, store)),
        hosts=process_rows(store),
        queue={name: figure.since for name, figure in figures.queue.items() if figure.since is not None},
        waiting=waiting,
        reading=min(due, default=None),
        damaged=sum(aside.size for aside in store.trouble.asides()),
        unknown=figures.unknown,
        held=len(store.orders.held()),
        free=free,
        certificates=dict(_certificates(config)),
        spent=[name for name, left in credits_.items() if left <= 0],
    )


def _certificates(config: Config) -> Iterator[tuple[str, float]]:
    """When each certificate that is configured ends; never, for one that cannot be read here."""
    for section, options in (("ftp", config.ftp), ("web", config.web)):
        path = options.certificate if options else ""
        if path:
            from smsfs.frontends.certificate import end_of  # noqa: PLC0415 -- few have one, and it takes long

            yield section, end_of(Path(path))
