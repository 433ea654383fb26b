"""Result files: what became of each message of a file."""

from collections.abc import Iterable
from typing import Protocol

from attrs import frozen

from smsfs.store.batches import Batch
from smsfs.store.processes import Process


@frozen
class Result:
    """A result file that is to be written anew.

    Attributes:
        batch: whose messages it tells of.
        file: the file as it is now; None when there is none yet.
        changes: how much had become of the messages when this was asked.
        expires: when the last of them is too late to be sent, in seconds since the epoch.
        news: how many words on the messages came since the version that is shown.
    """

    batch: Batch
    file: int | None
    changes: int
    expires: float
    news: int = 0


@frozen
class ResultVersion:
    """What a result file shows from now on.

    Attributes:
        content: its bytes, on stable storage.
        size: how many bytes.
        at: when they were written, in seconds since the epoch, as the times below.
        final: nothing more will become of the messages.
        not_before: the next one waits until then, though there are changes.
        until: and is written then, though there are none.
        missing: how many words on the messages are to come; with the last of them the next version is due at
            once. None: nobody knows.
    """

    content: str
    size: int
    at: float
    final: bool
    not_before: float
    until: float
    missing: int | None = None


class Results(Protocol):
    """The result files of batches; a batch has one if its verdict said so. Times are the store's."""

    def due(self, now: float, limit: int) -> list[Result]:
        """Those to be written anew, the one that waits longest first."""

    def next_time(self) -> float | None:
        """When the next one is due, perhaps long ago; None when there is none."""

    def show(
        self, result: Result, version: ResultVersion, paths: Iterable[str], owner: Process, what: str
    ) -> str | None:
        """Show a new version in one transaction.

        Args:
            result: as ``due`` gave it.
            version: what it shows; a final one is the last.
            paths: of a new file, the first that is free.
            owner: who wrote it.
            what: it must lead.

        Returns:
            The content it had, which readers may still have open; None when it is new.

        Raises:
            StaleOwnerError: the owner does not lead any more, or the file is final.
        """

    def postpone(self, batch: int, not_before: float) -> None:
        """Do not write a batch's result file before a time."""

    def files(self) -> set[int]:
        """The files that are not final."""
