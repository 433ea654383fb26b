"""Whether anything was committed to a database file, by whatever process."""

import sqlite3
import threading
from pathlib import Path

WAIT_SECONDS = 1.0


class Stamp:
    """A number that is another one after each commit, asked for on a connection that makes none itself.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def __call__(self) -> int | None:
        """The number; None if it cannot be read."""
        with self._lock:
            try:
                if self._connection is None:
                    self._connection = sqlite3.connect(
                        self._path, timeout=WAIT_SECONDS, isolation_level=None, check_same_thread=False
                    )
                number: int = self._connection.execute("PRAGMA data_version").fetchone()[0]
            except sqlite3.Error:
                return None
        return number

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            if self._connection:
                self._connection.close()
                self._connection = None
