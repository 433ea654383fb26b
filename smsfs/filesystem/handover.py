"""Handing a file over to be sent: what has to hold of it before, and under which time that is."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import structlog

from smsfs.dialects import Dialect, Submission
from smsfs.errors import BadRequest, NotAllowed, StillOpen
from smsfs.filesystem.scope import Scope
from smsfs.filesystem.view import View
from smsfs.names import seconds_from
from smsfs.states import FileState, next_file_state
from smsfs.store import File, FileChange

if TYPE_CHECKING:
    from smsfs.filesystem.openfile import Draft

log = structlog.get_logger()
#: Gives what to log of a file that was handed over, once that is committed.
Submitted = Callable[[], dict[str, Any]]


def check_held(draft: "Draft", file: File | None, now: File | None, ended: str | None) -> None:
    """Check that an upload that has finished was not lost meanwhile.

    Args:
        draft: the upload.
        file: as it left it; None when it could not.
        now: the file as it was before; None when it was removed.
        ended: why its account may not be used any more; None if it may.

    Raises:
        NotAllowed: its account is closed, another upload began anew, or this process was taken for dead.
    """
    if ended:
        log.warning("transfer_cut", file=draft.file.path, reason=ended)
        raise NotAllowed(ended)
    if file is None and now:
        lost = f"The server was out of touch and lost {draft.file.name}"
        if now.content != draft.file.content:
            lost = f"Another upload of {draft.file.name} began meanwhile"
        raise NotAllowed(f"{lost}; upload it again.")


def check_whole(file: File, alive: Callable[[], Iterable[int]]) -> None:
    """Check that a file may be handed over.

    Raises:
        StillOpen, NotAllowed, BadRequest: it is being written, was cut off, or is empty.
    """
    if file.writers and set(alive()) & set(file.writers):
        raise StillOpen(f"{file.path} is still being written; close it before it is submitted.")
    if file.cut or file.writers:
        raise NotAllowed(f"The upload of {file.path} was cut off; upload it again.")
    if not file.size:
        raise BadRequest(f"{file.path} is empty; there is nothing to send.")


class Handover:
    """Submits files of an account.

    Args:
        scope: whose files they are.
        view: the files.
    """

    def __init__(self, scope: Scope, view: View) -> None:
        self._scope = scope
        self._view = view

    def submit(
        self, files: FileChange, file: File, submission: Submission, target: str, settings: dict[str, Any]
    ) -> Submitted:
        """Hand a file over, in the transaction that the client's answer waits for."""
        store, account, dialect = self._scope.store, self._scope.account, self._scope.dialect
        state = next_file_state(file.state, "submit")
        check_whole(file, store.alive)
        now = store.now()
        at = free_second(dialect, files, account.id, submission, int(now))
        path = dialect.path(submission, at, state)
        batch = files.hand_over(file, path, submission.stem, submission.flags, at.timestamp(), now)
        if settings["alias_seconds"]:
            files.add_alias(account.id, target, file.id, now + settings["alias_seconds"])
        return lambda: {"account": account.name, "file": path, "batch": batch(), "bytes": file.size}

    def is_by_close(self, path: str) -> bool:
        """Whether a whole upload of this name is handed over when it is closed."""
        return self._scope.dialect.close(path, self._view.settings()) is not None

    def submit_closed(self, files: FileChange, file: File | None, *, wrote: bool) -> Submitted | None:
        """Submit a file that its dialect takes when it is closed, or refuse with why that cannot be."""
        if not file or not file.size or file.state is not FileState.DRAFT:
            return None
        settings = self._view.settings(files)
        submission = self._scope.dialect.close(file.path, settings)
        if submission is None or (file.writers and not wrote):
            return None
        return self.submit(files, file, submission, file.path, settings)


def free_second(
    dialect: Dialect, files: FileChange, account: int, submission: Submission, now: int
) -> datetime:
    """The first second, from now, whose names are free for this file's whole life."""
    if not dialect.stamped:
        return datetime.fromtimestamp(now, UTC)
    states = (FileState.PROCESSING, FileState.SUCCESS, FileState.REJECTED)

    def is_free(at: datetime) -> bool:
        return not files.taken(account, {dialect.path(submission, at, state) for state in states})

    return next(filter(is_free, seconds_from(now)))
