"""Which character stands between the cells of a table, told from its first row."""

import codecs
import re
from collections.abc import Collection
from typing import BinaryIO

HEAD = 65_536
DELIMITERS = ",;\t|"

_declaration = re.compile(r"""\s*"?sep=([^\w\s"]|\t)"?\s*""", re.IGNORECASE).fullmatch
_blank_rows = re.compile(r"(?:[,;|\t \r]*\n)+").match


def sniff(stream: BinaryIO, size: int, codec: str) -> str:
    """The delimiter of a table: the one that its first row holds outside quotes, most often.

    Names of columns hold none of them, so a first row decides better than statistics over rows of text.

    Args:
        stream: seekable; left anywhere.
        size: how many bytes of it are the client's.
        codec: as :func:`smsfs.formats.encoding.detect` gave it.

    Returns:
        What a first row such as ``sep=;`` says; else one of ``, ; | tab``, a comma where it has none.
    """
    head = _head(stream, size, codec)
    return declared(head.partition("\n")[0]) or max(DELIMITERS, key=_first_row(head).count)


def by_names(row: str, names: Collection[str]) -> str | None:
    """The delimiter between which a first row has known names; None if there is not just one.

    Args:
        row: as :func:`first_row` gave it.
        names: of columns, in lower case.
    """
    found = [
        each
        for each in ",;"
        if each in row and any(cell.strip('" \r').lower() in names for cell in row.split(each))
    ]
    return found[0] if len(found) == 1 else None


def declared(row: str) -> str | None:
    """The delimiter that a row says as Excel reads it, ``sep=;``; None for any other row."""
    found = _declaration(row)
    return found[1] if found else None


def first_row(stream: BinaryIO, size: int, codec: str) -> str:
    """The first line of a file that is not blank, without its end."""
    return _head(stream, size, codec).partition("\n")[0]


def _head(stream: BinaryIO, size: int, codec: str) -> str:
    """The beginning of a file, from its first row that is not blank."""
    stream.seek(0)
    head = codecs.getincrementaldecoder(codec)("replace").decode(stream.read(min(size, HEAD)))
    blank = _blank_rows(head)
    return head[blank.end() :] if blank else head


def _first_row(text: str) -> str:
    """The first row without what stands in quotes."""
    outside: list[str] = []
    for number, piece in enumerate(text.split('"')):
        if number % 2:
            continue
        line, end, _ = piece.partition("\n")
        outside.append(line)
        if end:
            break
    return "".join(outside)
