"""``smsfs store``: what is done to the store as a whole."""

from pathlib import Path

import click

from smsfs.cli.common import config_option
from smsfs.cli.terminal import out
from smsfs.config import load, migrate_store


@click.group()
def store() -> None:
    """Look after the store."""


@store.command()
@click.option("--grant", metavar="ROLE", help="PostgreSQL: let this role read and write all rows.")
@config_option
def migrate(grant: str | None, config_file: Path | None) -> None:
    """Make the store's tables, or bring them up to date with this release.

    On PostgreSQL, where smsfs runs as a role that may not make tables: run this once, and after each upgrade,
    as the role that owns them, with its own URL in a configuration file of its own.
    """
    migrate_store(load(config_file), grant)
    out.print("The tables are up to date.")
    if grant:
        out.print(f"The role {grant} may read and write all rows.", markup=False)
