"""Why a file failed: ``Fail_reason:``, as smstools3 writes it, but at the end of the file.

What a client has uploaded stays as it is, so nothing can be put among its headers.
"""

from collections.abc import Iterable, Sequence
from typing import BinaryIO

from smsfs.errors import Cause
from smsfs.formats import marks
from smsfs.sms.quoting import escaped

#: Told from a text that happens to hold a reason of smstools3's own.
MARK = "Fail_reason: smsfs: "


def tail(head: bytes, causes: Iterable[Cause], total: int) -> bytes:
    """The lines for the causes of a failure, to stand right behind the client's bytes."""
    return marks.tail(head, causes, total, mark=MARK)


def client_size(stream: BinaryIO, size: int) -> int:
    """How many of the first bytes come before such lines at the end."""
    return marks.client_size(stream, size, mark=MARK)


def listed(causes: Sequence[Cause], total: int) -> bytes:
    """A file of such lines, for messages that were cancelled when their validity ended."""
    shown = [str(cause) for cause in causes[: marks.MAX_CAUSES]]
    more = [f"and {total - len(shown):,} more"] if total > len(shown) else []
    return "".join(f"{MARK}{escaped(line)}\n" for line in (*shown, *more)).encode("utf-8", "backslashreplace")
