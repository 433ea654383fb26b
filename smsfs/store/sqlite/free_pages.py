"""Pages of a database file that nothing is on any more, and that are given back to the disk."""

import sqlite3

#: So many are given back in one turn.
PAGES = 128
#: A file of more pages keeps up to a quarter of them free: what comes next takes them, and giving back one
#: among many takes SQLite long. They were overwritten when they became free.
LARGE, PART = 65_536, 4


def has_too_many(connection: sqlite3.Connection) -> bool:
    """Whether a file has more free pages than it keeps."""
    pages: int = connection.execute("PRAGMA page_count").fetchone()[0]
    free: int = connection.execute("PRAGMA freelist_count").fetchone()[0]
    return free > (pages // PART if pages > LARGE else 0)


def give_back_some(connection: sqlite3.Connection) -> None:
    """Give back some free pages, in a transaction."""
    for _ in range(PAGES):  # with a larger number it would still be one: sqlite3 takes but one step of it
        connection.execute("PRAGMA incremental_vacuum(1)")
