"""What was deleted is gone: from the store's files, and from the outboxes of this host."""

import time
from collections.abc import Iterable

import structlog

from smsfs.backends.outbox_files import OutboxFiles
from smsfs.backends.outbox_options import OutboxConfig
from smsfs.config import Config
from smsfs.errors import Refusal
from smsfs.store import Store

LOOK_SECONDS = 3600.0
#: A reader kept deleted data from being erased; soon after, none does.
AGAIN_SECONDS = 30.0
PAUSE_SECONDS = 0.05

log = structlog.get_logger()


def outboxes(config: Config) -> list[OutboxFiles]:
    """The outboxes of this host; one outside the data folder may hold another store's messages as well."""
    found = []
    for options in config.backends.values():
        if isinstance(options, OutboxConfig):
            path = config.data / options.path
            found.append(OutboxFiles(path, options.keep_days, ours=path.is_relative_to(config.data)))
    return found


class Upkeep:
    """Erases what was deleted, every hour and as soon as something was deleted.

    Args:
        store: whose messages the outboxes hold.
        outboxes: those of this host.
    """

    def __init__(self, store: Store, outboxes: Iterable[OutboxFiles]) -> None:
        self._store, self._outboxes = store, list(outboxes)
        self._due = 0.0

    def step(self, *, deleted: bool = False) -> None:
        """Do what is due; at once if something was ``deleted``."""
        now = self._store.now()
        if deleted or not now < self._due <= now + LOOK_SECONDS:  # the clock may have been put back
            self._empty_outboxes()
            self._due = now + (LOOK_SECONDS if self._store.tidy() else AGAIN_SECONDS)

    def erase(self, seconds: float) -> bool:
        """Do it now; whether it was done in that time, others being in the way."""
        deadline = time.monotonic() + seconds
        self._empty_outboxes()
        while not self._store.tidy():
            if time.monotonic() > deadline:
                return False
            time.sleep(PAUSE_SECONDS)
        return True

    def _empty_outboxes(self) -> None:
        """Empty the lines of messages that the store has forgotten, and delete what is past its days."""
        for outbox in self._outboxes:
            try:
                outbox.tidy(self._store.now())
                lines = outbox.forget(self._store.queue.forgotten)
            except Refusal:
                raise
            except OSError as exc:
                log.warning("outbox_not_tidied", outbox=str(outbox.path), reason=str(exc))
            else:
                if lines:
                    log.info("outbox_forgot", outbox=str(outbox.path), lines=lines)
