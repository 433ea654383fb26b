"""The alphabets of GSM 7 bit text: a locking shift table and a single shift table each (3GPP TS 23.038).

A header before the text names the tables by the number of a language; 0 is the default alphabet, or its
extension. Septets are kept unpacked, one to an octet.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache

from attrs import field, frozen

from smsfs.sms import gsm, national
from smsfs.sms.national import Runs

#: Stands where a table has no character.
VOID = "\ufffd"
SEPTETS = 128


@frozen
class Language:
    """A language with tables of its own.

    Attributes:
        number: its National Language Identifier (section 6.2.1.2.4).
        code: as in ISO 639-1.
        locking: what the septets 0x00 to 0x7F mean under its locking shift table; None if it has none.
        single: what they mean behind an escape, under its single shift table.
    """

    number: int
    code: str
    locking: str | None
    single: str


def _filled(*layers: Runs) -> str:
    """A table in full; a later layer counts for more."""
    places = [VOID] * SEPTETS
    for layer in layers:
        for start, characters in layer.items():
            places[start : start + len(characters)] = characters
    places[gsm.ESCAPE] = "\x1b"
    return "".join(places)


_DEFAULT: Runs = {0: gsm.BASIC}
_DEFAULT_SINGLE: Runs = {septet: character for character, septet in gsm.EXTENSION.items()}


def _languages() -> Iterator[Language]:
    latin = [
        ("tr", national.TURKISH, national.TURKISH_SINGLE),
        ("es", None, national.SPANISH_SINGLE),
        ("pt", national.PORTUGUESE, national.PORTUGUESE_SINGLE),
    ]
    indic = [
        ("bn", national.BENGALI, national.BENGALI_SINGLE),
        ("gu", national.GUJARATI, national.GUJARATI_SINGLE),
        ("hi", national.HINDI, national.HINDI_SINGLE),
        ("kn", national.KANNADA, national.KANNADA_SINGLE),
        ("ml", national.MALAYALAM, national.MALAYALAM_SINGLE),
        ("or", national.ORIYA, national.ORIYA_SINGLE),
        ("pa", national.PUNJABI, national.PUNJABI_SINGLE),
        ("ta", national.TAMIL, national.TAMIL_SINGLE),
        ("te", national.TELUGU, national.TELUGU_SINGLE),
        ("ur", national.URDU, national.URDU_SINGLE),
    ]
    for number, (code, locking, single) in enumerate(latin, 1):
        whole = None if locking is None else _filled(_DEFAULT, locking)
        yield Language(number, code, whole, _filled(_DEFAULT_SINGLE, single))
    for number, (code, own, single) in enumerate(indic, 1 + len(latin)):
        yield Language(number, code, _filled(national.INDIC, own), _filled(national.INDIC_SINGLE, single))


#: By National Language Identifier.
LANGUAGES: dict[int, Language] = {language.number: language for language in _languages()}
#: Code of a language -> its National Language Identifier.
NUMBERS: dict[str, int] = {language.code: language.number for language in LANGUAGES.values()}


@frozen
class Alphabet:
    """A locking and a single shift table.

    Attributes:
        locking: number of the locking shift table's language; 0 for the default alphabet.
        single: number of the single shift table's; 0 for the default extension.
        basic: the character of each septet.
        extension: of each septet behind an escape; :data:`VOID` where it means what it means in ``basic``.
        codes: the septets of each character.
    """

    locking: int
    single: int
    basic: str = field(repr=False)
    extension: str = field(repr=False)
    codes: Mapping[str, bytes] = field(repr=False)

    def decode(self, septets: bytes) -> str:
        """The text of septets; an octet over 0x7F, and a septet that means nothing, read as U+FFFD."""
        text, rest = [], iter(septets)
        for septet in rest:
            if septet == gsm.ESCAPE:
                text.append(self._escaped(next(rest, gsm.ESCAPE)))
            else:
                text.append(self.basic[septet] if septet < SEPTETS else VOID)
        return "".join(text)

    def _escaped(self, septet: int) -> str:
        """As section 6.2.1.1 asks of a receiver."""
        if septet == gsm.ESCAPE:
            return " "
        if septet >= SEPTETS:
            return VOID
        found = self.extension[septet]
        return self.basic[septet] if found == VOID else found

    def length(self, text: str) -> int | None:
        """How many septets the text takes; None if the tables lack one of its characters."""
        try:
            return sum([len(self.codes[character]) for character in text])
        except KeyError:
            return None

    def encode(self, text: str) -> bytes:
        """The text as septets.

        Raises:
            KeyError: the tables lack a character.
        """
        return b"".join([self.codes[character] for character in text])


@lru_cache(maxsize=256)
def alphabet(locking: int = 0, single: int = 0) -> Alphabet:
    """The alphabet of two languages' tables; a number that has no such table means the default one.

    Args:
        locking: National Language Identifier of the locking shift table.
        single: of the single shift table.
    """
    own, other = LANGUAGES.get(locking), LANGUAGES.get(single)
    locking, basic = (locking, own.locking) if own and own.locking else (0, gsm.BASIC)
    single, extension = (single, other.single) if other else (0, _filled(_DEFAULT_SINGLE))
    return Alphabet(locking, single, basic, extension, _codes(basic, extension))


def _codes(basic: str, extension: str) -> dict[str, bytes]:
    """The septets of each character, the fewest that there are."""
    pairs = [(character, bytes((gsm.ESCAPE, septet))) for septet, character in enumerate(extension)]
    singles = [(character, bytes((septet,))) for septet, character in enumerate(basic)]
    codes = dict([*reversed(pairs), *reversed(singles)])
    return {character: code for character, code in codes.items() if character not in {VOID, "\x1b"}}
