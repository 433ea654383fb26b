"""Which column of a table holds the phone numbers, by its name and by what is in it."""

import re
import unicodedata
from collections.abc import Sequence

from smsfs.dialects.sampling import Candidate
from smsfs.sms.local import reader


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


#: In English, French, Dutch, German, Spanish, Italian, Portuguese, Swedish and Danish, without accents.
MOBILE = _words(
    "msisdn gsm mobile mobiele mobiel mobil movil movel telemovel cellulare celular cellphone cell handy "
    "portable"
)
PHONE = _words("telephone telefoon telefone telefono telefon rufnummer phone tel tlf")
NUMBER = _words("number numero nummer rufnr num nr no nbr")
_LINK = _words("n de du do da del di le la of the client customer contact kunden user")
_NOT = re.compile("fax|carrier|operator|prefix|type|country")
_digits = re.compile(r"\d+")

MAX_NAME = 60
#: Letters of a word that is no part of other words, as tel is of hotel.
SURE = 5
MOST = 0.5

_MOBILE_NAME, _PHONE_NAME, _MOBILE_PART, _PHONE_PART, _NUMBER_NAME = 4.0, 3.0, 2.0, 1.5, 0.5


def candidates(
    header: Sequence[str], rows: Sequence[Sequence[str]] = (), country: str = ""
) -> list[Candidate]:
    """The columns that may hold the phone numbers, the likeliest first.

    Args:
        header: the names of the columns.
        rows: some rows of the table; none to go by names alone.
        country: whose local numbers there may be; empty for none.
    """
    found = []
    for place, name in enumerate(header):
        score, reasons = by_name(name)
        cells = [row[place].strip() for row in rows if place < len(row)]
        more, reason = _by_content([cell for cell in cells if cell], country)
        if score + more > 0:
            found.append(Candidate(name, place, score + more, (*reasons, *reason)))
    return sorted(found, key=lambda candidate: (-candidate.score, candidate.place))


def find(header: Sequence[str], wanted: str = "") -> int | None:
    """Where the column of the phone numbers is; None if the first row does not name it.

    Args:
        header: the names of the columns.
        wanted: its name, in whatever case; empty for the one likeliest by name.
    """
    if wanted:
        if wanted in header:
            return header.index(wanted)
        meant = [name.strip().casefold() for name in header]
        return meant.index(wanted.casefold()) if wanted.casefold() in meant else None
    likely = candidates(header)
    return likely[0].place if likely else None


def by_name(name: str) -> tuple[float, tuple[str, ...]]:
    """How likely a column of this name holds phone numbers, with the reason; 0 for not at all."""
    plain = unicodedata.normalize("NFKD", name[:MAX_NAME]).casefold()
    plain = "".join(c for c in plain if c.isascii() and c.isalnum())
    rest = _digits.sub("", plain)
    later = 0.1 if rest != plain else 0.0  # phone2 comes after phone
    if not rest or _NOT.search(rest):
        return 0, ()
    for score, words, clause in (
        (_MOBILE_NAME, MOBILE, "it is named as mobile phone numbers are"),
        (_PHONE_NAME, PHONE, "it is named as phone numbers are"),
    ):
        if _consists_of(rest, words):
            return score - later, (clause,)
    for score, words in ((_MOBILE_PART, MOBILE), (_PHONE_PART, PHONE)):
        if word := next((word for word in words if len(word) >= SURE and word in rest), None):
            return score - later, (f'its name holds "{word}"',)
    if rest in NUMBER:
        return _NUMBER_NAME - later, ("it is named as some number",)
    return 0, ()


def _consists_of(name: str, words: Sequence[str]) -> bool:
    """Whether a name is one of the words, with nothing around it but words for number, or the like."""
    around = sorted({*PHONE, *NUMBER, *_LINK}, key=len, reverse=True)
    ends: dict[int, bool] = {0: False}  # how far words reach -> whether one of the wanted is among them
    for start in range(len(name)):
        if start not in ends:
            continue
        for word in (*words, *around):
            if name.startswith(word, start):
                end = start + len(word)
                ends[end] = ends.get(end, False) or ends[start] or word in words
    return ends.get(len(name), False)


def _by_content(cells: Sequence[str], country: str) -> tuple[float, tuple[str, ...]]:
    if not cells:
        return 0, ()
    good = sum(_is_number(cell, country) for cell in cells)
    share = good / len(cells)
    clause = f"{good} of {len(cells)} cells can be phone numbers"
    if share <= MOST:
        return -3, (clause,)
    return 3 * share, (clause,)


def _is_number(cell: str, country: str) -> bool:
    try:
        reader(country)(cell)
    except ValueError:
        return False
    return True
