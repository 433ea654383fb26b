"""What PostgreSQL, or what stands in front of it, gives as the reason, as a sentence that is true.

A statement that fails has an SQLSTATE. A connection that cannot be had has only a text, of which libpq does
not tell the code; where its language is not known here, the sentence says less, and the text says the rest.
"""

import re
from collections.abc import Callable
from enum import Enum, auto

import psycopg
from attrs import frozen

from smsfs.errors import Exists, Refusal, StoreConflict, StoreDamaged, StoreFull, StoreUnavailable


class Why(Enum):
    """Why there is no connection."""

    SILENT = auto()
    FULL = auto()
    STARTING = auto()
    READ_ONLY = auto()
    LOGIN = auto()
    DATABASE = auto()
    RIGHT = auto()
    REFUSED = auto()


#: Waiting does not help: somebody has to change something first.
LASTING = {Why.LOGIN, Why.DATABASE, Why.RIGHT}

_TEXTS = {
    Why.FULL: (
        r"too many (connections|clients)|remaining connection slots|no more connections|query_wait_timeout"
    ),
    Why.LOGIN: (
        r"authentication failed|auth failed|no password supplied|pg_hba\.conf|no such user"
        r"|role \S+ does not exist|not permitted to log in|login failed"
    ),
    Why.DATABASE: r"database \S+ does not exist|no such database",
    Why.RIGHT: r"permission denied",
    Why.STARTING: r"database system is|not (yet |currently )?accepting connections",
    Why.READ_ONLY: r"session is (not )?read-only|hot standby",
    Why.REFUSED: r"FATAL|ERROR",
}
_SENTENCES = {
    Why.SILENT: "The database does not answer now ({}); try again later.",
    Why.FULL: "PostgreSQL takes no more connections ({}); try again later.",
    Why.STARTING: "The database is starting, stopping or closed ({}); try again later.",
    Why.READ_ONLY: "No host of the database can be written now ({}); try again later.",
    Why.LOGIN: (
        "PostgreSQL does not let smsfs in ({}): check the user in [store] url, its password and pg_hba.conf."
    ),
    Why.DATABASE: "PostgreSQL has no such database ({}): make it with createdb, or mend [store] url.",
    Why.RIGHT: "PostgreSQL's role may not do this ({}): the owner of the database has to grant it.",
    Why.REFUSED: "PostgreSQL refused the connection ({}); try again later.",
}


def first_line(exc: BaseException) -> str:
    """The first line of what went wrong, without a full stop."""
    return str(exc).strip().split("\n", maxsplit=1)[0].rstrip(".")


def why(exc: BaseException) -> Why:
    """Why a connection was not to be had, by what the server or libpq says."""
    text = str(exc)
    return next((kind for kind, pattern in _TEXTS.items() if re.search(pattern, text)), Why.SILENT)


def unconnected(exc: BaseException) -> StoreUnavailable:
    """The refusal for a connection that was not to be had."""
    if isinstance(exc, StoreUnavailable):
        return exc
    kind = why(exc)
    said = re.findall(r"(?:FATAL|ERROR): +(.*)", str(exc))
    reason = said[-1].rstrip(".") if said and kind is not Why.SILENT else first_line(exc)
    return StoreUnavailable(_SENTENCES[kind].format(reason))


@frozen
class _Kind:
    """What an SQLSTATE, or a class of them, is told as."""

    refusal: Callable[[str], Refusal]
    sentence: str

    def __call__(self, exc: BaseException) -> Refusal:
        return self.refusal(self.sentence.format(first_line(exc)))


_CONFLICT = _Kind(
    StoreConflict, "Two changes met in the database ({}); this one was undone in whole: try again."
)
_GONE = _Kind(StoreUnavailable, "The database ended the connection ({}); try again later.")
_LACKS = _Kind(
    StoreUnavailable, "The database lacks what smsfs keeps there ({}): run smsfs store migrate as its owner."
)
_STATES = {
    # such as this process itself, to whoever took its lease for over: it may have a new one by now
    "23503": _Kind(StoreConflict, "Something this needs has just gone; try again."),
    "23": _Kind(Exists, "The store has this already ({})."),
    "40001": _CONFLICT,
    "40P01": _CONFLICT,
    "53100": _Kind(StoreFull, "The disk of the database is full ({}); nothing was changed: try again later."),
    "53": _Kind(StoreUnavailable, "The database has no room for this now ({}); try again later."),
    "25006": _Kind(
        StoreUnavailable,
        "The database is read-only now ({}): it is a standby, or was set so; try again later.",
    ),
    "25P03": _Kind(StoreUnavailable, "The database ended a change that stood still ({}); try again."),
    "42501": _Kind(
        StoreUnavailable, "PostgreSQL's role lacks a right ({}): smsfs store migrate --grant gives it."
    ),
    "42P01": _LACKS,
    "42703": _LACKS,
    "3F000": _LACKS,
    "57014": _Kind(StoreUnavailable, "The database was told to cancel this ({}); try again."),
    "57": _GONE,
    "25": _Kind(StoreUnavailable, "The database ended a change ({}); try again."),
}
#: Broken pages (XX001) and indexes (XX002), a table's file that is gone, and a disk that cannot be read.
DAMAGE = (
    psycopg.errors.DataCorrupted,
    psycopg.errors.IndexCorrupted,
    psycopg.errors.UndefinedFile,
    psycopg.errors.IoError,
)
#: Faults of the statement or its values, which no waiting mends: they are the program's own.
_PROGRAMS = (psycopg.ProgrammingError, psycopg.DataError, psycopg.NotSupportedError)


def refused(exc: psycopg.Error) -> Refusal | None:
    """The refusal for a statement or commit that failed; None for a fault of the program's own."""
    state = exc.sqlstate or ""
    kind = _STATES.get(state) or _STATES.get(state[:2])
    if kind:
        return kind(exc)
    if isinstance(exc, _PROGRAMS):
        return None
    if state and not state.startswith("08"):
        return StoreUnavailable(f"The database failed ({first_line(exc)}); try again later.")
    return unconnected(exc)


def damage(exc: BaseException) -> StoreDamaged:
    """The refusal for one of ``DAMAGE``."""
    return StoreDamaged.told(
        first_line(exc), cure="fail over to a standby that is sound, or restore a backup of the database"
    )
