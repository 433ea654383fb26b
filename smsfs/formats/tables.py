"""Rows of CSV, as RFC 4180 writes it and as strictly as it can be read.

What a lenient reader would repair in silence would be sent as text: a backslash before a quote, a quote
that nobody closed, a cell that goes on behind its quotes. Here each is an error with its line.
"""

import csv
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import chain, count, islice
from typing import Any, Protocol

from smsfs.errors import Cause, Unreadable
from smsfs.formats.delimiter import declared
from smsfs.formats.encoding import undecodable
from smsfs.formats.marks import MARK
from smsfs.sms.quoting import quoted

#: Characters of one row, line ends within its quotes included; bounds memory whatever the file holds.
MAX_ROW = 1 << 20
#: Characters of one cell: the csv module's own limit.
MAX_CELL = 131_072

#: With which programs of old systems end a text, and fill its last block.
END_MARK = "\x1a"

#: Lines that are read together, at most, and about how many characters.
MOST_LINES, SOME_CHARACTERS = 128, 65_536

Row = tuple[int, list[str]]  #: the line that it starts on, and its cells

_TOO_LONG = "row too long"
_NUL = "NUL"
_DOUBLED = 'a quote within quotes is written twice ("")'

#: What the csv module's complaint contains -> the clause for the client.
_CLAUSES = {
    _TOO_LONG: f"the row is over {MAX_ROW:,} characters: a line end or a closing quote may be missing",
    _NUL: "the row holds a NUL character, which no text has",
    "unexpected end of data": "the file ends within the quotes of this row: a closing quote is missing",
    "field larger": f"a cell is over {MAX_CELL:,} characters: a closing quote may be missing",
    "new-line character": "a CR stands alone outside quotes: rows end with LF or CR+LF",
    "expected after": f"text follows a closing quote: {_DOUBLED}",
}


class Lines(Protocol):
    """What rows are read from: a text file, or what stands before one."""

    def readline(self, limit: int = -1, /) -> str:
        """The next line with its end, or as much of it as the limit allows; empty at the end."""


def rows(text: Lines, delimiter: str = ",", others: Mapping[str, str] | None = None) -> Iterator[Row]:
    """Each row with the line it starts on, counted from 1; empty and marked lines are passed over.

    Args:
        text: opened so that LF alone ends a line; CR is then data within quotes and an error outside.
        delimiter: between cells.
        others: delimiter that the first row may show by mistake -> the clause that tells what to do.

    Raises:
        Unreadable: at the row that breaks the rules, or the byte that breaks the encoding.
    """
    return chain.from_iterable(_gathered(text, delimiter, others or {}))


def _gathered(text: Lines, delimiter: str, others: Mapping[str, str]) -> Iterator[list[Row]]:
    """The rows: many together of lines each of which is one for sure, others one at a time."""
    ahead, before, most = _Ahead(text), 0, 1
    while ahead.fill(most):
        lines = ahead.lines
        most = max(1, min(MOST_LINES, SOME_CHARACTERS * len(lines) // (1 + sum(map(len, lines)))))
        if found := None if ahead.failure else _simple(lines, delimiter, before):
            before += len(lines)
            ahead.lines = []
            yield found
            continue
        record: list[str] = []
        reader = csv.reader(_lines(ahead, record), delimiter=delimiter, strict=True)
        while ahead.fill(0):
            record.clear()
            yield _next(reader, record, others, before)
        before += reader.line_num


def _simple(lines: list[str], delimiter: str, before: int) -> list[Row] | None:
    """The rows of lines each of which is a row; None where that is not sure, or anything is wrong."""
    text = "".join(lines)
    if len(text) > MAX_ROW or "\0" in text or END_MARK in text or MARK in text:
        return None
    try:
        found = list(csv.reader(lines, delimiter=delimiter, strict=True))
        if len(found) != len(lines):  # line ends within quotes
            return None
        if '"' in "".join(chain.from_iterable(found)):
            for cells, raw in zip(found, lines, strict=True):
                _refuse_lone_quotes(cells, raw, before)
    except (csv.Error, Unreadable):
        return None
    return [row for row in zip(count(before + 1), found) if row[1]]


def _next(reader: Any, record: list[str], others: Mapping[str, str], before: int) -> list[Row]:
    """The next row, if it is not empty.

    Raises:
        Unreadable: as :func:`rows` does.
    """
    start = before + reader.line_num + 1
    try:
        cells: list[str] = next(reader, [])
    except csv.Error as error:
        hints = others if start == 1 else {}
        raise Unreadable(Cause(_clause(str(error), record, hints), start)) from None
    except UnicodeDecodeError as error:
        raise undecodable(error, before + reader.line_num) from None
    _refuse_lone_quotes(cells, "".join(record), start)
    return [(start, cells)] if cells else []


class _Ahead:
    """Lines that are read before it is known how.

    Attributes:
        lines: those read, none longer than a row may be by more than a character.
        failure: what came instead of the line behind them.
    """

    def __init__(self, text: Lines) -> None:
        self._text = text
        self.lines: list[str] = []
        self.failure: UnicodeDecodeError | None = None

    def fill(self, most: int) -> bool:
        """Read on until there are so many lines; whether there is anything left to be read."""
        if len(self.lines) < most and not self.failure:
            try:  # what was read before a failure stays in the list
                self.lines.extend(islice(iter(partial(self._text.readline, MAX_ROW + 1), ""), most))
            except UnicodeDecodeError as error:
                self.failure = error
        return bool(self.lines or self.failure)

    def readline(self, limit: int) -> str:
        """The next line, or as much of it as the limit allows; empty at the end."""
        if not self.fill(1):
            return ""
        if not self.lines and self.failure:
            raise self.failure
        line = self.lines.pop(0)
        if limit < len(line):
            self.lines.insert(0, line[limit:])
        return line[:limit]


def table(text: Lines, delimiter: str = ",", others: Mapping[str, str] | None = None) -> Iterator[Row]:
    """The rows of a table, its column names first: :func:`rows` without what spreadsheets leave around it.

    A first row that only names the delimiter, rows of blank cells, and columns at the end that have neither
    a name nor any text are no part of it.

    Raises:
        Unreadable: as :func:`rows` does.
    """
    found = chain.from_iterable(map(_filled, _gathered(text, delimiter, others or {})))
    line, names = next(found, (0, []))
    if declared(delimiter.join(names)):
        line, names = next(found, (0, []))
    if not names:
        return
    width = max(place for place, name in enumerate(names, 1) if name.strip())
    yield line, names[:width]
    yield from found if width == len(names) else _cut(found, width, len(names))


def _filled(some: list[Row]) -> list[Row]:
    """Those rows that hold more than blanks."""
    return [row for row in some if row[1][0].strip() or any(map(str.strip, row[1]))]


def _cut(found: Iterator[Row], width: int, most: int) -> Iterator[Row]:
    """Rows without empty cells below columns that have no name; Excel leaves those out in some rows."""
    for line, cells in found:
        fits = width < len(cells) <= most and not any(map(str.strip, cells[width:]))
        yield line, cells[:width] if fits else cells


def wrong_width(cells: int, columns: int) -> str:
    """The clause for a row that has more or fewer cells than the first one."""
    hint = (
        "a cell that holds the delimiter must be in quotes" if cells > columns else "a delimiter is missing"
    )
    noun = "cell" if cells == 1 else "cells"
    return f"the row has {cells:,} {noun} where the first row has {columns:,}: {hint}"


def _lines(ahead: _Ahead, record: list[str]) -> Iterator[str]:
    """The physical lines; kept in ``record`` until its owner clears it at the start of the next row.

    A marked line becomes one without any character, which adds nothing within quotes and is an empty
    row outside, so that the csv module still counts it.
    """
    used = 0
    while True:
        used = used + len(record[-1]) if record else 0
        line = ahead.readline(MAX_ROW - used + 1)
        if END_MARK in line and not line[line.index(END_MARK) :].strip(f"{END_MARK}\r\n"):
            line = line if ahead.fill(1) else line[: line.index(END_MARK)]
        if not line:
            return
        if len(line) > MAX_ROW - used:
            record.append(line)
            raise csv.Error(_TOO_LONG)
        if "\0" in line:
            raise csv.Error(_NUL)
        if line.startswith(MARK):
            line = ""
        record.append(line)
        yield line


def _clause(problem: str, record: list[str], hints: Mapping[str, str]) -> str:
    raw = "".join(record)
    if "expected after" in problem:
        for other, hint in hints.items():
            if f'"{other}' in raw:
                return hint
        if '\\"' in raw:
            return f"a backslash stands before a quote: {_DOUBLED}, without backslash"
    if problem == _TOO_LONG and "\r" in raw and "\n" not in raw:
        problem = "new-line character"
    return next((clause for part, clause in _CLAUSES.items() if part in problem), problem)


def _refuse_lone_quotes(cells: list[str], raw: str, line: int) -> None:
    """Refuse a quote in a cell that is not in quotes: the csv module takes it for a character.

    A cell that holds a quote and was quoted stands in the raw row with its quotes doubled. Each is looked
    for behind the one before, so that a row of very many cells takes no longer than its length.
    """
    behind = 0
    for number, cell in enumerate(cells, 1):
        if '"' not in cell:
            continue
        written = '"{}"'.format(cell.replace('"', '""'))
        found = raw.find(written, behind)
        if found < 0:
            raise Unreadable(Cause(_lone_quote(number, cell), line))
        behind = found + len(written)


def _lone_quote(number: int, cell: str) -> str:
    where = f"cell {number} ({quoted(cell)})"
    if '\\"' in cell:
        return f"{where} has a backslash before a quote: put the cell in quotes; {_DOUBLED}"
    if cell.endswith('"') and cell.count('"') == 1:
        return f"{where} ends with a quote, but the opening quote is missing"
    if cell.strip().startswith('"'):
        return f"{where} has a space before its opening quote: leave it out"
    return f"{where} holds a quote without being in quotes: put it in quotes; {_DOUBLED}"
