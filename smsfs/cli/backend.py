"""``smsfs backend``: one way out."""

from pathlib import Path
from typing import Any

import click

from smsfs.backends.http.hooks import path_of
from smsfs.backends.http.options import HookedConfig
from smsfs.backends.http.providers import HOOKS, hook_secrets
from smsfs.backends.options import BackendConfig
from smsfs.cli.common import config_option, opened
from smsfs.cli.file import operator
from smsfs.cli.lists import moment
from smsfs.cli.terminal import out
from smsfs.config import Config, load
from smsfs.control.backends import pause_backend, resume_backend
from smsfs.errors import ConfigurationError
from smsfs.sms.quoting import json_text
from smsfs.store import Store
from smsfs.store.trouble import WEBHOOK

#: Where the configuration does not say how providers reach this server.
ANYWHERE = "https://YOUR-SERVER"


@click.group()
def backend() -> None:
    """Look at one backend; pause and resume it."""


@backend.command()
@click.argument("name")
@click.option("--reason", default="", help="Why, for other operators to read.")
@config_option
def pause(name: str, reason: str, config_file: Path | None) -> None:
    """Stop sending to a backend, on every host, until it is resumed; a restart does not resume it.

    \b
    smsfs backend pause carrier --reason "their maintenance until 3"
    smsfs backend resume carrier

    Within a second nothing more is handed to it; what its carrier has is answered. Messages wait, or go to
    the next backend of their account's list.
    """  # noqa: D301 -- click keeps the lines below it
    _pause(config_file, name, "paused", reason)


@backend.command()
@click.argument("name")
@click.option("--reason", default="", help="Why, for other operators to read.")
@config_option
def drain(name: str, reason: str, config_file: Path | None) -> None:
    """Take no new messages for a backend, but let those leave that a dispatcher has claimed for it.

    \b
    smsfs backend drain carrier
    smsfs backends
    """  # noqa: D301 -- click keeps the lines below it
    _pause(config_file, name, "draining", reason)


@backend.command()
@click.argument("name")
@config_option
def resume(name: str, config_file: Path | None) -> None:
    """Let messages go to a backend again that was paused or drained."""
    with opened(config_file) as (config, store):
        resumed = resume_backend(store, operator(), name)
        if resumed is None:
            _options(config, name)
            raise ConfigurationError(f"The backend {name} is not paused.")
    out.print(f"{name} is resumed.", markup=False)


def _pause(config_file: Path | None, name: str, mode: str, reason: str) -> None:
    with opened(config_file) as (config, store):
        _options(config, name)
        pause_backend(store, operator(), name, mode, reason)
    out.print(f"{name} is {mode}.", markup=False)


def _options(config: Config, name: str) -> BackendConfig:
    """The options of a backend.

    Raises:
        ConfigurationError: there is none of this name.
    """
    options = config.backends.get(name)
    if options is None:
        known = ", ".join(config.backends)
        raise ConfigurationError(f"There is no backend {name}; there are: {known}.")
    return options


@backend.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@config_option
def show(name: str, as_json: bool, config_file: Path | None) -> None:
    """Show a backend, an operator's pause of it, and its webhook: the address, and calls that were refused.

    \b
    smsfs backend show gateway
    smsfs backend show gateway --json
    """  # noqa: D301 -- click keeps the lines below it
    found = _shown(load(config_file), name)
    found["pause"], refused = _known(config_file, name)
    if found["webhook"]:
        found["refused"] = refused
    if as_json:
        click.echo(json_text(found))
        return
    for key, value in found.items():
        if value is not None:
            out.print(f"{key:<7}  {value}", markup=False)


def _known(config_file: Path | None, name: str) -> tuple[str | None, str | None]:
    """Who paused a backend, since when and why; and which calls its webhooks refused. None for neither."""
    try:
        with opened(config_file) as (_, store):
            return _pause_of(store, name), _refused(store, name)
    except ConfigurationError:  # there is no store yet
        return None, None


def _pause_of(store: Store, name: str) -> str | None:
    found = (pause for pause in store.routing.pauses() if pause.backend == name)
    return next((f"{pause}, since {moment(pause.at)}" for pause in found), None)


def _refused(store: Store, name: str) -> str | None:
    """Calls that the hosts' webhooks refused within the last hour, and why; None if there are none."""
    hosts = {host.term: host.host for host in store.hosts() if host.alive}
    states = [item for item in store.trouble.workers() if item.worker == f"{WEBHOOK}{name}"]
    said = [f"{hosts[item.owner]} {item.reason}" for item in states if item.owner in hosts]
    return "; ".join(said) or None


def _shown(config: Config, name: str) -> dict[str, Any]:
    options = _options(config, name)
    shown: dict[str, Any] = {"backend": name, "type": options.type, "webhook": None, "advice": None}
    if not isinstance(options, HookedConfig):
        return shown
    if not options.hooked:
        return shown | {"advice": "Set hook_token to get receipts and replies by a webhook."}
    token, _ = hook_secrets(options, config.data)
    server = (config.web and config.web.public_url.rstrip("/")) or ANYWHERE
    advice = HOOKS[type(options)](options).advice
    return shown | {"webhook": server + path_of(name, token), "advice": advice}
