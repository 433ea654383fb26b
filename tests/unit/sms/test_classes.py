"""Message classes, and how each carrier is told of them."""

import json

import msgspec
import pytest

from smsfs.backends.http.bulksms import BulkSms, BulkSmsConfig
from smsfs.backends.http.gatewayapi import GatewayApi, GatewayApiConfig
from smsfs.backends.http.infobip import Infobip, InfobipConfig
from smsfs.backends.http.kannel import Kannel, KannelConfig
from smsfs.backends.http.template import Template
from smsfs.backends.http.template_options import TemplateConfig
from smsfs.backends.http.twilio import TwilioConfig
from smsfs.backends.http.vonage import Vonage, VonageConfig
from smsfs.backends.smpp.constants import Command
from smsfs.backends.smpp.decoder import decode
from smsfs.backends.smpp.options import SmppConfig
from smsfs.backends.smpp.outgoing import Composer
from smsfs.backends.smpp.pdu import HEADER
from smsfs.secret import Secret
from tests.support.backend_suite import envelope

SECRET = Secret("a-secret-0123456789")
URL = "http://127.0.0.1"


def of_class(klass, text="hello"):
    """A message of a class."""
    made = envelope(1, text=text)
    return msgspec.structs.replace(made, message=msgspec.structs.replace(made.message, klass=klass))


def asked(provider, klass):
    """The one request for a message of a class."""
    [request] = provider.requests([of_class(klass)])
    return request


@pytest.mark.parametrize(
    ("klass", "destination", "name"),
    [
        ("flash", "DISPLAY", "FLASH_SMS"),
        ("0", "DISPLAY", "FLASH_SMS"),
        ("1", "MOBILE", "ME_SPECIFIC"),
        ("2", "SIMCARD", "SIM_SPECIFIC"),
        ("3", "EXTUNIT", "TE_SPECIFIC"),
    ],
)
def test_providers_are_told(klass, destination, name):
    """A code that is to be seen at once, and not kept, would stay in the recipient's inbox."""
    number = "0" if klass == "flash" else klass
    [sent] = json.loads(asked(GatewayApi(GatewayApiConfig("gatewayapi", token=SECRET)), klass).body)
    assert (sent["destaddr"], sent["class"]) == (destination, "standard")
    [sent] = json.loads(asked(BulkSms(BulkSmsConfig("bulksms", "id", token_secret=SECRET)), klass).body)
    assert sent["messageClass"] == name
    kannel = Kannel(KannelConfig("kannel", url=URL, username="u", password=SECRET))
    assert asked(kannel, klass).headers["X-Kannel-Mclass"] == number
    vonage = Vonage(VonageConfig("vonage", "k", api_secret=SECRET, default_sender="Acme"))
    assert f"message-class={number}" in asked(vonage, klass).body.decode()
    own = TemplateConfig("http", url=URL, form={"to": "{to}", "text": "{text}", "class": "{mclass}"})
    assert f"class={number}" in asked(Template(own), klass).body.decode()


def test_flash_alone():
    """A message that is to be kept would be shown and be gone, or the other way round."""
    infobip = Infobip(InfobipConfig("infobip", url=URL, api_key=SECRET))
    sent = [json.loads(asked(infobip, klass).body)["messages"][0] for klass in ("flash", "1", "standard")]
    assert [item.get("options", {}).get("flash") for item in sent] == [True, None, None]
    own = TemplateConfig("http", url=URL, form={"to": "{to}", "text": "{text}", "flashsms": "{flash}"})
    bodies = [asked(Template(own), klass).body.decode() for klass in ("flash", "2")]
    assert ["flashsms=yes" in body for body in bodies] == [True, False]
    twilio = TwilioConfig("twilio", "AC1", token=SECRET, default_sender="Acme")
    assert [item.classes for item in (own, twilio)] == [{0}, set()]


def test_other_classes_are_left_alone():
    """A carrier would refuse every file, for a field that it does not know from them."""
    [sent] = json.loads(asked(GatewayApi(GatewayApiConfig("gatewayapi", token=SECRET)), "premium").body)
    assert (sent["class"], "destaddr" in sent) == ("premium", False)
    kannel = Kannel(KannelConfig("kannel", url=URL, username="u", password=SECRET))
    assert "X-Kannel-Mclass" not in asked(kannel, "standard").headers


@pytest.mark.parametrize("coding", [0, 3])
def test_data_coding_has_the_class(coding):
    """A flash message over SMPP would be kept like any other, or arrive as rubbish."""
    composer = Composer(SmppConfig("smpp", "h", "id", Secret("p"), data_coding_gsm7=coding))

    def codings(klass, text):
        made = of_class(klass, text)
        data = composer.short(made)
        if data is None:
            found, parts = composer.parts(made.message)
            data = composer.body(made, found, parts[0])
        head = HEADER.pack(HEADER.size + len(data), Command.SUBMIT_SM, 0, 1)
        return decode(head + data).data_coding

    assert [codings(klass, "hello") for klass in ("flash", "2", "standard")] == [0xF0, 0xF2, coding]
    assert [codings(klass, "\u4f60") for klass in ("0", "3", "standard")] == [0x18, 0x1B, 8]
