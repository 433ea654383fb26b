"""The folder rules of SMSPortal's SFTP to SMS, and of its white label.

A file in ``Send_SMS`` whose name ends in .txt, .json or .zip is sent as soon as its upload is complete; it
then moves to ``Processed`` or ``Errors``. Names that start with a dot wait: clients upload under such names
first. Rules that the vendor's page does not give are ours: a zip is sent whole or not at all.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from smsfs.dialects import PAUSES, Dialect, Findings, Pause, Row, Submission, Upload
from smsfs.dialects.smsportal import reports
from smsfs.dialects.smsportal.codes import FOUND, Code
from smsfs.dialects.smsportal.names import (
    ERRORS,
    FOLDERS,
    PROCESSED,
    REFUSALS,
    REPORT_REFUSAL,
    SEND,
    WAITING,
    check_folder,
    check_length,
    submission_of,
    submits,
)
from smsfs.dialects.smsportal.rows import rows
from smsfs.dialects.smsportal.settings import CHOICES, DEFAULTS, check_text
from smsfs.dialects.staging import is_staging
from smsfs.errors import Cause, NotAllowed
from smsfs.sms.quoting import quoted
from smsfs.states import FileState


class SmsPortal(Dialect):
    """The dialect ``smsportal``."""

    name = "smsportal"
    folders: tuple[str, ...] = (SEND, PROCESSED, ERRORS)
    refusals = REFUSALS
    defaults = DEFAULTS
    choices = CHOICES

    def check_setting(self, key: str, value: str) -> Any:
        """The value of a setting from its text; countries and senders must be valid."""
        checked = super().check_setting(key, value)
        return check_text(key, checked) if isinstance(checked, str) else checked

    def create(self, path: str, settings: Mapping[str, Any]) -> None:
        """Check that a client may create a file under this name."""
        check_folder(path)
        if submits(path):
            check_length(path)

    def refusal(self, path: str, state: FileState) -> str:
        """Why a client may not change a file, by its state; finished files in ``Errors`` are reports."""
        is_report = state is FileState.SUCCESS and path.startswith(f"{ERRORS}/")
        return f"{path} {REPORT_REFUSAL}" if is_report else super().refusal(path, state)

    def rename(self, new: str, settings: Mapping[str, Any]) -> Submission | None:
        """What renaming a file to ``new`` means: a submission if that name is sent."""
        self.create(new, settings)
        return submission_of(new)

    def trial(self, name: str) -> Submission:
        """As in ``Send_SMS``."""
        submission = submission_of(f"{SEND}/{name}")
        if not submission:
            raise NotAllowed(
                f"No file named {quoted(name)} would be sent: its name must end in .txt, .json or .zip."
            )
        return submission

    def close(self, path: str, settings: Mapping[str, Any]) -> Submission | None:
        """A submission, if it is one by its name."""
        return submission_of(path)

    def stray(self, path: str, size: int, settings: Mapping[str, Any]) -> Cause | None:
        """Why a file in ``Send_SMS`` will never be sent: it is empty, or has no name that is."""
        folder, _, name = path.rpartition("/")
        if folder != SEND or name.startswith(WAITING) or is_staging(name):
            return None
        if not submits(path):
            reason = "nothing is sent of it: its name must end in .txt, .json or .zip"
            return Cause(reason, code=Code.PARSE, document=name)
        return None if size else Cause("nothing is sent of it: it is empty", code=Code.EMPTY, document=name)

    def path(self, submission: Submission, at: datetime, state: FileState) -> str:
        """``Send_SMS/x.json``, then ``Processed/x.json`` or ``Errors/x.json``."""
        return f"{FOLDERS[state]}/{submission.stem}"

    def skips_bad_rows(self, settings: Mapping[str, Any]) -> bool:
        """Always; ``max_errors`` in the file limits it."""
        return True

    def read(self, upload: Upload) -> Iterator[Row]:
        """The sheets of a file with their rows; a zip of which one document is wrong is not sent at all."""
        found = rows(upload)
        return found if upload.settings.get(PAUSES) else (row for row in found if not isinstance(row, Pause))

    def reports(self, findings: Findings) -> list[tuple[str, bytes]]:
        """``Errors/x.json.errors.txt`` and ``Errors/x.json.errors.json``, if anything was wrong."""
        if not findings.causes:
            return []
        path = f"{ERRORS}/{findings.submission.stem}"
        return [
            (path + reports.TEXT, reports.for_people(findings)),
            (path + reports.JSON, reports.for_machines(findings)),
        ]

    def unique_seconds(self, settings: Mapping[str, Any]) -> float:
        """As the account's setting says."""
        return float(settings["unique_seconds"])

    def code_for(self, what: str) -> str:
        """One of the codes of the page."""
        return FOUND.get(what, Code.INTERNAL)
