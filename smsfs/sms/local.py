"""Phone numbers as people write them in one country, read as MSISDN.

The plans of the countries come from the ``phonenumbers`` package; numbers written with the country's own
code take a shorter way past it.
"""

import re
from collections.abc import Callable
from functools import cache

import phonenumbers
from phonenumbers import NumberParseException, PhoneMetadata, PhoneNumber

from smsfs.sms.numbers import is_msisdn, msisdn
from smsfs.sms.quoting import quoted

COUNTRIES = frozenset(phonenumbers.SUPPORTED_REGIONS)
#: What people put between digits, and what spreadsheets and web pages leave there.
_FILLING = {ord(c): None for c in " ()-./\u00a0\u2007\u2009\u200b\u200e\u2010\u2011\u2013\u202a\u202c\u202f"}
_plain = re.compile(r"\+?[0-9]+").fullmatch
_begins = re.compile(r"[\s\u200e\u202a]*[+(0-9]").match
_decimal = re.compile(r"\+?[0-9]+[.,][0-9]{1,2}").fullmatch
#: The national zero shown behind a country code, where it is not dialled.
_zero = re.compile(r"((?:\+|00)[0-9 ]{1,5})\(0\)").sub
MAX_LENGTH = 40
MAX_DIGITS = 15


def reader(country: str) -> Callable[[str], str]:
    """A function that reads a number of ``country``, or with a country code, as MSISDN digits.

    It raises ValueError with a clause for what is no number. A number that could be meant both ways, as
    one of the country and as one with another country's code, is refused: it would reach a stranger.

    Args:
        country: two letters such as ``"BE"``; empty for numbers with their country codes only.
    """
    if not country:
        return _international
    own = _own_code(country)

    def read(text: str) -> str:
        return text if own(text) else _of_country(text, country)

    return read


def _international(text: str) -> str:
    return msisdn(_bare(text).removeprefix("00"))


def _bare(text: str) -> str:
    """The digits of a number without what stands between them; the text where anything else is in it."""
    text = text.strip()
    if len(text) > MAX_LENGTH or not _begins(text) or _decimal(text):
        return text
    bare = _zero(r"\1", text).translate(_FILLING)
    return bare if _plain(bare) else text


@cache
def _own_code(country: str) -> Callable[[str], object]:
    """Whether digits are surely one of the country's numbers with its code."""
    plan = PhoneMetadata.metadata_for_region(country)
    lengths = set(plan.general_desc.possible_length) if plan and plan.general_desc else set()
    code = str(phonenumbers.country_code_for_region(country))
    whole = {n: len(code) + n for n in lengths}
    sure = [n for n in lengths if whole[n] not in lengths and whole[n] <= MAX_DIGITS]
    return re.compile("|".join(f"{code}[1-9][0-9]{{{n - 1}}}" for n in sure) or "(?!)").fullmatch


def _of_country(text: str, country: str) -> str:
    bare = _bare(text)
    if bare.startswith(("00", "+")) or not _plain(bare):
        return msisdn(bare.removeprefix("00"))
    readings = [_parsed(bare, country)]
    if not bare.startswith("0"):  # no country's code does
        readings.append(_parsed(f"+{bare}", None))
    found = {digits: number for number in readings if number and is_msisdn(digits := _digits(number))}
    if len(found) > 1:
        found = {digits: number for digits, number in found.items() if phonenumbers.is_valid_number(number)}
    if len(found) > 1 and bare.startswith(_code_behind_zero(country)):
        return bare  # were it local, it would start with the zero
    if len(found) > 1:
        either = " or ".join(f"+{digits}" for digits in found)
        raise ValueError(f"{quoted(text)} may be {either}: write it with + and its country code")
    if not found:
        raise ValueError(f"{quoted(text)} is no phone number of {country}, nor one with a country code")
    return next(iter(found))


@cache
def _code_behind_zero(country: str) -> str:
    """The code of a country whose local numbers start with a zero; of others what no number starts with."""
    plan = PhoneMetadata.metadata_for_region(country)
    return str(plan.country_code) if plan and plan.national_prefix == "0" else "-"


def _parsed(text: str, country: str | None) -> PhoneNumber | None:
    try:
        number = phonenumbers.parse(text, country)
    except NumberParseException:
        return None
    return number if phonenumbers.is_possible_number(number) else None


def _digits(number: PhoneNumber) -> str:
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)[1:]
