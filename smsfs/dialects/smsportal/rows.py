"""The rows of SMSPortal's files: one document, or a zip of several, which is sent whole or not at all."""

from collections.abc import Iterator
from functools import partial

from smsfs.dialects import Row, Upload
from smsfs.dialects.smsportal import document
from smsfs.dialects.smsportal.codes import Code
from smsfs.dialects.smsportal.document import Source
from smsfs.dialects.smsportal.names import ARCHIVE, DOCUMENTS
from smsfs.errors import Cause, Unreadable
from smsfs.formats import archives, encoding
from smsfs.sms.quoting import quoted


def rows(upload: Upload) -> Iterator[Row]:
    """The sheets of a file with their rows, and pauses; see :meth:`smsfs.dialects.Dialect.read`."""
    wrong: list[Cause] = []
    empty: list[Cause] = []
    good = before = 0
    for source in _sources(upload):
        try:
            found, contacts = yield from document.rows(source, upload.settings, upload.at, before)
        except Unreadable as exc:
            wrong.append(exc.cause)
            continue
        good, before = good + found, before + contacts
        if not found:
            empty.append(
                Cause("no message can be sent to any of its contacts", code=Code.EMPTY, document=source.name)
            )
    if not good:
        wrong, empty = [*wrong, *empty], []
    yield from [*empty, *wrong[:-1]]
    if wrong:
        raise Unreadable(wrong[-1])


def _sources(upload: Upload) -> Iterator[Source]:
    """The documents of a file: itself, or those inside a zip."""
    stream, size, name = upload.stream, upload.size, upload.submission.stem
    most, unpacked = upload.settings["max_batch_bytes"], upload.settings["max_zip_bytes"]
    if not name.lower().endswith(ARCHIVE):
        if size > most:
            reason = f"the file has {size:,} bytes; at most {most:,} are read: split it"
            raise Unreadable(Cause(reason, code=Code.PARSE, document=name))
        yield Source(name, name.lower(), partial(encoding.blocks, stream, size))
        return
    try:
        inside = archives.documents(stream, size, DOCUMENTS, archives.Limits(most, unpacked))
    except Unreadable as exc:
        raise Unreadable(Cause(exc.cause.reason, code=Code.CORRUPT, document=name)) from None
    names = [one.name.lower() for one in inside]
    for one in inside:
        if names.count(one.name.lower()) > 1:
            reason = f"the archive holds {quoted(one.name)} twice"
            raise Unreadable(Cause(reason, code=Code.DUPLICATE, document=name))
    for one in inside:
        yield Source(f"{name}/{one.name}", one.name.lower(), one.blocks)
