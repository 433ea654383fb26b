"""What providers post to a webhook: who signed it, and what it says."""

import json
from base64 import urlsafe_b64encode
from hashlib import sha256
from hmac import digest

import pytest

from smsfs.backends import Receipt, ReplyPart
from smsfs.backends.http.gatewayapi_hook import GatewayApiHook
from smsfs.backends.http.hooks import MOST_ITEMS, Call, UnreadableCallError
from smsfs.backends.http.smsportal_hook import SmsPortalHook

GATEWAY, PORTAL = GatewayApiHook(), SmsPortalHook("X-Signature", "X-Timestamp")
KEY = "gw-secret-0123456789abcdef012345"
#: Receipt and token as in the provider's documentation; the signature was made by another program.
CLAIMS = b'{"id":1000001,"msisdn":4520000001,"time":1796038556,"status":"DELIVERED","userref":"row-1"}'
SIGNATURE = "IyhfxGqFr7xYVXro-bNzi36vMEiWew3aPUL7Gp7E_Q0"
MOBILE = (
    b'{"event_id":"01E","timestamp":"2026-12-01T10:00:00Z","event_type":"message.status.sms","event":'
    b'{"msg_id":"01M","recipient":4520000001,"reference":"row-1","status":"DELIVERED",'
    b'"status_at":"2026-12-01T10:00:00Z","error":null}}'
)
MOBILE_SIGNATURE = "v1=09d3e54960df8911d8ef3df3595b098343d6ecf9e17a50bbf0d1ab733cd56a51"
PORTAL_BODY = b'{"eventId":987654321,"status":"DELIVRD"}'
PORTAL_URL = "https://smsfs.example/smsportal?x=1"
PORTAL_HEX = "173a41bce985d26d913d082ecbde1e0cb5a8ddecf6ce0a678f6ef345fdffd6d2"
PORTAL_BASE64 = "FzpBvOmF0m2RPQguy94eDLWo3ez2zgpnj27zRf3/1tI="


def base64(data):
    """As tokens have it."""
    return urlsafe_b64encode(data).decode().rstrip("=")


def token(claims=CLAIMS, signature=None, header=b'{"alg":"HS256","typ":"JWT"}'):
    """A JSON Web Token."""
    head = f"{base64(header)}.{base64(claims)}"
    made = signature or base64(digest(KEY.encode(), head.encode(), sha256))
    return f"{head}.{made}"


def call(body=CLAIMS, url="https://smsfs.example/hooks/gw/t", **headers):
    """A call with headers; underscores stand for hyphens."""
    return Call(url, {name.replace("_", "-"): value for name, value in headers.items()}, body)


def posted(hook, *objects):
    """What one call with these objects brings."""
    return hook.delivered(call(json.dumps(objects).encode()))


def test_gatewayapi_token_is_checked():
    """A stranger who knows the address could post receipts, or true ones be refused."""
    assert GATEWAY.genuine(call(x_gwapi_signature=token(signature=SIGNATURE)), KEY)
    assert GATEWAY.genuine(call(x_gwapi_signature=token()), KEY)
    other = CLAIMS.replace(b"DELIVERED", b"EXPIRED")
    unsigned = b'{"alg":"none"}'
    wrong = [
        call(),
        call(x_gwapi_signature=token(signature=SIGNATURE[:-1] + "1")),
        call(x_gwapi_signature=token(other, signature=SIGNATURE)),
        call(other, x_gwapi_signature=token()),
        call(x_gwapi_signature=token(other)),
        call(x_gwapi_signature=token(header=unsigned)),
        call(x_gwapi_signature=token(header=unsigned).rpartition(".")[0] + "."),
        call(x_gwapi_signature=token(header=b"{")),
        call(x_gwapi_signature=token(b"no JSON")),
        call(x_gwapi_signature=f"{token()}.x"),
        call(x_gwapi_signature="a.b.c"),
        call(x_gwapi_signature="\udcff"),
    ]
    assert [GATEWAY.genuine(item, KEY) for item in wrong] == [False] * len(wrong)
    assert not GATEWAY.genuine(call(x_gwapi_signature=token()), "another")


def test_gatewayapi_signature_of_the_body_is_checked():
    """The same, where the provider signs the body instead."""
    secret = "gw-mobile-secret"
    assert GATEWAY.genuine(call(MOBILE, signature=MOBILE_SIGNATURE), secret)
    assert not GATEWAY.genuine(call(MOBILE + b" ", signature=MOBILE_SIGNATURE), secret)
    assert not GATEWAY.genuine(call(MOBILE, signature=MOBILE_SIGNATURE[3:]), secret)
    assert GATEWAY.delivered(call(MOBILE)) == [Receipt("01M", "4520000001", "delivered", "", "DELIVERED")]


def test_smsportal_signature_is_checked():
    """A stranger who knows the address could post receipts, or true ones be refused."""

    def genuine(signature, stamp="1796038556", body=PORTAL_BODY, url=PORTAL_URL, key="sp-secret"):
        return PORTAL.genuine(call(body, url, x_signature=signature, x_timestamp=stamp), key)

    assert genuine(PORTAL_HEX)
    assert genuine(PORTAL_HEX.upper())
    assert genuine(PORTAL_BASE64)
    assert not genuine(PORTAL_BASE64.upper())
    assert not genuine(PORTAL_HEX, stamp="1796038557")
    assert not genuine(PORTAL_HEX, body=PORTAL_BODY + b" ")
    assert not genuine(PORTAL_HEX, url="https://smsfs.example/smsportal")
    assert not genuine(PORTAL_HEX, key="another")
    assert not genuine("\udcff")
    assert not PORTAL.genuine(call(PORTAL_BODY, PORTAL_URL), "sp-secret")


def test_smsportal_may_send_a_header():
    """Where no signature is set up, a stranger who knows the address could post receipts."""
    hook = SmsPortalHook("", "", "X-Key")
    assert hook.genuine(call(PORTAL_BODY, x_key="secret"), "secret")
    assert not hook.genuine(call(PORTAL_BODY, x_key="another"), "secret")
    assert not hook.genuine(call(PORTAL_BODY), "secret")


def test_smsportal_address_may_be_signed_without_its_query():
    """Every receipt would be refused where the provider leaves the query out."""
    text = b"v1:1|POST|https://smsfs.example/smsportal|{}"
    headers = {"x_signature": digest(b"s", text, sha256).hex(), "x_timestamp": "1"}
    assert PORTAL.genuine(call(b"{}", PORTAL_URL, **headers), "s")


@pytest.mark.parametrize(
    ("status", "event"),
    [
        ("DELIVERED", "delivered"),
        ("EXPIRED", "receipt_expired"),
        ("UNDELIVERABLE", "undelivered"),
        ("DELETED", "undelivered"),
        ("REJECTED", "undelivered"),
        ("SKIPPED", "undelivered"),
        ("ACCEPTED", "passing"),
        ("BUFFERED", "passing"),
        ("UNKNOWN", "passing"),
        ("A_NEW_ONE", "passing"),
    ],
)
def test_gatewayapi_receipts(status, event):
    """A message that did not arrive would be shown as delivered, or the other way round."""
    item = {"id": 1000001, "msisdn": 4520000001, "time": 1796038556, "status": status, "code": "0x1013"}
    name = "1000001-4520000001"
    expected = Receipt(name, "4520000001", event, "0x1013", status, 1796038556.0)
    assert posted(GATEWAY, item, item) == [expected, expected]


@pytest.mark.parametrize(
    ("status", "event"),
    [
        ("DELIVRD", "delivered"),
        ("EXPIRED", "receipt_expired"),
        ("UNDELIV", "undelivered"),
        ("BLIST", "undelivered"),
        ("CANCELLED", "undelivered"),
        ("NOROUTE", "undelivered"),
        ("SUBMITD", "passing"),
        ("STAGED", "passing"),
    ],
)
def test_smsportal_receipts(status, event):
    """A message that did not arrive would be shown as delivered, or the other way round."""
    older = {"Status": status, "EventId": 1000001, "Msisdn": "+27820000001", "Received": 1796038556}
    newer = {"status": status, "eventId": "1000001", "phoneNumber": 27820000001, "customerId": "12-3"}
    name, number = "1000001-27820000001", "27820000001"
    assert posted(PORTAL, older, newer) == [
        Receipt(name, number, event, "", status, 1796038556.0),
        Receipt(name, number, event, "", status),
    ]


def test_replies():
    """What a person answers would be lost, or come to the wrong number."""
    answer = {"id": 5, "msisdn": 4520000001, "receiver": 1204, "message": "STOP \N{PARTY POPPER}"}
    assert posted(GATEWAY, {**answer, "senttime": 1796038556, "webhook_label": "x", "sender": None}) == [
        ReplyPart("4520000001", "1204", "STOP \N{PARTY POPPER}", id="5")
    ]
    answer = {"incomingId": 77, "sourcePhoneNumber": "27820000001", "incomingData": "Ja", "sentId": 5}
    assert posted(PORTAL, answer) == [ReplyPart("27820000001", "", "Ja", id="77")]


@pytest.mark.parametrize(
    "item",
    [
        {},
        {"status": "DELIVERED"},
        {"id": 1, "msisdn": 4520000001},
        {"id": 1, "msisdn": 4520000001, "status": ""},
        {"id": 1, "msisdn": 4520000001, "status": "IN,PARTS"},
        {"id": 1, "msisdn": 4520000001, "status": 7},
        {"id": "x", "msisdn": 4520000001, "status": "DELIVERED"},
        {"id": 1, "msisdn": "Acme", "status": "DELIVERED"},
        {"id": 1e300, "msisdn": 4520000001, "status": "DELIVERED"},
        {"id": 10**400, "msisdn": 4520000001, "status": "DELIVERED"},
        {"id": 1, "msisdn": 4520000001, "message": None},
        {"event": []},
    ],
)
def test_an_odd_object_does_not_hold_up_others(item):
    """Hundreds of receipts would be refused again and again for an odd one among them."""
    good = {"id": 1, "msisdn": 4520000001, "status": "DELIVERED"}
    odd, receipt = posted(GATEWAY, item, good)
    assert (odd.id, odd.event) == ("", "")
    assert receipt.id == "1-4520000001"
    [odd] = posted(PORTAL, item)
    assert (odd.id, odd.event) == ("", "")


@pytest.mark.parametrize("time", [None, "2026", -1, 1e308, True, [], 10**400])
def test_odd_times_and_codes_are_left_out(time):
    """A receipt would be lost for a detail, or break every list that shows its time."""
    item = {"id": 1, "msisdn": 4520000001, "status": "DELIVERED", "time": time, "code": time and 5}
    [receipt] = posted(GATEWAY, item)
    assert (receipt.event, receipt.done, receipt.code) == ("delivered", None, "5" if time else "")


@pytest.mark.parametrize(
    "body",
    [b"", b"status=DELIVERED", b"\xff\xfe", b"7", b'"x"', b"null", b"[[]]", b"[" * 100_000, b"[{}]["],
)
def test_garbage_is_no_call(body):
    """Garbage would be acknowledged as if it were stored, or end in a traceback."""
    for hook in (GATEWAY, PORTAL):
        with pytest.raises(UnreadableCallError):
            hook.delivered(call(body))


def test_a_long_list_is_no_call():
    """One call could fill the store with empty objects."""
    assert len(posted(GATEWAY, *[{}] * MOST_ITEMS)) == MOST_ITEMS
    with pytest.raises(UnreadableCallError):
        posted(GATEWAY, *[{}] * (MOST_ITEMS + 1))
