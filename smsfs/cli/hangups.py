"""SIGHUP: it ends nothing that runs, and no file is read again."""

import signal
import threading

import structlog

log = structlog.get_logger()


def hold_hangups() -> None:
    """Let no SIGHUP end this process from now on."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})


def tell_hangups() -> None:
    """Log each SIGHUP that comes, now that there is a log."""
    threading.Thread(target=_log_always, name="smsfs-hangups", daemon=True).start()


def _log_always() -> None:
    while True:
        signal.sigwait({signal.SIGHUP})
        log.warning(
            "hangup_ignored", signal="SIGHUP", meaning="restart smsfs to have a changed configuration read"
        )
