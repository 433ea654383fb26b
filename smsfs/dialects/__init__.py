"""The folder rules of the systems that smsfs replaces, one class each, pure."""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, BinaryIO

from attrs import field, frozen

from smsfs.dialects.daily import DailyReports
from smsfs.dialects.replies import ReplyToShow
from smsfs.dialects.sampling import Sampling
from smsfs.errors import Cause, ConfigurationError, NotAllowed
from smsfs.sms.message import Message
from smsfs.sms.quoting import quoted
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
class Upload:
    """A submitted file whose rows are to be read.

    Attributes:
        stream: seekable, and nobody else's while rows are read.
        size: its bytes, those of an earlier rejection included.
        submission: as it was submitted.
        settings: the account's; with ``PAUSES`` among them, a :class:`Pause` may come too.
        at: the time of submission, UTC.
    """

    stream: BinaryIO
    size: int
    submission: Submission
    settings: Mapping[str, Any]
    at: datetime


@frozen
class Findings:
    """What was wrong with a file, for the reports on it.

    Attributes:
        submission: its stem is the name under which the file now lies.
        causes: the first causes; without any there are no reports.
        total: how many there are in all.
        state: success, consumed or rejected.
        at: the time of the verdict, UTC.
        others: how many other messages have left; None while they are being sent.
    """

    submission: Submission
    causes: Sequence[Cause]
    total: int
    state: FileState
    at: datetime
    others: int | None = None


@frozen
class Sheet:
    """A document that rows come from: a file, or each one inside a zip. It comes before its first row.

    Attributes:
        name: as reports show it, such as ``"list.json"`` or ``"all.zip/list.json"``.
        key: must not have been used by this account within its ``unique_seconds``; empty: not checked.
        email: where the outcome is mailed; empty: to the account's address.
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


class Dialect(ABC):
    """The rules of one system. Paths are relative to the account, without a leading slash.

    A dialect says which :meth:`rename` or :meth:`close` submits a file, how its name follows its state
    (:meth:`path`), and what its rows are (:meth:`read`). What it leaves out does not exist: no folders, no
    settings, no reports; a file with a bad row is rejected.

    ``settings`` are the account's own, with every default filled in. Those to read with may hold ``measure``,
    which counts the SMS of a text to a recipient as the backend will send it.
    """

    name: str
    #: The folders a client sees beside the root, such as ``("Send_SMS", "Processed")``.
    folders: tuple[str, ...] = ()
    #: Whether names carry the time of submission, for which a free second is then looked for.
    #: Others keep their name while they are processed.
    stamped: bool = False
    #: The state of a file whose messages are sent: success, or consumed.
    accepted: FileState = FileState.SUCCESS
    #: Files of each day that show what became of messages, and the replies.
    daily: DailyReports | None = None
    #: Whether replies are shown as files, which :meth:`reply` makes.
    shows_replies: bool = False
    #: How it is set up from a sample of the files to come.
    sampling: Sampling | None = None
    #: Each setting of an account with its default; its type is the type of a value's.
    defaults: Mapping[str, Any] = {}
    #: The values of those settings that have but a few.
    choices: Mapping[str, tuple[str, ...]] = {}
    #: What a file's state keeps clients from doing with it, as a sentence that begins with its path.
    refusals: Mapping[FileState, str] = {
        FileState.PROCESSING: "is being processed; it can be read now, and deleted once it is done.",
        FileState.SUCCESS: "is done; it can be read or deleted. To send again, upload it under a new name.",
        FileState.REJECTED: "was rejected; rename it to mend it, or delete it.",
    }

    # -- settings -------------------------------------------------------------------------------------

    def check_setting(self, key: str, value: str) -> Any:
        """The value of a setting from its text.

        Raises:
            ConfigurationError: there is no such setting, or it cannot have this value.
        """
        if key not in self.defaults:
            raise ConfigurationError(
                f"There is no setting {quoted(key)}; there are {', '.join(self.defaults)}."
            )
        default = self.defaults[key]
        if isinstance(default, bool):
            return _one_of(key, value, ("true", "false")) == "true"
        if isinstance(default, int):
            return _number(key, value, least=0 if key.endswith("_seconds") else 1)
        return _one_of(key, value, self.choices[key]) if key in self.choices else value

    def check_together(self, settings: Mapping[str, Any], at: datetime) -> None:
        """Check what depends on several settings, before they are stored; ``at`` is now, UTC.

        Raises:
            ConfigurationError: with these nothing could ever be sent.
        """

    # -- names ----------------------------------------------------------------------------------------

    def create(self, path: str, settings: Mapping[str, Any]) -> None:
        """Check that a client may create a file under this name, in a folder that exists.

        Raises:
            Refusal: it may not; the sentence says what to do instead.
        """

    def refusal(self, path: str, state: FileState) -> str:
        """Why a client may not do what a file's state does not allow: a sentence that says what it may."""
        return f"{path} {self.refusals[state]}"

    def rename(self, new: str, settings: Mapping[str, Any]) -> Submission | None:
        """What renaming a file that may be renamed to ``new`` means: a submission, or None for a mere rename.

        Raises:
            Refusal: the new name is not for clients to give.
        """
        self.create(new, settings)
        return None

    def trial(self, name: str) -> Submission:
        """How a local file of this name would be submitted.

        Raises:
            Refusal: no file can be submitted under it.
        """
        submission = self.rename(name, self.defaults) or self.close(name, self.defaults)
        if submission is None:
            raise NotAllowed(f"No file named {quoted(name)} would be sent.")
        return submission

    def close(self, path: str, settings: Mapping[str, Any]) -> Submission | None:
        """What the close of a complete upload means: a submission, or None."""
        return None

    def stray(self, path: str, size: int, settings: Mapping[str, Any]) -> Cause | None:
        """Why nothing will come of a complete upload that lies there as a draft; None where something may.

        Args:
            path: of a draft that nobody writes.
            size: its bytes.
            settings: the account's.
        """
        return None

    @abstractmethod
    def path(self, submission: Submission, at: datetime, state: FileState) -> str:
        """The path of a submitted file in ``state``; ``at`` is the time of submission, UTC."""

    def spare(self, path: str, at: datetime) -> str:
        """Another path where the system's own, as :meth:`path` or :meth:`reports` gave it, is taken."""
        return spared(path, at)

    # -- rows -----------------------------------------------------------------------------------------

    @abstractmethod
    def read(self, upload: Upload) -> Iterator[Row]:
        """The rows of a file, in order: a message, or a cause for each that is not one.

        Raises:
            Unreadable: the whole file is not to be sent, whatever came before; nothing more comes.
            Ignored: the file is not one for this account.
        """

    def skips_bad_rows(self, settings: Mapping[str, Any]) -> bool:
        """Whether a file's good rows are sent although others are bad: by the setting ``bad_rows``."""
        return bool(settings.get("bad_rows") == "skip")

    def claims(self, settings: Mapping[str, Any]) -> float:
        """Seconds for which nobody is written to a second time; 0 for no such rule."""
        return 0

    def unique_seconds(self, settings: Mapping[str, Any]) -> float:
        """Seconds for which the key of a :class:`Sheet` is not accepted again; 0: it always is."""
        return 0

    def again(self, settings: Mapping[str, Any], now: datetime) -> tuple[float, float] | None:
        """When messages whose time is over may be sent instead; None: they are cancelled.

        Returns:
            From when until when, in seconds since the epoch.

        Raises:
            Unreadable: at no time within a year.
        """
        return None

    # -- reports --------------------------------------------------------------------------------------

    def tail(self, head: bytes, causes: Iterable[Cause], total: int, submission: Submission) -> bytes:
        """What a rejected file shows right behind the client's own bytes, whatever those end with.

        Args:
            head: the first bytes of the file, at least 4 KiB of them where there are so many.
            causes: the first causes, at most 100.
            total: how many there are in all.
            submission: as it was read.
        """
        return b""

    def client_size(self, stream: BinaryIO, size: int) -> int:
        """How many of the first bytes are the client's own: without an earlier rejection's lines."""
        return size

    def reports(self, findings: Findings) -> list[tuple[str, bytes]]:
        """Files that show the client what was wrong, each with its path."""
        return []

    def reply(self, reply: ReplyToShow, settings: Mapping[str, Any]) -> tuple[str, bytes] | None:
        """A file that shows the client a reply, as its path and bytes; None where it is not to be shown."""
        return None

    def code_for(self, what: str) -> str:
        """The system's own code for what the pipeline finds; empty where it has none.

        Args:
            what: ``"optout"``, ``"duplicate"`` (a recipient within :meth:`claims`), ``"duplicate file"``,
                ``"credits"``, ``"nothing to send"``, ``"corrupt"`` or
                ``"internal"``.
        """
        return ""


def _one_of(key: str, value: str, choices: Sequence[str]) -> str:
    if value not in choices:
        raise ConfigurationError(f"{key} is {' or '.join(choices)}, not {quoted(value)}.")
    return value


def _number(key: str, value: str, *, least: int) -> int:
    if not re.fullmatch("[0-9]{1,15}", value) or int(value) < least:
        unit = key.rpartition("_")[2]
        raise ConfigurationError(f"{key} is a number of {unit}, at least {least}, not {quoted(value)}.")
    return int(value)
