"""The first row of a table: which column holds what."""

from collections.abc import Mapping, Sequence

from smsfs.errors import Cause, Unreadable
from smsfs.sms.quoting import quoted


def positions(
    header: Sequence[str],
    line: int,
    required: Sequence[str],
    optional: Sequence[str],
    others: Mapping[str, str],
    *,
    ignore_unknown: bool = False,
) -> dict[str, int]:
    """Where each known column is, counted from 0.

    Args:
        header: the cells of the first row; names match exactly.
        line: where it is.
        required: names that must be there.
        optional: names that may be there.
        others: delimiter that is not this file's -> the clause for a header that uses it.
        ignore_unknown: pass over further columns, but never one that a known name was meant by.

    Raises:
        Unreadable: a column is missing, repeated, misspelt or unknown.
    """
    known = (*required, *optional)
    places: dict[str, int] = {}
    problem = _wrong_delimiter(header, others)
    for place, name in enumerate(header):
        problem = problem or _wrong_name(name, place, known, places, ignore_unknown=ignore_unknown)
        if problem:
            raise Unreadable(Cause(problem, line))
        if name in known:
            places[name] = place
    for name in required:
        if name not in places:
            raise Unreadable(Cause(f"the first row names no column {quoted(name)}", line))
    return places


def _wrong_delimiter(header: Sequence[str], others: Mapping[str, str]) -> str | None:
    if len(header) > 1:
        return None
    return next((hint for other, hint in others.items() if other in header[0]), None)


def _wrong_name(
    name: str, place: int, known: Sequence[str], seen: Mapping[str, int], *, ignore_unknown: bool
) -> str | None:
    if name in seen:
        return f"the first row names column {quoted(name)} twice"
    if name in known:
        return None
    meant = name.strip().lower()
    if meant in known:
        return f"column {quoted(name)} must be named {quoted(meant)} exactly"
    if ignore_unknown:
        return None
    if not meant:
        return f"column {place + 1} of the first row has no name"
    return f"column {quoted(name)} is unknown; the columns are {', '.join(known)}"
