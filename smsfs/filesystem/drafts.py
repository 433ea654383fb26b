"""The drafts of an account that this process has open for writing, and the space that they share."""

import threading
from typing import TYPE_CHECKING

from smsfs.errors import QuotaFull

if TYPE_CHECKING:
    from smsfs.filesystem.openfile import Draft


class Drafts:
    """The drafts open for writing, and how many bytes the account has without what is added to them.

    Attributes:
        used: bytes of the account's files when the store was last asked.
        room: how many bytes they may have, by the settings as they were last read.
    """

    def __init__(self) -> None:
        self.used = self.room = 0
        self._open: dict[int, set[Draft]] = {}
        self._lock = threading.Lock()

    def of(self, file: int) -> "set[Draft]":
        """Those of one file."""
        with self._lock:
            return set(self._open.get(file, ()))

    def add(self, draft: "Draft", room: int) -> None:
        """One was opened; drafts whose bytes it replaces no longer count."""
        with self._lock:
            drafts = self._open.setdefault(draft.file.id, set())
            for other in drafts:
                if other.file.content != draft.file.content:
                    other.noted = other.reserved = 0
            drafts.add(draft)
            self.room = room

    def drop(self, draft: "Draft", size: int | None = None, used: int | None = None) -> None:
        """One was closed; if that was noted, its file has ``size`` bytes now, and the account's ``used``."""
        with self._lock:
            drafts = self._open.get(draft.file.id, set())
            drafts.discard(draft)
            if not drafts:
                self._open.pop(draft.file.id, None)
            for other in drafts:
                if size is not None and other.file.content == draft.file.content:
                    other.noted = size
            if used is not None:
                self.used = used

    def reserve(self, draft: "Draft", size: int) -> None:
        """Let a draft grow to ``size`` bytes, if the account has room for that beside all the others.

        Raises:
            QuotaFull: the account has no room left.
        """
        with self._lock:
            grown = sum(other.grown for drafts in self._open.values() for other in drafts) - draft.grown
            if self.used + grown + size - draft.noted > self.room:
                raise QuotaFull("The account's space is used up; delete some files.")
            draft.reserved = size
