"""The process that reads submitted files."""

import os
import sys
import threading

from smsfs.pipeline.intake.in_hand import InHand, limit_memory
from smsfs.pipeline.intake.reader import Intake, IntakeRules, ReaderSpentError
from smsfs.pipeline.intake.rota import Rota
from smsfs.pipeline.measuring import tongues_of
from smsfs.pipeline.turns import Weights
from smsfs.pipeline.wing import Wing, wait
from smsfs.store import Store


def start(wing: Wing) -> None:
    """Read files until the end."""
    store, options = wing.store, wing.config.pipeline
    rules = IntakeRules(
        options.default_backend,
        options.retry_seconds,
        options.max_failures,
        tongues_of(wing.config),
    )
    reader = Intake(store, wing.register(), wing.dialect, rules)
    is_full = limit_memory(options.reader_memory)
    rota = Rota(store, reader, Weights(store, wing.dialect), InHand(wing.in_hand).note, is_full)
    _read_until(wing.ended, rota, store)


def _read_until(stop: threading.Event, rota: Rota, store: Store) -> None:
    """Read what is due until the end, or until a file took all memory: the next process has it again."""
    store.settle()
    try:
        while not stop.is_set():
            if not rota.step():
                wait(store, rota.next_time, "files")
    except ReaderSpentError:
        sys.exit(os.EX_TEMPFAIL)
    finally:
        rota.close()
