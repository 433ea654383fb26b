"""What smsfs says no with: refusals of a file operation, and causes for which a file's rows are rejected.

A refusal is an ``OSError``, so that SFTP, FTP and FUSE turn its errno into their own status without a
table of ours; its text is one sentence for the person who sees it.
"""

import errno
from typing import Self

from attrs import frozen

#: What helps a damaged store.
RESTORE = "restore a backup, or save what can be read with smsfs fsck --salvage DIR"


class Refusal(OSError):
    """A file operation that the rules do not allow.

    Args:
        sentence: what is wrong and what to do, for the person at the client.
    """

    code = errno.EACCES

    def __init__(self, sentence: str) -> None:
        super().__init__(self.code, sentence)
        self.sentence = sentence

    def __str__(self) -> str:
        return self.sentence


class NotAllowed(Refusal, PermissionError):
    """The rules of the folder forbid it (EACCES)."""

    code = errno.EACCES


class NotPermitted(Refusal, PermissionError):
    """Nobody may do this here, such as changing modes (EPERM)."""

    code = errno.EPERM


class Missing(Refusal, FileNotFoundError):
    """There is no such file (ENOENT)."""

    code = errno.ENOENT


class Exists(Refusal, FileExistsError):
    """The name is taken (EEXIST)."""

    code = errno.EEXIST


class IsFolder(Refusal, IsADirectoryError):
    """A file was meant, a folder was named (EISDIR)."""

    code = errno.EISDIR


class NotFolder(Refusal, NotADirectoryError):
    """A folder was meant, a file was named (ENOTDIR)."""

    code = errno.ENOTDIR


class StillOpen(Refusal):
    """The file is being written to (EBUSY)."""

    code = errno.EBUSY


class BadRequest(Refusal):
    """The request itself is wrong: a name, a size, a flag (EINVAL)."""

    code = errno.EINVAL


class NameTooLong(Refusal):
    """A name over 255 bytes (ENAMETOOLONG)."""

    code = errno.ENAMETOOLONG


class OtherAccount(Refusal):
    """A rename from one account's folder to another's (EXDEV), which makes ``mv`` copy instead."""

    code = errno.EXDEV


class FileTooBig(Refusal):
    """A file over the account's limit (EFBIG)."""

    code = errno.EFBIG


class QuotaFull(Refusal):
    """The account's files or bytes are used up (EDQUOT)."""

    code = errno.EDQUOT


class DiskFull(Refusal):
    """The server has no room left, whosever it was (ENOSPC)."""

    code = errno.ENOSPC


class ReadOnly(Refusal):
    """The server's filesystem takes no changes (EROFS)."""

    code = errno.EROFS


class TooManyOpen(Refusal):
    """The account has too many open files (EMFILE)."""

    code = errno.EMFILE


class BadHandle(Refusal):
    """The open file does not serve for this, or was closed (EBADF)."""

    code = errno.EBADF


class StoreUnavailable(Refusal):
    """The store cannot answer for now; nothing was changed, trying again later helps (EAGAIN)."""

    code = errno.EAGAIN


class StoreDamaged(Refusal):
    """The store's own files are broken; nothing more is written, and trying again does not help (EIO).

    Args:
        sentence: what to do, without the store's place: clients see it too.
        what: what was found, as the engine says it.
        where: which store, for the operator.
    """

    code = errno.EIO

    def __init__(self, sentence: str, what: str = "", where: str = "") -> None:
        super().__init__(sentence)
        self.what, self.where = what, where

    @classmethod
    def told(cls, what: str, where: str = "", cure: str = RESTORE) -> Self:
        """Damage of some kind, and its cure behind "is damaged:"."""
        return cls(f"The store is damaged: {cure} ({what}).", what, where)

    def again(self) -> Self:
        """The same for another who meets it, without the traceback of the first."""
        return type(self)(self.sentence, self.what, self.where)

    def __str__(self) -> str:
        return self.sentence.replace("The store", f"The store {self.where}".rstrip(), 1)


class StoreConflict(StoreUnavailable):
    """Two changes met, and the store undid this one in whole; the same again may go through (EAGAIN)."""


class StoreFull(DiskFull, StoreUnavailable):
    """The disk of the store has no room left; nothing was changed (ENOSPC)."""

    code = errno.ENOSPC


@frozen
class Cause:
    """Why a file, or one row of it, is rejected.

    Attributes:
        reason: one clause without a full stop, such as ``'"+45 12" is no phone number'``.
        line: the line of the file where the row starts, counted from 1; None for the whole file.
        column: the name of the column, or in a file without columns the place in the line; None when it is
            not about one.
        code: the dialect's own for what is wrong; empty where it has none.
        index: the contact of the document, counted from 1; None when it is not about one.
        msisdn: that contact's number as the client wrote it.
        document: the :attr:`smsfs.dialects.Sheet.name`; empty where a file is one document and needs none.
    """

    reason: str
    line: int | None = None
    column: str | None = None
    code: str = ""
    index: int | None = None
    msisdn: str = ""
    document: str = ""

    def __str__(self) -> str:
        where = [self.document] if self.document else []
        where += [f"line {self.line}"] if self.line is not None else []
        where += [f"column {self.column}"] if self.column is not None else []
        if self.index is not None:
            where.append(f"contact {self.index}" + (f" ({self.msisdn})" if self.msisdn else ""))
        return f"{', '.join(where)}: {self.reason}" if where else self.reason


class Unreadable(Exception):
    """A file whose bytes cannot become rows at all; carries the one cause."""

    def __init__(self, cause: Cause) -> None:
        super().__init__(str(cause))
        self.cause = cause


class Ignored(Exception):
    """A file that is none for this account, and stays what it is; carries the one cause."""

    def __init__(self, cause: Cause) -> None:
        super().__init__(str(cause))
        self.cause = cause


class ConfigurationError(Exception):
    """The configuration or a command's argument is wrong; the text is the sentence to print."""
