"""``smsfs report``: the report of a day, made on demand."""

import sys
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import click

from smsfs.cli.common import config_option, find_account, opened
from smsfs.dialects.registry import dialect
from smsfs.errors import ConfigurationError
from smsfs.pipeline.reports.daily import received_report, status_report
from smsfs.sms.quoting import escaped_lines


@click.command()
@click.argument("name")
@click.option("--day", metavar="YYYY-MM-DD", help="In UTC; else yesterday.")
@click.option("--received", is_flag=True, help="The replies, rather than the statuses of messages.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="A file; else standard output."
)
@config_option
def report(name: str, day: str | None, received: bool, output: Path | None, config_file: Path | None) -> None:
    """Print what became of a connector's messages on a day, as CSV.

    It is the file status_YYYY-MM-DD.csv, or received_YYYY-MM-DD.csv, that the connector finds the next day.
    """
    with opened(config_file) as (_, store):
        account = find_account(store, name)
        daily = dialect(account.dialect).daily
        if daily is None:
            raise ConfigurationError(f"{name} is no connector; others have no daily reports.")
        today = datetime.fromtimestamp(store.now(), UTC).date()
        make = received_report if received else status_report
        _write(make(store, daily, account, _day(day, today)), output)


def _day(text: str | None, today: date) -> date:
    if text is None:
        return today - timedelta(days=1)
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise ConfigurationError(f"{text!r} is no day; write it as {today}.") from None
    if day > today:
        raise ConfigurationError(f"{day} is yet to come; today, in UTC, is {today}.")
    return day


def _write(blocks: Iterable[bytes], output: Path | None) -> None:
    if output is None:
        for block in blocks:
            sys.stdout.buffer.write(_shown(block) if sys.stdout.isatty() else block)
        sys.stdout.buffer.flush()
        return
    try:
        with output.open("wb") as stream:
            stream.writelines(blocks)
    except OSError as exc:
        raise ConfigurationError(f"The report cannot be written to {output}: {exc.strerror}.") from None


def _shown(block: bytes) -> bytes:
    """For a terminal, which what people replied must not steer; in a file or a pipe it stays as it is."""
    lines = block.decode().split("\r\n")
    return "\r\n".join(map(escaped_lines, lines)).encode()
