"""``smsfs fsck``: files, batches, messages and contents, held against each other."""

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from smsfs.cli.common import config_option, opened, out
from smsfs.pipeline.fsck import faults, repair


@click.command()
@click.option("--repair", "mend", is_flag=True, help="Mend what can be mended without losing anything.")
@config_option
def fsck(mend: bool, config_file: Path | None) -> None:
    """Check the store. Exit status 0: nothing found, or all of it mended; 1: faults are left."""
    with opened(config_file) as (_, store):
        mended = repair(store) if mend else []
        found = list(faults(store))
    _print(mended, "[yellow]mended[/]")
    _print(found, "[red]fault[/]")
    if not found:
        out.print("The store is sound.")
    sys.exit(1 if found else 0)


def _print(lines: list[str] | Iterator[str], label: str) -> None:
    for line in lines:
        out.print(f"{label} ", end="")
        out.print(line, markup=False, soft_wrap=True)
