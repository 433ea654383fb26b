"""The interface to what does not work: slices that cannot be read, and processes that end again and again."""

from collections.abc import Sequence
from typing import Protocol

from attrs import frozen

from smsfs.store.processes import Process

#: What stands before a backend's name where it is a webhook that refuses calls, and not a process.
WEBHOOK = "webhook "


@frozen
class Aside:
    """A slice that was set aside, since its messages cannot be read; nothing more is sent of it.

    Attributes:
        slice: its number.
        batch: the number of its batch.
        first_row: of its messages.
        last_row: of its messages; of the rows between, some may be other slices'.
        size: how many messages it has.
        reason: a clause about why they cannot be read.
        in_doubt: some may have left before that was found out.
        at: when that was found out, by the store's clock.
    """

    slice: int
    batch: int
    first_row: int
    last_row: int
    size: int
    reason: str
    in_doubt: bool
    at: float


@frozen
class WorkerState:
    """A process of the pipeline that does not stay up, or a webhook that refuses calls.

    Attributes:
        worker: which of them, such as ``"dispatch"``; a webhook's begins with :data:`WEBHOOK`.
        reason: a clause about why it ended last, or how many calls were refused and why.
        since: when that began, by the store's clock.
        owner: the process that starts it, and says so.
    """

    worker: str
    reason: str
    since: float
    owner: int = 0


class Trouble(Protocol):
    """What an operator has to know of."""

    def asides(self, batch: int | None = None) -> list[Aside]:
        """The slices that were set aside by a ``SliceReport``, of one batch or of all, in order."""

    def put_back(self, slice_: int) -> bool:
        """Queue a slice again that was set aside; whether it was."""

    def report_workers(self, owner: Process, states: Sequence[WorkerState]) -> None:
        """Report which processes that ``owner`` starts do not stay up, in place of its last report.

        Forgotten with ``owner``.
        """

    def workers(self) -> list[WorkerState]:
        """What every process reported last; a dead one's report may be among them."""
