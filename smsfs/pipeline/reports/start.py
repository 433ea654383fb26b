"""The process that writes reports and shows replies, sends mails and forgets what is past its time."""

import threading
import time
from collections.abc import Callable
from functools import partial

from attrs import asdict

from smsfs.errors import StoreDamaged, StoreUnavailable
from smsfs.pipeline.jobs import Every, Jobs
from smsfs.pipeline.reports.credit import Credits, asking
from smsfs.pipeline.reports.daily import DailyReporter
from smsfs.pipeline.reports.forgetting import Upkeep, outboxes
from smsfs.pipeline.reports.in_use import DialectsInUse
from smsfs.pipeline.reports.mail import Mailer, Relay
from smsfs.pipeline.reports.replies import ReplyWriter
from smsfs.pipeline.reports.results import REPORTS, ResultWriter
from smsfs.pipeline.reports.retention import SWEEP_SECONDS, sweep
from smsfs.pipeline.reports.strays import Strays
from smsfs.pipeline.wing import IDLE_SECONDS, Wing, wait
from smsfs.store import Process

#: How long a stop waits for a mail that is being handed over.
MAIL_STOP_SECONDS = 5.0
#: And for an answer about credit, which nobody misses.
ASK_STOP_SECONDS = 0.5


def start(wing: Wing) -> None:
    """Report until the end, on one of all hosts."""
    upkeep = Upkeep(wing.store, outboxes(wing.config))
    owner = wing.register()
    _report_until(wing.ended, wing, owner, upkeep)


def _report_until(stop: threading.Event, wing: Wing, owner: Process, upkeep: Upkeep) -> None:
    store, dialect, mail = wing.store, wing.dialect, wing.config.mail
    writer, daily = ResultWriter(store, owner), DailyReporter(store, owner, dialect)
    relay = Relay(**asdict(mail, recurse=False), folder=wing.config.data) if mail else None
    mailer = Mailer(store, relay, lambda: store.lead(owner, REPORTS), dialect, stop.is_set)
    strays = Strays(store, DialectsInUse(store, dialect, lambda rules: not rules.stamped), dialect)
    shows = DialectsInUse(store, dialect, lambda rules: rules.shows_replies)
    replies = ReplyWriter(store, owner, shows, dialect)
    sweep_job = Every(SWEEP_SECONDS, time.monotonic, partial(_clean_up, wing, upkeep, set()))
    steps = {
        "sweep": sweep_job.step,
        "sort": store.inbound.sort,
        "results": writer.step,
        "daily reports": daily.step,
    }
    jobs = Jobs({**steps, "strays": strays.step, "replies": replies.step}, time.monotonic)
    credits_ = Credits(store, owner, REPORTS, wing.config.backends, relay, asking(wing.config.data))
    mails, asks = _beside(stop, "mails", mailer.step), _beside(stop, "credit", credits_.step)
    while not stop.is_set():
        upkeep.step()
        if not store.lead(owner, REPORTS):
            writer.check_held()
            stop.wait(IDLE_SECONDS)
        elif not jobs.step():
            wait(store, writer.next_time(), "results")
    mails.join(MAIL_STOP_SECONDS)
    asks.join(ASK_STOP_SECONDS)


def _clean_up(wing: Wing, upkeep: Upkeep, orphans: set[str]) -> bool:
    """Forget some of what is past its time; ``orphans`` are the contents that no file had the last time."""
    wing.store.settle()
    found = sweep(wing.store, wing.dialect, orphans)
    if not found.more:
        orphans.clear()
        orphans.update(found.orphans)
    upkeep.step(deleted=found.deleted)
    return found.more


def _beside(stop: threading.Event, name: str, step: Callable[[], object]) -> threading.Thread:
    """A thread for what waits for other systems: one that hardly answers holds up nothing else."""
    thread = threading.Thread(target=_step_until, args=(stop, name, step), name=f"smsfs-{name}", daemon=True)
    thread.start()
    return thread


def _step_until(stop: threading.Event, name: str, step: Callable[[], object]) -> None:
    """Do a job again and again; what is left when the process ends is for the next one."""
    jobs = Jobs({name: step}, time.monotonic)
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
