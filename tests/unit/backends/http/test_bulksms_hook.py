"""What BulkSMS posts to a webhook."""

import json

import pytest

from smsfs.backends import Receipt, ReplyPart
from smsfs.backends.http.bulksms_hook import BulkSmsHook
from smsfs.backends.http.hooks import MOST_ITEMS, Call, UnreadableCallError

HOOK = BulkSmsHook()
SENT = {
    "id": "1234567890",
    "type": "SENT",
    "from": {"type": "ALPHANUMERIC", "address": "Acme"},
    "to": "4520000001",
    "body": "Hi",
    "encoding": "TEXT",
    "userSuppliedId": "b7-r1",
    "status": {"id": "DELIVERED.null", "type": "DELIVERED", "subtype": None},
    "submission": {"id": "2-1", "date": "2026-12-01T10:00:00Z"},
}


def posted(*messages):
    """What one call with these messages brings."""
    return HOOK.delivered(Call("https://smsfs.example/x", {}, json.dumps(messages).encode()))


@pytest.mark.parametrize(
    ("state", "subtype", "event"),
    [
        ("DELIVERED", None, "delivered"),
        ("FAILED", "HANDSET_ERROR", "undelivered"),
        ("FAILED", "BLOCKED", "undelivered"),
        ("FAILED", "NOT_SENT", "undelivered"),
        ("FAILED", None, "undelivered"),
        ("FAILED", "EXPIRED", "receipt_expired"),
        ("SENT", None, "passing"),
        ("ACCEPTED", None, "passing"),
        ("UNKNOWN", None, "passing"),
    ],
)
def test_statuses(state, subtype, event):
    """A message that did not arrive would be shown as delivered, or the other way round."""
    item = {**SENT, "status": {"id": f"{state}.{subtype or 'null'}", "type": state, "subtype": subtype}}
    expected = Receipt("1234567890", "4520000001", event, subtype or "", state)
    assert posted(item, item) == [expected, expected]


def test_price_comes_with_the_status():
    """What a message cost would not be known: the answer to it says nothing."""
    call = Call("https://smsfs.example/x", {}, json.dumps([{**SENT, "creditCost": 1.5}]).encode())
    assert [HOOK.delivered(call)[0].price, BulkSmsHook("EUR").delivered(call)[0].price] == ["1.5", "1.5 EUR"]


def test_replies():
    """What a person answers would be lost, or come to the wrong number."""
    answer = {"id": "77", "type": "RECEIVED", "from": "+4520000001", "to": "4512345678", "body": "Ja"}
    assert posted({**answer, "relatedSentMessageId": None}) == [
        ReplyPart("4520000001", "4512345678", "Ja", id="77")
    ]


def test_the_call_that_tries_the_address_is_taken():
    """BulkSMS would not let the address be entered."""
    assert posted() == []


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {**SENT, "id": ""},
        {**SENT, "to": "Acme"},
        {**SENT, "status": None},
        {**SENT, "status": {"type": "?"}},
        {"id": "1", "type": "RECEIVED", "from": "Acme", "body": "x"},
    ],
)
def test_an_odd_message_does_not_hold_up_others(odd):
    """BulkSMS would post the others once more, one by one, and lose the odd one."""
    first, second = posted(odd, SENT)
    assert (first.id, first.event) == ("", "")
    assert second.id == "1234567890"


@pytest.mark.parametrize("body", [b"", b"7", b"[7]", b"<html>"])
def test_garbage_is_no_call(body):
    """Garbage would be acknowledged as if it were stored, or end in a traceback."""
    with pytest.raises(UnreadableCallError):
        HOOK.delivered(Call("https://smsfs.example/x", {}, body))
    with pytest.raises(UnreadableCallError):
        posted(*[{}] * (MOST_ITEMS + 1))
