"""From a file to messages: its options first, wherever they stand, then a message for each number."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, BinaryIO

from smsfs.dialects.clickatell import codes
from smsfs.dialects.clickatell.lines import Line, lines
from smsfs.dialects.clickatell.options import Reader, Text, gathered
from smsfs.errors import Cause, Unreadable
from smsfs.formats import encoding
from smsfs.sms.local import reader
from smsfs.sms.message import Message


def rows(stream: BinaryIO, size: int, settings: Mapping[str, Any], at: datetime) -> Iterator[Message | Cause]:
    """The rows of a file, in order of its numbers; see :meth:`smsfs.dialects.Dialect.read`."""
    most = settings["max_batch_bytes"]
    if size > most:
        reason = f"the file has {size:,} bytes; at most {most:,} are read: split it"
        raise Unreadable(Cause(reason, code=codes.PARAMETER))
    codec = encoding.detect(stream, size)
    found = gathered(lines(stream, size, codec), settings)
    text = Reader(found, settings, at).text()
    if found.causes:
        causes = sorted(found.causes, key=lambda cause: cause.line or 0)
        yield from causes[:-1]
        raise Unreadable(causes[-1])
    yield from _messages(lines(stream, size, codec), text)


def _messages(found: Iterator[Line | Cause], text: Text) -> Iterator[Message | Cause]:
    read = reader("")
    row = 0
    for line in found:
        if isinstance(line, Line) and line.key == "to":
            row += 1
            try:
                yield _message(row, read(line.value), text)
            except ValueError as error:
                yield line.cause(str(error), codes.RECIPIENT)


def _message(row: int, recipient: str, text: Text) -> Message:
    return Message(
        row,
        recipient,
        text.text,
        text.sender,
        text.klass,
        userref=text.userref,
        encoding=text.encoding,
        parts=text.parts,
        due=text.due,
        until=text.until,
    )
