"""``smsfs backends``: the ways out, how they fare, and what waits for each."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from smsfs.cli.common import config_option, opened, show_list
from smsfs.cli.lists import moment
from smsfs.config import Config
from smsfs.store import BackendCredit, BackendState, Store, WorkerState
from smsfs.store.routing import Pause


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
@config_option
def backends(as_json: bool, config_file: Path | None) -> None:
    """List the backends: their state on each host, and what waits."""
    with opened(config_file) as (config, store):
        shown = list(backend_rows(config, store))
    told = any("credit" in row for row in shown)
    if told and not as_json:
        shown = [{"credit": None, **row} for row in shown]
    columns = ["backend", "type", "host", "state", "since", "queued", *(["credit"] if told else []), "reason"]
    show_list(columns, shown, as_json=as_json)


def backend_rows(config: Config, store: Store) -> Iterator[dict[str, Any]]:
    """The backends on each host, as ``--json`` shows them."""
    backlog = store.queue.backlog()
    alive = [host for host in store.hosts() if host.alive]
    hosts = {host.term: host.host for host in alive}
    states = [state for state in store.routing.states() if state.owner in hosts]
    troubles = [item for item in store.trouble.workers() if item.worker == "dispatch" and item.owner in hosts]
    silent = {host.host for host in alive if host.kind == "front"} - {hosts[state.owner] for state in states}
    pauses = {pause.backend: pause for pause in store.routing.pauses()}
    told = {item.backend: item for item in store.routing.credits()}
    for name in dict.fromkeys([*config.backends, *sorted(backlog), *(state.backend for state in states)]):
        options = config.backends.get(name)
        common = {"backend": name, "type": options and options.type, "queued": backlog.get(name, 0)}
        if options and options.tells_credit:
            common |= _credit(told.get(name))
        seen = [state for state in states if state.backend == name]
        if pause := pauses.get(name):
            yield from (_paused(common, hosts[state.owner], pause) for state in seen)
            if not seen:
                yield _paused(common, None, pause)
            continue
        yield from (_row(common, hosts[state.owner], state) for state in seen)
        yield from (_troubled(common, hosts[item.owner], item) for item in troubles if options)
        if not seen and not (troubles and options):
            reason = _unseen(silent) if options else "it is not in the configuration"
            yield {**common, "host": None, "state": None, "since": None, "reason": reason}


def _credit(found: BackendCredit | None) -> dict[str, Any]:
    """What is left with a carrier; nothing before it was asked."""
    if found is None:
        return {"credit": None, "credit_low": False, "credit_at": None}
    return {"credit": found.credit, "credit_low": found.low, "credit_at": moment(found.at)}


def _paused(common: dict[str, Any], host: str | None, pause: Pause) -> dict[str, Any]:
    """An operator's word goes before what a host sees."""
    return {**common, "host": host, "state": pause.mode, "since": moment(pause.at), "reason": str(pause)}


def _unseen(silent: set[str]) -> str:
    """Why no host knows how a backend fares; ``silent`` ones run smsfs serve and have not reported it yet."""
    if silent:
        return (
            f"smsfs serve on {', '.join(sorted(silent))} is starting: look again in a moment, or into its log"
        )
    return "no smsfs serve that has it runs"


def _troubled(common: dict[str, Any], host: str, trouble: WorkerState) -> dict[str, Any]:
    reason = f"the process dispatch does not stay up: {trouble.reason}"
    return {**common, "host": host, "state": "down", "since": moment(trouble.since), "reason": reason}


def _row(common: dict[str, Any], host: str, state: BackendState) -> dict[str, Any]:
    reason = state.reason or ("the credit is low" if common.get("credit_low") else "")
    known = {"host": host, "state": state.state, "since": moment(state.since), "reason": reason}
    return {**common, **known}
