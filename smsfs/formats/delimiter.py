"""Which character stands between the cells of a table, told from its first row."""

import codecs
from typing import BinaryIO

HEAD = 65_536
DELIMITERS = ",;\t|"


def sniff(stream: BinaryIO, size: int, codec: str) -> str:
    """The delimiter of a table: the one that its first row holds outside quotes, most often.

    Names of columns hold none of them, so a first row decides better than statistics over rows of text.

    Args:
        stream: seekable; left anywhere.
        size: how many bytes of it are the client's.
        codec: as :func:`smsfs.formats.encoding.detect` gave it.

    Returns:
        One of ``, ; | tab``; a comma where the first row has none.
    """
    stream.seek(0)
    head = codecs.getincrementaldecoder(codec)("replace").decode(stream.read(min(size, HEAD)))
    row = _first_row(head.lstrip("\r\n"))
    return max(DELIMITERS, key=row.count)


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
