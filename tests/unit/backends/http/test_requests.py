"""What holds for the requests of every provider, whatever messages there are."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsfs.backends import Envelope
from smsfs.backends.http import gatewayapi as gatewayapi_module
from smsfs.backends.http.bulksms import BulkSms, BulkSmsConfig
from smsfs.backends.http.contract import Response
from smsfs.backends.http.gatewayapi import GatewayApi, GatewayApiConfig
from smsfs.backends.http.infobip import Infobip, InfobipConfig
from smsfs.backends.http.kannel import Kannel, KannelConfig
from smsfs.backends.http.naxai import Naxai, NaxaiConfig
from smsfs.backends.http.smsportal import SmsPortal, SmsPortalConfig
from smsfs.backends.http.twilio import Twilio, TwilioConfig
from smsfs.backends.http.vonage import Vonage, VonageConfig
from smsfs.secret import Secret
from smsfs.simulator.http import bulksms, gatewayapi, infobip, kannel, naxai, smsportal, twilio, vonage
from smsfs.simulator.http.taken import Asked
from smsfs.sms.message import Message

ACCOUNT = "AC" + "0" * 32
DEFAULT_SENDERS = {
    "twilio": "+4599887766",
    "vonage": "Vonage",
    "kannel": "Kannel",
    "kannel by GET": "Kannel",
    "naxai": "Naxai",
    "gatewayapi by mobile": "Mobile",
}
KANNEL = {
    "url": "http://localhost",
    "username": "user",
    "password": Secret("secret"),
    "default_sender": "Kannel",
}


def with_token():
    """A provider that has given a token."""
    made = naxai.Naxai()
    made.tokens.add("token")
    return made


PROVIDERS = {
    "gatewayapi": (
        GatewayApi(GatewayApiConfig("gatewayapi", token=Secret("secret"))),
        lambda: gatewayapi.GatewayApi("secret"),
    ),
    "gatewayapi by mobile": (
        gatewayapi_module.made(
            GatewayApiConfig(
                "gatewayapi", token=Secret("secret"), interface="mobile", default_sender="Mobile"
            )
        ),
        lambda: gatewayapi.GatewayApi("secret"),
    ),
    "smsportal": (
        SmsPortal(SmsPortalConfig("smsportal", "client", api_secret=Secret("secret"))),
        lambda: smsportal.SmsPortal("client:secret"),
    ),
    "twilio": (
        Twilio(
            TwilioConfig("twilio", ACCOUNT, token=Secret("secret"), default_sender=DEFAULT_SENDERS["twilio"])
        ),
        lambda: twilio.Twilio(f"{ACCOUNT}:secret"),
    ),
    "vonage": (
        Vonage(VonageConfig("vonage", "key", api_secret=Secret("secret"), default_sender="Vonage")),
        lambda: vonage.Vonage("key:secret"),
    ),
    "infobip": (
        Infobip(InfobipConfig("infobip", url="http://localhost", api_key=Secret("secret"))),
        lambda: infobip.Infobip("secret"),
    ),
    "bulksms": (
        BulkSms(BulkSmsConfig("bulksms", "id", token_secret=Secret("secret"))),
        lambda: bulksms.BulkSms("id:secret"),
    ),
    "naxai": (
        Naxai(NaxaiConfig("naxai", "client", client_secret=Secret("secret"), default_sender="Naxai")),
        with_token,
    ),
    "kannel": (Kannel(KannelConfig("kannel", **KANNEL)), lambda: kannel.Kannel("user:secret")),
    "kannel by GET": (
        Kannel(KannelConfig("kannel", method="GET", **KANNEL)),
        lambda: kannel.Kannel("user:secret"),
    ),
}
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200)
MESSAGES = st.builds(
    Message,
    row=st.just(0),
    recipient=st.sampled_from(["4512345678", "4587654321", "46701234567"]),
    text=st.sampled_from(["Hello", "Hi æ €"]) | TEXTS,
    sender=st.sampled_from(["", "Acme", "+4511223344"]),
    klass=st.sampled_from(["standard", "premium"]),
    userref=st.sampled_from(["", "ref-1"]),
)


@pytest.mark.parametrize("name", PROVIDERS)
@given(
    messages=st.lists(MESSAGES, min_size=1, max_size=20), left=st.sampled_from([30.0, 3700.0, float("inf")])
)
def test_every_message_leaves_once_and_is_known(name, messages, left):
    """A message would be lost on the way to its request, leave twice, or in another's words."""
    provider, make = PROVIDERS[name]
    strict = make()
    envelopes = [
        Envelope(f"1-{row}", "shop", "a", 0.0, 1, msgspec.structs.replace(message, row=row), left=left)
        for row, message in enumerate(messages, 1)
    ]
    arrived, ids, number = [], [], 0
    for request in provider.requests(envelopes):
        token = {provider.login.header: f"{provider.login.prefix}token"} if provider.login else {}
        headers = {key.lower(): value for key, value in {**request.headers, **token}.items()}
        taken = strict.take(
            Asked(request.method, request.path, headers, request.body), number, lambda _: None
        )
        assert taken.status in (200, 201, 202), taken.body
        number += len(taken.messages)
        order = {item.id: item for item in taken.messages}
        answers = provider.verdict(request, Response(taken.status, taken.body))
        for item, answer in zip(request.envelopes, answers, strict=True):
            message = taken.messages[0] if name.startswith("kannel") else order[answer.id]  # it tells no ids
            arrived.append((item.key, message.destination, message.text, message.source.removeprefix("+")))
            ids.append(answer.id)
    assert len(set(ids)) == len(envelopes)
    expected = [
        (item.key, m.recipient, m.text, (m.sender or DEFAULT_SENDERS.get(name, "")).removeprefix("+"))
        for item in envelopes
        for m in [item.message]
    ]
    assert sorted(arrived) == sorted(expected)
