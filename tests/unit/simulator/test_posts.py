"""What simulated providers post, and what our webhooks, which share no code with them, read of it."""

from pathlib import Path

import pytest

from smsfs.backends import Receipt, ReplyPart
from smsfs.backends.http.bulksms_hook import BulkSmsHook
from smsfs.backends.http.gatewayapi_hook import GatewayApiHook
from smsfs.backends.http.hooks import Call
from smsfs.backends.http.infobip_hook import InfobipHook
from smsfs.backends.http.kannel_hook import KannelHook, dlr_url
from smsfs.backends.http.naxai_hook import NaxaiHook
from smsfs.backends.http.smsportal_hook import SmsPortalHook
from smsfs.backends.http.template_hook import TemplateHook
from smsfs.backends.http.twilio_hook import TwilioHook
from smsfs.backends.http.vonage_hook import VonageHook
from smsfs.config import load
from smsfs.simulator.http import Message
from smsfs.simulator.http.posts import KINDS, PORTAL_SIGNATURE, PORTAL_TIMESTAMP, STATES, Reply

URL, SECRET, NOW = "https://sms.example.com/hooks/gw/token", "secret-0123456789", 1_796_038_556.0
OWN = Path(__file__).parents[3] / "packaging" / "smsfs-http.toml"
#: By provider: our webhook, and the id of a message.
READ = {
    "gatewayapi": (GatewayApiHook(), "1000001-4520000001"),
    "smsportal": (SmsPortalHook(PORTAL_SIGNATURE, PORTAL_TIMESTAMP), "1000001-4520000001"),
    "twilio": (TwilioHook(), "SM0123456789abcdef0123456789abcdef"),
    "kannel": (KannelHook(), "12-3-1"),
    "vonage": (VonageHook(), "0A00000000000001"),
    "infobip": (InfobipHook(), "2250000000001"),
    "naxai": (NaxaiHook("Authorization"), "naxai-1"),
    "bulksms": (BulkSmsHook(), "bulk-1"),
    "http": (None, "own-1"),
}
EVENTS = ["delivered", "undelivered", "passing"]


def read(provider):
    """Our webhook."""
    return READ[provider][0] or TemplateHook(load(OWN).backends["gateway"])


def called(post):
    """A call as our server has it."""
    headers = {name.lower(): value for name, value in {"Content-Type": post.kind, **post.headers}.items()}
    return Call(post.url, headers, post.body, post.method)


def message(provider, **fields):
    """A message that the provider took."""
    known = READ[provider][1]
    told = dlr_url(URL, known, "4520000001") if provider == "kannel" else ""
    return Message(source="1204", destination="4520000001", text="Hi", id=known, callback=told, **fields)


@pytest.mark.parametrize("provider", KINDS)
def test_receipts_are_read(provider):
    """The simulator would show a way that no message takes with the real provider, or ours be wrong."""
    kind, hook = KINDS[provider], read(provider)
    for state, event in zip(STATES, EVENTS, strict=True):
        [post] = kind.receipt(message(provider), state, URL, NOW)
        signed = called(kind.sign(post, SECRET, NOW))
        [receipt] = hook.delivered(signed)
        assert isinstance(receipt, Receipt)
        assert (receipt.id, receipt.recipient, receipt.event) == (READ[provider][1], "4520000001", event)
        assert signed.method in hook.methods


@pytest.mark.parametrize("provider", sorted(set(KINDS) - {"kannel", "infobip", "bulksms"}))
def test_signatures_are_those_of_the_provider(provider):
    """Every call of a simulated provider would be refused, or its signature mean nothing."""
    kind, hook = KINDS[provider], read(provider)
    for post in (*kind.receipt(message(provider), "delivered", URL, NOW), kind.reply(REPLY, URL, NOW)):
        signed = called(kind.sign(post, SECRET, NOW))
        assert hook.genuine(signed, SECRET)
        assert not hook.genuine(signed, "another-secret")
        assert not hook.genuine(called(post), SECRET)
        assert hook.stamp(signed) in (None, NOW)


REPLY = Reply("4520000001", "1204", "Ja & nej: 50 %\N{PARTY POPPER}", "mo-1")


@pytest.mark.parametrize("provider", KINDS)
def test_replies_are_read(provider):
    """A reply from the command line would not reach the account, or in other words."""
    [reply] = read(provider).delivered(called(KINDS[provider].reply(REPLY, URL, NOW)))
    assert isinstance(reply, ReplyPart)
    assert (reply.sender, reply.recipient, reply.text) == ("4520000001", "1204", REPLY.text)
    assert reply.id
    [again] = read(provider).delivered(called(KINDS[provider].reply(REPLY, URL, NOW)))
    assert again == reply


def test_parts_have_receipts_of_their_own():
    """A long message by Vonage would seem to have arrived when its first part has."""
    kind = KINDS["vonage"]
    long = Message(source="1204", destination="4520000001", text="x" * 400, id="0A1")
    posts = kind.receipt(long, "delivered", URL, NOW)
    assert [read("vonage").delivered(called(post))[0].id for post in posts] == ["0A1", "0A1-1", "0A1-2"]


def test_the_mobile_api_has_events():
    """The same, with the other interface of GatewayAPI."""
    kind, hook = KINDS["gatewayapi"], GatewayApiHook()
    mobile = Message(source="Acme", destination="4520000001", text="Hi", id="01000000000000000000000001")
    [post] = kind.receipt(mobile, "delivered", URL, NOW)
    signed = called(kind.sign(post, SECRET, NOW))
    assert hook.genuine(signed, SECRET)
    assert [item.id for item in hook.delivered(signed)] == [mobile.id]
