"""The folder rules of the systems that smsfs replaces, one class each, pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
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
class Sheet:
    """A document that rows come from, told before the first of them: a file, or each one inside a zip.

    Attributes:
        name: as reports show it, such as ``"list.json"`` or ``"all.zip/list.json"``.
        key: must not have been used by this account within its ``unique_seconds``; empty: not looked at.
        email: where the outcome is told; empty: where the account's is.
        optouts: whether messages to numbers on the account's opt-out list are refused.
        before: rows of the documents before this one.
    """

    name: str
    key: str = ""
    email: str = ""
    optouts: bool = True
    before: int = 0


@frozen
class Refused:
    """A row that is a message, but one never to be sent: it ends as ``rejected``.

    Attributes:
        message: as it would have been sent.
        code: the system's own, such as ``"802"``.
        reason: a clause.
    """

    message: Message
    code: str
    reason: str


@frozen
class Pause:
    """No row: a dialect has worked for a while without one, and the reader may turn to another file."""


#: Among the settings, if :class:`Pause` may come between the rows.
PAUSES = "pauses"


Row = Message | Refused | Cause | Sheet | Pause


def spared(path: str, at: datetime) -> str:
    """The path with a time in it: ``Processed/x.20261122T094500.json`` for ``Processed/x.json``."""
    folder, slash, name = path.rpartition("/")
    stem, dot, ending = name.rpartition(".")
    if not stem:  # no ending, or nothing before it
        stem, dot, ending = name, "", ""
    return f"{folder}{slash}{stem}.{at:%Y%m%dT%H%M%S}{dot}{ending}"


class Dialect(Protocol):
    """The rules of one system. Paths are relative to the account, without a leading slash.

    ``settings`` are the account's own, with every default filled in. Those to read with may hold ``measure``,
    which counts the SMS of a text to a recipient as the backend will send it.
    """

    name: str
    #: The folders a client sees beside the root, such as ``("Send_SMS", "Processed")``.
    folders: tuple[str, ...]
    #: Whether names carry the time of submission, for which a free second is then looked for.
    #: Others keep their name while they are processed.
    stamped: bool
    #: The state of a file whose messages are sent: success, or consumed.
    accepted: FileState
    #: Whether files of each day tell what became of messages: see :mod:`smsfs.dialects.naxai.reports`.
    daily_reports: bool
    #: Each setting of an account with its default; its type is the type of a value's.
    defaults: Mapping[str, Any]

    def check_setting(self, key: str, value: str) -> Any:
        """The value of a setting from its text.

        Raises:
            ConfigurationError: there is no such setting, or the value is none of its values.
        """

    def check_together(self, settings: Mapping[str, Any], at: datetime) -> None:
        """Check what depends on several settings, before they are stored; ``at`` is now, UTC.

        Raises:
            ConfigurationError: with these nothing could ever be sent.
        """

    def create(self, path: str, settings: Mapping[str, Any]) -> None:
        """Check that a client may create a file under this name.

        Raises:
            Refusal: it may not; the sentence says what to do instead.
        """

    def refusal(self, path: str, state: FileState) -> str:
        """Why a client may not do what a file's state does not allow: a sentence that says what it may."""

    def rename(self, new: str, settings: Mapping[str, Any]) -> Submission | None:
        """What renaming a file that may be renamed to ``new`` means: a submission, or None for a mere rename.

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

    def stray(self, path: str, size: int, settings: Mapping[str, Any]) -> Cause | None:
        """Why nothing will come of a complete upload that lies there as a draft; None where something may.

        Args:
            path: of a draft that nobody writes.
            size: its bytes.
            settings: the account's.
        """

    def path(self, submission: Submission, at: datetime, state: FileState) -> str:
        """The path of a submitted file in ``state``; ``at`` is the time of submission, UTC."""

    def spare(self, path: str, at: datetime) -> str:
        """Another path where the system's own, as :meth:`path` or :meth:`reports` gave it, is taken."""

    def skips_bad_rows(self, settings: Mapping[str, Any]) -> bool:
        """Whether a file's good rows are sent although others are none."""

    def read(
        self,
        stream: BinaryIO,
        size: int,
        submission: Submission,
        settings: Mapping[str, Any],
        at: datetime,
    ) -> Iterator[Row]:
        """The rows of a file, in order: a message, or the cause for which a row is none.

        Args:
            stream: seekable, and nobody else's while rows are read.
            size: its bytes, those of an earlier rejection included.
            submission: as it was submitted.
            settings: the account's; with ``PAUSES`` among them, a :class:`Pause` may come too.
            at: the time of submission, UTC.

        Raises:
            Unreadable: the whole file is not to be sent, whatever came before; nothing more comes.
            Ignored: the file is none for this account.
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

    def reports(
        self,
        submission: Submission,
        causes: Sequence[Cause],
        total: int,
        state: FileState,
        at: datetime,
        *,
        others: int | None = None,
    ) -> list[tuple[str, bytes]]:
        """Files that tell the client what was wrong, each with its path.

        Args:
            submission: its stem is the name under which the file now lies.
            causes: the first causes; none, no reports.
            total: how many there are in all.
            state: success or rejected.
            at: the time of the verdict, UTC.
            others: how many other messages have left; None while they are being sent.
        """

    def claims(self, settings: Mapping[str, Any]) -> float:
        """Seconds for which nobody is written to a second time; 0 for no such rule."""

    def again(self, settings: Mapping[str, Any], now: datetime) -> tuple[float, float] | None:
        """When messages whose time is over may be sent instead; None: they are cancelled.

        Returns:
            From when until when, in seconds since the epoch.
        """

    def code_for(self, what: str) -> str:
        """The system's own code for what the pipeline finds; empty where it has none.

        Args:
            what: ``"optout"``, ``"duplicate"`` (a recipient within :meth:`claims`), ``"duplicate file"``,
                ``"credits"``, ``"nothing to send"``, ``"corrupt"`` or
                ``"internal"``.
        """
