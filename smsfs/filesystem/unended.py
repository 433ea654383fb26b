"""Writers that have finished while the store was away, so that their end could not be noted."""

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress

END_AGAIN_SECONDS = 0.5


class Unended:
    r"""Has their end noted as soon as that can be: to other hosts the files are open until then.

    Each is the number of a writer, and whether its file is cut.

    Args:
        change: a transaction, which notes the end of what it ``take``\ s.
    """

    def __init__(self, change: Callable[[], AbstractContextManager[object]]) -> None:
        self._change = change
        self._writers: list[tuple[int, bool]] = []
        self._ends = False
        self._lock = threading.Lock()

    def add(self, writer: int, *, cut: bool) -> None:
        """One has ended."""
        with self._lock:
            self._writers.append((writer, cut))
            if not self._ends:
                self._ends = True
                threading.Thread(target=self._end_soon, name="smsfs-unended", daemon=True).start()

    def take(self) -> list[tuple[int, bool]]:
        """Those whose end a transaction is to note."""
        with self._lock:
            writers, self._writers = self._writers, []
        return writers

    def put_back(self, writers: list[tuple[int, bool]]) -> None:
        """The transaction that took them was not committed."""
        with self._lock:
            self._writers += writers

    def _end_soon(self) -> None:
        while True:
            time.sleep(END_AGAIN_SECONDS)
            with suppress(Exception), self._change():
                pass
            with self._lock:
                if not self._writers:
                    self._ends = False
                    return
