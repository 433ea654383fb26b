"""Finds what an operator names: a file by a path that it has or had, or by the number of its batch."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from attrs import frozen

from smsfs.control.moments import shown
from smsfs.dialects import Submission
from smsfs.dialects.registry import dialect
from smsfs.errors import ConfigurationError
from smsfs.states import FileState
from smsfs.store import Batch, Store

#: So many of several files of one name are listed.
MOST_NAMED = 5


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

    def one(self) -> Batch:
        """The one there is.

        Raises:
            ConfigurationError: there is none, or there are several.
        """
        found = list(self.batches())
        if not found:
            raise ConfigurationError(f"No file {self.file} was submitted; smsfs files lists those there are.")
        if len(found) > 1:
            times = ", ".join(f"{batch.id} ({shown(batch.submitted)})" for batch in found[-MOST_NAMED:])
            raise ConfigurationError(
                f"{len(found)} files had the name {self.file}: give the number of one, such as {times}."
            )
        return found[0]

    def batches(self, after: int = 0) -> Iterator[Batch]:
        """Those there are, oldest first, with numbers above ``after``."""
        return filter(self, self.store.queue.batches(self.account, self.file, after))


def named(store: Store, name: str, account: int | None = None) -> Batch:
    """The batch that an operator names: by its number, or by a path that its file has or had.

    Raises:
        ConfigurationError: there is none, or the path is that of several.
    """
    by_number = store.feed.batch(int(name)) if name.isascii() and name.isdigit() else None
    if by_number and account in (None, by_number.account):
        return by_number
    return Wanted(store, account, name.lstrip("/")).one()
