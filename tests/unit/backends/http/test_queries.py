"""Carriers that are asked what became of a message."""

import pytest

from smsfs.backends import Receipt
from smsfs.backends.http.asking import NotToldError, states_of
from smsfs.backends.http.bulksms import BulkSmsConfig
from smsfs.backends.http.gatewayapi import GatewayApiConfig
from smsfs.backends.http.infobip import InfobipConfig
from smsfs.backends.http.twilio import TwilioConfig
from smsfs.secret import Secret
from smsfs.simulator.http import HttpSimulator, Message
from smsfs.simulator.http.own import Own
from tests.support.http_carrier import on_a_thread

SECRET = Secret("a-secret-0123456789")
POLLED = {"poll_seconds": 60, "poll_rate": 100}
SECTIONS = {
    "gatewayapi": lambda url: GatewayApiConfig("gatewayapi", url=url, token=SECRET, **POLLED),
    "twilio": lambda url: TwilioConfig(
        "twilio", f"AC{0:032x}", url=url, token=SECRET, default_sender="Acme", **POLLED
    ),
    "bulksms": lambda url: BulkSmsConfig("bulksms", "id", url=url, token_secret=SECRET, **POLLED),
    "infobip": lambda url: InfobipConfig("infobip", url=url, api_key=SECRET, **POLLED),
}
TOLD = {
    "gatewayapi": ("DELIVERED", "", 1796038556.0),
    "twilio": ("DELIVERED", "0.0075 USD", None),
    "bulksms": ("DELIVERED", "1.5", None),
    "infobip": ("DELIVERED", "0.01 EUR", None),
}


@pytest.fixture
def carrier():
    """A carrier that has taken two messages under one number, as GatewayAPI counts."""
    with on_a_thread(HttpSimulator(Own())) as found:
        for number in ("4520000001", "4520000002"):
            found.messages.append(Message(source="Acme", destination=number, text="Hi", id=f"77-{number}"))
        yield found


@pytest.mark.parametrize("provider", SECTIONS)
def test_what_became_of_a_message(carrier, tmp_path, provider):
    """Where no webhook can be reached, nobody would ever learn whether a message arrived."""
    config = SECTIONS[provider](carrier.url)
    assert (config.tells_states, config.polled) == (True, True)
    ids = [message.id for message in carrier.messages]
    state, price, done = TOLD[provider]
    expected = [
        Receipt(message.id, message.destination, "delivered", "", state, done, price=price)
        for message in carrier.messages
    ]
    assert states_of(config, tmp_path, ids) == expected
    assert states_of(config, tmp_path, ["5"]) == []


def test_a_carrier_that_does_not_answer(tmp_path):
    """Messages would be passed over while a carrier is away, and their fate never be asked for again."""
    with pytest.raises(NotToldError):
        states_of(SECTIONS["twilio"]("http://127.0.0.1:1"), tmp_path, ["SM1"])


@pytest.mark.parametrize(
    ("keys", "clause"),
    [
        ({"poll_seconds": 5}, "poll_seconds is 5, and has to be from 60 to 86400"),
        ({"poll_seconds": 60, "poll_rate": 0}, "poll_rate is 0"),
        ({"poll_hours": 1000}, "poll_hours is 1000"),
        ({"poll_seconds": 60, "interface": "mobile", "default_sender": "A"}, "this provider cannot be asked"),
    ],
)
def test_sections_that_cannot_work(keys, clause):
    """A carrier would be asked without end, or never."""
    with pytest.raises(ValueError, match=clause):
        GatewayApiConfig("gatewayapi", token=SECRET, **keys)
