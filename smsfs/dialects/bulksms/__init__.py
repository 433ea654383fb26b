"""The folder rules of BulkSMS's FTP API: a flat folder of CSV files, sent by a rename.

What the vendor's page does not give is ours: the ending that submits, and the names that tell how it went.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, BinaryIO

from smsfs.dialects import Dialect, Submission, Upload
from smsfs.dialects.bulksms import names
from smsfs.dialects.bulksms.rows import rows
from smsfs.dialects.bulksms.settings import CHOICES, DEFAULTS, check_setting
from smsfs.errors import Cause, NotAllowed
from smsfs.formats import marks
from smsfs.sms.message import Message
from smsfs.sms.quoting import quoted
from smsfs.states import FileState


class BulkSms(Dialect):
    """The dialect ``bulksms``."""

    name = "bulksms"
    stamped = True
    refusals = names.REFUSALS
    defaults = DEFAULTS
    choices: Mapping[str, tuple[str, ...]] = CHOICES

    def check_setting(self, key: str, value: str) -> Any:
        """The value of a setting from its text; the ending must be one of a name."""
        return check_setting(key, super().check_setting(key, value))

    def create(self, path: str, settings: Mapping[str, Any]) -> None:
        """Check that a client may create a file under this name."""
        names.check_flat(path)
        if names.submits(path, settings["ending"]):
            raise NotAllowed(f"Upload it under another name first, then rename it to {quoted(path)}.")
        names.check_ending(path)

    def rename(self, new: str, settings: Mapping[str, Any]) -> Submission | None:
        """What renaming a file to ``new`` means: a submission if it has the account's ending."""
        names.check_flat(new)
        if names.submits(new, settings["ending"]):
            return names.submission_of(new, settings["ending"])
        names.check_ending(new)
        return None

    def trial(self, name: str) -> Submission:
        """As after a rename to the name with ``.ready`` behind it, unless it is there."""
        ending = self.defaults["ending"]
        return names.submission_of(name if names.submits(name, ending) else name + ending, ending)

    def path(self, submission: Submission, at: datetime, state: FileState) -> str:
        """``stem.YYYYMMDDTHHMMSS.processing``, and so on; ``at`` is the time of submission, UTC."""
        return f"{submission.stem}.{at:%Y%m%dT%H%M%S}.{state.value}"

    def read(self, upload: Upload) -> Iterator[Message | Cause]:
        """The rows of a file, in order: a message, or everything that is wrong with a row."""
        return rows(upload.stream, self.client_size(upload.stream, upload.size), upload.settings)

    def tail(self, head: bytes, causes: Iterable[Cause], total: int, submission: Submission) -> bytes:
        """What a rejected file shows behind the client's own bytes: a line for each cause."""
        return marks.tail(head, causes, total)

    def client_size(self, stream: BinaryIO, size: int) -> int:
        """How many of the first bytes are the client's own: without an earlier rejection's lines."""
        return marks.client_size(stream, size)
