"""``smsfs worker``: the processes that serve starts; each ends when its standard input does."""

import asyncio
import gc
import os
import sys
import threading
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import click
import structlog
import uvloop
from attrs import asdict

from smsfs.backends.mending import Mending
from smsfs.backends.outbox import Outbox
from smsfs.backends.smpp.client import SmppBackend
from smsfs.backends.smpp.options import SmppConfig
from smsfs.cli.common import TEMPORARY, Ended, config_option, outboxes, running
from smsfs.cli.in_hand import InHand, limit_memory
from smsfs.cli.measuring import tongues_of
from smsfs.cli.supervisor import OWNER
from smsfs.config import BackendConfig, Config
from smsfs.dialects.registry import DIALECTS, dialect
from smsfs.errors import StoreDamaged, StoreUnavailable
from smsfs.pipeline.dispatch.dispatcher import Dispatcher
from smsfs.pipeline.dispatch.routes import BreakerRules, Route
from smsfs.pipeline.dispatch.windows import reopening
from smsfs.pipeline.intake.reader import Intake, IntakeRules, ReaderSpentError
from smsfs.pipeline.intake.rota import Rota
from smsfs.pipeline.jobs import Every, Jobs
from smsfs.pipeline.reports.daily import DailyReporter
from smsfs.pipeline.reports.forgetting import Upkeep
from smsfs.pipeline.reports.mail import Mailer, Relay
from smsfs.pipeline.reports.results import REPORTS, ResultWriter
from smsfs.pipeline.reports.retention import SWEEP_SECONDS, sweep
from smsfs.pipeline.reports.strays import Strays
from smsfs.pipeline.turns import Weights
from smsfs.sections import MailConfig
from smsfs.store import Process, Store

NICE = 5
MOST_SAID = 1000
IDLE_SECONDS = 1.0
#: How long a stop waits for a mail that is being handed over.
MAIL_STOP_SECONDS = 5.0

log = structlog.get_logger()


class Telling(click.Group):
    """Commands that say why they end, to who started them, on standard output."""

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


_name_option = click.option("--name", default="", help="By which serve tells the store that it has ended.")


@worker.command()
@_name_option
@click.option("--in-hand", type=int, help="The descriptor by which serve is told what is being read.")
@config_option
def intake(name: str, in_hand: int | None, config_file: Path | None) -> None:
    """Read submitted files."""
    os.nice(NICE)
    with running(config_file, "intake") as (config, store):
        rules = IntakeRules(
            config.pipeline.default_backend,
            config.pipeline.retry_seconds,
            config.pipeline.max_failures,
            tongues_of(config),
        )
        reader = Intake(store, _register(store, "intake", name), dialect, rules)
        ended = _end_of_input()  # before the limit: the stack of a thread counts
        is_full = limit_memory(config.pipeline.reader_memory)
        rota = Rota(store, reader, Weights(store, dialect), InHand(in_hand).tell, is_full)
        _read_until(ended, rota, store)


def _register(store: Store, kind: str, name: str) -> Process:
    """Make this process known, to who started it as well."""
    owner = store.register(kind, name)
    _say(f"{OWNER}{owner.id}")
    return owner


def _read_until(stop: threading.Event, rota: Rota, store: Store) -> None:
    """Read what is due until the end, or until a file took all memory: the next process has it again."""
    store.settle()
    try:
        while not stop.is_set():
            if not rota.step():
                _wait(store, store.queue.next_batch_time())
    except ReaderSpentError:
        sys.exit(TEMPORARY)
    finally:
        rota.close()


def _wait(store: Store, due: float | None) -> None:
    """Wait for a change, or until something is due."""
    store.changed(IDLE_SECONDS if due is None else min(IDLE_SECONDS, max(0.0, due - store.now())))


@worker.command()
@_name_option
@config_option
def reports(name: str, config_file: Path | None) -> None:
    """Write result files and daily reports, send mails, forget what is past its time, on one of all hosts."""
    os.nice(NICE)
    with running(config_file, "reports") as (config, store):
        upkeep = Upkeep(store, outboxes(config))
        owner = _register(store, "reports", name)
        _report_until(_end_of_input(), store, owner, config.mail, upkeep)


def _report_until(
    stop: threading.Event, store: Store, owner: Process, mail: MailConfig | None, upkeep: Upkeep
) -> None:
    writer, daily = ResultWriter(store, owner), DailyReporter(store, owner, dialect)
    relay = Relay(**asdict(mail)) if mail else None
    mailer = Mailer(store, relay, lambda: store.lead(owner, REPORTS), dialect, stop.is_set)
    strays = Strays(store, [name for name in DIALECTS if not dialect(name).stamped], dialect)
    sweep_job = Every(SWEEP_SECONDS, time.monotonic, partial(_clean_up, store, upkeep, set()))
    steps = {"sweep": sweep_job.step, "results": writer.step, "daily reports": daily.step}
    jobs = Jobs({**steps, "strays": strays.step}, time.monotonic)
    mails = threading.Thread(target=_mail_until, args=(stop, mailer), name="smsfs-mail", daemon=True)
    mails.start()  # beside the rest: a relay that hardly answers holds up nothing else
    while not stop.is_set():
        upkeep.step()
        if not store.lead(owner, REPORTS):
            writer.check_held()
            store.changed(IDLE_SECONDS)
        elif not jobs.step():
            _wait(store, writer.next_time())
    mails.join(MAIL_STOP_SECONDS)


def _clean_up(store: Store, upkeep: Upkeep, orphans: set[str]) -> None:
    """Forget what is past its time; ``orphans`` are the contents that no file had the last time."""
    store.settle()
    found = sweep(store, dialect, orphans)
    orphans.clear()
    orphans.update(found.orphans)
    upkeep.step(deleted=found.deleted)


def _mail_until(stop: threading.Event, mailer: Mailer) -> None:
    """Send mails; what is not sent when the process ends is for the next one."""
    jobs = Jobs({"mails": mailer.step}, time.monotonic)
    while not stop.is_set():
        busy = False
        try:
            busy = jobs.step()
        except StoreUnavailable:  # the process ends, if that lasts
            pass
        except StoreDamaged:
            return
        if not busy:
            stop.wait(IDLE_SECONDS)


def _end_of_input() -> threading.Event:
    """Set when standard input ends: whoever started this process stopped it, or is dead."""
    ended = threading.Event()

    def wait() -> None:
        while os.read(0, 4096):
            pass
        ended.set()

    threading.Thread(target=wait, daemon=True).start()
    return ended


@worker.command()
@_name_option
@config_option
def dispatch(name: str, config_file: Path | None) -> None:
    """Hand messages to backends."""
    with running(config_file, "dispatch") as (config, store):
        gc.freeze()  # what is there now stays, and is not looked through again and again
        uvloop.run(_dispatch(config, store, name))


async def _dispatch(config: Config, store: Store, name: str) -> None:
    routes = [_route(config, name, options) for name, options in config.backends.items()]
    rules = BreakerRules(config.pipeline.breaker_failures, config.pipeline.breaker_seconds)
    owner, reopen = _register(store, "dispatch", name), reopening(store, dialect)
    dispatcher = Dispatcher(store, owner, routes, rules, reopen, Weights(store, dialect))
    _warn_of_strays(store, config)
    ended = _end_of_input()
    watch = asyncio.create_task(_stop_at(ended, dispatcher))
    await dispatcher.run()
    await watch


async def _stop_at(ended: threading.Event, dispatcher: Dispatcher) -> None:
    while not ended.is_set():  # noqa: ASYNC110 -- a thread sets it, and a thread waiting for it could not be cancelled
        await asyncio.sleep(0.05)
    dispatcher.stop()


def _route(config: Config, name: str, options: BackendConfig) -> Route:
    """A way out, whose backend is made as soon as it can be: a fault in one holds up no other."""
    if isinstance(options, SmppConfig):
        kind = {"idempotent": SmppBackend.idempotent, "traceable": options.bind != "transmitter"}
        smpp = Mending(name, lambda: SmppBackend(name, options, config.data), **kind)
        return Route(name, smpp, options.on_unknown)
    kind = {"idempotent": Outbox.idempotent, "traceable": Outbox.traceable}
    outbox = Mending(name, lambda: Outbox(config.data / options.path, options.keep_days), **kind)
    return Route(name, outbox, options.on_unknown)


def _warn_of_strays(store: Store, config: Config) -> None:
    for backend, messages in store.queue.backlog().items():
        if backend not in config.backends:
            log.warning("no_such_backend", backend=backend, messages=messages)
