"""Texts in national tables: which ones are shortest, and how many SMS that takes.

A header names the tables, with three octets for each. It is worth it where a text that the default alphabet
cannot hold then takes fewer SMS than as UCS-2: one SMS holds about 150 letters rather than 70.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache

from attrs import frozen

from smsfs.sms import gsm, segments
from smsfs.sms.alphabets import LANGUAGES, Alphabet, alphabet
from smsfs.sms.segments import GSM7, SINGLE, UCS2

#: Octets of the element that joins parts, by the bits of its reference; and of one that names a table.
_JOINING = {8: 5, 16: 6}
_NAMING = 3


@frozen
class Shifted:
    """A text in septets under national tables.

    Attributes:
        locking: number of the language of the locking shift table; 0 for the default alphabet.
        single: number of the language of the single shift table; 0 for the default extension.
        parts: the septets of each SMS.
    """

    locking: int
    single: int
    parts: tuple[bytes, ...]


def count(text: str, languages: Sequence[int] = (), reference_bits: int = 8) -> tuple[str, int]:
    """The encoding of a text on the air, ``"gsm7"`` or ``"ucs2"``, and the number of its parts.

    Args:
        text: any.
        languages: numbers of the languages whose tables may be used.
        reference_bits: 8 or 16, the size of the reference number that joins parts.
    """
    found = segments.count(text, reference_bits)
    if found[0] != UCS2 or not languages:
        return found
    shifted = shift(text, tuple(languages), reference_bits)
    return (GSM7, len(shifted.parts)) if shifted else found


@lru_cache(maxsize=1024)  # the messages of a file have much in common
def shift(text: str, languages: tuple[int, ...], reference_bits: int = 8) -> Shifted | None:
    """A text under the tables with which it is shortest; None if it takes no fewer SMS than without them.

    Args:
        text: any.
        languages: numbers of the languages whose tables may be used.
        reference_bits: 8 or 16, the size of the reference number that joins parts.
    """
    encoding, most = segments.count(text, reference_bits)
    if encoding != UCS2 or most == 1:
        return None
    found = [_cut(each, text, reference_bits) for each in _fitting(text, languages)]
    best = min(found, key=_cost, default=None)
    return best if best and len(best.parts) < most else None


def _fitting(text: str, languages: tuple[int, ...]) -> Iterator[Alphabet]:
    """The alphabets that have every character of a text."""
    characters = set(text)
    lockings = [0, *(number for number in languages if LANGUAGES[number].locking)]
    for locking in lockings:
        for single in (0, *languages):
            tables = alphabet(locking, single)
            if all(character in tables.codes for character in characters):
                yield tables


def _cost(shifted: Shifted) -> tuple[int, int]:
    """SMS, and then septets."""
    names = bool(shifted.locking) + bool(shifted.single)
    return len(shifted.parts), sum(map(len, shifted.parts)) + names * _NAMING


def _cut(tables: Alphabet, text: str, reference_bits: int) -> Shifted:
    septets = tables.encode(text)
    named = _NAMING * (bool(tables.locking) + bool(tables.single))
    if len(septets) <= _room(named):
        return Shifted(tables.locking, tables.single, (septets,))
    step = _room(named + _JOINING[reference_bits])
    return Shifted(tables.locking, tables.single, tuple(_pieces(septets, step)))


def _room(elements: int) -> int:
    """Septets that fit one SMS beside a header with so many octets of elements."""
    return SINGLE[GSM7] - -(-(1 + elements) * 8 // 7)


def _pieces(septets: bytes, step: int) -> Iterator[bytes]:
    """Pieces of so many septets; one less where an escape would be parted from what it escapes."""
    start = 0
    while start < len(septets):
        end = start + step
        if end < len(septets) and septets[end - 1] == gsm.ESCAPE:
            end -= 1
        yield septets[start:end]
        start = end
