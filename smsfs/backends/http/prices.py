"""Prices as carriers tell them, in one form: a decimal number, and the currency behind it if known. Pure."""

import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

#: What is beyond can only be a mistake.
MOST = Decimal(10) ** 9
#: Digits behind the point.
SMALLEST = Decimal("0.000001")
_currency = re.compile(r"[A-Za-z]{2,8}").fullmatch


def price(amount: Any, currency: Any = "") -> str:
    """A price, such as ``"0.0075 EUR"``; empty where there is none, or nothing that can be meant so.

    Args:
        amount: a number, or the text of one.
        currency: its code; left out where it is none.
    """
    found = _number(amount)
    return "" if found is None else _written(found, currency)


def credit(amount: Any, currency: Any = "") -> str:
    """What is left, in the same form; it may be less than nothing."""
    text, found = price(amount, currency), _number(amount)
    return f"-{text}" if text and found is not None and found < 0 else text


def multiplied(amount: Any, count: Any, currency: Any) -> str:
    """The price of so many SMS by that of one."""
    found, times = _number(amount), _number(count)
    return "" if found is None or times is None else _written(found * times, currency)


def summed(amounts: Sequence[Any], currency: Any) -> str:
    """The price of a message by those of its parts; empty where one of them is missing."""
    found = [_number(amount) for amount in amounts]
    known = [amount for amount in found if amount is not None]
    return _written(sum(known, Decimal(0)), currency) if known and len(known) == len(found) else ""


def shared(amount: Any, currency: Any, parts: Sequence[int]) -> list[str]:
    """The price of each of some messages, by their parts, where the carrier tells what all of them cost."""
    total, count = _number(amount), sum(parts)
    if total is None or not count:
        return [""] * len(parts)
    whole, before, so_far = int(total / SMALLEST), 0, 0
    shares, written = [], dict[int, str]()  # most shares of a request are alike
    for own in parts:
        so_far += own
        until = whole * so_far // count
        share, before = until - before, until
        if share not in written:
            written[share] = _written(share * SMALLEST, currency)
        shares.append(written[share])
    return shares


def _number(amount: Any) -> Decimal | None:
    if isinstance(amount, bool) or not isinstance(amount, int | float | str):
        return None
    try:
        found = Decimal(str(amount).strip())
    except InvalidOperation:
        return None
    return found if found.is_finite() and abs(found) <= MOST else None


def _written(amount: Decimal, currency: Any) -> str:
    """Without zeros at the end; Twilio writes what it takes with a minus."""
    text = f"{abs(amount).quantize(SMALLEST).normalize():f}"
    known = isinstance(currency, str) and _currency(currency.strip())
    return f"{text} {currency.strip().upper()}" if known else text
