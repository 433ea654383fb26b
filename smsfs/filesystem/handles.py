"""How many files and folders may be open at a time, in an account and in the process."""

import threading
from collections import Counter
from typing import Literal

from smsfs.errors import TooManyOpen

#: Files open for reading and for writing count together; folders, which cost next to nothing, by themselves.
Use = Literal["reading", "writing", "folder"]


class Pool:
    """The open files of a process, which its accounts share.

    An account gets one more only while it holds fewer than are free: the greediest account leaves half of
    them, two leave a third, and one that has nothing open gets its first file as long as there is any.

    Args:
        total: how many files may be open; None for no limit but the accounts' own.
    """

    def __init__(self, total: int | None = None) -> None:
        self.total = total
        self.held = 0
        self.lock = threading.Lock()

    def has_room(self, held: int) -> bool:
        """Whether an account that holds so many may have one more."""
        return self.total is None or held < self.total - self.held


class Handles:
    """What an account has open in this process."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._held: Counter[Use] = Counter()

    def take(self, use: Use, most: int) -> "Slot":
        """Count one more.

        Args:
            use: what it is opened for.
            most: how many of its kind the account may have open.

        Raises:
            TooManyOpen: it has so many, or the process has.
        """
        with self._pool.lock:
            if use == "folder":
                self._check_folders(most)
            else:
                self._check_files(most)
                self._pool.held += 1
            self._held[use] += 1
        return Slot(self, use)

    def _check_folders(self, most: int) -> None:
        if self._held["folder"] >= most:
            raise TooManyOpen(f"{most} folders are open, as many as may be; close some.")

    def _check_files(self, most: int) -> None:
        reading, writing = self._held["reading"], self._held["writing"]
        if reading + writing >= most:
            also = f" and {reading} for reading" if reading else ""
            raise TooManyOpen(f"{writing} files are open for writing{also}, as many as may be; close some.")
        if not self._pool.has_room(reading + writing):
            raise TooManyOpen("The server has as many files open as it can; close some, or try again later.")

    def give_back(self, use: Use) -> None:
        """One was closed."""
        with self._pool.lock:
            self._held[use] -= 1
            self._pool.held -= use != "folder"


class Slot:
    """The place of one open file or folder."""

    def __init__(self, handles: Handles, use: Use) -> None:
        self._handles = handles
        self._use = use
        self._released = False

    def release(self) -> None:
        """It is closed; a second time changes nothing."""
        if not self._released:
            self._released = True
            self._handles.give_back(self._use)
