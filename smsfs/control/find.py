"""Finds what an operator names: a file by a path that it has or had, or by the number of its batch."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from attrs import frozen

from smsfs.dialects import Submission
from smsfs.dialects.registry import dialect
from smsfs.states import FileState
from smsfs.store import Batch, Store


@frozen
class Wanted:
    """Which batches: of an account, or a file, or all.

    Attributes:
        store: where they are.
        account: the number of theirs; None: any.
        file: a path that the file has or had, without a slash in front; None: any.
    """

    store: Store
    account: int | None = None
    file: str | None = None

    def __call__(self, batch: Batch) -> bool:
        """Whether a batch is one of them: the file may be named as it was at any time."""
        if self.account not in (None, batch.account):
            return False
        stem = re.sub(r"\.ready$", "", self.file or "", flags=re.IGNORECASE)
        return self.file in (None, batch.path) or stem == batch.stem or self._was(batch)

    def _was(self, batch: Batch) -> bool:
        """Whether the file lay there while it was read."""
        account, at = self.store.accounts.get(batch.account), datetime.fromtimestamp(batch.submitted, UTC)
        submission = Submission(batch.stem, batch.flags)
        return account is not None and self.file == dialect(account.dialect).path(
            submission, at, FileState.PROCESSING
        )

    def batches(self, after: int = 0) -> Iterator[Batch]:
        """Those there are, oldest first, with numbers above ``after``."""
        return filter(self, self.store.queue.batches(self.account, self.file, after))
