"""What Twilio posts to a webhook: who signed it, and what it says."""

from urllib.parse import parse_qsl, urlencode

import pytest

from smsfs.backends import Receipt, ReplyPart
from smsfs.backends.http.hooks import Call, UnreadableCallError
from smsfs.backends.http.providers import made
from smsfs.backends.http.twilio import TwilioConfig
from smsfs.backends.http.twilio_hook import TwilioHook
from smsfs.config import checked
from smsfs.errors import ConfigurationError
from smsfs.secret import Secret
from smsfs.simulator.http import twilio as strict
from smsfs.simulator.http.taken import Asked
from tests.support.backend_suite import envelope

HOOK, TOKEN, SHARED = TwilioHook(), "12345", "shared-key-secret"
FORM = "application/x-www-form-urlencoded"
URL, SID = "https://smsfs.example/twilio/status?acct=7", "SM0123456789abcdef0123456789abcdef"
#: Signatures and forms were made by the provider's own library.
STATUS = {
    "AccountSid": "AC" + "0" * 32,
    "ApiVersion": "2010-04-01",
    "From": "+15005550006",
    "MessageSid": SID,
    "SmsSid": SID,
    "MessageStatus": "delivered",
    "SmsStatus": "delivered",
    "To": "+4520000001",
}
SIGNATURE, SHARED_SIGNATURE = "hD2sN1wZJv2VnQw4XSbOvk2ZDiI=", "lfrghvuUdWxyyshFE0utz5jzZQHrSCK14qQ46DaFB28="
SETTINGS = "x-twilio-webhooks-signature-settings"
JSON_URL = (
    "https://smsfs.example/twilio/json"
    "?bodySHA256=015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862"
)


def call(form, url=URL, signature="", **headers):
    """A call with a form, or with another body."""
    kind = {} if isinstance(form, bytes) else {"content-type": f"{FORM}; charset=UTF-8"}
    body = form if isinstance(form, bytes) else urlencode(form).encode()
    return Call(url, {**kind, "x-twilio-signature": signature, **headers}, body)


def test_price_of_a_status():
    """What a message cost would be thrown away where Twilio tells it."""
    assert [item.price for item in HOOK.delivered(call(STATUS))] == [""]
    told = call({**STATUS, "Price": "-0.0075", "PriceUnit": "USD"})
    assert [item.price for item in HOOK.delivered(told)] == ["0.0075 USD"]


def test_signature_of_a_form_is_checked():
    """A stranger who knows the address could post receipts, or true ones be refused."""
    assert HOOK.genuine(call(STATUS, signature=SIGNATURE), TOKEN)
    for url in ("https://smsfs.example:443/twilio/status?acct=7", URL.replace("acct", "acc%74")):
        assert HOOK.genuine(call(STATUS, url, SIGNATURE), TOKEN) == (":443" in url)
    doubled = [("b", "2"), ("a", "x"), ("b", "1"), ("b", "2")]
    assert HOOK.genuine(call(doubled, "https://h.example/p", "xP68FJoLJVTYMtZNMGPetG87ul4="), TOKEN)
    wrong = [
        call(STATUS),
        call(STATUS, signature=SIGNATURE.lower()),
        call({**STATUS, "To": "+4520000002"}, signature=SIGNATURE),
        call({**STATUS, "More": ""}, signature=SIGNATURE),
        call(STATUS, URL.replace("7", "8"), SIGNATURE),
        call(STATUS, URL.replace("https", "http"), SIGNATURE),
        call(STATUS, "https://smsfs.example:x/", SIGNATURE),
        call(STATUS, "https://[/\udcff", SIGNATURE),
        call(STATUS, signature="\udcff"),
        call({}, signature=SIGNATURE),
        Call(URL, {"content-type": FORM}, b"\xff"),
    ]
    assert [HOOK.genuine(item, TOKEN) for item in wrong] == [False] * len(wrong)
    assert not HOOK.genuine(call(STATUS, signature=SIGNATURE), "another")


def test_signature_by_a_shared_key_is_checked():
    """The same for accounts whose webhooks are signed in the newer way."""
    settings = {SETTINGS: "key=SK1,algorithm=HMAC_SHA256"}
    assert HOOK.genuine(call(STATUS, signature=SHARED_SIGNATURE, **settings), SHARED)
    assert not HOOK.genuine(call(STATUS, signature=SHARED_SIGNATURE), SHARED)
    for other in ("key=SK1,algorithm=NONE", "key=SK1", ",=,"):
        assert not HOOK.genuine(call(STATUS, signature=SHARED_SIGNATURE, **{SETTINGS: other}), SHARED)


def test_signature_of_another_body_is_checked():
    """A stranger could post any body that is no form to an address that was signed once."""
    signature = "kkVNoEo4F7bBXOS/eus5p/4sDqM="
    assert HOOK.genuine(call(b'{"a":1}', JSON_URL, signature), TOKEN)
    assert not HOOK.genuine(call(b'{"a":2}', JSON_URL, signature), TOKEN)
    assert not HOOK.genuine(call(b'{"a":1}', JSON_URL.partition("?")[0], signature), TOKEN)
    assert not HOOK.genuine(call(b"MessageSid=x", signature=SIGNATURE), TOKEN)


@pytest.mark.parametrize(
    ("status", "event"),
    [
        ("delivered", "delivered"),
        ("read", "delivered"),
        ("undelivered", "undelivered"),
        ("failed", "undelivered"),
        ("canceled", "undelivered"),
        ("sent", "passing"),
        ("queued", "passing"),
        ("a_new_one", "passing"),
    ],
)
def test_receipts(status, event):
    """A message that did not arrive would be shown as delivered, or the other way round."""
    form = {**STATUS, "MessageStatus": status, "ErrorCode": "30003", "RawDlrDoneDate": "2611301000"}
    assert HOOK.delivered(call(form)) == [Receipt(SID, "4520000001", event, "30003", status.upper())]
    older = {"MessageSid": SID, "To": "+4520000001", "SmsStatus": status}
    assert HOOK.delivered(call(older)) == [Receipt(SID, "4520000001", event, "", status.upper())]


def test_replies():
    """What a person answers would be lost, or come to the wrong number."""
    form = {"MessageSid": SID, "SmsStatus": "received", "From": "+4520000001", "To": "+15005550006"}
    said = {**form, "Body": "STOP \N{PARTY POPPER}&=", "NumMedia": "0"}
    assert HOOK.delivered(call(said)) == [
        ReplyPart("4520000001", "15005550006", "STOP \N{PARTY POPPER}&=", id=SID)
    ]
    [picture] = HOOK.delivered(call(form))
    assert picture.text == ""
    assert "<Response></Response>" in HOOK.answer, "another answer would go to the person"


@pytest.mark.parametrize("odd", [{"MessageSid": " "}, {"MessageStatus": "1"}, {"To": "whatsapp:+4520000001"}])
def test_odd_forms_are_kept(odd):
    """A call that can never be read would come again and again, or be lost without a word."""
    [receipt] = HOOK.delivered(call({**STATUS, **odd}))
    assert (receipt.id, receipt.event) == ("", "")
    [receipt] = HOOK.delivered(call({"odd": "1"}))
    assert (receipt.id, receipt.event) == ("", "")


@pytest.mark.parametrize("body", [b"", b"\xff", b"{}", b"<html>", b"&".join([b"a=1"] * 2000)])
def test_garbage_is_no_call(body):
    """Garbage would be acknowledged as if it were stored, or end in a traceback."""
    with pytest.raises(UnreadableCallError):
        HOOK.delivered(call(body))


def test_messages_ask_for_receipts(tmp_path):
    """Twilio would post no receipt at all: outside of a messaging service, only the message says where to."""
    hook = {"hook_token": Secret("hook-0123456789ab")}

    def form(place=("gate way", "https://smsfs.example/"), **options):
        config = TwilioConfig("twilio", "AC" + "0" * 32, token=Secret("s"), default_sender="Acme", **options)
        [request] = made(config, tmp_path, {}, place).requests([envelope(1)])
        headers = {key.lower(): value for key, value in request.headers.items()}
        asked = Asked("POST", request.path, headers, request.body)
        assert strict.Twilio().take(asked, 1, lambda _: "").status == 201
        return dict(parse_qsl(request.body.decode()))

    assert form(**hook)["StatusCallback"] == "https://smsfs.example/hooks/gate%20way/hook-0123456789ab"
    for other in (
        form(),
        form(("x", "https://x.example")),
        form(("gateway", ""), **hook),
        form(hook_token_file="nowhere"),
    ):
        assert "StatusCallback" not in other


def test_an_address_that_nobody_said_is_missed():
    """No receipt would ever come in, and nothing would say so."""
    login = {"account_sid": "AC" + "0" * 32, "token": "s", "default_sender": "Acme"}
    backend = {"type": "twilio", **login, "hook_token": "hook-0123456789ab"}
    sections = {"store": {"url": "sqlite:////tmp/smsfs.db"}, "backends": {"outbox": backend}}
    web = {"public_url": "https://smsfs.example"}
    assert checked({**sections, "web": web}, "smsfs.toml").backends["outbox"].told_address
    with pytest.raises(ConfigurationError) as raised:
        checked({**sections, "web": {}}, "smsfs.toml")
    assert "[backends.outbox] has a hook_token, but [web] has no public_url" in str(raised.value)
