"""The folder rules of Naxai's FTP to SMS: one flat folder for each connector.

A file is submitted when its upload is complete, or when it is renamed, under a name with one of the
connector's endings. Once processed it is out of sight. A file without the column of phone numbers is
ignored and stays. The vendor's page gives no rule for names; the endings, the names that wait and that of a
file that cannot be read are ours.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, BinaryIO

from smsfs.dialects import Dialect, Findings, Row, Submission, Upload
from smsfs.dialects.naxai import columns
from smsfs.dialects.naxai import rows as naxai_rows
from smsfs.dialects.naxai.codes import FOUND
from smsfs.dialects.naxai.names import ERRORS, REFUSALS, REJECTED, check_name, submission_of, submits, waits
from smsfs.dialects.naxai.reports import DAILY
from smsfs.dialects.naxai.settings import DEFAULTS, check_setting, check_together, endings_of
from smsfs.dialects.sampling import Sampling
from smsfs.errors import Cause
from smsfs.formats import marks
from smsfs.states import FileState

DAY = 86_400


class Naxai(Dialect):
    """The dialect ``naxai``."""

    name = "naxai"
    defaults = DEFAULTS
    accepted = FileState.CONSUMED
    daily = DAILY
    sampling = Sampling(naxai_rows.sample, columns.find, columns.candidates, naxai_rows.check_template)
    refusals = REFUSALS

    def check_setting(self, key: str, value: str) -> Any:
        """The value of a setting from its text; see :class:`smsfs.dialects.Dialect`."""
        return check_setting(key, value)

    def check_together(self, settings: Mapping[str, Any], at: datetime) -> None:
        """Check that the calendar opens within a year."""
        check_together(settings, at)

    def create(self, path: str, settings: Mapping[str, Any]) -> None:
        """Check that a client may create a file under this name."""
        check_name(path)
        if submits(path, settings):
            submission_of(path)

    def rename(self, new: str, settings: Mapping[str, Any]) -> Submission | None:
        """What renaming a file to ``new`` means: a submission if the new name submits."""
        check_name(new)
        return submission_of(new) if submits(new, settings) else None

    def trial(self, name: str) -> Submission:
        """As after an upload under this name, whatever it ends in."""
        return submission_of(name)

    def close(self, path: str, settings: Mapping[str, Any]) -> Submission | None:
        """What the close of a complete upload means: a submission if its name submits."""
        return submission_of(path) if submits(path, settings) else None

    def stray(self, path: str, size: int, settings: Mapping[str, Any]) -> Cause | None:
        """Why a file will never be sent: it is empty, or its name has no ending that the connector takes."""
        if waits(path):
            return None
        if not submits(path, settings):
            endings = " or ".join(endings_of(settings))
            return Cause(f"nothing is sent of it: its name must end in {endings}")
        return None if size else Cause("nothing is sent of it: it is empty")

    def path(self, submission: Submission, at: datetime, state: FileState) -> str:
        """The name it was uploaded under; a rejected file has ``.rejected`` behind it, to leave that free."""
        return submission.stem + REJECTED if state is FileState.REJECTED else submission.stem

    def skips_bad_rows(self, settings: Mapping[str, Any]) -> bool:
        """Always: the good rows are sent, the others reported."""
        return True

    def claims(self, settings: Mapping[str, Any]) -> int:
        """For how many seconds a number that got a message gets no other of the connector; 0 for no rule."""
        days: int = settings["dedupe_days"]
        return days * DAY

    def again(self, settings: Mapping[str, Any], now: datetime) -> tuple[float, float] | None:
        """The next opening of the connector's calendar, for messages whose opening has ended.

        At once where its calendar was lifted meanwhile.

        Raises:
            Unreadable: it has none within a year.
        """
        due, until = naxai_rows.window(settings, now)
        return due, until or now.timestamp() + settings["validity_seconds"]

    def read(self, upload: Upload) -> Iterator[Row]:
        """The rows of a file, in order: a message, one that is refused, or the cause for which there is none.

        Raises:
            Ignored: no column holds the phone numbers; the file stays as it is.
            Unreadable: the whole file cannot be read; nothing more comes.
        """
        size = self.client_size(upload.stream, upload.size)
        return naxai_rows.rows(upload.stream, size, upload.settings, upload.at)

    def reports(self, findings: Findings) -> list[tuple[str, bytes]]:
        """For a file some of whose rows are no messages: ``<name>.errors`` with a line for each cause."""
        name, total = findings.submission.stem, findings.total
        if not total or findings.state is FileState.REJECTED:
            return []
        rows = "1 row" if total == 1 else f"{total:,} rows"
        first = f"{rows} of {name} could not be sent; the daily status files tell of the others."
        shown = [str(cause) for cause in findings.causes[: marks.MAX_CAUSES]]
        more = [f"and {total - len(shown):,} more"] if total > len(shown) else []
        return [(name + ERRORS, "".join(f"{line}\r\n" for line in (first, *shown, *more)).encode())]

    def code_for(self, what: str) -> str:
        """The code for what the pipeline finds, such as ``"optout"``; else that of an internal error."""
        return FOUND.get(what, FOUND["internal"])

    def tail(self, head: bytes, causes: Iterable[Cause], total: int, submission: Submission) -> bytes:
        """What a rejected file shows behind the client's own bytes: a line for each cause."""
        return marks.tail(head, causes, total)

    def client_size(self, stream: BinaryIO, size: int) -> int:
        """How many of the first bytes are the client's own: without an earlier rejection's lines."""
        return marks.client_size(stream, size)
