"""The names of a BulkSMS folder."""

import re

from smsfs.dialects import Submission
from smsfs.errors import Missing, NameTooLong, NotAllowed
from smsfs.names import MAX_NAME, is_too_long
from smsfs.sms.quoting import quoted
from smsfs.states import FileState

SYSTEM = (".processing", ".success", ".rejected")
REFUSALS = {
    FileState.PROCESSING: "is being processed; it can be read now, "
    "and deleted once it is .success or .rejected.",
    FileState.SUCCESS: "has been sent; it can be read or deleted. To send again, upload it under a new name.",
    FileState.REJECTED: "was rejected; rename it to mend it, or delete it.",
}
#: With such a mark before the name, or for another file of macOS's, clients upload what is not to be sent.
_WAITING = (".in.", "._")
_ADDED = len(".YYYYMMDDTHHMMSS") + max(map(len, SYSTEM))
#: What an earlier rejection added to the name.
_rejection = re.compile(r"\.\d{8}T\d{6}\.rejected$", re.ASCII)


def submits(path: str, ending: str) -> bool:
    """Whether a rename to this name sends a file."""
    return path.lower().endswith(ending) and not path.startswith(_WAITING)


def check_flat(path: str) -> None:
    """Refuse a path in a folder."""
    if "/" in path:
        raise Missing(f"There is no folder {quoted(path.rpartition('/')[0])}; files lie side by side here.")


def check_ending(path: str) -> None:
    """Refuse a name that only the server gives."""
    if path.endswith(SYSTEM):
        ending = "." + path.rpartition(".")[2]
        raise NotAllowed(f"Names that end in {ending} are given by the server; choose another name.")


def submission_of(name: str, ending: str) -> Submission:
    """The submission of a file renamed to a name with the ending.

    Raises:
        Refusal: a batch cannot have this name.
    """
    stem = _rejection.sub("", name[: -len(ending)])
    if not stem:
        raise NotAllowed(f"No batch can be named {quoted(name)}: something must stand before {ending}.")
    if is_too_long(stem, _ADDED):
        limit = MAX_NAME - _ADDED
        raise NameTooLong(
            f"The name is too long for a batch; at most {limit} bytes may stand before {ending}."
        )
    return Submission(stem)
