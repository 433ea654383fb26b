"""Prices as carriers tell them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsfs.backends.http.prices import multiplied, price, shared, summed


@pytest.mark.parametrize(
    ("amount", "currency", "expected"),
    [
        ("0.03330000", "", "0.0333"),
        (0.15, "dkk", "0.15 DKK"),
        ("-0.00750", "USD", "0.0075 USD"),
        (0, "EUR", "0 EUR"),
        (100, "EUR", "100 EUR"),
        ("1", "not a code", "1"),
        (1, 7, "1"),
        *[(bad, "EUR", "") for bad in (None, "", "x", True, [1], "NaN", "Infinity", "1e99", float("nan"))],
    ],
)
def test_prices_have_one_form(amount, currency, expected):
    """A sum of what messages cost would be wrong, or an answer that tells a price oddly be lost."""
    assert price(amount, currency) == expected


def test_price_of_parts():
    """A long message would be shown as cheap as a short one."""
    assert multiplied(0.01, 3, "EUR") == "0.03 EUR"
    assert summed(["0.0333", "0.0333"], "EUR") == "0.0666 EUR"
    assert [summed(parts, "") for parts in ([], ["1", None])] == ["", ""]


@given(st.decimals(0, 10_000, places=4), st.lists(st.integers(1, 9), min_size=1, max_size=50))
def test_shares_of_a_request_add_up(total, parts):
    """What messages cost would differ from what the carrier takes for them."""
    shares = shared(str(total), "EUR", parts)
    assert all(text.endswith(" EUR") for text in shares)
    assert sum(Decimal(text.partition(" ")[0]) for text in shares) == total
