"""The folder rules of GatewayAPI's legacy FTP API.

One flat folder; a rename to a name that ends in ``.ready`` submits the file. Rules that the vendor's page
does not give (order of flags, refusal of unknown columns, the name after the timestamp) are ours.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, BinaryIO

from smsfs.dialects import Dialect, Submission, Upload
from smsfs.dialects.gatewayapi.names import (
    READY,
    REFUSALS,
    check_ending,
    check_flat,
    forced_codec,
    submission_of,
    submits,
)
from smsfs.dialects.gatewayapi.rows import rows
from smsfs.dialects.gatewayapi.settings import CHOICES, DEFAULTS
from smsfs.errors import Cause, NotAllowed
from smsfs.formats import marks
from smsfs.sms.message import Message
from smsfs.sms.quoting import quoted
from smsfs.states import FileState


class GatewayApi(Dialect):
    """The dialect ``gatewayapi``."""

    name = "gatewayapi"
    stamped = True
    refusals = REFUSALS
    defaults = DEFAULTS
    choices = CHOICES

    def create(self, path: str, settings: Mapping[str, Any]) -> None:
        """Check that a client may create a file under this name."""
        check_flat(path)
        if submits(path):
            if settings["direct_ready"] != "submit-on-close":
                raise NotAllowed(f"Upload it under another name first, then rename it to {quoted(path)}.")
            submission_of(path)
        check_ending(path)

    def rename(self, new: str, settings: Mapping[str, Any]) -> Submission | None:
        """What renaming a file to ``new`` means: a submission if it ends in ``.ready``."""
        check_flat(new)
        if submits(new):
            return submission_of(new)
        check_ending(new)
        return None

    def trial(self, name: str) -> Submission:
        """As after a rename to the name with ``.ready`` behind it, unless it is there."""
        return submission_of(name if name.lower().endswith(READY) else name + READY)

    def close(self, path: str, settings: Mapping[str, Any]) -> Submission | None:
        """A submission if the account lets files be uploaded as ``.ready`` and this one was."""
        if settings["direct_ready"] == "submit-on-close" and submits(path):
            return submission_of(path)
        return None

    def path(self, submission: Submission, at: datetime, state: FileState) -> str:
        """``stem.YYYYMMDDTHHMMSS.processing``, and so on; ``at`` is the time of submission, UTC."""
        return f"{submission.stem}.{at:%Y%m%dT%H%M%S}.{state.value}"

    def read(self, upload: Upload) -> Iterator[Message | Cause]:
        """The rows of a file, in order: a message, or everything that is wrong with a row."""
        size = self.client_size(upload.stream, upload.size)
        return rows(upload.stream, size, upload.submission, upload.settings)

    def tail(self, head: bytes, causes: Iterable[Cause], total: int, submission: Submission) -> bytes:
        """What a rejected file shows behind the client's own bytes: a line for each cause."""
        return marks.tail(head, causes, total, forced_codec(submission))

    def client_size(self, stream: BinaryIO, size: int) -> int:
        """How many of the first bytes are the client's own: without an earlier rejection's lines."""
        return marks.client_size(stream, size)
