"""``smsfs fsck``: files, batches, messages and contents, held against each other."""

import fcntl
import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import click
from attrs import asdict

from smsfs.cli.common import config_option, opened
from smsfs.cli.terminal import DAMAGED, out
from smsfs.config import load
from smsfs.errors import ConfigurationError, StoreDamaged
from smsfs.pipeline.fsck import faults, repair
from smsfs.store import Store

FOLDER = click.Path(path_type=Path, file_okay=False)
#: The store that is filled with what is saved, and read again; gone at the end.
WORK = ".work"


@click.command()
@click.option("--repair", "mend", is_flag=True, help="Mend what can be mended without losing anything.")
@click.option(
    "--salvage", "target", type=FOLDER, help="Save what can be read of a damaged store into a folder."
)
@config_option
def fsck(*, mend: bool, target: Path | None, config_file: Path | None) -> None:
    """Check the store. Exit status 0: nothing found, or all of it mended; 1: faults are left; 74: damage.

    --salvage writes files, messages with their states, accounts, opt-outs and replies into a new or empty
    folder. It reads the store's file page by page and changes nothing; stop smsfs first.
    """
    if target:
        _salvage(load(config_file).database, target)
        return
    with opened(config_file) as (_, store):
        mended = repair(store) if mend else []
        found = list(_faults(store))
        status = DAMAGED if store.damaged() else 1 if found else 0
    _print(mended, "[yellow]mended[/]")
    _print(found, "[red]fault[/]")
    if not found:
        out.print("The store is sound.")
    sys.exit(status)


def _faults(store: Store) -> Iterator[str]:
    """What is wrong; once the store is found to be damaged, no more can be said."""
    try:
        yield from faults(store)
    except StoreDamaged as exc:
        yield str(exc)


def _print(lines: list[str] | Iterator[str], label: str) -> None:
    for line in lines:
        out.print(f"{label} ", end="")
        out.print(line, markup=False)


def _salvage(path: Path | None, target: Path) -> None:
    """Save what can be read.

    Raises:
        ConfigurationError: there is nothing to save, it is in use, or there is no place for it.
    """
    if path is None:
        raise ConfigurationError(
            "A PostgreSQL database is saved with its own tools: pg_dump, or pg_basebackup."
        )
    from smsfs.store.sqlite.identity import standing  # noqa: PLC0415 - of one engine, and of this one option

    with suppress(StoreDamaged):
        if standing(path) != "ours":
            raise ConfigurationError(f"There is no store at {path}; name the right configuration with -c.")
    _check_stopped(path.parent / "run")
    _save(path, _made(target))


def _check_stopped(run: Path) -> None:
    """Check that no process of smsfs changes the store meanwhile.

    Raises:
        ConfigurationError: one runs.
    """
    for lock in run.iterdir() if run.is_dir() else ():
        with lock.open("rb") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ConfigurationError(
                    "A process of smsfs has this store open: stop smsfs serve and every mount first."
                ) from None


def _made(target: Path) -> Path:
    """The folder, for our eyes only.

    Raises:
        ConfigurationError: it has something in it, or cannot be made.
    """
    try:
        target.mkdir(mode=0o700, exist_ok=True)
        if any(target.iterdir()):
            raise ConfigurationError(f"The folder {target} is not empty; name a new one.")
    except OSError as exc:
        raise ConfigurationError(f"The folder {target} cannot be used: {exc.strerror}.") from exc
    return target


def _save(path: Path, target: Path) -> None:
    from smsfs.pipeline.reports.salvage import export  # noqa: PLC0415 - as above
    from smsfs.pipeline.slices import span  # noqa: PLC0415
    from smsfs.store.sqlite import SqliteStore  # noqa: PLC0415
    from smsfs.store.sqlite.salvage import salvage  # noqa: PLC0415

    os.umask(0o077)  # there are texts, numbers and password hashes in what is written
    work = target / WORK
    work.mkdir()
    done = salvage(path, work / path.name, span)
    with closing(SqliteStore(work / path.name)) as store:
        counts = export(store, path.parent / "contents", target)
    shutil.rmtree(work)
    report = {"store": str(path), "saved": dict(counts), **asdict(done)}
    (target / "report.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    out.print(
        f"Saved to {target}: {', '.join(f'{count} {kind}' for kind, count in counts.items())}.",
    )
    if done.lost_rows or done.lost_pages:
        out.print(f"Not readable: {done.lost_rows} rows, {done.lost_pages} pages.")
