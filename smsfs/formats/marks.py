"""The lines that say, at the bottom of a rejected file, why it was: written, found again, passed over.

They go into the client's file, so they are told from its rows by how they start, and are written in the
file's own encoding. The newline before the first of them belongs to them: what the client wrote ends
there, byte for byte, whether or not it ended with a newline.
"""

from collections.abc import Iterable
from itertools import islice
from typing import BinaryIO

from smsfs.errors import Cause
from smsfs.formats import encoding
from smsfs.sms.quoting import escaped

MARK = "#smsfs rejected: "
MAX_CAUSES = 100
MAX_LENGTH = 400
#: More than any block of marked lines takes: 101 of them, four bytes a character.
WINDOW = 256 * 1024

#: One for each way to write an ASCII letter; what is read with the first is counted in bytes.
_CODECS = ("latin-1", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")


def tail(
    head: bytes, causes: Iterable[Cause], total: int, forced: str | None = None, *, mark: str = MARK
) -> bytes:
    """The marked lines for the causes of a rejection, to stand right behind the client's bytes.

    At most the first 100 causes, then the count of the rest.

    Args:
        head: the first bytes of the file; they tell its encoding and whether its rows end with CR+LF.
        causes: in the order of the file.
        total: how many causes there are in all.
        forced: ``"utf-8"`` or ``"cp1252"`` where the client said which.
        mark: what each line begins with.
    """
    codec = encoding.guess(head, forced)
    end = "\r\n" if "\r\n".encode(codec) in head else "\n"
    shown = [str(cause) for cause in islice(causes, MAX_CAUSES)]
    if total > len(shown):
        shown.append(f"and {total - len(shown):,} more")
    lines = [end + mark + _fitting(reason, codec) for reason in shown]
    return "".join([*lines, end]).encode(codec) if lines else b""


def client_size(stream: BinaryIO, size: int, *, mark: str = MARK) -> int:
    """How many of the first ``size`` bytes come before a closing block of marked lines.

    Reads the last 256 KiB at most. Marked lines elsewhere, behind which a client added rows, are left to
    the reader of rows.
    """
    start = max(0, size - WINDOW)
    stream.seek(start)
    data = stream.read(size - start)
    return size - max(_block(data, codec, mark) for codec in _CODECS)


def _block(data: bytes, codec: str, mark: str) -> int:
    """The length in bytes of the marked lines that ``data`` ends with, their first newline included."""
    if mark.encode(codec) not in data:
        return 0
    unit = len("\n".encode(codec))
    lines = data[len(data) % unit :].decode(codec, "replace").split("\n")
    last = len(lines) if lines[-1] else len(lines) - 1
    first = last
    while first > 0 and lines[first - 1].startswith(mark):
        first -= 1
    if first == last:
        return 0
    block = "\n".join(lines[first:])
    if first > 0:
        before = "\r\n" if lines[first].endswith("\r") and lines[first - 1].endswith("\r") else "\n"
        block = before + block
    return len(block.encode(codec))


def _fitting(reason: str, codec: str) -> str:
    """The reason on one line, bounded, with escapes for the characters that the codec lacks."""
    return escaped(reason).encode(codec, "backslashreplace").decode(codec)[:MAX_LENGTH]
