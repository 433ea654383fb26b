"""The headers of a spool file: which there are, and where its text begins."""

import codecs
import re
from collections.abc import Sequence

from attrs import field, frozen

from smsfs.errors import Cause, Unreadable
from smsfs.sms.quoting import quoted

#: What they say is done: read by :mod:`smsfs.dialects.smstools.rows`.
USED = ("To", "From", "Alphabet", "Flash", "Validity", "Autosplit", "To_TOA")
#: With a yes they ask for what is no text message.
REFUSED_IF_YES = ("Hex", "UDH", "Binary", "Ping", "System_message", "Text_is_pdu", "Voicecall")
#: With any value they do.
REFUSED = ("UDH-DATA", "UDH-DUMP", "Class", "DCS_hex", "Include", "Macro", "Replace")
#: Of no consequence here: wishes for a modem, and what smstools3 itself writes into files.
PASSED_OVER = (
    *("Provider", "Queue", "Report", "Priority", "SMSC", "Retries", "Message_reference", "Description"),
    *("Reject_duplicates", "Reply_path", "Language", "Language_ext", "Smsd_debug"),
    *("Fail_reason", "Failed", "Sent", "Message_id", "Modem", "Number", "IMSI", "IMEI", "Sending_time"),
    *("Original_filename", "NOTICE", "Received", "From_SMSC", "From_TOA", "Subject", "Length", "Incomplete"),
)
KNOWN = (*USED, *REFUSED_IF_YES, *REFUSED, *PASSED_OVER)
#: More are no headers but a text without a blank line before it, or another file.
MAX_HEADERS = 10_000

_MEANT = {name.lower(): name for name in KNOWN}
_header = re.compile(r"([A-Za-z][A-Za-z0-9_-]*)[ \t]*:(.*)", re.DOTALL).fullmatch
#: As the C library sees it.
_BLANK = " \t\r\n\v\f"
_YES = frozenset({"true", "yes", "on", "1"})


@frozen
class Header:
    """One header.

    Attributes:
        name: without its colon, such as ``"To"``.
        value: without blanks around it.
        line: where it is, from 1.
    """

    name: str
    value: str
    line: int

    @property
    def yes(self) -> bool:
        """Whether its value is a yes; every other word is a no."""
        return self.value.lower() in _YES

    def cause(self, clause: str) -> Cause:
        """A cause that names the header and its line."""
        return Cause(f"header {self.name}: {clause}", self.line)


@frozen
class Spool:
    """A file in its two halves.

    Attributes:
        headers: in order.
        text: the bytes behind the blank line.
        line: on which the text begins, from 1.
        causes: lines that are no good headers.
    """

    headers: Sequence[Header]
    text: bytes
    line: int
    causes: list[Cause] = field(factory=list)

    def get(self, name: str) -> Header | None:
        """The header of that name; the last one, should it be there more than once."""
        return next((header for header in reversed(self.headers) if header.name == name), None)


def parted(data: bytes, *, ignore_unknown: bool) -> Spool:
    """The headers and the text of a file.

    Args:
        data: the whole file.
        ignore_unknown: pass over headers that smstools3 does not have, but never one that is misspelt.

    Raises:
        Unreadable: there are far too many lines before the text, or they are no 8-bit characters.
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in data[:4]:
        reason = "the headers are UTF-16: only the text may be, behind Alphabet: UCS and a blank line"
        raise Unreadable(Cause(reason, 1))
    headers, causes = list[Header](), list[Cause]()
    start, line = len(codecs.BOM_UTF8) if data.startswith(codecs.BOM_UTF8) else 0, 0
    while start < len(data):
        end = data.find(b"\n", start) + 1 or len(data)
        written, start, line = _decoded(data[start:end]), end, line + 1
        if not written:
            break
        _take(written, line, headers, causes, ignore_unknown=ignore_unknown)
        if line > MAX_HEADERS:
            raise Unreadable(Cause(f"there are over {MAX_HEADERS:,} lines without a blank one", line))
    return Spool(headers, data[start:], line + 1, causes)


def _take(
    written: str, line: int, headers: list[Header], causes: list[Cause], *, ignore_unknown: bool
) -> None:
    found = _header(written)
    if not found:
        reason = f"{quoted(written)} is no header: a blank line must come before the text"
        causes.append(Cause(reason, line))
        return
    header = Header(found[1], found[2].strip(), line)
    if problem := _problem(header, headers, ignore_unknown=ignore_unknown):
        causes.append(Cause(problem, line))
    headers.append(header)


def _problem(header: Header, before: Sequence[Header], *, ignore_unknown: bool) -> str | None:
    name = header.name
    if name in KNOWN:
        twice = name in USED and name != "To" and any(other.name == name for other in before)
        return f"header {name} is given twice" if twice else None
    if meant := _MEANT.get(name.lower()):
        return f"header {name} must be written {meant}"
    if ignore_unknown:
        return None
    return (
        f"header {quoted(name)} is unknown; if it belongs to the text, a blank line must come before it, "
        'else set unknown_headers to "ignore" for the account'
    )


def _decoded(line: bytes) -> str:
    try:
        return line.decode("utf-8").strip(_BLANK)
    except UnicodeDecodeError:
        return line.decode("iso8859-15").strip(_BLANK)
