"""What the engines that speak SQL share: everything but connections, liveness and contents.

A statement is known by its name; the line below that says what it is for. The SQL files here hold those
that every engine understands, by subject; an engine's own hold the others, and may replace some. Values are
written ``:name`` in all of them. A statement that changes a state takes it from ``smsfs.states``:
``{slice.claim to}`` is the state to which the event leads a slice, ``state {slice.claim from}`` the condition
that it may, and ``{batch.submit new}`` the state in which one begins.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any, Protocol

from smsfs.states import born, move
from smsfs.store.changes import About

Row = Any  #: values by the name of their column
Answer = Callable[[], Row | None]  #: gives the first row of an answer, if there is one
_STATE = re.compile(r"\{(\w+)\.(\w+) (from|to|new)\}")


class Connection(Protocol):
    """Where named statements are run: within a transaction, or each on its own."""

    def one(self, statement: str, /, **values: Any) -> Row | None:
        """The first row, if there is one."""

    def all(self, statement: str, /, **values: Any) -> list[Row]:
        """Every row."""

    def change(self, statement: str, /, **values: Any) -> int:
        """How many rows were changed."""

    def later(self, statement: str, /, **values: Any) -> Answer:
        """Run a statement in a transaction, whose answer is looked at later.

        Where the database is another host, it goes there along with those that follow, and what is wrong
        with it is raised there; at the latest with the commit.
        """

    def ahead(self, statement: str, /, **values: Any) -> Answer:
        """The same for a read that may turn out not to be needed; made before the next change, if at all."""

    def bulk(self, statement: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Run a statement for each of many rows."""

    def add(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        """Add many rows, each the values of the statement's columns in their order: the fastest way."""

    def notify(self, about: About) -> None:
        """With the commit, wake those who wait for such a change."""


class Database(Protocol):
    """The connections of a process to one database.

    Both raise ``StoreUnavailable`` when the database does not answer, and ``Exists`` where a row that must
    be the only one of its kind would not be.
    """

    def reading(self) -> AbstractContextManager[Connection]:
        """To read; each statement sees what was committed before it."""

    def write(self, *, synced: bool = True) -> AbstractContextManager[Connection]:
        """A transaction: committed at the end of the block, rolled back by an exception.

        Args:
            synced: on stable storage when the block ends. Otherwise it may be so only with the next commit
                that is: it can be lost only with all that was committed after it, and with those who saw it.
        """


def plain(text: str) -> str:
    """Text as every engine can hold it: without NUL and without halves of characters."""
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "\ufffd").encode("utf-16-be", "surrogatepass").decode("utf-16-be", "replace")


def no_store(sentence: str) -> str:
    """The refusal of a command that may not make the store that ``sentence`` says is missing."""
    return (
        f"{sentence} smsfs serve and smsfs account add make a store; if there should be one already, "
        "name its configuration with -c."
    )


def load_statements(*packages: str) -> dict[str, str]:
    """The named statements of several packages; a later one replaces an earlier one's.

    Raises:
        IllegalTransitionError: one makes a change of state that is not in the tables.
    """
    found: dict[str, str] = {}
    for package in packages:
        for text in _sql_files(resources.files(package)):
            blocks = re.split(r"^-- name: (\w+)$", _STATE.sub(_state, text), flags=re.MULTILINE)[1:]
            found |= zip(blocks[::2], map(_bare, blocks[1::2]), strict=True)
    return found


def _bare(block: str) -> str:
    """A statement without the comments above it."""
    return re.sub(r"\A(?:--[^\n]*\n)+", "", block.strip()).rstrip(";")


def _state(match: re.Match[str]) -> str:
    """What a statement says of the states of an event, as SQL."""
    kind, event, which = match.groups()
    if which == "new":
        return f"'{born(kind, event)}'"
    sources, target = move(kind, event)
    if which == "to":
        return f"'{target}'"
    quoted = [f"'{source}'" for source in sources]
    return f"IN ({', '.join(quoted)})" if len(quoted) > 1 else f"= {quoted[0]}"


def _sql_files(folder: Traversable) -> list[str]:
    files = sorted(
        (item for item in folder.iterdir() if item.name.endswith(".sql")), key=lambda item: item.name
    )
    return [item.read_text(encoding="utf-8") for item in files]


def load_migrations(package: str) -> list[str]:
    """The schema's numbered steps, in order."""
    return _sql_files(resources.files(package).joinpath("migrations"))
