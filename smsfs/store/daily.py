"""The interface to the reports that some accounts get for each day."""

from collections.abc import Sequence
from datetime import date
from typing import Protocol

from smsfs.store.batches import Batch
from smsfs.store.files import NewFile
from smsfs.store.processes import Process


class Daily(Protocol):
    """Which reports are made, and what they are about."""

    def batches(self, account: int, since: float, until: float) -> list[Batch]:
        """The account's batches of whose messages something became from ``since`` on and before ``until``."""

    def made(self, account: int) -> set[date]:
        """The days whose reports are made."""

    def publish(
        self, account: int, day: date, files: Sequence[NewFile], at: float, owner: Process, what: str
    ) -> bool:
        """Show a day's reports, in one transaction.

        Args:
            account: whose they are.
            day: in UTC.
            files: finished, for the client to read and to delete.
            at: now.
            owner: who made them.
            what: it must lead.

        Returns:
            Whether they are shown; they are not where they were made before.

        Raises:
            Exists: one of the paths is taken.
            StaleOwnerError: the owner does not lead any more.
        """
