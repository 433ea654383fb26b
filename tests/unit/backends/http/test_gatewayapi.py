"""The provider's contract, without a server: messages in, requests out; responses in, answers out."""

import json

import msgspec
import pytest

from smsfs.backends import Accepted, Throttled, Unknown
from smsfs.backends.http.contract import Refused, Response, Trouble
from smsfs.backends.http.gatewayapi import GatewayApi, GatewayApiConfig
from smsfs.secret import Secret
from tests.support.backend_suite import envelope

TOKEN = "token-0123456789"


@pytest.fixture
def provider():
    """One with a token and a default sender."""
    return GatewayApi(GatewayApiConfig("gatewayapi", token=Secret(TOKEN), default_sender="Acme"))


def to(row, *, left=None, **fields):
    """A message, with some fields changed."""
    made = envelope(row)
    message = msgspec.structs.replace(made.message, **{"userref": "", **fields})
    changed = msgspec.structs.replace(made, message=message)
    return changed if left is None else msgspec.structs.replace(changed, left=left)


def body_of(provider, *envelopes):
    """The body of the one request that carries them."""
    [request] = provider.requests(envelopes)
    return json.loads(request.body)


def test_every_field_leaves(provider):
    """A message would arrive from another sender, in another class, or days too late."""
    message = to(1, text="Hi æ", sender="+4512345678", klass="premium", userref="ref-1", left=3700.5)
    [request] = provider.requests([message])
    assert (request.method, request.path) == ("POST", "/rest/mtsms")
    assert request.headers["Authorization"] == f"Token {TOKEN}"
    assert json.loads(request.body) == [
        {
            "class": "premium",
            "sender": "4512345678",
            "message": "Hi æ",
            "userref": "ref-1",
            "validity_period": 3660,
            "encoding": "UTF8",
            "recipients": [{"msisdn": 4500100001}],
        }
    ]


def test_what_is_empty_is_left_out(provider):
    """The carrier would refuse a field that says nothing."""
    [plain] = body_of(provider, to(1, sender=""))
    assert plain["sender"] == "Acme"
    assert set(plain) == {"class", "sender", "message", "encoding", "recipients"}


def test_text_beyond_gsm_leaves_as_ucs2(provider):
    """Every other character would arrive as a question mark."""
    [found] = body_of(provider, to(1, text="你好 \U0001f600"))
    assert (found["encoding"], found["message"]) == ("UCS2", "你好 \U0001f600")


def test_short_validity_is_the_shortest_there_is(provider):
    """A message with seconds left would have no end at all."""
    assert body_of(provider, to(1, left=3.0))[0]["validity_period"] == 60


@pytest.mark.parametrize("field", ["text", "sender", "klass", "userref"])
def test_only_messages_that_are_alike_share_an_object(provider, field):
    """A person would get the text, the sender or the class of another's message."""
    found = body_of(provider, to(1), to(2, **{field: "other"}), to(3), to(4, **{field: "other"}))
    assert [[item["msisdn"] % 100 for item in each["recipients"]] for each in found] == [[1, 3], [2, 4]]


def test_number_stands_once_in_an_object(provider):
    """The carrier would refuse a whole file for a number that is in it twice (0x0310)."""
    found = body_of(provider, to(1), to(2), to(3, recipient="4500100001"), to(4, recipient="4500100001"))
    assert [[item["msisdn"] % 100 for item in each["recipients"]] for each in found] == [[1, 2], [1], [1]]


def test_ids_go_to_the_messages_of_their_object(provider):
    """A receipt would be taken for another message's."""
    messages = [to(1), to(2, text="x" * 400), to(3)]
    [request] = provider.requests(messages)
    answers = provider.verdict(
        request, Response(200, b'{"ids":[71,72],"usage":{"total_cost":0.5,"currency":"DKK"}}')
    )
    assert dict(zip([item.key for item in request.envelopes], answers, strict=True)) == {
        "1-1": Accepted("71-4500100001", 1, price="0.1 DKK"),
        "1-3": Accepted("71-4500100003", 1, price="0.1 DKK"),
        "1-2": Accepted("72-4500100002", 3, price="0.3 DKK"),
    }


def verdict(provider, status, body=b"", retry_after=0.0):
    """Of one request with two messages."""
    [request] = provider.requests([to(1), to(2)])
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return provider.verdict(request, Response(status, data, {}, retry_after))


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b'{"ids":', b"{}", b'{"ids":[]}', b'{"ids":[1,2]}', b'"\xff"']
)
def test_success_that_cannot_be_read_is_unknown(provider, body):
    """Messages that were taken would be sent again without a word about it."""
    assert isinstance(verdict(provider, 200, body), Unknown)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (401, "0x0229"),
        (401, None),
        (402, None),
        (403, None),
        (403, "0x0216"),
        (403, "0x0213"),
        (403, "0x022A"),
    ],
)
def test_account_that_may_not_send_rejects_nothing(provider, status, code):
    """A wrong token or an empty account would reject a file that could be sent a minute later."""
    body = {"code": code, "message": "No", "incident_uuid": "u"} if code else b""
    found = verdict(provider, status, body)
    assert isinstance(found, Trouble)
    assert str(status) in found.reason
    assert not code or f'"No ({code})"' in found.reason


def test_credit_has_a_sentence_of_its_own(provider):
    """The operator would look for a wrong token while the account is empty."""
    found = verdict(provider, 403, {"code": "0x0216", "message": "Insufficient credit"})
    assert found == Trouble('the credit is used up: 403 Forbidden, "Insufficient credit (0x0216)"')


@pytest.mark.parametrize(
    ("status", "code"), [(403, "0x0215"), (403, "0x0217"), (422, "0x0312"), (500, "0x021E"), (422, None)]
)
def test_request_with_a_bad_message_is_refused(provider, status, code):
    """A number that the carrier bars would take the whole backend down, or be tried for days."""
    body = {"code": code, "message": "%1 not allowed", "variables": ["4500100002"]} if code else b"{}"
    found = verdict(provider, status, body)
    assert isinstance(found, Refused)
    assert not found.temporary
    assert found.code == (code.lower() if code else "422")
    assert not code or "4500100002 not allowed" in found.reason


def test_number_barred_for_a_while_is_tried_later(provider):
    """A message would be rejected that the carrier would take an hour later."""
    assert verdict(provider, 403, {"code": "0x0214", "message": "Barred"}).temporary


@pytest.mark.parametrize(("status", "code"), [(429, None), (503, None), (500, "0x0209"), (500, "0x0205")])
def test_not_now_says_when(provider, status, code):
    """A carrier that is busy would be asked again at once, and go on being busy."""
    body = {"code": code, "message": "Busy"} if code else b"busy"
    assert verdict(provider, status, body, 7.0) == Throttled(7.0)


@pytest.mark.parametrize(
    ("status", "code"), [(500, None), (502, None), (504, None), (500, "0x0201"), (408, None)]
)
def test_fault_of_the_server_is_unknown(provider, status, code):
    """Messages that were taken before the fault would be sent again without a word about it."""
    body = {"code": code, "message": "Oops"} if code else b"<html>"
    assert isinstance(verdict(provider, status, body), Unknown)


@pytest.mark.parametrize("status", [301, 307, 404, 405])
def test_wrong_address_rejects_nothing(provider, status):
    """A slip in the url would reject every message that meets it."""
    assert isinstance(verdict(provider, status, b"<html>"), Trouble)


def test_token_is_in_no_text():
    """Whoever reads a log or a traceback could send at the customer's cost."""
    config = GatewayApiConfig("gatewayapi", token=Secret(TOKEN))
    [request] = GatewayApi(config).requests([to(1)])
    assert TOKEN not in f"{config} {config!r} {request!r} {config.token} {config.token!r}"
    assert config.token.shown() == TOKEN
