"""Which characters the bytes of a file are, decided by the whole file and in bounded memory.

The rule, in order: a byte order mark; the NULs that UTF-16 and UTF-32 put between the ASCII letters of a
first row; UTF-8 if all of the file is that; else Windows-1252. A file that is neither, but holds enough
UTF-8 to be meant as such, is refused: read as Windows-1252, its recipients would get mangled letters.
Windows-1252 has no characters for the bytes 81, 8D, 8F, 90 and 9D; a file with one of them is refused too,
for the control characters that some readers put there are in no SMS.
"""

import codecs
import errno
import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO

from smsfs.errors import Cause, Unreadable

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

STEP = 256 * 1024
HEAD = 4096

UTF8, CP1252 = "utf-8", "cp1252"

#: Byte order mark -> the codec that reads it; UTF-32's come first, for UTF-16's is how one begins.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
#: Which of the first four bytes are not NUL -> the codec.
_PATTERNS: dict[tuple[bool, ...], str] = {
    (True, False, True, False): "utf-16-le",
    (False, True, False, True): "utf-16-be",
    (True, False, False, False): "utf-32-le",
    (False, False, False, True): "utf-32-be",
}
_HIGH_BYTES = bytes(range(0x80, 0x100))
_FEW = 10


def detect(stream: BinaryIO, size: int, forced: str | None = None, advice: str = "") -> str:
    """The codec that reads the first ``size`` bytes of a file: whole for UTF-8, by its head for others.

    Args:
        stream: seekable; read in steps of 256 KiB and left anywhere.
        size: how many bytes of it are the client's.
        forced: ``"utf-8"`` or ``"cp1252"`` where the client said which; no detection then.
        advice: a clause for the end of a cause that a client can answer by saying which.

    Returns:
        A name for :func:`codecs.lookup`; those of files with a byte order mark also remove it.

    Raises:
        Unreadable: it is no text, or contradicts ``forced``, or is neither UTF-8 nor Windows-1252.
    """
    stream.seek(0)
    head = stream.read(min(size, HEAD))
    _refuse_binary(head)
    declared = _declared(head)
    if forced:
        return _agreed(forced, declared)
    return declared or _utf8_or_cp1252(stream, size, advice)


def guess(head: bytes, forced: str | None = None) -> str:
    """The codec in which to add lines behind a file that starts with ``head``; never fails.

    ``"ascii"`` where the head does not tell UTF-8 from Windows-1252. Names with a byte order give it
    explicitly, so that none of them writes a mark of its own.
    """
    declared = _declared(head)
    if declared in {"utf-16", "utf-32"}:
        return f"{declared}-{'le' if head[0] == codecs.BOM_UTF16_LE[0] else 'be'}"
    if declared:
        return declared.removesuffix("-sig")
    if forced:
        return forced
    try:
        text = codecs.getincrementaldecoder(UTF8)().decode(head)
    except UnicodeDecodeError:
        return CP1252
    return "ascii" if text.isascii() else UTF8


def open_text(stream: BinaryIO, size: int, codec: str) -> io.TextIOWrapper:
    """The first ``size`` bytes as text; LF alone ends a line, and ``stream`` is not closed with it."""
    window = io.BufferedReader(_Window(stream, size), STEP)
    return io.TextIOWrapper(window, encoding=codec, newline="\n")


def undecodable(
    error: UnicodeDecodeError, lines_before: int, clause: str = ", as which the file is read"
) -> Unreadable:
    """The cause of a file whose bytes break its own encoding, with the line on which they do.

    Args:
        error: as the decoder raised it; its ``object`` starts on line ``lines_before + 1``.
        lines_before: the line ends before that.
        clause: what follows the statement that the bytes are no such text.
    """
    good = error.object[: error.start]
    single = error.encoding in {"charmap", UTF8, "ascii"}
    lines = good.count(b"\n") if single else good.decode(error.encoding, "replace").count("\n")
    name = "Windows-1252" if error.encoding == "charmap" else error.encoding[:6].upper().rstrip("-")
    shown = " ".join(f"{byte:02X}" for byte in error.object[error.start : error.end][:4])
    reason = f"hexadecimal {shown} is no {name}{clause}"
    return Unreadable(Cause(reason, lines_before + lines + 1))


class _Window(io.RawIOBase):
    """The first bytes of a stream, for a reader that would go on to its end and close it."""

    def __init__(self, stream: BinaryIO, size: int) -> None:
        stream.seek(0)
        self._stream = stream
        self._left = size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        target = memoryview(buffer)
        data = _take(self._stream, min(len(target), self._left))
        target[: len(data)] = data
        self._left -= len(data)
        return len(data)


def _refuse_binary(head: bytes) -> None:
    what = None
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        what = "an Excel workbook (.xls)"
    elif head.startswith(b"PK\x03\x04"):
        excel = b"[Content_Types].xml" in head or b"xl/" in head
        what = "an Excel workbook (.xlsx)" if excel else "a zip archive"
    if what:
        raise Unreadable(Cause(f"the file is {what}: save its table as CSV and upload that"))


def _declared(head: bytes) -> str | None:
    for mark, codec in _MARKS:
        if head.startswith(mark):
            return codec
    return _PATTERNS.get(tuple(map(bool, head[:4])))


def _agreed(forced: str, declared: str | None) -> str:
    if declared is None:
        return forced
    if declared.removesuffix("-sig") == forced:
        return declared
    name = "UTF-8" if declared == "utf-8-sig" else declared[:6].upper()
    raise Unreadable(Cause(f"the file starts as {name} although its name says .{forced.replace('-', '')}"))


def _utf8_or_cp1252(stream: BinaryIO, size: int, advice: str) -> str:
    stray = _first_stray(stream, size)
    if stray is None:
        return UTF8
    characters, strays = _census(stream, size)
    # Windows-1252 makes a few UTF-8 sequences by chance, such as a small e with acute before a closing
    # guillemet; more than a tenth, or as many as there are strays, is no chance.
    if characters >= min(strays, max(_FEW, strays // 10)):
        error, lines = stray
        clause = f", although {characters} other characters of the file are: mend it{advice}"
        raise undecodable(error, lines, clause)
    return CP1252


def blocks(stream: BinaryIO, size: int) -> Iterator[bytes]:
    """The first ``size`` bytes of a stream, in steps of 256 KiB."""
    stream.seek(0)
    while size > 0:
        data = _take(stream, min(size, STEP))
        size -= len(data)
        yield data


def _take(stream: BinaryIO, size: int) -> bytes:
    """At least one byte, unless none is wanted: a batch cut short in the store must not be sent as one."""
    data = stream.read(size)
    if size and not data:
        raise OSError(errno.EIO, "the content of the file ends before its size")
    return data


def _first_stray(stream: BinaryIO, size: int) -> tuple[UnicodeDecodeError, int] | None:
    """The first bytes that are not UTF-8, with the number of line ends before the step they are in."""
    decoder = codecs.getincrementaldecoder(UTF8)()
    lines = 0
    try:
        for data in blocks(stream, size):
            decoder.decode(data)
            lines += data.count(b"\n")
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        return error, lines
    return None


def _census(stream: BinaryIO, size: int) -> tuple[int, int]:
    """How many characters beyond ASCII are proper UTF-8, and how many bytes belong to none."""
    decoder = codecs.getincrementaldecoder(UTF8)("ignore")
    characters = proper = high = 0
    for data in blocks(stream, size):
        text = decoder.decode(data)
        ascii_bytes = len(data.translate(None, _HIGH_BYTES))
        high += len(data) - ascii_bytes
        characters += len(text) - ascii_bytes
        proper += len(text.encode()) - ascii_bytes
    return characters, high - proper
