"""Phone numbers of recipients: MSISDN as in ITU-T E.164, 15 digits at most, country code first."""

import re
import unicodedata
from functools import lru_cache

from smsfs.sms.quoting import quoted

MIN_DIGITS, MAX_DIGITS = 7, 15
#: Characters of a cell that may still hold one number and what people and programs put around its digits.
MAX_LENGTH = 100

_valid = re.compile(r"\+?([1-9][0-9]{6,14})").fullmatch

_EXPONENT = "a spreadsheet shortened it and its digits are lost: format the column as text and save it again"
_MINUS = "a minus sign stands before its first digit"
_TWO = "it holds two numbers: give each of them a row of its own"
_PUNCTUATED = "write its digits only, without spaces, dashes or brackets"
#: What a wrong number looks like, and the advice for it; the first that fits is given.
_HINTS = (
    (r"\+?[0-9]+[.,]0+", "a spreadsheet made it a decimal number: leave out what follows the digits"),
    (r"\+?0+[0-9 ().-]*", "write it with the country code, such as 45, in place of the leading zeros"),
    (r"\+?[0-9]+", f"with its country code a number has {MIN_DIGITS} to {MAX_DIGITS} digits"),
    (r"['\u2018\u2019`\u00b4]\+?[0-9]+", "an apostrophe stands before it: leave it out"),
    (r"\+?[0-9\s()./-]+", _PUNCTUATED),
    (r"\+?\d+", "its digits are not the plain 0 to 9"),
)
_COMPILED = [(re.compile(pattern).fullmatch, hint) for pattern, hint in _HINTS]

_exponent = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]*)? ?[eE] ?[+-]?[0-9]+").fullmatch
_punctuated = re.compile(r"\+?[0-9]+[ ()./-][0-9 ()./-]*").fullmatch
_decimal = re.compile(r"\+?[0-9]+[.,][0-9]{1,2}").fullmatch
_plain = re.compile(r"\+?[0-9]+").fullmatch
_minus = re.compile(r"[ (+]*-").match
#: The national zero shown behind a country code, where it is not dialled.
_zero = re.compile(r"((?:\+|00)[0-9 ]{1,5})\(0\)").sub
#: What may stand between two numbers in a cell; a plus begins the second.
_between = re.compile(r"[^0-9]+").split
_apart = re.compile(r"[,;/|&\n+]|[^0-9\W]+").split
#: Those of a phone number in the same cell as another, at least.
_DIGITS_OF_TWO = 7
_APOSTROPHES = "'\u2018\u2019`\u00b4"
#: Characters that pick a form of the one before them, by their first and last; Unicode calls them marks.
_SELECTORS = ((0x180B, 0x180F), (0xFE00, 0xFE0F), (0xE0100, 0xE01EF))


def msisdn(text: str) -> str:
    """The digits of a phone number, without the ``+`` it may start with.

    Raises:
        ValueError: it is not a phone number; the text is a clause that says why.
    """
    if found := _valid(text):
        return found[1]
    raise ValueError(_wrong(text))


def is_msisdn(text: str) -> bool:
    """Whether :func:`msisdn` would take it."""
    return _valid(text) is not None


def pasted(text: str, punctuation: str) -> str:
    """The ASCII digits of a number as people paste it, behind the ``+`` it may start with.

    Blanks and dashes of every kind, invisible characters and an apostrophe in front, as spreadsheets show
    one, are passed over; decimal digits of every script count as their value.

    Args:
        text: a cell that is to hold one number.
        punctuation: further ASCII characters to pass over, such as ``"()"``.

    Raises:
        ValueError: it is no number, or two; the text is a clause that says why.
    """
    if _plain(text):
        return text
    shown = _zero(r"\1", _simplified(text)) if len(text) <= MAX_LENGTH else ""
    if not shown:
        raise ValueError(_wrong(text))
    if shown[0] in _APOSTROPHES:
        shown = shown[1:].lstrip()
    if problem := _problem(shown):
        raise ValueError(f"{quoted(text)} is no phone number: {problem}")
    digits = "".join(c for c in shown if c not in " -" and c not in punctuation)
    if _decimal(shown.replace(" ", "")) or not _plain(digits):
        raise ValueError(_wrong(text))
    return digits


def _simplified(text: str) -> str:
    return "".join(map(_simple, text)).strip(" \n")


@lru_cache(maxsize=4096)
def _simple(character: str) -> str:
    """A character as ASCII writes it, empty if it is invisible; itself where ASCII has nothing like it."""
    if character.isascii():
        return "\n" if character in "\r\v\f" else " " if character == "\t" else character
    category = unicodedata.category(character)
    if category == "Nd":
        return str(unicodedata.decimal(character))
    if category == "Cf" or any(first <= ord(character) <= last for first, last in _SELECTORS):
        return ""
    if category == "Pd" or character == "\N{MINUS SIGN}":
        return "-"
    if category.startswith("Z") or character == "\x85":
        return " " if category == "Zs" else "\n"
    like = unicodedata.normalize("NFKC", character)
    return like if category.startswith(("P", "S")) and len(like) == 1 and like.isascii() else character


def _problem(shown: str) -> str | None:
    """Why a cell of simple characters cannot be one number."""
    if _exponent(shown):
        return _EXPONENT
    if _minus(shown):
        return _MINUS
    return _TWO if _holds_two(shown) else None


def _holds_two(shown: str) -> bool:
    """Whether two runs of digits, or two texts between what joins numbers, are each as long as a number."""
    return any(
        sum(sum(map(str.isdigit, piece)) >= _DIGITS_OF_TWO for piece in split(shown)) > 1
        for split in (_between, _apart)
    )


def _wrong(text: str) -> str:
    if not text:
        return "the phone number is missing"
    short = text[:MAX_LENGTH]  # a cell may hold 131,072 characters, and hints are for numbers
    shown = _simplified(short)
    hint = _problem(shown) or _invisible(short) or next((hint for fits, hint in _COMPILED if fits(short)), "")
    hint = hint or (_PUNCTUATED if _punctuated(shown) else "it may hold digits only")
    return f"{quoted(text)} is no phone number: {hint}"


def _invisible(text: str) -> str | None:
    """The invisible characters that keep a text from being a number, if there is anything else in it."""
    odd = next((c for c in text if not c.isascii() and _simple(c) in ("", " ")), None)
    digits = [place for place, c in enumerate(text) if c.isdecimal() or c == "+"]
    if odd is None or not digits:
        return None
    place = text.index(odd)
    where = "before" if place < digits[0] else "behind" if place > digits[-1] else "within"
    return f"an invisible character (U+{ord(odd):04X}) stands {where} the number"
