"""Phone numbers as people write them in one country, read as MSISDN.

The plans of the countries come from the ``phonenumbers`` package; numbers written with the country's own
code take a shorter way past it.
"""

import re
from collections.abc import Callable
from functools import cache

import phonenumbers
from phonenumbers import NumberParseException, PhoneMetadata, PhoneNumber

from smsfs.sms.numbers import MAX_DIGITS, is_msisdn, msisdn, pasted
from smsfs.sms.quoting import quoted

COUNTRIES = frozenset(phonenumbers.SUPPORTED_REGIONS)
#: What people put between digits, beside blanks and dashes.
PUNCTUATION = "()./"


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
    return msisdn(pasted(text, PUNCTUATION).removeprefix("00"))


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
    bare = pasted(text, PUNCTUATION)
    if bare.startswith(("00", "+")):
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
