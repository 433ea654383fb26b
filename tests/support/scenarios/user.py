"""Someone who uploads files and looks what becomes of them."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from fnmatch import fnmatchcase
from itertools import count
from typing import Any

from tests.support.scenarios.doors import Door
from tests.support.scenarios.systems import Rows, System
from tests.support.server import wait_for

CUT = "was cut off; upload it again"
_numbers = count(1)


class User:
    """A user of one account through one door, with a file of a name that nobody else uses.

    Args:
        door: to the account's files.
        system: the account's dialect.
        outbox: tells the messages that the account has sent, each with its ``text`` and ``recipient``.
        held: keeps submitted files in processing while its context lasts.

    Attributes:
        stem: what the file is called.
        waiting, sends: its paths; see :class:`System`.
        uploads: where an upload is sent when it ends well, or else waits.
        rows: its messages.
    """

    def __init__(
        self,
        door: Door,
        system: System,
        outbox: Callable[[], list[dict[str, Any]]],
        held: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self.door = door
        self.system = system
        self.held = held
        self._outbox = outbox
        self.stem = f"s{next(_numbers):04d}"
        self.waiting, self.sends = system.waiting.format(self.stem), system.sends.format(self.stem)
        self.uploads = self.waiting if system.straight else self.sends
        self.rows = [(str(4510000001 + row), f"{self.stem} {row}") for row in range(3)]

    @property
    def document(self) -> bytes:
        """The file."""
        return self.system.document(self.rows)

    def submit(self, data: bytes) -> None:
        """Upload under a name that waits, and rename."""
        self.door.put(self.waiting, data)
        self.door.rename(self.waiting, self.sends)

    def upload(self, data: bytes) -> None:
        """Upload under the name that sends, or where that cannot be, as ``submit``."""
        self.door.put(self.uploads, data)
        if self.system.straight:
            self.door.rename(self.uploads, self.sends)

    # -- looking ------------------------------------------------------------------------------------

    def names(self) -> list[str]:
        """The paths of everything that is called after the file, but its result files."""
        folders = sorted({path.rpartition("/")[0] for path in self._places()})
        listed = [(folder, name) for folder in folders for name in self.door.list(folder)]
        return [f"{folder}/{name}".lstrip("/") for folder, name in listed if self.stem in name]

    def _places(self) -> Sequence[str]:
        system = self.system
        return [*(system.waiting, system.sends, system.flying, system.sent, system.told, system.rejected)]

    def find(self, pattern: str) -> list[str]:
        """Those of the names that a pattern of the system fits."""
        return [name for name in self.names() if fnmatchcase(name, pattern.format(self.stem))]

    def wait_for(self, pattern: str) -> str:
        """Wait until there is one file of such a name; its path."""
        found: list[str] = wait_for(lambda: self.find(pattern), f"{pattern.format(self.stem)}")
        assert len(found) == 1
        return found[0]

    def wait_for_end(self) -> None:
        """Wait until the file shows that it was sent."""
        if self.system.sent:
            self.wait_for(self.system.sent)
            assert self.find(self.system.flying) == []
        else:
            wait_for(lambda: not self.find(self.system.flying), "the file to go out of sight")

    def sent(self) -> list[tuple[str, str]]:
        """The messages that have left and bear the file's name, sorted."""
        messages = [(message["recipient"], message["text"]) for message in self._outbox()]
        return sorted(message for message in messages if message[1].startswith(f"{self.stem} "))

    def assert_sent(self, rows: Rows) -> None:
        """Wait until so many messages have left: these, once each."""
        wait_for(lambda: len(self.sent()) >= len(rows), f"{len(rows)} messages of {self.stem}")
        assert self.sent() == sorted(rows)

    def assert_not_sent_until_uploaded_again(self) -> None:
        """What was cut off at ``uploads`` is there, is not sent, and says why; uploaded again, it is sent."""
        target = self.system.sends.format(f"{self.stem}-whole")

        def told() -> str:
            words = self.door.refused(self.door.rename, self.uploads, target)
            return "" if "still being written" in words else words  # until the server has noticed

        assert CUT in wait_for(told, "the server to notice the cut")
        assert self.names() == [self.uploads]
        self.upload(self.document)
        self.assert_sent(self.rows)
        self.wait_for_end()
