"""``smsfs hosts``: the processes that share the store, on this host and on others."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click

from smsfs.cli.common import config_option, opened, show_list
from smsfs.cli.lists import moment
from smsfs.store import ProcessInfo, Store, WorkerState
from smsfs.store.trouble import WEBHOOK

#: What is shown of each process; where one does not stay up, ``trouble`` as well.
COLUMNS = ("host", "kind", "term", "version", "since", "lease_left", "leases", "alive")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
@config_option
def hosts(as_json: bool, config_file: Path | None) -> None:
    """List the processes of all hosts, each with its lease."""
    with opened(config_file) as (_, store):
        shown = process_rows(store)
    columns = [*COLUMNS, *(["trouble"] if any(item["trouble"] for item in shown) else [])]
    show_list(columns, shown, as_json=as_json)


def process_rows(store: Store) -> list[dict[str, Any]]:
    """The processes of all hosts, as ``--json`` shows them."""
    now, known = store.now(), store.hosts()
    troubles = {(host, state.worker): state for state, host in _troubled(store, known)}
    running = [(host.host, host.kind) for host in known if host.alive]
    shown = [_process(host, now, troubles.get((host.host, host.kind))) for host in known]
    return shown + [_missing(where, state) for where, state in troubles.items() if where not in running]


def _troubled(store: Store, known: Iterable[ProcessInfo]) -> Iterator[tuple[WorkerState, str]]:
    """The processes that do not stay up, each with the name of its host."""
    hosts = {host.term: host.host for host in known if host.alive}
    states = (state for state in store.trouble.workers() if not state.worker.startswith(WEBHOOK))
    return ((state, hosts[state.owner]) for state in states if state.owner in hosts)


def _missing(where: tuple[str, str], state: WorkerState) -> dict[str, Any]:
    """A process that is about to be started again."""
    host, kind = where
    unknown = {"term": None, "version": None, "lease_left": None, "leases": 0}
    known = {"since": moment(state.since), "alive": False, "trouble": state.reason}
    return {"host": host, "kind": kind, **unknown, **known}


def _process(host: ProcessInfo, now: float, trouble: WorkerState | None = None) -> dict[str, Any]:
    """``lease_left``: seconds, below 0 for a lease that has run out; None for one given back, or for none."""
    return {
        "host": host.host,
        "kind": host.kind,
        "term": host.term,
        "version": host.version,
        "since": moment(host.since),
        "lease_left": round(host.until - now, 1) if host.until else None,
        "leases": host.leases,
        "alive": host.alive,
        "trouble": trouble.reason if trouble and host.alive else "",
    }
