"""Whose a database file is, found out without touching it; and which errors of SQLite mean damage."""

import errno
import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from smsfs.errors import ConfigurationError, StoreDamaged

#: In the header of every store, so that no other program's file is taken for one: "smsf".
APPLICATION_ID = 0x736D7366
#: What the stores have that were made before they bore that number.
TABLES = frozenset({"account", "file", "batch", "slice", "payload", "outcome"})

_MAGIC = b"SQLite format 3\0"
_HEADER_BYTES = 100
_APPLICATION_ID = slice(68, 72)
_IO_DAMAGE = frozenset({sqlite3.SQLITE_IOERR_CORRUPTFS, sqlite3.SQLITE_IOERR_DATA})
_DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
#: SQLite has no number of its own for this; only text that we encoded was ever stored.
_NOT_UTF8 = "Could not decode to UTF-8"

Standing = Literal["absent", "empty", "ours"]


def is_damage(exc: sqlite3.Error) -> bool:
    """Whether an error says that the file itself is broken, or is another than it was."""
    code = getattr(exc, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    if code in _IO_DAMAGE or code & 0xFF in _DAMAGE:
        return True
    return code == sqlite3.SQLITE_ERROR and str(exc).startswith(_NOT_UTF8)


def lacks_table(exc: sqlite3.Error) -> bool:
    """Whether a statement named what is not there; our statements never change."""
    return str(exc).startswith(("no such table", "no such column", "no such index"))


def bears_number(path: Path) -> bool:
    """Whether the file is a store of ours still: another may have been copied over it while it was open."""
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)) as connection:
            return bool(connection.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID)
    except sqlite3.Error:
        return False


def standing(path: Path) -> Standing:
    """What stands at ``path``: nothing, a store not made yet, or a store.

    Raises:
        ConfigurationError: something that is no store.
        StoreDamaged: a store without its first page.
        OSError: it cannot be read.
    """
    header = _header(path)
    if header is None:
        return "absent"
    if not header:
        return "empty"
    if not header.startswith(_MAGIC) or len(header) < _HEADER_BYTES:
        if _was_store(path):
            raise StoreDamaged.told("the file does not begin as a SQLite database does", str(path))
        raise _foreign(path, "it is no SQLite database")
    number = int.from_bytes(header[_APPLICATION_ID], "big")
    if number == APPLICATION_ID:
        return "ours"
    if number:
        raise _foreign(path, "it bears another program's number")
    try:
        judged = _by_tables(path)
    except (ConfigurationError, StoreDamaged):
        if _bears_now(path):
            return "ours"
        raise
    return "ours" if judged == "empty" and _bears_now(path) else judged


def _bears_now(path: Path) -> bool:
    """Whether the header has the number: the first log of a new store may be written into it at any moment.

    Whoever reads the tables of the file alone in that moment finds some of them, or none, or damage.
    """
    return (_header(path) or b"")[_APPLICATION_ID] == APPLICATION_ID.to_bytes(4, "big")


def _header(path: Path) -> bytes | None:
    """The first bytes of a file; None if there is none."""
    try:
        with path.open("rb") as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise OSError(errno.EINVAL, "it is no regular file")
            return stream.read(_HEADER_BYTES)
    except FileNotFoundError:
        return None


def _by_tables(path: Path) -> Standing:
    """Judge by the tables: those of the file alone; only where it has none, those of its log as well."""
    try:
        tables, version = _tables(path, "immutable=1")
        if not tables and _size(path.with_name(f"{path.name}-wal")):
            tables, version = _tables(path, "mode=ro")
    except sqlite3.DatabaseError as exc:
        if is_damage(exc) and _was_store(path):
            raise StoreDamaged.told(str(exc), str(path)) from exc
        raise _foreign(path, f"it cannot be read: {exc}") from exc
    if tables >= TABLES:
        return "ours"
    if tables or version:
        raise _foreign(path, f"it has the tables {', '.join(sorted(tables)[:5]) or 'of nobody'}")
    return "empty"


def _tables(path: Path, how: str) -> tuple[set[str], int]:
    with closing(sqlite3.connect(f"file:{quote(str(path))}?{how}", uri=True)) as connection:
        rows = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return {name for (name,) in rows}, version


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _was_store(path: Path) -> bool:
    """Whether what only a store has stands beside it."""
    return (path.parent / "contents").is_dir() and (path.parent / "run").is_dir()


def _foreign(path: Path, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"{path} is no store of smsfs ({why}), and was left as it is: name another file in [store] url."
    )
