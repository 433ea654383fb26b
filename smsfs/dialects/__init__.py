"""The folder rules of the systems that smsfs replaces, one class each, pure."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, BinaryIO, Protocol

from attrs import field, frozen

from smsfs.errors import Cause
from smsfs.sms.message import Message
from smsfs.states import FileState


def _frozenset(flags: Iterable[str]) -> frozenset[str]:
    return frozenset(flags)


@frozen
class Submission:
    """A file handed over to be sent.

    Attributes:
        stem: the path the file's later names are made from.
        flags: what its name says about its content, such as ``{"excel", "utf8"}``.
    """

    stem: str
    flags: frozenset[str] = field(default=frozenset(), converter=_frozenset)


@frozen
class Refused:
    """A row that is a message, but never sent: it ends as ``rejected``.

    Attributes:
        message: as it would have been sent.
        code: the system's own, such as ``"802"``.
        reason: in the system's own words, such as ``"message-parts-exceeded"``.
    """

    message: Message
    code: str
    reason: str


Row = Message | Refused | Cause


class Dialect(Protocol):
    """The rules of one system. Paths are relative to the account, without a leading slash.

    ``settings`` are the account's own, with the dialect's defaults filled in.
    """

    name: str
    #: The folders a client sees beside the root, such as ``("Send_SMS", "Processed")``.
    folders: tuple[str, ...]
    #: Each setting of an account with its default; its type is the type of a value's.
    defaults: Mapping[str, Any]

    def check_setting(self, key: str, value: str) -> Any:
        """The value of a setting from its text.

        Raises:
            ConfigurationError: there is no such setting, or the value is none of its values.
        """

    def create(self, path: str, settings: Mapping[str, Any]) -> None:
        """Check that a client may create a file under this name.

        Raises:
            Refusal: it may not; the sentence says what to do instead.
        """

    def rename(self, new: str, state: FileState, settings: Mapping[str, Any]) -> Submission | None:
        """What renaming a file in ``state`` to ``new`` means: a submission, or None for a mere rename.

        Raises:
            Refusal: the new name is not for clients to give.
        """

    def trial(self, name: str) -> Submission:
        """How a local file of this name would be submitted.

        Raises:
            Refusal: no file can be submitted under it.
        """

    def close(self, path: str, settings: Mapping[str, Any]) -> Submission | None:
        """What the close of a complete upload means: a submission, or None."""

    def path(self, submission: Submission, at: datetime, state: FileState) -> str:
        """The path of a submitted file in ``state``; ``at`` is the time of submission, UTC."""

    def read(
        self, stream: BinaryIO, size: int, submission: Submission, settings: Mapping[str, Any]
    ) -> Iterator[Message | Cause]:
        """The rows of a file, in order: a message, or the cause for which a row is none.

        Args:
            stream: seekable, and nobody else's while rows are read.
            size: its bytes, those of an earlier rejection included.
            submission: as it was submitted.
            settings: the account's.

        Raises:
            Unreadable: the whole file cannot be read; nothing more comes.
        """

    def tail(self, head: bytes, causes: Iterable[Cause], total: int, submission: Submission) -> bytes:
        """What a rejected file shows right behind the client's own bytes, whatever those end with.

        Args:
            head: the first bytes of the file, at least 4 KiB of them where there are so many.
            causes: the first causes, at most 100.
            total: how many there are in all.
            submission: as it was read.
        """

    def client_size(self, stream: BinaryIO, size: int) -> int:
        """How many of the first bytes are the client's own: without an earlier rejection's lines."""
