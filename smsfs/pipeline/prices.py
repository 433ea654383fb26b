"""What a message cost, as carriers told it."""

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal

from smsfs.store import Outcome


def price_of(outcomes: Sequence[Outcome]) -> str:
    """A decimal number, and a currency behind a blank if it is known; empty where no carrier told it.

    Of each attempt, what its answer says, or else what receipts say of its parts. Attempts of one currency
    are added; of several currencies, the last one is told.

    Args:
        outcomes: all of a message, oldest first.
    """
    told: dict[int, dict[str, str]] = defaultdict(dict)
    for item in outcomes:
        if item.price and (item.event == "accepted" or "" not in told[item.attempt]):
            told[item.attempt]["" if item.event == "accepted" else item.carrier_id] = item.price
    sums: dict[str, Decimal] = {}
    for own in told.values():
        for text in [own[""]] if "" in own else own.values():
            amount, _, currency = text.partition(" ")
            sums[currency] = sums.get(currency, Decimal(0)) + Decimal(amount)
    if not sums:
        return ""
    currency, amount_ = list(sums.items())[-1]
    return f"{amount_:f} {currency}".strip()
