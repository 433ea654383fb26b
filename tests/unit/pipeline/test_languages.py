"""Messages are counted as the backend that they leave by sends them."""

import pytest

from smsfs.backends.measuring import Tongues
from smsfs.pipeline.reports.messages import statuses
from smsfs.sms.alphabets import NUMBERS

TONGUES = {"turkish": Tongues((NUMBERS["tr"],))}
TEXT = "Ağ şubesi, çağri. " * 5


@pytest.mark.parametrize(
    ("route", "expected"),
    [
        ("turkish", [("gsm7", 1), ("gsm7", 1)]),
        ("90=turkish,plain plain", [("gsm7", 1), ("ucs2", 2)]),
        ("plain,turkish", [("ucs2", 2), ("ucs2", 2)]),
    ],
)
def test_accepted_messages(house, route, expected):
    """An account would be charged for twice as many SMS as are sent."""
    house.set(backend=route, credits=sum(parts for _, parts in expected))
    rows = "".join(f'{number},"{TEXT}"\n' for number in ("905321234567", "4512345678"))
    number = house.submit(f"msisdn,message\n{rows}".encode())
    assert house.intake(tongues=TONGUES).step()
    assert house.batch(number).state == "accepted"
    found = [item.message for item in statuses(house.store, house.batch(number))]
    assert [(message.encoding, message.parts) for message in found] == expected


def test_too_long_for_a_connector(house):
    """A message would be refused for parts that its backend does not need."""
    settings = {"template": "{{ text }}", "max_parts": 1, "backend": "turkish"}
    shop = house.store.accounts.add("leads", "naxai", settings, 0.0, house.account.id)
    house.account = shop
    number = house.submit(f'phone,text\n905321234567,"{TEXT}"\n'.encode(), stem="x.csv")
    assert house.intake(tongues=TONGUES).step()
    (found,) = statuses(house.store, house.batch(number))
    assert (found.state, found.message.parts) == ("queued", 1)
