"""What Naxai posts to a webhook: who sent it, and what it says."""

import json
from base64 import b64encode

import pytest

from smsfs.backends import Receipt, ReplyPart
from smsfs.backends.http.hooks import Call, UnreadableCallError
from smsfs.backends.http.naxai_hook import NaxaiHook

HOOK, SECRET = NaxaiHook("Authorization"), "naxai:secret"
DATA = {"messageId": "n-1", "from": "Acme", "to": "+32470000001", "direction": "outgoing", "statusCode": 200}
EVENT = {
    "eventName": "sms.delivered",
    "eventWebhookId": "w-1",
    "eventTimestamp": 1796038556,
    "eventId": "e-1",
    "eventData": DATA,
}


def call(body, **headers):
    """A call with headers; underscores stand for hyphens."""
    return Call(
        "https://smsfs.example/x", {key.replace("_", "-"): value for key, value in headers.items()}, body
    )


def posted(*events):
    """What one call with these events brings."""
    return HOOK.delivered(call(json.dumps(events).encode()))


def test_secret_is_checked():
    """A stranger who knows the address could post receipts, or true ones be refused."""
    login = b64encode(SECRET.encode()).decode()
    assert HOOK.genuine(call(b"[]", authorization=f"Basic {login}"), SECRET)
    assert HOOK.genuine(call(b"[]", authorization=SECRET), SECRET)
    assert NaxaiHook("X-Secret").genuine(call(b"[]", x_secret=SECRET), SECRET)
    for given in ("", login, f"Basic {login[:-4]}", f"Bearer {login}", SECRET[:-1], "\udcff"):
        assert not HOOK.genuine(call(b"[]", authorization=given), SECRET)
    assert not HOOK.genuine(call(b"[]", x_secret=SECRET), SECRET)


@pytest.mark.parametrize(
    ("event", "state", "expected"),
    [
        ("sms.delivered", "DELIVERED", "delivered"),
        ("sms.failed", "FAILED", "undelivered"),
        ("sms.submitted", "SUBMITTED", "passing"),
        ("people.failed", "FAILED", "passing"),
    ],
)
def test_receipts(event, state, expected):
    """A message that did not arrive would be shown as delivered, or the other way round."""
    item = {**EVENT, "eventName": event}
    receipt = Receipt("n-1", "32470000001", expected, "200", state)
    assert posted(item, item) == [receipt, receipt]
    assert HOOK.delivered(call(json.dumps(item).encode())) == [receipt]


def test_replies():
    """What a person answers would be lost, or come to the wrong number."""
    data = {"messageId": "n-2", "from": 32470000001, "to": "+3281", "direction": "incoming", "body": "Ja"}
    assert posted({**EVENT, "eventName": "sms.received", "eventData": data}) == [
        ReplyPart("32470000001", "3281", "Ja", id="n-2")
    ]


@pytest.mark.parametrize(
    "odd",
    [
        {"eventData": {}},
        {"eventData": None},
        {"eventData": {**DATA, "messageId": ""}},
        {"eventData": {**DATA, "to": "Acme"}},
        {"eventData": {**DATA, "direction": "incoming"}},
        {"eventName": 7},
        {"eventName": "sms"},
    ],
)
def test_an_odd_event_does_not_hold_up_others(odd):
    """Many events would be refused again and again for an odd one among them."""
    first, second = posted({**EVENT, **odd}, EVENT)
    assert (first.id, first.event) == ("", "")
    assert second.id == "n-1"


@pytest.mark.parametrize("body", [b"", b"7", b"[7]", b"{", b"\xff"])
def test_garbage_is_no_call(body):
    """Garbage would be acknowledged as if it were stored, or end in a traceback."""
    with pytest.raises(UnreadableCallError):
        HOOK.delivered(call(body))
