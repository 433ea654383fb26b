"""``smsfs hosts``: the processes that share the store, on this host and on others."""

from pathlib import Path
from typing import Any

import click

from smsfs.cli.common import config_option, opened, show_list
from smsfs.cli.lists import moment
from smsfs.store import Host


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
@config_option
def hosts(as_json: bool, config_file: Path | None) -> None:
    """List the processes of all hosts, each with its lease."""
    with opened(config_file) as (_, store):
        now = store.now()
        shown = [_process(host, now) for host in store.hosts()]
    columns = ["host", "kind", "term", "version", "since", "lease_left", "leases", "alive"]
    show_list(columns, shown, as_json=as_json)


def _process(host: Host, now: float) -> dict[str, Any]:
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
    }
