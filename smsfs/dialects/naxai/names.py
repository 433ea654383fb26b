"""The names of a connector's files: which submit, which wait, and which only the server gives."""

from collections.abc import Mapping
from typing import Any

from smsfs.dialects import Submission
from smsfs.dialects.naxai.reports import is_report
from smsfs.dialects.naxai.settings import endings_of
from smsfs.dialects.staging import is_staging
from smsfs.errors import Missing, NameTooLong, NotAllowed
from smsfs.names import MAX_NAME, is_too_long
from smsfs.sms.quoting import quoted
from smsfs.states import FileState

REJECTED, ERRORS = ".rejected", ".errors"
_ADDED = len(".YYYYMMDDTHHMMSS") + len(REJECTED)

REFUSALS = {
    FileState.PROCESSING: "is being processed; it can be read now, and vanishes once its messages are sent.",
    FileState.SUCCESS: "is the server's; it can be read or deleted.",
    FileState.REJECTED: "was rejected; rename it to mend it, or delete it.",
}


def waits(path: str) -> bool:
    """Whether a name never submits: it is temporary, or one that the server gives."""
    return bool(is_staging(path) or is_report(path)) or path.endswith((REJECTED, ERRORS))


def submits(path: str, settings: Mapping[str, Any]) -> bool:
    """Whether a complete upload under this name is sent."""
    if waits(path):
        return False
    endings = endings_of(settings)
    return not endings or path.lower().endswith(endings)


def check_name(path: str) -> None:
    """Refuse a path in a folder, and a name that only the server gives."""
    if "/" in path:
        raise Missing(f"There is no folder {quoted(path.rpartition('/')[0])}; files lie side by side here.")
    if is_report(path):
        raise NotAllowed("Files named status_ or received_ and a day are the server's; choose another name.")
    if path.endswith((REJECTED, ERRORS)):
        raise NotAllowed(f"Names that end in {REJECTED} or {ERRORS} are the server's; choose another name.")


def submission_of(name: str) -> Submission:
    """The submission of a file of this name.

    Raises:
        Refusal: the name is too long for a batch.
    """
    if is_too_long(name, _ADDED):
        raise NameTooLong(f"The name is too long for a batch; it may have {MAX_NAME - _ADDED} bytes.")
    return Submission(name)
