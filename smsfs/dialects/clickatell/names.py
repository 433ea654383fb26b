"""The names of a Clickatell folder."""

from smsfs.dialects import Submission
from smsfs.dialects.staging import is_staging
from smsfs.errors import Missing, NameTooLong, NotAllowed
from smsfs.names import MAX_NAME, is_too_long
from smsfs.sms.quoting import quoted
from smsfs.states import FileState

ENDINGS = {FileState.SUCCESS: ".sent", FileState.REJECTED: ".rejected"}
LOG = ".log"
REFUSALS = {
    FileState.PROCESSING: "is being processed; it can be read now, and ends in .sent or .rejected then.",
    FileState.SUCCESS: "is the server's; it can be read or deleted.",
    FileState.REJECTED: "was rejected; rename it to send it again, or delete it.",
}
_SYSTEM = (*ENDINGS.values(), LOG)
_ADDED = len(".YYYYMMDDTHHMMSS") + max(map(len, _SYSTEM))


def check(path: str) -> None:
    """Refuse a name that clients may not give.

    Raises:
        Refusal: it is in a folder, or the server's, or too long to be sent.
    """
    if "/" in path:
        raise Missing(f"There is no folder {quoted(path.rpartition('/')[0])}; files lie side by side here.")
    if path.endswith(_SYSTEM):
        ending = "." + path.rpartition(".")[2]
        raise NotAllowed(f"Names that end in {ending} are given by the server; choose another name.")
    if is_too_long(path, _ADDED):
        limit = MAX_NAME - _ADDED
        raise NameTooLong(f"The name is too long for a file to be sent; it has at most {limit} bytes.")


def submission(path: str) -> Submission | None:
    """The submission of a complete file; None under a temporary name, or one of the server's."""
    return None if is_staging(path) or path.endswith(_SYSTEM) else Submission(path)


def log_name(shown: str) -> str:
    """The log of a file, by what the file is called now."""
    for ending in ENDINGS.values():
        shown = shown.removesuffix(ending)
    return shown + LOG
