"""``smsfs optout``: the numbers that want no more messages of an account."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import click

from smsfs.cli.common import config_option, find_account, opened, out, show_list
from smsfs.cli.lists import moment
from smsfs.errors import ConfigurationError
from smsfs.sms.numbers import msisdn

MOST_ERRORS = 20
F = TypeVar("F")
NUMBERS = click.argument("numbers", nargs=-1, required=True, metavar="MSISDN...")


@click.group()
def optout() -> None:
    """Keep an account's opt-out list: the numbers that want no more messages of it."""


def _account_option(function: F) -> F:
    return click.option("--account", "name", required=True, help="Whose list.")(function)  # type: ignore[type-var]


@optout.command()
@NUMBERS
@_account_option
@config_option
def add(numbers: tuple[str, ...], name: str, config_file: Path | None) -> None:
    """Put numbers on the list."""
    _add(_checked(numbers), name, "command", config_file)


def _add(numbers: list[str], name: str, source: str, config_file: Path | None) -> None:
    with opened(config_file) as (_, store):
        added = store.optouts.add(find_account(store, name).principal, numbers, source, store.now())
    out.print(f"{added} added, {len(numbers) - added} were listed already.")


@optout.command()
@NUMBERS
@_account_option
@config_option
def remove(numbers: tuple[str, ...], name: str, config_file: Path | None) -> None:
    """Take numbers from the list."""
    wanted = _checked(numbers)
    with opened(config_file) as (_, store):
        gone = store.optouts.remove(find_account(store, name).principal, wanted)
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
    """Put the numbers of FILE on the list, one on a line; - reads standard input."""
    text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8-sig", errors="replace")
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    wrong = list(_wrong(lines))
    if wrong:
        more = f" ({len(wrong) - MOST_ERRORS} more lines are wrong.)" if len(wrong) > MOST_ERRORS else ""
        raise ConfigurationError(f"Nothing was imported. {' '.join(wrong[:MOST_ERRORS])}{more}")
    _add(_checked(line for _, line in lines), name, "import", config_file)


def _wrong(lines: Iterable[tuple[int, str]]) -> Iterator[str]:
    for number, line in lines:
        try:
            msisdn(line)
        except ValueError as exc:
            yield f"Line {number}: {exc}."


def _checked(numbers: Iterable[str]) -> list[str]:
    """Their digits, each once.

    Raises:
        ConfigurationError: one is no phone number.
    """
    try:
        return list(dict.fromkeys(msisdn(number) for number in numbers))
    except ValueError as exc:
        raise ConfigurationError(f"Nothing was changed: {exc}.") from None
