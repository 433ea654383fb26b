"""The folders and names of SMSPortal's SFTP to SMS: where files go, and which are sent."""

from smsfs.dialects import Submission
from smsfs.dialects.smsportal import reports
from smsfs.errors import NameTooLong, NotAllowed
from smsfs.names import MAX_NAME, is_too_long
from smsfs.states import FileState

SEND, PROCESSED, ERRORS = "Send_SMS", "Processed", "Errors"
DOCUMENTS, ARCHIVE = (".txt", ".json"), ".zip"
#: Bytes that another time and a report's ending add to a name.
_ADDED = len(".YYYYMMDDTHHMMSS") + max(len(reports.TEXT), len(reports.JSON))

#: Of uploads under way and hidden files, and of what Word puts beside an open document.
WAITING = (".", "~$")
FOLDERS = {
    FileState.PROCESSING: SEND,
    FileState.SUCCESS: PROCESSED,
    FileState.REJECTED: ERRORS,
    FileState.CONSUMED: PROCESSED,
}
REFUSALS = {
    FileState.PROCESSING: "is being processed; it can be read now, and goes to Processed or Errors then.",
    FileState.SUCCESS: "has been sent; it can be read or deleted. To send again, upload it under a new name.",
    FileState.REJECTED: "was rejected; rename it into Send_SMS to send it again, or delete it.",
}
REPORT_REFUSAL = "is the server's; it can be read or deleted."


def check_folder(path: str) -> None:
    """Refuse a path in a folder that only the server fills."""
    folder = path.rpartition("/")[0]
    if folder in {PROCESSED, ERRORS}:
        raise NotAllowed(f"Only the server puts files into {folder}; upload to {SEND}.")


def submits(path: str) -> bool:
    """Whether a file of this path is sent once it is complete."""
    folder, _, name = path.rpartition("/")
    return folder == SEND and not name.startswith(WAITING) and name.lower().endswith((*DOCUMENTS, ARCHIVE))


def check_length(path: str) -> None:
    """Refuse a name that would be too long for that of its report."""
    name = path.rpartition("/")[2]
    if is_too_long(name, _ADDED):
        raise NameTooLong(
            f"The name is too long for a file to be sent; it has at most {MAX_NAME - _ADDED} bytes."
        )


def submission_of(path: str) -> Submission | None:
    """The submission that a complete file of this path is; None if it is not sent."""
    return Submission(path.rpartition("/")[2]) if submits(path) else None
