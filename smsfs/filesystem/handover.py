"""What has to hold of an upload before its file is handed over, and under which time that is."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING

import structlog

from smsfs.dialects import Dialect, Submission
from smsfs.errors import BadRequest, NotAllowed, StillOpen
from smsfs.states import FileState
from smsfs.store import File, FileChange

if TYPE_CHECKING:
    from smsfs.filesystem.openfile import Draft

log = structlog.get_logger()


def check_held(draft: "Draft", file: File | None, now: File | None, ended: str | None) -> None:
    """Check that an upload that is through was not lost meanwhile.

    Args:
        draft: the upload.
        file: as it left it; None when it could not.
        now: the file as it was before; None when it was removed.
        ended: why its account may not be used any more.

    Raises:
        NotAllowed: that is so, or another upload began anew, or this process was taken for dead.
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


def free_second(
    dialect: Dialect, files: FileChange, account: int, submission: Submission, now: int
) -> datetime:
    """The first second, from now, whose names are free for this file's whole life."""
    if not dialect.stamped:
        return datetime.fromtimestamp(now, UTC)
    for second in count(now):
        at = datetime.fromtimestamp(second, UTC)
        states = (FileState.PROCESSING, FileState.SUCCESS, FileState.REJECTED)
        paths = {dialect.path(submission, at, state) for state in states}
        if not any(files.find(account, path) for path in paths):
            return at
    raise AssertionError("time has no end")
