"""``smsfs operator``: who may log in to the web page to look after the server."""

from pathlib import Path
from typing import get_args

import click

from smsfs.cli.account import check_name
from smsfs.cli.common import config_option, opened, show_list
from smsfs.cli.credentials import password_option, read_password
from smsfs.cli.file import operator as acting
from smsfs.cli.lists import moment
from smsfs.cli.terminal import out
from smsfs.errors import ConfigurationError
from smsfs.frontends.logins import hash_password
from smsfs.store import Role


@click.group()
def operator() -> None:
    """Say who may log in to the web page, where [web] has pages = true.

    A viewer sees all files and messages; an operator can hold, release and cancel them too; so can an admin.
    Accounts need nothing here: they log in with their own passwords, and see what is theirs.
    """


@operator.command()
@click.argument("name")
@click.option("--role", required=True, type=click.Choice(get_args(Role)), help="What they may do.")
@password_option
@config_option
def add(name: str, role: Role, *, password_stdin: bool, config_file: Path | None) -> None:
    """Let somebody in. It asks for a password, unless that comes with --password-stdin.

    \b
    smsfs operator add alice --role operator
    """  # noqa: D301 -- click keeps the lines below it
    check_name(name)
    hashed = hash_password(read_password(from_stdin=password_stdin))
    with opened(config_file, make=True) as (config, store):
        if store.accounts.find(name):
            raise ConfigurationError(
                f"There is an account {name}, which logs in by that name: choose another."
            )
        store.operators.add(name, role, hashed, acting().entry(store.now(), "operator add", name, role=role))
    out.print(f"Operator {name} made ({role}).")
    if not (config.web and config.web.pages):
        out.print("There is no web page before [web] in the configuration has pages = true.", markup=False)


@operator.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
@config_option
def list_(as_json: bool, config_file: Path | None) -> None:
    """List the operators."""
    with opened(config_file) as (_, store):
        found = [
            {"name": item.name, "role": item.role, "created": moment(item.created)}
            for item in store.operators.all()
        ]
    show_list(["name", "role", "created"], found, as_json=as_json)


@operator.command()
@click.argument("name")
@config_option
def remove(name: str, config_file: Path | None) -> None:
    """Let somebody in no longer; their sessions end at once, on every host."""
    with opened(config_file) as (_, store):
        if not store.operators.remove(name, acting().entry(store.now(), "operator remove", name)):
            known = ", ".join(item.name for item in store.operators.all()) or "none yet"
            raise ConfigurationError(f"There is no operator {name}; there are: {known}.")
    out.print(f"Operator {name} removed.")
