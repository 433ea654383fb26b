"""Files that the server shows to a client, under the first names that are free."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from smsfs.dialects import Dialect
from smsfs.errors import Exists
from smsfs.names import seconds_from
from smsfs.store import Contents, NewFile
from smsfs.store.contents import written

#: Paths, each with the bytes that are to be there.
Named = list[tuple[str, bytes]]
#: The path of a client's file, and the reports beside it.
Shown = tuple[str, Named]
T = TypeVar("T")


def spared(rules: Dialect, path: str, reports: Named, now: float) -> Iterator[Shown]:
    """A file that keeps its path, and its reports under their own names, then under spare ones."""
    yield path, reports
    for at in seconds_from(now):
        yield path, [(rules.spare(name, at), data) for name, data in reports]


def show_free(contents: Contents, ways: Iterable[Shown], show: Callable[[str, list[NewFile]], T]) -> T:
    """Show a file and its reports the first way in which all names are free; other reports are deleted again.

    Args:
        contents: where the reports' bytes go.
        ways: how they may be named, best first, without end.
        show: shows them in one transaction, or raises ``Exists`` if a name is taken.
    """
    for path, reports in ways:
        files = [NewFile(name, written(contents, data), len(data)) for name, data in reports]
        try:
            return show(path, files)
        except Exists:
            contents.delete(file.content for file in files)
    raise AssertionError("names have no end")
