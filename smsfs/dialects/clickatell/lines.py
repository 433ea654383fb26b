"""The lines of a file: a key, a colon and a value each."""

import re
from collections.abc import Iterator
from typing import BinaryIO

from attrs import frozen

from smsfs.dialects.clickatell.codes import PARAMETER
from smsfs.errors import Cause, Unreadable
from smsfs.formats import encoding
from smsfs.sms.quoting import quoted

#: In bytes, as Clickatell has it. Old programs end a file with a character 1A, which is no line.
MAX_LINE = 8192
_line = re.compile(r"[ \t\ufeff]*([A-Za-z_][A-Za-z0-9_]*)[ \t]*:(.*)", re.DOTALL).fullmatch


@frozen
class Line:
    """One line.

    Attributes:
        number: from 1.
        key: in lower case.
        value: without blanks around it.
    """

    number: int
    key: str
    value: str

    def cause(self, clause: str, code: str = PARAMETER) -> Cause:
        """A cause that names the line and its key."""
        return Cause(f"{self.key}: {clause}", self.number, code=code)


def lines(stream: BinaryIO, size: int, codec: str) -> Iterator[Line | Cause]:
    """The lines that are not blank, or why one is not a line; they may end as on DOS, Unix or a Mac.

    Raises:
        Unreadable: at a line that is too long, or the byte that breaks the encoding.
    """
    with encoding.open_text(stream, size, codec) as text:
        text.reconfigure(newline=None)
        number = 0
        try:
            while written := text.readline(MAX_LINE + 1):
                number += 1
                if len(written.encode("utf-8", "replace").rstrip(b"\n")) > MAX_LINE:
                    reason = f"the line has over {MAX_LINE:,} bytes"
                    raise Unreadable(Cause(reason, number, code=PARAMETER))
                if written.strip().strip("\x1a"):
                    yield _read(number, written)
        except UnicodeDecodeError as error:
            raise encoding.undecodable(error, number) from None


def _read(number: int, written: str) -> Line | Cause:
    found = _line(written)
    if found:
        return Line(number, found[1].lower(), found[2].strip())
    reason = f"{quoted(written.strip())} has no key; a line is such as to:4510000001 or text:Hello"
    return Cause(reason, number, code=PARAMETER)
