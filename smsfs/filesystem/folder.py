"""An open folder: where its reader has got to, and not what it holds."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from smsfs.filesystem.entry import Entry
    from smsfs.filesystem.handles import Slot

#: Entries taken from the store at a time, where a frontend does not say.
PAGE = 256


class OpenFolder:
    """A folder that a client reads by pages, in the order of the names' bytes.

    It holds the last name given out. So no name comes twice, and none is missed that was there all the time,
    whatever is made, renamed or deleted meanwhile.

    Args:
        page: gives up to so many entries behind a name.
        slot: its place among the open folders of the account.

    Attributes:
        after: the last name given out; setting it goes there, ``""`` is the beginning.
    """

    def __init__(self, page: "Callable[[str, int], list[Entry]]", slot: "Slot | None" = None) -> None:
        self.after = ""
        self._page = page
        self._slot = slot

    def read(self, limit: int = PAGE) -> "list[Entry]":
        """The next entries, at most ``limit``; none at the end. ``.`` and ``..`` are not among them."""
        entries = self._page(self.after, limit)
        if entries:
            self.after = entries[-1].name
        return entries

    def __iter__(self) -> "Iterator[Entry]":
        while entries := self.read():
            yield from entries

    def close(self) -> None:
        """Let go."""
        if self._slot:
            self._slot.release()


def behind(entries: "Iterable[Entry]", after: str, limit: int) -> "list[Entry]":
    """Of all entries of a folder the next ones behind a name, by the bytes of the names."""
    ordered = sorted(entries, key=lambda entry: entry.name)
    return [entry for entry in ordered if entry.name > after][:limit]
