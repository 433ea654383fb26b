"""The spool folders of SMS Server Tools 3 (smstools3): one file for each text.

A file in ``outgoing`` is sent as soon as its upload is complete, or when a file is renamed into it; it then
moves to ``sent`` or ``failed``. Replies appear in ``incoming``. Which headers are refused, and that several
``To:`` mean several messages, are rules of ours.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, BinaryIO

from smsfs.dialects import Dialect, Findings, Row, Submission, Upload
from smsfs.dialects.replies import ReplyToShow
from smsfs.dialects.smstools import incoming, names, reports, rows
from smsfs.dialects.smstools.settings import CHOICES, DEFAULTS, check_setting
from smsfs.errors import Cause
from smsfs.states import FileState


class SmsTools(Dialect):
    """The dialect ``smstools``."""

    name = "smstools"
    folders: tuple[str, ...] = (names.OUTGOING, names.SENT, names.FAILED, names.INCOMING)
    shows_replies = True
    refusals = names.REFUSALS
    defaults = DEFAULTS
    choices: Mapping[str, tuple[str, ...]] = CHOICES

    def check_setting(self, key: str, value: str) -> Any:
        """The value of a setting from its text; the country must be one."""
        return check_setting(key, super().check_setting(key, value))

    def create(self, path: str, settings: Mapping[str, Any]) -> None:
        """Check that a client may create a file under this name."""
        names.check(path)

    def refusal(self, path: str, state: FileState) -> str:
        """Why a client may not change a file; some of those in ``failed`` and ``incoming`` are reports."""
        is_report = state is FileState.SUCCESS and path.startswith((f"{names.FAILED}/", f"{names.INCOMING}/"))
        return f"{path} {names.REPORT_REFUSAL}" if is_report else super().refusal(path, state)

    def rename(self, new: str, settings: Mapping[str, Any]) -> Submission | None:
        """What renaming a file to ``new`` means: a submission if that is in ``outgoing``."""
        names.check(new)
        return names.submission(new)

    def trial(self, name: str) -> Submission:
        """As in ``outgoing``, whatever it is called."""
        return Submission(name)

    def close(self, path: str, settings: Mapping[str, Any]) -> Submission | None:
        """A submission, if the file is in ``outgoing`` under a name that does not wait."""
        return names.submission(path)

    def stray(self, path: str, size: int, settings: Mapping[str, Any]) -> Cause | None:
        """Why a file in ``outgoing`` will never be sent: it is empty."""
        if size or not names.submission(path):
            return None
        return Cause("nothing is sent of it: it is empty")

    def path(self, submission: Submission, at: datetime, state: FileState) -> str:
        """``outgoing/x``, then ``sent/x`` or ``failed/x``."""
        return f"{names.FOLDERS[state]}/{submission.stem}"

    def read(self, upload: Upload) -> Iterator[Row]:
        """A message for each ``To:`` of the file, or each cause for which it is not sent."""
        size = self.client_size(upload.stream, upload.size)
        return rows.rows(upload.stream, size, upload.settings, upload.at)

    def tail(self, head: bytes, causes: Iterable[Cause], total: int, submission: Submission) -> bytes:
        """What a failed file shows behind the client's own bytes: a ``Fail_reason:`` for each cause."""
        return reports.tail(head, causes, total)

    def client_size(self, stream: BinaryIO, size: int) -> int:
        """How many of the first bytes are the client's own: without the reasons of an earlier failure."""
        return reports.client_size(stream, size)

    def reports(self, findings: Findings) -> list[tuple[str, bytes]]:
        """What was cancelled of a file that is in ``sent``; a failed file shows its reasons itself."""
        if findings.state is FileState.REJECTED or not findings.causes:
            return []
        path = f"{names.FAILED}/{findings.submission.stem}.reasons"
        return [(path, reports.listed(findings.causes, findings.total))]

    def reply(self, reply: ReplyToShow, settings: Mapping[str, Any]) -> tuple[str, bytes]:
        """A file in ``incoming``."""
        return incoming.path(reply), incoming.content(reply, utf8=settings["incoming_utf8"])
