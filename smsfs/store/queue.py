"""The queue: from submitted files to messages that leave."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from smsfs.store.records import (
    Batch,
    File,
    Lane,
    NewSlice,
    Outcome,
    Owner,
    Slice,
    SliceReport,
    Verdict,
)


class Queue(Protocol):
    """Submitted files and their messages, on the way out.

    Every write names the owner that claimed; a write of any other raises ``StaleOwnerError``.
    """

    def lanes(self, now: float) -> list[Lane]:
        """Those with a file that is due to be read, the one that waits longest first."""

    def claim_batch(self, owner: Owner, now: float, lane: Lane | None = None) -> Batch | None:
        """Take the next submitted file to read, of all or of one lane.

        What an earlier reader staged is dropped. A power cut may undo it together with its reader, as long as
        nothing came of that.
        """

    def stage(self, batch: int, owner: Owner, slices: Sequence[NewSlice]) -> None:
        """Store messages that nobody sends before ``accept``, which brings them to stable storage too."""

    def accept(self, batch: int, owner: Owner, verdict: Verdict) -> None:
        """The file's messages are to be sent: they are queued, and the account is charged.

        Raises:
            CreditUsedUpError: it cannot be charged so much.
            Exists: the file's new path, or a report's, is taken.
        """

    def reject(self, batch: int, owner: Owner, verdict: Verdict) -> None:
        """None of them is: staged ones are dropped, the file becomes ``rejected``.

        Raises:
            Exists: as for ``accept``.
        """

    def ignore(self, batch: int, owner: Owner, verdict: Verdict) -> None:
        """The file is none for this account: it is a draft again, under its name; the causes are kept."""

    def strays(self, dialect: str, after: int, limit: int) -> list[File]:
        """Drafts of accounts of a dialect that nobody writes and about which nothing was noted yet.

        In the order of their numbers, from the one behind ``after``.
        """

    def note_stray(self, file: File, stem: str, verdict: Verdict) -> bool:
        """Note a batch that was never read, for a draft of which nothing comes; the draft stays as it is.

        Returns:
            False if the draft has changed since it was read; nothing was noted.

        Raises:
            Exists: the path of one of the reports is taken.
        """

    def retry_batch(self, batch: int, owner: Owner, not_before: float, *, counts: bool = True) -> None:
        """Reading failed through no fault of the file: count it, unless told not to, and read again later."""

    def release_batch(self, batch: int, owner: Owner) -> None:
        """Give a claimed batch back unread."""

    def crashed(self, batch: int, retry_at: float, *, surely: bool) -> None:
        """Note that a reader died while it worked on a file, whoever has the file by now.

        The second time in a row it counts as a failure to read it, and the file is not read before
        ``retry_at``; the first time too if it was ``surely`` the file that killed its reader.
        """

    def twin(self, batch: Batch, digest: bytes, since: float) -> Batch | None:
        """An earlier batch of the same account, stem and bytes, accepted after ``since``."""

    def principals(self, backend: str, now: float) -> list[int]:
        """The accounts that have a slice for a backend which is due; connectors count as their account."""

    def claim_slice(
        self, owner: Owner, backend: str, now: float, *, oldest: bool, principal: int | None = None
    ) -> Slice | None:
        """Take a slice to send: the one that waits longest, or the earliest part of any file.

        Args:
            owner: who takes it.
            backend: that is to send it.
            now: the time it is.
            oldest: which of the two.
            principal: whose; None: anybody's.
        """

    def claim_overdue(self, owner: Owner, now: float) -> Slice | None:
        """Take a slice whose time is over, of whichever backend; the one that has been so longest."""

    def release_slice(self, slice_: Slice, owner: Owner) -> None:
        """Give a claimed slice back of which nothing was sent."""

    def record(self, owner: Owner, reports: Sequence[SliceReport]) -> list[Slice]:
        """Append what was learnt, for all reports in one commit.

        Returns:
            The slices that are no longer this owner's; of these nothing was written.
        """

    def abandoned(self, alive: Callable[[], Iterable[int]]) -> list[tuple[int, Slice]]:
        """Claimed slices of dead owners, each with that owner's id.

        Args:
            alive: the owners that live; asked after the slices were read, so that one which has just begun
                is not taken for dead.
        """

    def take_over(self, slice_: Slice, dead: int, owner: Owner) -> set[int] | None:
        """Make a dead owner's slice this owner's.

        Returns:
            The rows that have an outcome of this attempt already; None when another was quicker.
        """

    def next_time(self, backend: str) -> float | None:
        """When the next queued slice of a backend is due; None when there is none."""

    def next_batch_time(self) -> float | None:
        """When the next batch is due to be read; None when there is none."""

    def batches(self, account: int | None = None, file: str | None = None) -> Iterator[Batch]:
        """Batches, oldest first; with ``file`` those whose path that is, or whose stem is part of it."""

    def slices(self, batch: int) -> Iterator[Slice]:
        """The slices of a batch in order, those tried again among them."""

    def outcomes(self, batch: int, first_row: int, last_row: int) -> list[Outcome]:
        """What was appended about messages, oldest first."""

    def expire(self, finished_before: Mapping[int, float], limit: int) -> int:
        """Forget batches that finished, with all their messages done, before an account's time."""

    def forgotten(self, batches: Collection[int]) -> set[int]:
        """Which of some numbers are of batches that there were once, and are no more."""

    def backlog(self) -> dict[str, int]:
        """Messages queued or with a worker, by backend."""
