"""One JSON object of any length (RFC 8259), member by member and in bounded memory.

What a lenient reader would repair in silence is refused with its line and place in it: names that are
given twice, NaN, a comma too many, anything behind the object. A list that the caller names is given
element by element. Numbers are kept as they are written: a price of 1.10 is text to whoever reads the SMS.
"""

import codecs
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from smsfs.errors import Cause, Unreadable
from smsfs.formats import encoding
from smsfs.sms.quoting import quoted

#: Characters of one element or value: bounds memory whatever the file holds.
MAX_VALUE = 1 << 20
MAX_MEMBERS = 100
#: What is wrong, or ends, this close to the end of what was read may go on in what was not.
_EDGE = 16
_AHEAD = 256

_spaces = re.compile(r"[ \t\n\r]*").match

#: What the json module's complaint starts with -> the clause for the client.
_CLAUSES = {
    "Expecting property name": "a name in double quotes must stand here; a comma before it may be too many",
    "Expecting ',' delimiter": 'a comma or closing bracket must stand here; a quote in a text is written \\"',
    "Expecting ':' delimiter": "a colon must stand here, between name and value",
    "Expecting value": "a text in double quotes, a number, true, false, null, { or [ must stand here",
    "Invalid control character": "a control character stands in a text; a line break is written \\n",
    "Invalid \\escape": "a backslash in a text must be written twice",
    "Invalid \\uXXXX escape": "four hexadecimal digits must follow \\u",
    "Unterminated string": "the text that starts here has no closing quote; the file may not be complete",
}


class _WrongError(ValueError):
    """What the json module would take; the text is a clause about the value that starts here."""


class Scanner:
    """Reads JSON values from blocks of bytes.

    Args:
        blocks: of a UTF-8 text, with or without a byte order mark; not empty but for the last.
        fold: the form in which the names in objects are given and told apart.
    """

    def __init__(self, blocks: Iterator[bytes], fold: Callable[[str], str]) -> None:
        self._blocks = blocks
        self._fold = fold
        self._decoder = io.IncrementalNewlineDecoder(
            codecs.getincrementaldecoder("utf-8-sig")(), translate=True
        )
        self._buffer = ""
        self._at = 0
        self._lines = 0  # ended before the buffer starts
        self._columns = 0  # of the line in which the buffer starts, before it
        self._ended = False
        self._scan = json.JSONDecoder(
            object_pairs_hook=self._object, parse_float=str, parse_int=str, parse_constant=_no_constant
        ).raw_decode

    def peek(self) -> str:
        """The next character that is no space, not taken; empty at the end."""
        while True:
            self._at = _spaces(self._buffer, self._at).end()  # type: ignore[union-attr] # it matches nothing too
            if self._at < len(self._buffer):
                return self._buffer[self._at]
            if not self._more():
                return ""

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """What stands next, if it fits a pattern of at most 256 characters."""
        while len(self._buffer) - self._at < _AHEAD and self._more():
            pass
        found = pattern.match(self._buffer, self._at)
        self._at = found.end() if found else self._at
        return found

    def one_of(self, characters: str) -> str:
        """Take the next character, which must be one of these."""
        character = self.peek()
        if not character or character not in characters:
            self.fail(f"{' or '.join(characters)} must stand here")
        self._at += 1
        return character

    def value(self) -> Any:
        """The next value: objects as dicts of folded names, numbers as the text they are written as.

        Raises:
            Unreadable: it is none.
        """
        self.peek()
        while True:
            try:
                value, end = self._scan(self._buffer, self._at)
            except json.JSONDecodeError as error:
                if self._ended or not self._unfinished(error):
                    self._refuse(error)
            except _WrongError as error:
                self.fail(f"in the value that starts here, {error}")
            except RecursionError:
                self.fail("the value that starts here is nested too deeply")
            else:
                # A number so near the end may go on: 1e may be 1e+16.
                if self._ended or end <= len(self._buffer) - _EDGE:
                    self._at = end
                    return value
            if not self._more():
                self.fail(
                    f"the value that starts here is over {MAX_VALUE:,} characters: a quote may be missing"
                )

    def place(self) -> tuple[int, int]:
        """The line, and the place in it, of what comes next; both counted from 1."""
        return self._place(self._at)

    def fail(self, clause: str) -> NoReturn:
        """Say what is wrong with what comes next, or that nothing does.

        Raises:
            Unreadable: always.
        """
        line, column = self.place()
        if not self.peek():
            clause = f"the file ends here, but {clause}: it may not be complete"
        raise Unreadable(Cause(clause, line, str(column)))

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        fold = self._fold
        members = {fold(name): value for name, value in pairs}
        if len(members) < len(pairs):
            names = Counter(fold(name) for name, _ in pairs)
            raise _WrongError(f"{quoted(names.most_common(1)[0][0])} is given twice")
        return members

    def _unfinished(self, error: json.JSONDecodeError) -> bool:
        """Whether more text may mend it."""
        return error.pos >= len(self._buffer) - _EDGE or error.msg.startswith("Unterminated")

    def _refuse(self, error: json.JSONDecodeError) -> NoReturn:
        self._at = error.pos
        self.fail(
            next((clause for start, clause in _CLAUSES.items() if error.msg.startswith(start)), error.msg)
        )

    def _more(self) -> bool:
        """Read on, and let go of what was taken; whether anything came."""
        if self._ended or len(self._buffer) - self._at > MAX_VALUE + _AHEAD:
            return False
        line, column = self.place()
        self._lines, self._columns = line - 1, column - 1
        self._buffer, self._at = self._buffer[self._at :], 0
        block = next(self._blocks, b"")
        try:
            text = self._decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            lines = self._lines + self._buffer.count("\n")
            raise encoding.undecodable(error, lines, ": save the file in the encoding UTF-8") from None
        self._buffer += text
        self._ended = not block
        return True

    def _place(self, at: int) -> tuple[int, int]:
        lines = self._buffer.count("\n", 0, at)
        column = at - self._buffer.rfind("\n", 0, at) if lines else self._columns + at + 1
        return self._lines + lines + 1, column


def members(
    scanner: Scanner, fold: Callable[[str], str], listed: str
) -> Iterator[tuple[str, int | None, Any]]:
    """The members of the object that comes next, behind which nothing may come.

    Yields:
        Name, None and value of a member; of the one named ``listed``, if it is a list, first its name, 0
        and None, then its name, the ordinal from 1, and the value of each element.

    Raises:
        Unreadable: at the place that breaks the rules; what was yielded before is no whole file.
    """
    seen: set[str] = set()
    scanner.one_of("{")
    end = scanner.one_of("}") if scanner.peek() == "}" else ","
    while end != "}":
        name = _name(scanner, fold, seen)
        scanner.one_of(":")
        if name == listed and scanner.peek() == "[":
            yield name, 0, None
            for ordinal, element in enumerate(_elements(scanner), 1):
                yield name, ordinal, element
        else:
            yield name, None, scanner.value()
        end = scanner.one_of(",}")
    if scanner.peek():
        scanner.fail("nothing may follow the closing bracket of the object")


def _name(scanner: Scanner, fold: Callable[[str], str], seen: set[str]) -> str:
    if scanner.peek() != '"':
        scanner.fail(_CLAUSES["Expecting property name"])
    line, column = scanner.place()
    name = fold(scanner.value())
    if name in seen:
        raise Unreadable(Cause(f"{quoted(name)} is given twice", line, str(column)))
    if len(seen) == MAX_MEMBERS:
        raise Unreadable(Cause(f"the object has over {MAX_MEMBERS} members", line, str(column)))
    seen.add(name)
    return name


def _elements(scanner: Scanner) -> Iterator[Any]:
    scanner.one_of("[")
    end = scanner.one_of("]") if scanner.peek() == "]" else ","
    while end == ",":
        if scanner.peek() == "]":
            scanner.fail("another element must stand here; the comma before it may be too many")
        yield scanner.value()
        end = scanner.one_of(",]")


def _no_constant(name: str) -> NoReturn:
    """NaN and Infinity, which Python writes and no other reader takes."""
    raise _WrongError(f"{name} is no number")
