"""Where files lie, and which are sent."""

from smsfs.dialects import Submission
from smsfs.dialects.staging import is_staging
from smsfs.errors import NameTooLong, NotAllowed
from smsfs.names import MAX_NAME, is_too_long
from smsfs.states import FileState

OUTGOING, SENT, FAILED, INCOMING = "outgoing", "sent", "failed", "incoming"
#: Bytes that another time and a report's ending add to a name.
_ADDED = len(".YYYYMMDDTHHMMSS") + len(".reasons")

FOLDERS = {
    FileState.PROCESSING: OUTGOING,
    FileState.SUCCESS: SENT,
    FileState.REJECTED: FAILED,
    FileState.CONSUMED: SENT,
}
REFUSALS = {
    FileState.PROCESSING: "is being processed; it can be read now, and goes to sent or failed then.",
    FileState.SUCCESS: "has been sent; it can be read or deleted. To send again, upload it under a new name.",
    FileState.REJECTED: "has failed; rename it into outgoing to send it again, or delete it.",
}
REPORT_REFUSAL = "is the server's; it can be read or deleted."


def check(path: str) -> None:
    """Refuse a name that clients may not give.

    Raises:
        Refusal: it is in a folder of the server's, or too long to be sent.
    """
    folder, _, name = path.rpartition("/")
    if folder in {SENT, FAILED, INCOMING}:
        raise NotAllowed(f"Only the server puts files into {folder}; upload to {OUTGOING}.")
    if is_too_long(name, _ADDED):
        raise NameTooLong(
            f"The name is too long for a file to be sent; it has at most {MAX_NAME - _ADDED} bytes."
        )


def submission(path: str) -> Submission | None:
    """The submission of a complete file; None where it waits: elsewhere, or under a temporary name."""
    folder, _, name = path.rpartition("/")
    return Submission(name) if folder == OUTGOING and not is_staging(name) else None
