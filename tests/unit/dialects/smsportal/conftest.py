"""Reading files by the rules of the dialect."""

import io
import json
from datetime import UTC, datetime

import pytest

from smsfs.dialects import Sheet, Submission, Upload
from smsfs.dialects.smsportal import SmsPortal
from smsfs.errors import Cause, Unreadable
from smsfs.sms.message import Message

AT = datetime(2026, 11, 22, 9, 45, tzinfo=UTC)


class Reading:
    """What came of a file: sheets, messages and causes; ``fatal`` if nothing of it is sent."""

    def __init__(self, data, name="list.json", at=AT, **settings):
        dialect, data = SmsPortal(), data.encode() if isinstance(data, str) else data
        self.rows, self.fatal = [], None
        settings = {**dialect.defaults, **settings}
        try:
            self.rows.extend(
                dialect.read(Upload(io.BytesIO(data), len(data), Submission(name), settings, at))
            )
        except Unreadable as error:
            self.fatal = error.cause
        self.sheets = [row for row in self.rows if isinstance(row, Sheet)]
        self.messages = [row for row in self.rows if isinstance(row, Message)]
        self.causes = [row for row in self.rows if isinstance(row, Cause)]

    @property
    def codes(self):
        """Of all causes, the fatal one last."""
        return [str(cause.code) for cause in [*self.causes, *([self.fatal] if self.fatal else [])]]


@pytest.fixture
def read():
    """Read the bytes or the text of a file."""
    return Reading


@pytest.fixture
def document():
    """The text of a file with these options and contacts."""

    def text(*contacts, **options):
        message = {"message_template": "Hello"}
        return "version: 7\n" + json.dumps({**message, **options, "contacts": list(contacts)})

    return text
