"""The files of Clickatell's FTP API: lines of ``key:value``, one text to many numbers.

A file in the flat folder is sent as soon as its upload is complete. The names that tell how it went are ours,
and so is the log, which names only what was not sent.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from smsfs.dialects import Dialect, Findings, Row, Submission, Upload
from smsfs.dialects.clickatell import names
from smsfs.dialects.clickatell.codes import FOUND
from smsfs.dialects.clickatell.reports import log_of
from smsfs.dialects.clickatell.rows import rows
from smsfs.dialects.clickatell.settings import CHOICES, DEFAULTS
from smsfs.errors import Cause
from smsfs.states import FileState


class Clickatell(Dialect):
    """The dialect ``clickatell``."""

    name = "clickatell"
    refusals = names.REFUSALS
    defaults = DEFAULTS
    choices: Mapping[str, tuple[str, ...]] = CHOICES

    def create(self, path: str, settings: Mapping[str, Any]) -> None:
        """Check that a client may create a file under this name."""
        names.check(path)

    def rename(self, new: str, settings: Mapping[str, Any]) -> Submission | None:
        """What renaming a file to ``new`` means: a submission, unless the name is a temporary one."""
        names.check(new)
        return names.submission(new)

    def close(self, path: str, settings: Mapping[str, Any]) -> Submission | None:
        """A submission, unless the name is a temporary one."""
        return names.submission(path)

    def stray(self, path: str, size: int, settings: Mapping[str, Any]) -> Cause | None:
        """Why a file will never be sent: it is empty."""
        return None if size or not names.submission(path) else Cause("nothing is sent of it: it is empty")

    def path(self, submission: Submission, at: datetime, state: FileState) -> str:
        """``x.txt``, then ``x.txt.sent`` or ``x.txt.rejected``."""
        return submission.stem + names.ENDINGS.get(state, "")

    def read(self, upload: Upload) -> Iterator[Row]:
        """A message for each number that is one, and a cause for each other."""
        return rows(upload.stream, upload.size, upload.settings, upload.at)

    def reports(self, findings: Findings) -> list[tuple[str, bytes]]:
        """``x.txt.log``, with a line for each number that got nothing, or for what is wrong with the file."""
        if not findings.causes:
            return []
        return [(names.log_name(findings.submission.stem), log_of(findings.causes, findings.total))]

    def code_for(self, what: str) -> str:
        """The code for what the pipeline finds, such as ``"optout"``."""
        return FOUND.get(what, FOUND["internal"])
