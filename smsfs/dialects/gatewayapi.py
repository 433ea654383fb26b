"""The folder rules of GatewayAPI's legacy FTP API.

One flat folder; a rename to a name that ends in ``.ready`` submits the file. Rules that the vendor's page
does not give (order of flags, refusal of unknown columns, the name after the timestamp) are ours.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import datetime
from functools import partial
from operator import itemgetter
from typing import Any, BinaryIO

from smsfs.dialects import Dialect, Submission
from smsfs.errors import Cause, Missing, NameTooLong, NotAllowed, Unreadable
from smsfs.formats import delimiter, encoding, header, marks, tables
from smsfs.names import MAX_NAME, is_too_long
from smsfs.sms import segments
from smsfs.sms.message import Message
from smsfs.sms.numbers import is_msisdn, msisdn
from smsfs.sms.quoting import quoted
from smsfs.sms.segments import MAX_PARTS
from smsfs.sms.sender import sender
from smsfs.sms.text import TextRules, rules_of
from smsfs.states import FileState

READY = ".ready"
LFTP_UPLOADS = ".in."
FLAGS = ("excel", "utf8", "cp1252")
REQUIRED, OPTIONAL = ("msisdn", "message"), ("sender", "class", "userref")
CLASSES = ("standard", "premium", "secret")
_CHECKED = (*REQUIRED, "sender", "class")
#: So many are no typing errors but another file; reading on would keep other accounts' files waiting.
MAX_BAD_ROWS = 100_000

_SYSTEM = (".processing", ".success", ".rejected")
#: Bytes that the timestamp and the longest of the system's endings add to a stem.
_ADDED = len(".YYYYMMDDTHHMMSS") + max(map(len, _SYSTEM))
#: What an earlier rejection added to the name; without it the flags stand before ``.ready`` again.
_REJECTION = re.compile(
    r"\.\d{8}T\d{6}\.rejected(?=(\.(excel|utf8|cp1252))*\.ready$)", re.ASCII | re.IGNORECASE
)

_CODECS = {"utf8": encoding.UTF8, "cp1252": encoding.CP1252}
_ADVICE = ' or, if it is Windows-1252 after all, put ".cp1252" before ".ready" in its name'
_TABS = "cells are separated by tabs, which are not supported"
#: Delimiter of the file -> delimiter that it may turn out to have -> what to do.
_OTHERS = {
    ",": {";": 'cells are separated by semicolons: put ".excel" before ".ready" in its name', "\t": _TABS},
    ";": {",": 'cells are separated by commas: leave ".excel" out of its name', "\t": _TABS},
}
_REFUSALS = {
    FileState.PROCESSING: "is being processed; it can be read now, "
    "and deleted once it is .success or .rejected.",
    FileState.SUCCESS: "has been sent; it can be read or deleted. To send again, upload it under a new name.",
    FileState.REJECTED: "was rejected; rename it to mend it, or delete it.",
}


class GatewayApi(Dialect):
    """The dialect ``gatewayapi``."""

    name = "gatewayapi"
    stamped = True
    refusals = _REFUSALS
    defaults: Mapping[str, Any] = {
        "unknown_columns": "reject",
        "bad_rows": "reject",
        "direct_ready": "refuse",
        "max_batch_bytes": 30 * 1024 * 1024,
    }
    choices: Mapping[str, tuple[str, ...]] = {
        "unknown_columns": ("reject", "ignore"),
        "bad_rows": ("reject", "skip"),
        "direct_ready": ("refuse", "submit-on-close"),
    }

    def create(self, path: str, settings: Mapping[str, Any]) -> None:
        """Check that a client may create a file under this name."""
        _check_flat(path)
        if _is_ready(path):
            if settings["direct_ready"] != "submit-on-close":
                raise NotAllowed(f"Upload it under another name first, then rename it to {quoted(path)}.")
            _submission(path)
        _check_ending(path)

    def rename(self, new: str, settings: Mapping[str, Any]) -> Submission | None:
        """What renaming a file to ``new`` means: a submission if it ends in ``.ready``."""
        _check_flat(new)
        if _is_ready(new):
            return _submission(new)
        _check_ending(new)
        return None

    def trial(self, name: str) -> Submission:
        """As after a rename to the name with ``.ready`` behind it, unless it is there."""
        return _submission(name if name.lower().endswith(READY) else name + READY)

    def close(self, path: str, settings: Mapping[str, Any]) -> Submission | None:
        """A submission if the account lets files be uploaded as ``.ready`` and this one was."""
        if settings["direct_ready"] == "submit-on-close" and _is_ready(path):
            return _submission(path)
        return None

    def path(self, submission: Submission, at: datetime, state: FileState) -> str:
        """``stem.YYYYMMDDTHHMMSS.processing``, and so on; ``at`` is the time of submission, UTC."""
        return f"{submission.stem}.{at:%Y%m%dT%H%M%S}.{state.value}"

    def skips_bad_rows(self, settings: Mapping[str, Any]) -> bool:
        """As the account's setting says."""
        return bool(settings["bad_rows"] == "skip")

    def read(
        self,
        stream: BinaryIO,
        size: int,
        submission: Submission,
        settings: Mapping[str, Any],
        at: datetime,
    ) -> Iterator[Message | Cause]:
        """The rows of a file, in order: a message, or each cause for which a row is none."""
        size = self.client_size(stream, size)
        if size > settings["max_batch_bytes"]:
            limit = settings["max_batch_bytes"]
            raise Unreadable(Cause(f"the file has {size:,} bytes; a batch has at most {limit:,}: split it"))
        codec = encoding.detect(stream, size, _forced(submission), _ADVICE)
        between = _delimiter(stream, size, codec, submission.flags)
        with encoding.open_text(stream, size, codec) as text:
            table = tables.table(text, between, _OTHERS.get(between))
            line, names = next(table, (1, []))
            places = _places(names, line, between, settings)
            yield from _messages(table, places, len(names), rules_of(settings))

    def tail(self, head: bytes, causes: Iterable[Cause], total: int, submission: Submission) -> bytes:
        """What a rejected file shows behind the client's own bytes: a line for each cause."""
        return marks.tail(head, causes, total, _forced(submission))

    def client_size(self, stream: BinaryIO, size: int) -> int:
        """How many of the first bytes are the client's own: without an earlier rejection's lines."""
        return marks.client_size(stream, size)


def _is_ready(path: str) -> bool:
    """Whether a name submits; lftp uploads to such a name with its mark before it, and then renames."""
    return path.lower().endswith(READY) and not path.startswith(LFTP_UPLOADS)


def _check_flat(path: str) -> None:
    if "/" in path:
        raise Missing(f"There is no folder {quoted(path.rpartition('/')[0])}; files lie side by side here.")


def _check_ending(path: str) -> None:
    for ending in _SYSTEM:
        if path.endswith(ending):
            raise NotAllowed(f"Names that end in {ending} are given by the server; choose another name.")


def _submission(name: str) -> Submission:
    """What a name that ends in ``.ready`` says.

    Raises:
        Refusal: it is no name for a batch.
    """
    stem = _REJECTION.sub("", name)[: -len(READY)]
    base, flags = _flags(stem)
    if problem := _wrong_name(base, flags):
        raise NotAllowed(f"No batch can be named {quoted(name)}: {problem}.")
    if is_too_long(stem, _ADDED):
        limit = MAX_NAME - _ADDED
        raise NameTooLong(
            f"The name is too long for a batch; at most {limit} bytes may stand before {READY}."
        )
    return Submission(stem, flags)


def _flags(stem: str) -> tuple[str, list[str]]:
    flags: list[str] = []
    while (ending := stem.rpartition("."))[1] and ending[2].lower() in FLAGS:
        stem = ending[0]
        flags.append(ending[2].lower())
    return stem, flags


def _wrong_name(base: str, flags: list[str]) -> str | None:
    if not base:
        return f"something must stand before {READY}"
    if base.startswith("._"):
        return "files that start with ._ hold what macOS keeps about another file"
    if len(set(flags)) < len(flags):
        return "a flag stands in it twice"
    if {"utf8", "cp1252"} <= set(flags):
        return "it says both .utf8 and .cp1252"
    return None


def _forced(submission: Submission) -> str | None:
    return next((codec for flag, codec in _CODECS.items() if flag in submission.flags), None)


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
    """The message class of a file: that of the first row which has a valid one."""

    def __init__(self) -> None:
        self.known: str | None = None
        self.line = 0

    def check(self, line: int, text: str) -> str:
        klass = text or CLASSES[0]
        if klass == self.known:
            return klass
        if klass not in CLASSES:
            raise ValueError(f"{quoted(klass)} is no message class; there are {', '.join(CLASSES)}")
        if self.known is not None:
            first = f"{quoted(self.known)} on line {self.line}"
            raise ValueError(f"{quoted(klass)} differs from {first}: a file has one class")
        self.known, self.line = klass, line
        return klass


_Measure = Callable[[str], tuple[str, str, int]]


def _measured(rules: TextRules, written: str) -> tuple[str, str, int]:
    text = rules.read(written)
    if not text:
        raise ValueError("the message is empty")
    coding, parts = segments.count(text)
    if parts > MAX_PARTS:
        raise ValueError(f"the message takes {parts} SMS; at most {MAX_PARTS} can be joined")
    return text, coding, parts


def _messages(
    table: Iterator[tuple[int, list[str]]], places: Mapping[str, int], width: int, rules: TextRules
) -> Iterator[Message | Cause]:
    # A column that the file lacks is taken from an empty cell put behind each row.
    pick = itemgetter(*(places.get(name, width) for name in (*REQUIRED, *OPTIONAL)))
    classes, measure = _Class(), partial(_measured, rules)
    row = bad = 0
    for row, (line, cells) in enumerate(table, 1):
        if len(cells) == width:
            fields = pick([*cells, ""])
            try:
                message = _message(row, line, fields, classes, measure)
            except ValueError:
                causes = list(_causes(line, fields, classes, measure))
            else:
                yield message
                continue
        else:
            causes = [Cause(tables.wrong_width(len(cells), width), line)]
        bad += 1
        if bad > MAX_BAD_ROWS:
            raise Unreadable(Cause(f"over {MAX_BAD_ROWS:,} rows are wrong, the last read being {causes[0]}"))
        yield from causes
    if not row:
        raise Unreadable(Cause("the file has no rows behind its column names"))


def _message(row: int, line: int, fields: tuple[str, ...], classes: _Class, measure: _Measure) -> Message:
    number, written, name, klass, userref = fields
    text, coding, parts = measure(written)
    name = sender(name)
    return Message(row, msisdn(number), text, name, classes.check(line, klass), userref, coding, parts)


def _causes(line: int, fields: tuple[str, ...], classes: _Class, measure: _Measure) -> Iterator[Cause]:
    """Everything that is wrong with a row, not only the first."""
    checks: tuple[Callable[[str], object], ...] = (msisdn, measure, sender, partial(classes.check, line))
    for column, check, value in zip(_CHECKED, checks, fields, strict=False):
        try:
            check(value)
        except ValueError as error:
            yield Cause(str(error), line, column)
