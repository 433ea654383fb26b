"""``smsfs worker``: the processes that serve starts; each ends when its standard input does."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from smsfs.cli.common import Ended, config_option, running
from smsfs.cli.hangups import hold_hangups
from smsfs.cli.supervisor import OWNER
from smsfs.config import Config
from smsfs.dialects.registry import dialect
from smsfs.metrics import tally
from smsfs.metrics.slate import Slate, keep_writing
from smsfs.pipeline.wing import Wing
from smsfs.store import Process, Store

if TYPE_CHECKING:
    from collections.abc import Callable

NICE = 5
MOST_SAID = 1000
#: Longer than its grace: until then ``smsfs serve`` kills a worker, and says so, if it lives itself.
ORPHAN_SECONDS = 5.0


class Telling(click.Group):
    """Commands that write why they end to standard output, for the process that started them."""

    def invoke(self, context: click.Context) -> Any:
        """Run one."""
        try:
            return super().invoke(context)
        except Exception as exc:
            _say(str(exc) or type(exc).__name__)
            raise
        except Ended as exc:
            _say(str(exc.__cause__))
            raise


def _say(text: str) -> None:
    """Say one line, if anyone is there to hear it."""
    with suppress(OSError):
        click.echo(" ".join(text.split())[:MOST_SAID])
        sys.stdout.flush()


@click.group(hidden=True, cls=Telling)
def worker() -> None:
    """Run one of the pipeline's processes."""


_name_option = click.option("--name", default="", help="Name under which serve reports this worker's end.")
_grace_option = click.option(
    "--grace", type=float, default=30.0, help="Seconds in which to finish once standard input has ended."
)
_counts_option = click.option(
    "--counts", type=int, help="Descriptor by which serve learns what this process counts."
)


@worker.command()
@_name_option
@_grace_option
@_counts_option
@click.option("--in-hand", type=int, help="Descriptor by which serve learns which file is being read.")
@config_option
def intake(
    name: str, grace: float, counts: int | None, in_hand: int | None, config_file: Path | None
) -> None:
    """Read submitted files."""
    os.nice(NICE)
    _start("intake", name, grace, config_file, counts, in_hand)


@worker.command()
@_name_option
@_grace_option
@_counts_option
@config_option
def reports(name: str, grace: float, counts: int | None, config_file: Path | None) -> None:
    """Write result files and daily reports, send mails, forget what is past its time: on one host of all."""
    os.nice(NICE)
    _start("reports", name, grace, config_file, counts)


@worker.command()
@_name_option
@_grace_option
@_counts_option
@config_option
def dispatch(name: str, grace: float, counts: int | None, config_file: Path | None) -> None:
    """Hand messages to backends."""
    _start("dispatch", name, grace, config_file, counts)


def _start(
    kind: str,
    name: str,
    grace: float,
    config_file: Path | None,
    counts: int | None,
    in_hand: int | None = None,
) -> None:
    """Start a wing; only its own modules are imported."""
    hold_hangups()  # what serve holds is not inherited: its event loop starts programs with all signals
    ended = _end_of_input(grace)  # first of all: opening the store may take long
    start = cast("Callable[[Wing], None]", import_module(f"smsfs.pipeline.{kind}.start").start)
    with running(config_file, kind) as (config, store), _counting(config, counts):

        def register() -> Process:
            return _register(store, kind, name)

        start(Wing(config, store, dialect, register, ended, in_hand))


@contextmanager
def _counting(config: Config, descriptor: int | None) -> Iterator[None]:
    """Have serve know what this process counts, the last of it too."""
    tally.by_account = bool(config.web and config.web.metrics_accounts)
    if descriptor is None:
        yield
        return
    slate = Slate(descriptor)
    keep_writing(tally, slate)
    try:
        yield
    finally:
        slate.write(tally.told())


def _register(store: Store, kind: str, name: str) -> Process:
    """Make this process known to the store, and to the one that started it."""
    owner = store.register(kind, name)
    _say(f"{OWNER}{owner.id}")
    return owner


def _end_of_input(grace: float) -> threading.Event:
    """Set when standard input ends: the process that started this one stopped it, or is dead.

    A dead one kills nobody that does not end in time. So the kernel does, by an alarm, whatever this process
    waits for: a database that is away, whose answers it insists on storing, or a lock.
    """
    ended = threading.Event()
    signal.signal(signal.SIGALRM, signal.SIG_DFL)

    def wait() -> None:
        with suppress(OSError):
            while os.read(0, 4096):
                pass
        signal.setitimer(signal.ITIMER_REAL, grace + ORPHAN_SECONDS)
        ended.set()

    threading.Thread(target=wait, daemon=True).start()
    return ended
