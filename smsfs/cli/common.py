"""What the commands share: the configuration option, the store, and how errors are shown."""

import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from smsfs.cli.terminal import TEMPORARY, err, exit_status, out
from smsfs.config import Config, load, open_store
from smsfs.dialects.registry import dialect
from smsfs.errors import ConfigurationError, Refusal
from smsfs.sms.quoting import escaped, json_text
from smsfs.store import Account, Process, Store

if TYPE_CHECKING:
    from smsfs.filesystem import Filesystems

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")
#: A table is shown so many rows at a time, each column as wide as it had to be so far; or what was found
#: within so many seconds, where finding takes long.
BLOCK_ROWS, SHOWN_SECONDS = 1000, 0.25
_BLANK = re.compile(r"\s")


def config_option(function: F) -> F:
    """``-c FILE`` on a command."""
    return click.option(
        "-c",
        "--config",
        "config_file",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Configuration file (else $SMSFS_CONFIG, ./smsfs.toml, /etc/smsfs/smsfs.toml, or none).",
    )(function)


class Ended(SystemExit):
    """A command ends with a status, and has logged why: its cause."""


@contextmanager
def opened(config_file: Path | None, *, make: bool = False) -> Iterator[tuple[Config, Store]]:
    """The configuration and its store, closed at the end; ``make`` it, or upgrade it, if need be."""
    config = load(config_file)
    with _stored(config, make=make) as store:
        if store.made:
            err.print(made_sentence(config), markup=False)
        yield config, store


def made_sentence(config: Config) -> str:
    """What is shown when a store was made: its place may be a slip of the pen."""
    return f"smsfs: made a new store, {config.database or 'in the PostgreSQL database'}"


@contextmanager
def _stored(config: Config, process: str = "", *, make: bool) -> Iterator[Store]:
    """The store; a file or folder that cannot be used is refused with a sentence, as all else is."""
    try:
        with closing(open_store(config, process, make=make)) as store:
            yield store
    except OSError as exc:
        if isinstance(exc, Refusal) or exc.filename is None:
            raise
        raise ConfigurationError(f"{exc.filename} cannot be used: {exc.strerror}.") from exc


@contextmanager
def running(
    config_file: Path | None, process: str = "", *, make: bool = False
) -> Iterator[tuple[Config, Store]]:
    """As ``opened``, for what runs until it is stopped: it logs, and why it ends as well.

    ``process`` says which process of ``smsfs serve`` it is, if it is one.
    """
    config = load(config_file)
    with running_with(config, process, make=make) as store:
        yield config, store


@contextmanager
def running_with(config: Config, process: str = "", *, make: bool = False) -> Iterator[Store]:
    """As ``running``, with a configuration that has been read."""
    from structlog import get_logger  # noqa: PLC0415 -- commands that list log nothing

    from smsfs.cli.logs import configure  # noqa: PLC0415 -- as above

    configure(config.log)
    log = get_logger()
    try:
        with _stored(config, process, make=make) as store:
            if store.made:
                log.warning("store_made", store=str(config.database or "PostgreSQL"))
            yield store
    except (ConfigurationError, Refusal) as exc:
        if config.log.format != "json":
            raise
        status = exit_status(exc)
        tell = log.warning if status == TEMPORARY else log.critical
        tell("ended", command=click.get_current_context().info_name, reason=str(exc))
        raise Ended(status) from exc


def end_damaged(store: Store) -> None:
    """End with the reason and the exit status of a damaged store, if it is one.

    Raises:
        StoreDamaged: it is.
    """
    found = store.damaged()
    if found and store.ends_when_damaged:
        raise found


def find_account(store: Store, name: str) -> Account:
    """The account of that name.

    Raises:
        ConfigurationError: there is none.
    """
    account = store.accounts.find(name)
    if account is None:
        known = ", ".join(other.name for other in store.accounts.all()) or "none yet"
        raise ConfigurationError(f"There is no account {name}; there are: {known}.")
    return account


def filesystems(store: Store, owner: Process, most_open: int | None = None) -> "Filesystems":
    """The filesystems of this process, in which all accounts together have at most so many files open."""
    from smsfs.filesystem import Filesystems  # noqa: PLC0415 -- commands that list open no file

    return Filesystems(store, owner, dialect, most_open)


def show_list(columns: list[str], found: Iterable[dict[str, Any]], *, as_json: bool) -> None:
    """Print some columns of a table, or everything as JSON, while more is still being found."""
    if as_json:
        for item in found:
            click.echo(json_text(item))
        return
    widths = list(map(len, columns))
    blocks = _blocks(found)
    for number, block in enumerate(chain([next(blocks, [])], blocks)):
        table = [[cell(item[column]) for item in block] for column in columns]
        widths = [max(width, _widest(column)) for width, column in zip(widths, table, strict=True)]
        if number == 0:
            [head] = _lines([[column] for column in columns], widths)
            out.print(head, style="bold", markup=False)
        if block:
            click.echo("\n".join(_lines(table, widths)))


def _blocks(items: Iterable[T]) -> Iterator[list[T]]:
    """What is shown at once: much, or what was found while nobody had to wait long."""
    block: list[T] = []
    until = 0.0
    for item in items:
        if not block:
            until = time.monotonic() + SHOWN_SECONDS
        block.append(item)
        if len(block) == BLOCK_ROWS or time.monotonic() > until:
            yield block
            block = []
    if block:
        yield block


def _lines(table: Sequence[Sequence[str]], widths: Sequence[int]) -> Iterator[str]:
    """Columns as lines, aligned and as wide as what they hold: a number that is cut looks like another."""
    padded = [_padded(column, width) for column, width in zip(table, widths, strict=True)]
    return map(str.rstrip, map("  ".join, zip(*padded, strict=True)))


def _padded(column: Sequence[str], width: int) -> list[str]:
    if "".join(column).isascii():
        return [text.ljust(width) for text in column]
    return [text + " " * (width - _width(text)) for text in column]


def _widest(column: Sequence[str]) -> int:
    return max(map(len if "".join(column).isascii() else _width, column), default=0)


def _width(text: str) -> int:
    """How many columns of a terminal a text takes."""
    from rich.cells import cell_len  # noqa: PLC0415 -- most texts are ASCII

    return cell_len(text)


def cell(value: Any) -> str:
    """What clients, carriers and people wrote, on one line, without what would steer a terminal."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = str(value)
    return text if text.isprintable() else escaped(_BLANK.sub(" ", text))
