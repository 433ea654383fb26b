"""How a dialect is set up from a sample of the files to come."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, BinaryIO

from attrs import frozen

#: Why a file that ends after the names of its columns is not one to send.
NO_ROWS = "the file has no rows behind its column names"


@frozen
class Sample:
    """The beginning of a file of the kind that is to be sent.

    Attributes:
        line: of the first row, from 1.
        names: of the columns.
        rows: the first rows behind those.
    """

    line: int
    names: Sequence[str]
    rows: Sequence[Sequence[str]]


@frozen
class Candidate:
    """A column that may hold the phone numbers.

    Attributes:
        name: as the first row writes it.
        place: from 0.
        score: for comparison; more is likelier.
        reasons: clauses for people.
    """

    name: str
    place: int
    score: float
    reasons: tuple[str, ...]


@frozen
class Sampling:
    """What a dialect knows about samples.

    Attributes:
        read: the sample in a file of so many bytes, with up to a number of rows; raises Unreadable.
        find: where the column of that name is; None if there is none.
        candidates: the columns that may hold phone numbers, the likeliest first, where local numbers are a
            country's.
        check: whether the settings' text fits the columns; raises Unreadable if it does not.
    """

    read: Callable[[BinaryIO, int, int], Sample]
    find: Callable[[Sequence[str], str], int | None]
    candidates: Callable[[Sequence[str], Sequence[Sequence[str]], str], list[Candidate]]
    check: Callable[[Sample, Mapping[str, Any]], None]
