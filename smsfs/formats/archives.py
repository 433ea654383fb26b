"""The documents inside a zip archive, inflated as they are read and never written anywhere.

What an archive says about its sizes is believed only as a limit: a document is not read past the size
declared for it, and its checksum must be right at that point, so the declared sizes bound the work.
"""

import errno
import io
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, BinaryIO, cast

from attrs import field, frozen

from smsfs.errors import Cause, Unreadable
from smsfs.formats.encoding import STEP
from smsfs.names import is_too_long
from smsfs.sms.quoting import quoted

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MAX_DOCUMENTS = 1000
#: Bytes of one document for each of its bytes in the archive. Deflate ends at 1,032; a list of the same
#: long text for every number reaches some 150.
MAX_RATIO = 500
SMALL = 1 << 20
#: Bytes of the table of contents, which is read at once.
MAX_TABLE = 1 << 20

_ENCRYPTED = 0x1 | 0x40
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_LITTER = (".DS_Store", "Thumbs.db", "desktop.ini")
_DAMAGED = "the archive is damaged or was not uploaded completely; nothing in it was used"
#: The end of the central directory (APPNOTE.TXT 4.3.16): its number of files, and the comment's length.
_END, _END_MARK = struct.Struct("<10xH8xH"), b"PK\x05\x06"
#: What stands in place of a number that only the ZIP64 record has, however small it is.
_IN_ZIP64 = 0xFFFF
#: The ZIP64 record (4.3.14), by its mark and number of files, and the size of its locator (4.3.15).
_END64, _END64_MARK, _LOCATOR_SIZE = struct.Struct("<4s28xQ16x"), b"PK\x06\x06", 20
MAX_COMMENT = 0xFFFF
#: The extra field in which a name stands as UTF-8 (4.6.9), for one whose own bytes are of another code.
_UNICODE_PATH, _EXTRA = 0x7075, struct.Struct("<HH")
_UTF8_NAME = 0x800


class _BeforeStartError(OSError):
    """A seek that no file could do: zipfile tries some, and damaged archives lead to others."""


#: What zipfile raises for bytes that are no archive, beside its own error.
_FAULTS = (
    _BeforeStartError,
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OverflowError,
)


@frozen
class Limits:
    """``document`` bytes of each and ``total`` bytes of all documents, inflated."""

    document: int
    total: int


@frozen
class Document:
    """One file inside an archive; it can be read again and again."""

    name: str
    size: int
    _archive: zipfile.ZipFile = field(alias="archive", repr=False)
    _info: zipfile.ZipInfo = field(alias="info", repr=False)

    def blocks(self) -> Iterator[bytes]:
        """Its bytes from the start, inflated, in steps of 256 KiB.

        Raises:
            Unreadable: what is there does not inflate, or is not what was packed.
        """
        try:
            with self._archive.open(self._info) as stream:
                while block := stream.read(STEP):
                    yield block
        except _FAULTS:
            raise Unreadable(Cause(_DAMAGED, document=self.name)) from None


def documents(stream: BinaryIO, size: int, endings: Sequence[str], limits: Limits) -> list[Document]:
    """The documents in the first ``size`` bytes of a stream, in the archive's order, at least one.

    Args:
        stream: seekable; it must stay open while documents are read.
        size: of the archive, in bytes.
        endings: what names of documents end in, in lower case; what desktops add is passed over.
        limits: for what they inflate to.

    Raises:
        Unreadable: it is no archive, is encrypted, or holds anything else than such documents.
    """
    raw = _Archive(stream, size)
    try:
        archive = zipfile.ZipFile(cast("BinaryIO", raw))
        _check_count(raw, size, archive)
    except _FAULTS:
        if raw.failure:  # which zipfile takes for an archive that is too short
            raise raw.failure from None
        raise Unreadable(Cause(_DAMAGED)) from None
    for info in archive.infolist():
        info.filename = _unicode_path(info) or info.filename
    infos = [info for info in archive.infolist() if not _is_litter(info.filename)]
    _check(infos, endings, limits)
    return [Document(info.filename, info.file_size, archive, info) for info in infos]


class _Archive(io.RawIOBase):
    """The first bytes of a stream, seekable, as zipfile wants them; not closed with it."""

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self._stream = stream
        self._size = size
        self._at = 0
        self.failure: OSError | None = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        at = offset + (0, self._at, self._size)[whence]
        if at < 0:
            raise _BeforeStartError(errno.EINVAL, "before the start of the archive")
        self._at = at
        return at

    def readinto(self, buffer: "WriteableBuffer") -> int:
        target = memoryview(buffer)
        if len(target) > MAX_TABLE:
            raise Unreadable(Cause(f"the archive holds too many files; at most {MAX_DOCUMENTS:,} are read"))
        wanted = max(0, min(len(target), self._size - self._at))
        try:
            data = _exactly(self._stream, self._at, wanted)
        except OSError as error:
            self.failure = error
            raise
        target[: len(data)] = data
        self._at += len(data)
        return len(data)


def _exactly(stream: BinaryIO, at: int, size: int) -> bytes:
    """So many bytes: an archive cut short in the store was not cut short by the client."""
    stream.seek(at)
    data = stream.read(size)
    if len(data) < size:
        raise OSError(errno.EIO, "the content of the file ends before its size")
    return data


def _check_count(raw: _Archive, size: int, archive: zipfile.ZipFile) -> None:
    """Compare the files found with their number at the archive's end, which zipfile does not look at.

    Raises:
        BadZipFile: a damaged length in the table of contents made one file swallow the next, or the
            archive's comment is cut short.
    """
    start = max(0, size - _END64.size - _LOCATOR_SIZE - _END.size - MAX_COMMENT)
    raw.seek(start)
    end = raw.read(size - start)
    at = end.rindex(_END_MARK) if not end.startswith(_END_MARK, -_END.size) else len(end) - _END.size
    stated, comment = _END.unpack_from(end, at)
    if at + _END.size + comment > len(end):
        raise zipfile.BadZipFile("the comment is cut short")
    if stated == _IN_ZIP64:
        stated = _stated_in_zip64(end, at)
    if stated != len(archive.infolist()):
        raise zipfile.BadZipFile("files are missing")


def _stated_in_zip64(end: bytes, at: int) -> int:
    """The number of files that the ZIP64 record says, which stands right before its locator."""
    record = at - _LOCATOR_SIZE - _END64.size
    if record < 0:
        return _IN_ZIP64
    mark, number = _END64.unpack_from(end, record)
    return int(number) if mark == _END64_MARK else _IN_ZIP64


def _unicode_path(info: zipfile.ZipInfo) -> str | None:
    """The name in UTF-8 that some packers put beside one in an older code, if it belongs to that."""
    if info.flag_bits & _UTF8_NAME:
        return None
    extra, raw = info.extra, info.orig_filename.encode("cp437")
    while len(extra) >= _EXTRA.size:
        kind, length = _EXTRA.unpack_from(extra)
        data, extra = extra[_EXTRA.size :][:length], extra[_EXTRA.size + length :]
        if kind == _UNICODE_PATH and data[:5] == b"\1" + struct.pack("<L", zlib.crc32(raw)):
            try:
                return data[5:].decode()
            except UnicodeDecodeError:
                return None
    return None


def _is_litter(name: str) -> bool:
    """What macOS and Windows put into archives by themselves."""
    last = name.rpartition("/")[2]
    return name.startswith("__MACOSX/") or last.startswith("._") or last in _LITTER


def _check(infos: Sequence[zipfile.ZipInfo], endings: Sequence[str], limits: Limits) -> None:
    if not infos:
        raise Unreadable(Cause("the archive is empty"))
    if len(infos) > MAX_DOCUMENTS:
        number = f"{len(infos):,} files; at most {MAX_DOCUMENTS:,} are read"
        raise Unreadable(Cause(f"the archive holds {number}: split it"))
    total = 0
    for info in infos:
        total += info.file_size
        if problem := _wrong_name(info, endings) or _wrong_content(info, limits):
            raise Unreadable(Cause(f"{quoted(info.filename, 100)} inside the archive {problem}"))
    if total > limits.total:
        raise Unreadable(
            Cause(f"the archive inflates to {total:,} bytes; at most {limits.total:,} are read: split it")
        )


def _wrong_name(info: zipfile.ZipInfo, endings: Sequence[str]) -> str | None:
    name, written = info.filename, info.orig_filename + info.filename
    if any(character in written for character in "/\\:"):
        return "lies in a folder: pack the files themselves, without folders"
    if not written.isprintable() or name.startswith(".") or is_too_long(name):
        return "has a name that no file to be sent can have"
    if name.lower().endswith(".zip"):
        return "is an archive itself: pack the files themselves"
    if not name.lower().endswith(tuple(endings)):
        return f"cannot be sent: its name must end in {' or '.join(endings)}"
    return None


def _wrong_content(info: zipfile.ZipInfo, limits: Limits) -> str | None:
    if info.flag_bits & _ENCRYPTED:
        return "is encrypted: pack it without a password"
    if info.compress_type not in _METHODS:
        return "is packed by a method other than deflate: pack it as an ordinary zip"
    if info.file_size > limits.document:
        return f"inflates to {info.file_size:,} bytes; a file has at most {limits.document:,}: split it"
    if info.file_size > max(SMALL, MAX_RATIO * info.compress_size):
        return f"inflates to over {MAX_RATIO} times its size, as no list of messages does"
    return None
