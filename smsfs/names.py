"""Names of files: how long they may be, and the times that tell equal ones apart."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count

#: Bytes of a name, as file systems have it.
MAX_NAME = 255


def is_too_long(name: str, added: int = 0) -> bool:
    """Whether a name has too many bytes, with ``added`` ones that it is to be given later."""
    return len(name.encode("utf-8", "surrogatepass")) + added > MAX_NAME


def seconds_from(start: float) -> Iterator[datetime]:
    """Each second from a time on: where a name with one in it is taken, the next may be free."""
    return (datetime.fromtimestamp(second, UTC) for second in count(int(start)))
