"""``smsfs optout``: the numbers that want no more messages of an account."""

import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import click

from smsfs.cli.common import config_option, find_account, opened, show_list
from smsfs.cli.lists import moment
from smsfs.cli.terminal import out
from smsfs.errors import ConfigurationError
from smsfs.sms.local import reader
from smsfs.store import Account, Store

MOST_ERRORS = 20
F = TypeVar("F")
Read = Callable[[str], str]
NUMBERS = click.argument("numbers", nargs=-1, required=True, metavar="MSISDN...")


@click.group()
def optout() -> None:
    """Keep the list of numbers that want no messages of an account."""


def _account_option(function: F) -> F:
    return click.option("--account", "name", required=True, help="Whose list.")(function)  # type: ignore[type-var]


@optout.command()
@NUMBERS
@_account_option
@config_option
def add(numbers: tuple[str, ...], name: str, config_file: Path | None) -> None:
    """Put numbers on the list."""
    with opened(config_file) as (_, store):
        account = find_account(store, name)
        _add(store, account, _checked(numbers, _reader(account)), "command")


def _add(store: Store, account: Account, numbers: list[str], source: str) -> None:
    added = store.optouts.add(account.principal, numbers, source, store.now())
    out.print(f"{added} added, {len(numbers) - added} were listed already.")


def _reader(account: Account) -> Read:
    """Reads numbers as people write them; local ones too, where the account has a country."""
    return reader(account.settings.get("country", ""))


@optout.command()
@NUMBERS
@_account_option
@config_option
def remove(numbers: tuple[str, ...], name: str, config_file: Path | None) -> None:
    """Take numbers from the list."""
    with opened(config_file) as (_, store):
        account = find_account(store, name)
        wanted = _checked(numbers, _reader(account))
        gone = store.optouts.remove(account.principal, wanted)
    out.print(f"{gone} removed, {len(wanted) - gone} were not listed.")


@optout.command("list")
@_account_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
@config_option
def list_(name: str, as_json: bool, config_file: Path | None) -> None:
    """Show the list, by number."""
    with opened(config_file) as (_, store):
        found = (
            {"msisdn": item.msisdn, "since": moment(item.since), "source": item.source}
            for item in store.optouts.all(find_account(store, name).principal)
        )
        show_list(["msisdn", "since", "source"], found, as_json=as_json)


@optout.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True))
@_account_option
@config_option
def import_(file: Path, name: str, config_file: Path | None) -> None:
    """Put the numbers of FILE on the list, one on a line; - reads standard input.

    If a line is no number, nothing is put on the list.
    """
    text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8-sig", errors="replace")
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    with opened(config_file) as (_, store):
        account = find_account(store, name)
        wrong = list(_wrong(lines, _reader(account)))
        if wrong:
            more = f" ({len(wrong) - MOST_ERRORS} more lines are wrong.)" if len(wrong) > MOST_ERRORS else ""
            raise ConfigurationError(f"Nothing was imported. {' '.join(wrong[:MOST_ERRORS])}{more}")
        _add(store, account, _checked((line for _, line in lines), _reader(account)), "import")


def _wrong(lines: Iterable[tuple[int, str]], read: Read) -> Iterator[str]:
    for number, line in lines:
        try:
            read(line)
        except ValueError as exc:
            yield f"Line {number}: {exc}."


def _checked(numbers: Iterable[str], read: Read) -> list[str]:
    """Their digits, each once.

    Raises:
        ConfigurationError: one is no phone number.
    """
    try:
        return list(dict.fromkeys(map(read, numbers)))
    except ValueError as exc:
        raise ConfigurationError(f"Nothing was changed: {exc}.") from None
