"""Phone numbers of recipients: MSISDN as in ITU-T E.164, 15 digits at most, country code first."""

import re

from smsfs.sms.quoting import quoted

MIN_DIGITS, MAX_DIGITS = 7, 15

_valid = re.compile(r"\+?([1-9][0-9]{6,14})").fullmatch

#: What a wrong number looks like, and the advice for it; the first that fits is given.
_HINTS = (
    (
        r"[0-9]([.,][0-9]*)?[eE]\+?[0-9]+",
        "a spreadsheet shortened it and its digits are lost: format the column as text and save it again",
    ),
    (r"\+?[0-9]+[.,]0+", "a spreadsheet made it a decimal number: leave out what follows the digits"),
    (r"\+?0+[0-9 ().-]*", "write it with the country code, such as 45, in place of the leading zeros"),
    (r"\+?[0-9]+", f"with its country code a number has {MIN_DIGITS} to {MAX_DIGITS} digits"),
    (r"\+?[0-9\s()./-]+", "write its digits only, without spaces, dashes or brackets"),
    (r"\+?\d+", "its digits are not the plain 0 to 9"),
)
_COMPILED = [(re.compile(pattern).fullmatch, hint) for pattern, hint in _HINTS]


def msisdn(text: str) -> str:
    """The digits of a phone number, without the ``+`` it may start with.

    Raises:
        ValueError: it is none; the text is a clause that says why.
    """
    if found := _valid(text):
        return found[1]
    raise ValueError(_wrong(text))


def is_msisdn(text: str) -> bool:
    """Whether :func:`msisdn` would take it."""
    return _valid(text) is not None


def _wrong(text: str) -> str:
    if not text:
        return "the phone number is missing"
    short = text[:100]  # a cell may hold 131,072 characters, and hints are for numbers
    hint = next((hint for fits, hint in _COMPILED if fits(short)), "it may hold digits only")
    return f"{quoted(text)} is no phone number: {hint}"
