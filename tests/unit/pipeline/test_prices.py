"""What a message cost."""

from smsfs.pipeline.prices import price_of
from smsfs.store import Outcome


def told(price, event="delivered", carrier_id="c1", attempt=1):
    """An outcome that tells a price."""
    return Outcome(1, event, 1.0, carrier_id, attempt=attempt, price=price)


def test_price_of_a_message():
    """A customer would be charged twice for a message, or too little for one that was sent twice."""
    parts = [told("0.01 EUR"), told("0.01 EUR", carrier_id="c2"), told("0.011 EUR", "passing", "c2")]
    again = told("0.02 EUR", "accepted", attempt=2)
    assert price_of([Outcome(1, "accepted", 1.0, "c1")]) == ""
    assert price_of(parts) == "0.021 EUR"
    assert price_of([told("0.03 EUR", "accepted"), *parts]) == "0.03 EUR"
    assert price_of([*parts, again]) == "0.041 EUR"
    assert price_of([*parts, told("7", "accepted", attempt=2)]) == "7"
