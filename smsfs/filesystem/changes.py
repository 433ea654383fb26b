"""Changes of an account's files, and what they have to keep true beside the files."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from attrs import define

from smsfs.filesystem.drafts import Drafts
from smsfs.filesystem.handles import Handles
from smsfs.filesystem.scope import Scope
from smsfs.filesystem.unended import Unended
from smsfs.store import File, FileChange, Stored
from smsfs.store.again import again


@define
class Counted:
    """What is open, which the filesystems of one account in this process count together."""

    drafts: Drafts
    handles: Handles


class Changes:
    """Begins each change of an account's files.

    Args:
        scope: whose files they are.
        counted: what is open.
    """

    def __init__(self, scope: Scope, counted: Counted) -> None:
        self._scope = scope
        self._counted = counted
        self._unended = Unended(partial(self.begin, checked=False))

    @contextmanager
    def begin(self, *paths: str, synced: bool = True, checked: bool = True) -> Iterator[FileChange]:
        """A transaction, which also notes the end of writers for which the store was away.

        Args:
            paths: of the files that it will look for.
            synced: as ``Files.change`` has it.
            checked: refuse it if the account may not be used any more.
        """
        unended = self._unended.take()
        try:
            change = self._scope.store.files.change
            with change(self._scope.account.id, synced=synced, paths=paths) as files:
                for writer, cut in unended:
                    (files.cut_writer if cut else files.drop_writer)(writer)
                if checked:
                    self._scope.rights.check(files.account(self._scope.account.id))
                yield files
        except BaseException:  # nothing of it was committed, whatever the reason
            self._unended.put_back(unended)
            raise

    def recount(self, files: FileChange) -> Stored:
        """Look what the account stores, which the drafts that are open share their room with."""
        stored = files.usage(self._scope.account.id)
        self._counted.drafts.used = stored.size
        return stored

    def end_later(self, writer: int, *, cut: bool = True) -> None:
        """A writer has ended, which could not be noted: note it as soon as the store is back."""
        self._unended.add(writer, cut=cut)

    @again
    def note_times(self, file: File, mtime: float) -> None:
        """Set a file's time of modification."""
        with self.begin() as files:
            files.set_times(file.id, mtime)
