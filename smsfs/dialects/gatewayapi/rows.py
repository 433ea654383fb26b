"""The rows of GatewayAPI's CSV files: columns in any order, named in the first row."""

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from operator import itemgetter
from typing import Any, BinaryIO

from smsfs.dialects import Submission
from smsfs.dialects.gatewayapi.names import forced_codec
from smsfs.dialects.measured import measured
from smsfs.errors import Cause, Unreadable
from smsfs.formats import delimiter, encoding, header, tables
from smsfs.sms import classes as message_classes
from smsfs.sms.message import Message
from smsfs.sms.numbers import is_msisdn, msisdn
from smsfs.sms.quoting import quoted
from smsfs.sms.sender import sender
from smsfs.sms.text import TextRules, rules_of

REQUIRED, OPTIONAL = ("msisdn", "message"), ("sender", "class", "userref")
CLASSES = ("standard", "premium", "secret")
_CHECKED = (*REQUIRED, "sender", "class")
#: So many are no typing errors but another file; reading on would keep other accounts' files waiting.
MAX_BAD_ROWS = 100_000

_ADVICE = ' or, if it is Windows-1252 after all, put ".cp1252" before ".ready" in its name'
_TABS = "cells are separated by tabs, which are not supported"
#: Delimiter of the file -> delimiter that it may turn out to have -> what to do.
_OTHERS = {
    ",": {";": 'cells are separated by semicolons: put ".excel" before ".ready" in its name', "\t": _TABS},
    ";": {",": 'cells are separated by commas: leave ".excel" out of its name', "\t": _TABS},
}


def rows(
    stream: BinaryIO, size: int, submission: Submission, settings: Mapping[str, Any]
) -> Iterator[Message | Cause]:
    """The rows of a file, in order; see :meth:`smsfs.dialects.Dialect.read`."""
    if size > settings["max_batch_bytes"]:
        limit = settings["max_batch_bytes"]
        raise Unreadable(Cause(f"the file has {size:,} bytes; a batch has at most {limit:,}: split it"))
    codec = encoding.detect(stream, size, forced_codec(submission), _ADVICE)
    between = _delimiter(stream, size, codec, submission.flags)
    with encoding.open_text(stream, size, codec) as text:
        table = tables.table(text, between, _OTHERS.get(between))
        line, names = next(table, (1, []))
        places = _places(names, line, between, settings)
        classes = _Class(flash=settings["flash"] == "send")
        yield from _messages(table, places, len(names), rules_of(settings), classes)


def _delimiter(stream: BinaryIO, size: int, codec: str, flags: Collection[str]) -> str:
    """What stands between cells: as the name says or, where that says nothing, the first row."""
    first = delimiter.first_row(stream, size, codec)
    told = ";" if "excel" in flags else delimiter.by_names(first, REQUIRED)
    return delimiter.declared(first) or told or ","


def _places(names: list[str], line: int, between: str, settings: Mapping[str, Any]) -> dict[str, int]:
    if not names:
        raise Unreadable(Cause("the file is empty: its first row must name the columns"))
    if any(map(is_msisdn, names)):
        known = ", ".join((*REQUIRED, *OPTIONAL))
        raise Unreadable(Cause(f"the first row must name the columns ({known}), but it holds a number", line))
    ignore = settings["unknown_columns"] == "ignore"
    return header.positions(names, line, REQUIRED, OPTIONAL, _OTHERS.get(between, {}), ignore_unknown=ignore)


class _Class:
    """The message class of a file: that of the first row which has a valid one.

    Message classes of GSM stand beside it: each row may have one of its own, where the account sends them.
    """

    def __init__(self, *, flash: bool) -> None:
        self.known: str | None = None
        self.line = 0
        self._flash = flash

    def check(self, line: int, text: str) -> str:
        klass = text or CLASSES[0]
        if klass == self.known:
            return klass
        if self._flash and klass in message_classes.CLASSES:
            return klass
        if klass not in CLASSES:
            known = (*CLASSES, *(message_classes.CLASSES if self._flash else ()))
            raise ValueError(f"{quoted(klass)} is no message class; there are {', '.join(known)}")
        if self.known is not None:
            first = f"{quoted(self.known)} on line {self.line}"
            raise ValueError(f"{quoted(klass)} differs from {first}: a file has one class")
        self.known, self.line = klass, line
        return klass


def _messages(
    table: Iterator[tuple[int, list[str]]],
    places: Mapping[str, int],
    width: int,
    rules: TextRules,
    classes: _Class,
) -> Iterator[Message | Cause]:
    # A column that the file lacks is taken from an empty cell put behind each row.
    pick = itemgetter(*(places.get(name, width) for name in (*REQUIRED, *OPTIONAL)))
    row = bad = 0
    for row, (line, cells) in enumerate(table, 1):
        if len(cells) == width:
            cells.append("")
            number, written, name, klass, userref = fields = pick(cells)
            try:
                text, coding, parts = measured(rules, written)
                name, number = sender(name), msisdn(number)
                klass = klass if klass == classes.known else classes.check(line, klass)
                yield Message(row, number, text, name, klass, userref, coding, parts)
                continue
            except ValueError:
                causes = list(_causes(line, fields, classes, partial(measured, rules)))
        else:
            causes = [Cause(tables.wrong_width(len(cells), width), line)]
        bad += 1
        if bad > MAX_BAD_ROWS:
            raise Unreadable(Cause(f"over {MAX_BAD_ROWS:,} rows are wrong, the last read being {causes[0]}"))
        yield from causes
    if not row:
        raise Unreadable(Cause("the file has no rows behind its column names"))


def _causes(
    line: int, fields: tuple[str, ...], classes: _Class, measure: Callable[[str], object]
) -> Iterator[Cause]:
    """Everything that is wrong with a row, not only the first."""
    checks: tuple[Callable[[str], object], ...] = (msisdn, measure, sender, partial(classes.check, line))
    for column, check, value in zip(_CHECKED, checks, fields, strict=False):
        try:
            check(value)
        except ValueError as error:
            yield Cause(str(error), line, column)
