"""Rows of the Naxai dialect: a table of any delimiter, a template, and rules about who gets what and when."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from typing import Any, BinaryIO

from attrs import define, field

from smsfs.dialects import Refused, Row
from smsfs.dialects.naxai import columns
from smsfs.dialects.naxai.codes import (
    BAD_ROW,
    DUPLICATE,
    EMPTY_MESSAGE,
    NAMES,
    PARTS_EXCEEDED,
    TEMPLATE,
    WRONG_NUMBER,
)
from smsfs.dialects.naxai.liquid import Render, RenderError, Template, TemplateError, TooMuchWork
from smsfs.dialects.naxai.settings import calendar_of
from smsfs.dialects.sampling import NO_ROWS, Sample
from smsfs.errors import Cause, Ignored, Unreadable
from smsfs.formats import delimiter, encoding, tables
from smsfs.sms import local, segments
from smsfs.sms.calendar import NeverOpen, zone_of
from smsfs.sms.message import Message
from smsfs.sms.quoting import quoted
from smsfs.sms.text import TextRules, rules_of

#: So many texts that take too much work are the template's fault, not the rows'.
MAX_EXHAUSTED = 20

_name = re.compile(r"[\w-]+").fullmatch


def _measured(_recipient: str, text: str) -> tuple[str, int]:
    """The encoding and the number of SMS, whatever the backend."""
    return segments.count(text)


@define
class _Rules:
    """What a file's rows are made into messages by."""

    place: int
    names: Sequence[str]
    render: Render
    read_number: Any
    sender: str
    max_parts: int
    due: float
    until: float
    seen: set[str] | None
    texts: TextRules
    measure: Callable[[str, str], tuple[str, int]]
    exhausted: int = field(default=0)

    def row(self, number: int, line: int, cells: list[str]) -> Row:
        if len(cells) != len(self.names):
            return Cause(tables.wrong_width(len(cells), len(self.names)), line, code=BAD_ROW)
        shown = cells[self.place]
        try:
            recipient = self.read_number(shown)
        except ValueError as error:
            column = self.names[self.place]
            return Cause(str(error), line, column, code=WRONG_NUMBER, msisdn=shown)
        try:
            text = self.render(cells)
        except RenderError as error:
            self._tire(error, line)
            return Cause(
                f"no text can be made of it: {_in_template(error)}", line, code=TEMPLATE, msisdn=shown
            )
        try:
            text = self.texts.read(text)
        except ValueError as error:
            return Cause(str(error), line, code=BAD_ROW, msisdn=shown)
        if not text.strip():
            return Cause("its text is empty", line, code=EMPTY_MESSAGE, msisdn=shown)
        return self._judged(self._message(number, recipient, text))

    def _message(self, number: int, recipient: str, text: str) -> Message:
        coding, parts = self.measure(recipient, text)
        return Message(
            number, recipient, text, self.sender, encoding=coding, parts=parts, due=self.due, until=self.until
        )

    def _judged(self, message: Message) -> Message | Refused:
        if message.parts > self.max_parts:
            return Refused(message, PARTS_EXCEEDED, NAMES[PARTS_EXCEEDED])
        if self.seen is not None:
            if message.recipient in self.seen:
                return Refused(message, DUPLICATE, NAMES[DUPLICATE])
            self.seen.add(message.recipient)
        return message

    def _tire(self, error: RenderError, line: int) -> None:
        self.exhausted += isinstance(error, TooMuchWork)
        if self.exhausted > MAX_EXHAUSTED:
            raise Unreadable(
                Cause(
                    f"the template is too much work for this file: {_in_template(error)}", line, code=TEMPLATE
                )
            )


def rows(stream: BinaryIO, size: int, settings: Mapping[str, Any], at: datetime) -> Iterator[Row]:
    """The rows of a file, in order; see :class:`smsfs.dialects.Dialect`.

    Raises:
        Ignored: no column holds the phone numbers.
        Unreadable: the file cannot be read, or is over a limit.
    """
    _check_text(settings)
    if size > settings["max_batch_bytes"]:
        limit = settings["max_batch_bytes"]
        raise Unreadable(Cause(f"the file has {size:,} bytes; at most {limit:,} are allowed: split it"))
    with _opened(stream, size) as table:
        line, names = next(table, (1, []))
        rules = _rules(names, line, settings, at)
        yield from _rows(table, rules, settings["max_rows"])


@contextmanager
def _opened(stream: BinaryIO, size: int) -> Iterator[Iterator[tuple[int, list[str]]]]:
    codec = encoding.detect(stream, size)
    separator = delimiter.sniff(stream, size, codec)
    with encoding.open_text(stream, size, codec) as text:
        yield tables.table(text, separator)


def sample(stream: BinaryIO, size: int, most: int) -> Sample:
    """The names of the columns, which are good ones, and up to ``most`` rows.

    Raises:
        Unreadable: the file cannot be read, or has no good names.
    """
    with _opened(stream, size) as table:
        line, names = next(table, (1, []))
        if not names:
            raise Unreadable(Cause("it has no row with the names of its columns"))
        check_names(names, line)
        return Sample(line, names, [cells for _, cells in islice(table, most)])


def check_template(columns: Sample, settings: Mapping[str, Any]) -> None:
    """Check that there is a text, and that all columns it names are there.

    Raises:
        Unreadable: it is not so.
    """
    _renderer(columns.names, settings, columns.line, None)


def _rows(table: Iterator[tuple[int, list[str]]], rules: _Rules, most: int) -> Iterator[Row]:
    number = 0
    for number, (line, cells) in enumerate(table, 1):
        if number > most:
            raise Unreadable(
                Cause(f"the file has over {most:,} rows, as many as are allowed: split it", line)
            )
        yield rules.row(number, line, cells)
    if not number:
        raise Unreadable(Cause(NO_ROWS))


def _rules(names: list[str], line: int, settings: Mapping[str, Any], at: datetime) -> _Rules:
    place = phone_place(names, line, settings)
    check_names(names, line)
    due, until = window(settings, at)
    return _Rules(
        place=place,
        names=names,
        render=_renderer(names, settings, line, at),
        read_number=local.reader(settings["country"]),
        sender=settings["sender"],
        max_parts=settings["max_parts"] or segments.MAX_PARTS,
        due=due,
        until=until,
        seen=set() if settings["dedupe_file"] or settings["dedupe_days"] else None,
        texts=rules_of(settings),
        measure=settings.get("measure", _measured),
    )


def phone_place(names: Sequence[str], line: int, settings: Mapping[str, Any]) -> int:
    """Where the phone numbers are.

    Raises:
        Ignored: in no column, so that this is no file for the connector.
    """
    wanted = settings["phone_column"]
    place = columns.find(names, wanted)
    if place is not None:
        return place
    shown = ", ".join(map(quoted, names[:20])) or "none"
    missing = f"no column {quoted(wanted)}" if wanted else "no column that is named as phone numbers are"
    reason = f"the first row names {missing}; its columns are {shown}. The file is ignored and nothing sent"
    raise Ignored(Cause(reason, line))


def check_names(names: Sequence[str], line: int) -> None:
    """Refuse a first row whose columns cannot be named in a text.

    Raises:
        Unreadable: a name is missing, given twice, or holds spaces or special characters.
    """
    for place, name in enumerate(names):
        if not name:
            raise Unreadable(Cause(f"column {place + 1} of the first row has no name", line))
        if not _name(name):
            odd = next(c for c in name if not _name(c))
            reason = (
                f"the name of column {place + 1}, {quoted(name)}, holds {_shown(odd)}: "
                "use letters, digits, _ and - only"
            )
            raise Unreadable(Cause(reason, line))
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise Unreadable(Cause(f"the first row names column {quoted(twice)} twice", line))


def _shown(character: str) -> str:
    return "a space" if character == " " else f"{quoted(character)} (U+{ord(character):04X})"


def _check_text(settings: Mapping[str, Any]) -> None:
    """Refuse files of a login that has no text: an account that was never meant for uploads, most likely."""
    if not settings["template"].strip():
        raise Unreadable(
            Cause(
                "the connector has no text: set its template, such as Hello {{ name }}; or, where this is an "
                "account's login, upload with that of a connector, which smsfs connector create makes"
            )
        )


def _renderer(names: Sequence[str], settings: Mapping[str, Any], line: int, at: datetime | None) -> Render:
    _check_text(settings)
    try:
        now = at and at.astimezone(zone_of(settings.get("timezone") or "UTC"))
        return Template(settings["template"]).renderer(names, now)
    except TemplateError as error:
        reason = f"the connector's template does not fit the file: {_in_template(error)}"
        raise Unreadable(Cause(reason, line, code=TEMPLATE)) from None


def _in_template(error: ValueError) -> str:
    """The place that an error names is one of the template, where a cause already names that of the row."""
    clause = str(error)
    return f"template {clause}" if clause.startswith("line ") else clause


def window(settings: Mapping[str, Any], at: datetime) -> tuple[float, float]:
    """When a message handed over at a time may leave: not before and not after, in seconds since the epoch.

    Args:
        settings: the connector's; 0 and 0 if they have no calendar. Their validity ends a longer opening.
        at: with a time zone.

    Returns:
        0 as the first for at once.

    Raises:
        Unreadable: at no time within a year.
    """
    calendar = calendar_of(settings)
    if calendar is None:
        return 0, 0
    try:
        start, end = calendar.opening(at)
    except NeverOpen as error:
        raise Unreadable(Cause(f"by the connector's calendar {error}")) from None
    until = min(end.timestamp(), start.timestamp() + settings["validity_seconds"])
    return (start.timestamp() if start > at else 0), until
