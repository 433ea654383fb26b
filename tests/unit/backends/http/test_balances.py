"""The credit that is left with a carrier, asked for over HTTP."""

import pytest

from smsfs.backends.http.asking import NotToldError, credit_of
from smsfs.backends.http.bulksms import BulkSmsConfig
from smsfs.backends.http.gatewayapi import GatewayApiConfig
from smsfs.backends.http.infobip import InfobipConfig
from smsfs.backends.http.kannel import KannelConfig
from smsfs.backends.http.smsportal import SmsPortalConfig
from smsfs.backends.http.twilio import TwilioConfig
from smsfs.backends.http.vonage import VonageConfig
from smsfs.secret import Secret
from smsfs.simulator.http import HttpSimulator
from smsfs.simulator.http.own import Own
from tests.support.http_carrier import on_a_thread

SECRET = Secret("a-secret-0123456789")
SECTIONS = [
    (lambda url: GatewayApiConfig("gatewayapi", url=url, token=SECRET), "12.5 DKK"),
    (lambda url: SmsPortalConfig("smsportal", "id", url=url, api_secret=SECRET), "12.5"),
    (
        lambda url: TwilioConfig("twilio", f"AC{0:032x}", url=url, token=SECRET, default_sender="Acme"),
        "12.5 USD",
    ),
    (
        lambda url: VonageConfig(
            "vonage", "key", url=url, api_secret=SECRET, default_sender="Acme", currency="EUR"
        ),
        "12.5 EUR",
    ),
    (lambda url: InfobipConfig("infobip", url=url, api_key=SECRET), "12.5 EUR"),
    (lambda url: BulkSmsConfig("bulksms", "id", url=url, token_secret=SECRET), "12.5"),
]


@pytest.fixture
def carrier():
    """A carrier with some credit left."""
    with on_a_thread(HttpSimulator(Own())) as found:
        found.credit = 12.5
        yield found


@pytest.mark.parametrize(("section", "expected"), SECTIONS)
def test_credit_of_each_provider(carrier, tmp_path, section, expected):
    """Nobody would see that the credit is about to end, until nothing leaves any more."""
    config = section(carrier.url)
    assert config.tells_credit
    assert credit_of(config, tmp_path) == expected
    carrier.credit = -1
    assert credit_of(config, tmp_path).partition(" ")[0] == "-1"


def test_credit_that_cannot_be_had(carrier, tmp_path):
    """A provider that is away, or tells none, would end the process that asks."""
    away = GatewayApiConfig("gatewayapi", url="http://127.0.0.1:1", token=SECRET)
    lost = GatewayApiConfig("gatewayapi", url=carrier.url + "/wrong", token=SECRET)
    silent = KannelConfig("kannel", url=carrier.url, username="u", password=SECRET)
    assert not silent.tells_credit
    for config in (away, lost, silent):
        with pytest.raises(NotToldError):
            credit_of(config, tmp_path)


@pytest.mark.parametrize(
    ("keys", "clause"),
    [
        ({"low_credit": -1}, "low_credit is -1"),
        ({"credit_email": "a@b.example"}, "credit_email is set, and low_credit is not"),
        ({"low_credit": 1, "credit_email": "nobody"}, "has to be an address of e-mail"),
        ({"low_credit": 1, "interface": "mobile", "default_sender": "Acme"}, "does not tell the credit"),
        ({"currency": "euros"}, "has to be a code such as EUR"),
    ],
)
def test_sections_that_cannot_work(keys, clause):
    """An operator would wait for a warning that never comes."""
    with pytest.raises(ValueError, match=clause):
        GatewayApiConfig("gatewayapi", token=SECRET, **keys)
