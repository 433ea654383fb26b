"""What wakes a process that waits for another's commit: a FIFO of its own, into which others write a byte.

Nothing depends on it but how soon somebody looks: a process that dies between its commit and its ring leaves
the others to look by themselves, as they do every second or so.
"""

import errno
import os
import select
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from smsfs.store.changes import ABOUTS, About, concerns
from smsfs.store.durable import make_fifo, make_folder

#: More than anyone rings between two looks.
MOST_BYTES = 4096


class Bells:
    """The bells of those who wait, in a folder that all processes of a host share.

    Args:
        folder: made when somebody waits.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._own: dict[About, tuple[Path, int]] = {}

    def wait(self, timeout: float, about: About) -> bool:
        """Whether it was rung within so many seconds; the first time it may have been while nobody waited.

        Raises:
            OSError: no bell can be made.
        """
        if about not in self._own:
            self._own[about] = self._make(about)
            return True
        _, descriptor = self._own[about]
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        if not poll.poll(timeout * 1000):
            return False
        with suppress(BlockingIOError):  # another thread has just taken it
            os.read(descriptor, MOST_BYTES)
        return True

    def _make(self, about: About) -> tuple[Path, int]:
        """A bell, shown once it can be rung: one that nobody listens to is taken for a dead process's."""
        make_folder(self._folder)
        name = uuid4().hex
        hidden, path = self._folder / f".{name}", self._folder / f"{about}-{name}"
        make_fifo(hidden)
        # to write too, though nobody does: else a FIFO whose last writer has closed it counts as readable
        descriptor = os.open(hidden, os.O_RDWR | os.O_NONBLOCK)
        hidden.rename(path)
        return path, descriptor

    def ring(self, about: About) -> None:
        """Wake those who wait for this, and take away the bells of the dead."""
        heard_by = tuple(f"{each}-" for each in ABOUTS if concerns(about, each))
        with suppress(OSError):  # what was committed is, whoever hears of it
            for path in self._folder.iterdir():
                if path.name.startswith(heard_by):
                    _ring(path)

    def close(self) -> None:
        """Take away those of this process."""
        for path, descriptor in self._own.values():
            path.unlink(missing_ok=True)
            os.close(descriptor)
        self._own.clear()


def _ring(path: Path) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    except OSError as exc:
        if exc.errno == errno.ENXIO:  # nobody has it open
            with suppress(OSError):
                path.unlink()
        return
    try:
        with suppress(BlockingIOError):  # it is full, and so has been rung
            os.write(descriptor, b"x")
    finally:
        os.close(descriptor)
