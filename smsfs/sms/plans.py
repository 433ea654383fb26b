"""Numbering plans: which numbers can exist, and what a number written for one country is everywhere.

The plans are those of the ``phonenumbers`` package (Google's libphonenumber). They lag behind a regulator
who opens a range, so callers must be able to do without them.
"""

import re

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat

from smsfs.sms.numbers import MAX_DIGITS, MIN_DIGITS, msisdn, pasted
from smsfs.sms.quoting import quoted

#: No dot: a spreadsheet that makes 27821234567.0 of a number must not add a digit to it.
PUNCTUATION = "()"
_written = re.compile(r"(\+|00)?([0-9]+)").fullmatch
_CODES = frozenset(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)


class NoNetworkError(ValueError):
    """It is written as a number, but no plan has it; the text is a clause."""


def is_country(code: str) -> bool:
    """Whether there is a plan for this country, two capital letters as in ISO 3166-1."""
    return code in phonenumbers.SUPPORTED_REGIONS


def international(text: str, country: str = "", *, check: bool = True) -> str:
    """The digits of a number, country code first.

    A leading ``+`` or ``00`` and the usual punctuation are passed over. With ``country``, a number that
    starts with 0 is one of that country, and so is one that no plan has as it stands but that country's has.

    Args:
        text: as the client wrote it.
        country: as in ISO 3166-1, such as ``"ZA"``; empty where numbers are always international.
        check: refuse numbers that no plan has.

    Raises:
        NoNetworkError: it has too few or too many digits, or no plan has it.
        ValueError: it is no number at all.
    """
    found = _written(pasted(text, PUNCTUATION))
    if not found:  # a further plus or zeros in front
        return msisdn(text)  # which knows what is wrong with it
    prefix, digits = found.groups()
    if prefix or not (country and digits.startswith("0")):
        if not check and _fits(digits):
            return digits
        if check and (known := _planned(digits)):
            return known
    if not prefix and country and (known := _parsed(digits, country, check=check)):
        return known
    raise NoNetworkError(_wrong(text, digits, country))


def _fits(digits: str) -> bool:
    return MIN_DIGITS <= len(digits) <= MAX_DIGITS and not digits.startswith("0")


def _planned(digits: str) -> str | None:
    """An international number as its plan writes it; the usual one without parsing it."""
    if not _fits(digits):
        return None
    for length in (1, 2, 3):
        code, rest = int(digits[:length]), digits[length:]
        if code in _CODES and not rest.startswith("0"):
            if phonenumbers.is_valid_number(phonenumbers.PhoneNumber(code, int(rest))):
                return digits
            break
    return _parsed("+" + digits, None, check=True)


def _parsed(text: str, country: str | None, *, check: bool) -> str | None:
    try:
        number = phonenumbers.parse(text, country)
    except NumberParseException:
        return None
    if check and not phonenumbers.is_valid_number(number):
        return None
    written = phonenumbers.format_number(number, PhoneNumberFormat.E164)[1:]
    return written if _fits(written) else None


def _wrong(text: str, digits: str, country: str) -> str:
    if digits.startswith("0") and not country:
        return f"{quoted(text)} has no country code: write it in place of the leading zeros"
    if not MIN_DIGITS <= len(digits) <= MAX_DIGITS:
        size = f"with its country code a number has {MIN_DIGITS} to {MAX_DIGITS} digits"
        return f"{quoted(text)} belongs to no network: {size}"
    return f"{quoted(text)} belongs to no network: no numbering plan has such a number"
