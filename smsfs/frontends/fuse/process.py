"""What libfuse changes about the process that mounts, and has to give back."""

import contextlib
import os
import signal
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def working_folder() -> Iterator[Callable[[], None]]:
    """Give the way back to the working folder: libfuse 3 leaves it for ``/``, even in the foreground."""
    folder = os.open(".", os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield lambda: os.fchdir(folder)
    finally:
        os.fchdir(folder)
        os.close(folder)


@contextlib.contextmanager
def signals_left_to_libfuse() -> Iterator[None]:
    """Take back handlers set in Python: libfuse handles only the signals that are at their default."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    ours = {number: handler for number, handler in handlers.items() if callable(handler)}
    for number in ours:
        signal.signal(number, signal.SIG_DFL)
    try:
        yield
    finally:
        for number, handler in ours.items():
            signal.signal(number, handler)
