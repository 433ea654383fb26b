r"""The rows of BulkSMS's CSV files: columns in any order; a quote within quotes is written ``\"``."""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from operator import itemgetter
from typing import Any, BinaryIO, TextIO

from attrs import frozen

from smsfs.dialects.measured import measured
from smsfs.errors import Cause, Unreadable
from smsfs.formats import encoding, header, tables
from smsfs.sms.message import Message
from smsfs.sms.numbers import is_msisdn, msisdn
from smsfs.sms.quoting import quoted
from smsfs.sms.sender import sender
from smsfs.sms.text import TextRules, rules_of

REQUIRED, OPTIONAL = ("msisdn", "message"), ("sender", "routing_group", "want_report")
COLUMNS = (*REQUIRED, *OPTIONAL)
ROUTING_GROUPS, REPORTS = ("", "1", "2", "3"), ("", "0", "1")
#: So many are no typing errors but another file; reading on would keep other accounts' files waiting.
MAX_BAD_ROWS = 100_000

_OTHERS = {
    other: f"cells are separated by {name}: only commas are read"
    for other, name in ((";", "semicolons"), ("\t", "tabs"))
}
_escaped = re.compile(r'\\(["\\])')


@frozen
class _Unescaped:
    r"""Lines in which a quote within quotes is written twice, as CSV has it, where the file has ``\"``."""

    text: TextIO

    def readline(self, limit: int = -1, /) -> str:
        line = self.text.readline(limit)
        return _escaped.sub(_as_csv, line) if "\\" in line else line


def _as_csv(found: re.Match[str]) -> str:
    return '""' if found[1] == '"' else "\\"


def rows(stream: BinaryIO, size: int, settings: Mapping[str, Any]) -> Iterator[Message | Cause]:
    """The rows of a file, in order; see :meth:`smsfs.dialects.Dialect.read`."""
    if size > settings["max_batch_bytes"]:
        limit = settings["max_batch_bytes"]
        raise Unreadable(Cause(f"the file has {size:,} bytes; a batch has at most {limit:,}: split it"))
    codec = encoding.detect(stream, size)
    with encoding.open_text(stream, size, codec) as text:
        table = tables.table(_Unescaped(text), ",", _OTHERS)
        line, names = next(table, (1, []))
        places = _places(names, line, ignore_unknown=settings["unknown_columns"] == "ignore")
        yield from _messages(table, places, len(names), rules_of(settings))


def _places(names: list[str], line: int, *, ignore_unknown: bool) -> dict[str, int]:
    if not names:
        raise Unreadable(Cause("the file is empty: its first row must name the columns"))
    if any(map(is_msisdn, names)):
        known = ", ".join(COLUMNS)
        raise Unreadable(Cause(f"the first row must name the columns ({known}), but it holds a number", line))
    return header.positions(names, line, REQUIRED, OPTIONAL, _OTHERS, ignore_unknown=ignore_unknown)


def _messages(
    table: Iterator[tuple[int, list[str]]], places: Mapping[str, int], width: int, rules: TextRules
) -> Iterator[Message | Cause]:
    # A column that the file lacks is taken from an empty cell put behind each row.
    pick = itemgetter(*(places.get(name, width) for name in COLUMNS))
    row = bad = 0
    for row, (line, cells) in enumerate(table, 1):
        if len(cells) != width:
            found: list[Message | Cause] = [Cause(tables.wrong_width(len(cells), width), line)]
        else:
            found = list(_read(row, line, pick([*cells, ""]), rules))
        bad += isinstance(found[0], Cause)
        if bad > MAX_BAD_ROWS:
            raise Unreadable(Cause(f"over {MAX_BAD_ROWS:,} rows are wrong, the last read being {found[0]}"))
        yield from found
    if not row:
        raise Unreadable(Cause("the file has no rows behind its column names"))


def _read(row: int, line: int, fields: tuple[str, ...], rules: TextRules) -> Iterator[Message | Cause]:
    """The message of a row, or everything that is wrong with it."""
    number, written, name, group, report = fields
    try:
        text, coding, parts = measured(rules, written)
        _one_of(REPORTS, report)
        klass = _one_of(ROUTING_GROUPS, group) or "standard"
        yield Message(row, msisdn(number), text, sender(name), klass, encoding=coding, parts=parts)
    except ValueError:
        yield from _causes(line, fields, rules)


def _causes(line: int, fields: tuple[str, ...], rules: TextRules) -> Iterator[Cause]:
    checks: tuple[Callable[[str], object], ...] = (
        msisdn,
        partial(measured, rules),
        sender,
        partial(_one_of, ROUTING_GROUPS),
        partial(_one_of, REPORTS),
    )
    for column, check, value in zip(COLUMNS, checks, fields, strict=True):
        try:
            check(value)
        except ValueError as error:
            yield Cause(str(error), line, column)


def _one_of(choices: tuple[str, ...], value: str) -> str:
    if value not in choices:
        raise ValueError(f"it is {', '.join(filter(None, choices))} or empty, not {quoted(value)}")
    return value
