"""The write-ahead log on stable storage."""

import os
import threading
from pathlib import Path


class Log:
    """Brings commits to stable storage once they are made, when the next may be under way already.

    SQLite does that itself with ``synchronous = FULL``, but with its lock held: each process would wait for
    the disk behind every other. What was committed is in the file of the log when SQLite says so, so one
    sync of that covers it, all that was committed before, and whatever else was by then. A log that was
    written back into the database and begun anew meanwhile was synced there.

    Args:
        database: whose log it is.
    """

    def __init__(self, database: Path) -> None:
        self._path = Path(f"{database}-wal")
        self._descriptor: int | None = None
        self._asking, self._syncing = threading.Lock(), threading.Lock()
        self._asked = self._done = 0

    def sync(self) -> None:
        """Wait until all that was committed before is on stable storage.

        Raises:
            OSError: it may not be. The next sync would seem to succeed all the same.
        """
        with self._asking:
            self._asked += 1
            mine = self._asked
        with self._syncing:
            if self._done >= mine:  # another thread's sync began after this was asked
                return
            all_asked = self._asked
            os.fdatasync(self._opened())
            self._done = all_asked

    def _opened(self) -> int:
        """The log's file; another one if the last process that had the database open has deleted it."""
        there = self._path.stat()
        if self._descriptor is not None:
            known = os.fstat(self._descriptor)
            if (known.st_dev, known.st_ino) == (there.st_dev, there.st_ino):
                return self._descriptor
            os.close(self._descriptor)
        self._descriptor = os.open(self._path, os.O_RDWR)
        return self._descriptor

    def close(self) -> None:
        """Let go of the file."""
        with self._syncing:
            if self._descriptor is not None:
                os.close(self._descriptor)
                self._descriptor = None
