"""What Infobip posts to a webhook."""

import json

import pytest

from smsfs.backends import Receipt, ReplyPart
from smsfs.backends.http.hooks import MOST_ITEMS, Call, UnreadableCallError
from smsfs.backends.http.infobip import InfobipConfig
from smsfs.backends.http.infobip_hook import InfobipHook
from smsfs.backends.http.providers import made
from smsfs.secret import Secret
from smsfs.simulator.http import infobip as strict
from smsfs.simulator.http.taken import Asked
from tests.support.backend_suite import envelope

HOOK = InfobipHook()
REPORT = {
    "bulkId": "b7",
    "messageId": "b7-r1",
    "to": "4520000001",
    "sender": "Acme",
    "sentAt": "2026-12-01T10:00:00.000+0000",
    "doneAt": "2026-12-01T15:30:00.000+05:30",
    "messageCount": 1,
    "price": {"pricePerMessage": 0.01, "currency": "EUR"},
    "status": {"groupId": 3, "groupName": "DELIVERED", "id": 5, "name": "DELIVERED_TO_HANDSET"},
    "error": {"groupId": 0, "groupName": "OK", "id": 0, "name": "NO_ERROR", "permanent": False},
}


def posted(*results):
    """What one call with these results brings."""
    return HOOK.delivered(Call("https://smsfs.example/x", {}, json.dumps({"results": results}).encode()))


@pytest.mark.parametrize(
    ("group", "event"),
    [
        ("DELIVERED", "delivered"),
        ("EXPIRED", "receipt_expired"),
        ("UNDELIVERABLE", "undelivered"),
        ("REJECTED", "undelivered"),
        ("PENDING", "passing"),
        ("ACCEPTED", "passing"),
        ("A_NEW_ONE", "passing"),
    ],
)
def test_reports(group, event):
    """A message that did not arrive would be shown as delivered, or the other way round."""
    item = {**REPORT, "status": {"groupName": group}, "error": {"id": 27}}
    expected = Receipt("b7-r1", "4520000001", event, "27", group, price="0.01 EUR")
    assert posted(item, item) == [expected, expected]
    told = Receipt("b7-r1", "4520000001", "delivered", "", "DELIVERED", price="0.02 EUR")
    assert posted({**REPORT, "messageCount": 2}) == [told]


def test_replies():
    """What a person answers would be lost, or come to the wrong number."""
    answer = {
        "messageId": "m1",
        "from": "4520000001",
        "to": "+4512345678",
        "text": "Ja, tak",
        "keyword": "JA",
    }
    assert posted(answer) == [ReplyPart("4520000001", "4512345678", "Ja, tak", id="m1")]


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {**REPORT, "messageId": ""},
        {**REPORT, "messageId": 7},
        {**REPORT, "to": "Acme"},
        {**REPORT, "status": "DELIVERED"},
        {**REPORT, "status": {"groupName": "?"}},
        {"messageId": "m1", "from": None, "text": "x"},
    ],
)
def test_an_odd_result_does_not_hold_up_others(odd):
    """Hundreds of reports would be refused again and again for an odd one among them."""
    first, second = posted(odd, {**REPORT, "error": "none"})
    assert (first.id, first.event) == ("", "")
    assert second.id == "b7-r1"


@pytest.mark.parametrize("body", [b"", b"[]{", b"{}", b'{"results":7}', b'{"results":[7]}', b"<results/>"])
def test_garbage_is_no_call(body):
    """Garbage would be acknowledged as if it were stored, or end in a traceback."""
    with pytest.raises(UnreadableCallError):
        HOOK.delivered(Call("https://smsfs.example/x", {}, body))
    with pytest.raises(UnreadableCallError):
        posted(*[{}] * (MOST_ITEMS + 1))


def test_messages_ask_for_reports(tmp_path):
    """Infobip would post no report at all: the message says where to."""

    def messages(**options):
        config = InfobipConfig("infobip", url="https://x.example", api_key=Secret("key"), **options)
        provider = made(config, tmp_path, {}, ("gateway", "https://smsfs.example"))
        [request] = provider.requests([envelope(1)])
        headers = {key.lower(): value for key, value in request.headers.items()}
        asked = Asked("POST", request.path, headers, request.body)
        assert strict.Infobip().take(asked, 1, lambda _: "").status == 200
        return json.loads(request.body)["messages"]

    url = "https://smsfs.example/hooks/gateway/hook-0123456789ab"
    [message] = messages(hook_token=Secret("hook-0123456789ab"), default_sender="Acme")
    assert message["webhooks"] == {"delivery": {"url": url}, "contentType": "application/json"}
    [message] = messages(default_sender="Acme")
    assert "webhooks" not in message
