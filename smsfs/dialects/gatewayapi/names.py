"""The names of GatewayAPI's legacy FTP API: what they submit, and what they say about the content."""

import re

from smsfs.dialects import Submission
from smsfs.errors import Missing, NameTooLong, NotAllowed
from smsfs.formats import encoding
from smsfs.names import MAX_NAME, is_too_long
from smsfs.sms.quoting import quoted
from smsfs.states import FileState

READY = ".ready"
LFTP_UPLOADS = ".in."
FLAGS = ("excel", "utf8", "cp1252")
REFUSALS = {
    FileState.PROCESSING: "is being processed; it can be read now, "
    "and deleted once it is .success or .rejected.",
    FileState.SUCCESS: "has been sent; it can be read or deleted. To send again, upload it under a new name.",
    FileState.REJECTED: "was rejected; rename it to mend it, or delete it.",
}

_SYSTEM = (".processing", ".success", ".rejected")
#: Bytes that the timestamp and the longest of the system's endings add to a stem.
_ADDED = len(".YYYYMMDDTHHMMSS") + max(map(len, _SYSTEM))
#: What an earlier rejection added to the name; without it the flags stand before ``.ready`` again.
_REJECTION = re.compile(
    r"\.\d{8}T\d{6}\.rejected(?=(\.(excel|utf8|cp1252))*\.ready$)", re.ASCII | re.IGNORECASE
)

_CODECS = {"utf8": encoding.UTF8, "cp1252": encoding.CP1252}


def submits(path: str) -> bool:
    """Whether a name submits; lftp uploads to such a name with its mark before it, and then renames."""
    return path.lower().endswith(READY) and not path.startswith(LFTP_UPLOADS)


def check_flat(path: str) -> None:
    """Refuse a path in a folder."""
    if "/" in path:
        raise Missing(f"There is no folder {quoted(path.rpartition('/')[0])}; files lie side by side here.")


def check_ending(path: str) -> None:
    """Refuse a name that only the server gives."""
    for ending in _SYSTEM:
        if path.endswith(ending):
            raise NotAllowed(f"Names that end in {ending} are given by the server; choose another name.")


def submission_of(name: str) -> Submission:
    """What a name that ends in ``.ready`` says.

    Raises:
        Refusal: a batch cannot have this name.
    """
    stem = _REJECTION.sub("", name)[: -len(READY)]
    base, flags = _flags(stem)
    if problem := _wrong_name(base, flags):
        raise NotAllowed(f"No batch can be named {quoted(name)}: {problem}.")
    if is_too_long(stem, _ADDED):
        limit = MAX_NAME - _ADDED
        raise NameTooLong(
            f"The name is too long for a batch; at most {limit} bytes may stand before {READY}."
        )
    return Submission(stem, flags)


def _flags(stem: str) -> tuple[str, list[str]]:
    flags: list[str] = []
    while (ending := stem.rpartition("."))[1] and ending[2].lower() in FLAGS:
        stem = ending[0]
        flags.append(ending[2].lower())
    return stem, flags


def _wrong_name(base: str, flags: list[str]) -> str | None:
    if not base:
        return f"something must stand before {READY}"
    if base.startswith("._"):
        return "files that start with ._ hold what macOS keeps about another file"
    if len(set(flags)) < len(flags):
        return "a flag stands in it twice"
    if {"utf8", "cp1252"} <= set(flags):
        return "it says both .utf8 and .cp1252"
    return None


def forced_codec(submission: Submission) -> str | None:
    """The encoding that a file's name says it has; None if it says none."""
    return next((codec for flag, codec in _CODECS.items() if flag in submission.flags), None)
