"""The text of FTP: reply codes for refusals, times, and lines of listings. Nothing here does I/O.

Sources: RFC 959 (replies), RFC 3659 (MLST, MDTM, SIZE, REST), draft-somers-ftp-mfxx (MFMT).
"""

import calendar
import errno
import re
import time
from collections.abc import Callable

from smsfs.errors import BadRequest
from smsfs.filesystem import Entry
from smsfs.frontends.ls_format import columns, full_mode
from smsfs.sms.quoting import tamed
from smsfs.states import CLIENT_RIGHTS, FileState

#: errno -> reply. By codes of 4xx a client knows that the same may work later; many then try again.
CODES = {
    errno.ENOSPC: 452,
    errno.EDQUOT: 552,
    errno.EFBIG: 552,
    errno.EBUSY: 450,
    errno.EMFILE: 450,
    errno.EAGAIN: 451,
    errno.ENAMETOOLONG: 553,
}
REFUSED, FAILED = 550, 451
#: What a client may do -> the letters of RFC 3659, section 7.5.5; a folder can be entered, listed, filled.
_PERMISSIONS = {"write": "aw", "rename": "f", "delete": "d", "read": "r"}
_FOLDER_PERMISSIONS = "elc"
_TIME = re.compile(r"(\d{14})(?:\.\d+)?")


def code_of(number: int | None, otherwise: int) -> int:
    """The reply code for an errno."""
    return CODES.get(number or 0, otherwise)


def printable(name: str) -> str:
    """A name as it can stand in a line: what would end or forge one, or steer a terminal, is escaped."""
    return tamed(name)


def timestamp(seconds: float) -> str:
    """A time of RFC 3659, in UTC and whole seconds."""
    return time.strftime("%Y%m%d%H%M%S", time.gmtime(seconds))


def seconds_of(text: str) -> float:
    """Seconds since the epoch of a time of RFC 3659; a fraction is cut off.

    Raises:
        BadRequest: it is not one.
    """
    found = _TIME.fullmatch(text)
    try:
        return float(calendar.timegm(time.strptime(found[1], "%Y%m%d%H%M%S"))) if found else _no_time(text)
    except ValueError:
        return _no_time(text)


def _no_time(text: str) -> float:
    raise BadRequest(f"{printable(text)} is no time of the form YYYYMMDDHHMMSS.")


def long_line(entry: Entry, account: str, now: float) -> str:
    """A line of LIST."""
    return f"{columns(entry, account, now)}{printable(entry.name)}\r\n"


def facts_line(entry: Entry, wanted: list[str], name: str) -> str:
    """A line of MLST and MLSD: the facts that the client wants, and a name or path."""
    facts = "".join([f"{fact}={_FACTS[fact](entry)};" for fact in wanted])
    return f"{facts} {printable(name)}\r\n"


def _permissions(state: FileState | None) -> str:
    if state is None:
        return _FOLDER_PERMISSIONS
    rights = CLIENT_RIGHTS[state]
    return "".join(letters for right, letters in _PERMISSIONS.items() if right in rights)


_PERMISSIONS_OF = {state: _permissions(state) for state in (None, *FileState)}
_FACTS: dict[str, Callable[[Entry], str]] = {
    "type": lambda entry: "dir" if entry.is_folder else "file",
    "size": lambda entry: str(entry.size),
    "modify": lambda entry: timestamp(entry.mtime),
    "perm": lambda entry: _PERMISSIONS_OF[entry.state],
    "unique": lambda entry: f"{entry.inode:x}",
    "unix.mode": lambda entry: f"{full_mode(entry.mode, entry.is_folder) & 0o7777:04o}",
}
FACTS = tuple(_FACTS)
