"""Twilio's contract, without a server: messages in, requests out; responses in, answers out."""

import json
from urllib.parse import parse_qsl

import msgspec
import pytest

from smsfs.backends import Accepted, Rejected, Throttled, Unknown
from smsfs.backends.http.contract import Refused, Response, Trouble
from smsfs.backends.http.twilio import Twilio, TwilioConfig
from smsfs.secret import Secret
from smsfs.simulator.http import twilio as strict
from tests.support.backend_suite import envelope

ACCOUNT, SERVICE = "AC" + "0" * 32, "MG" + "1" * 32
PATH = f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"


def provider(**options):
    """With a default sender, unless it is to be different."""
    options = {"token": Secret("secret"), "default_sender": "Acme", **options}
    return Twilio(TwilioConfig("twilio", ACCOUNT, **options))


def form_of(found, *, left=None, **fields):
    """The form of the one request that carries a message."""
    made = envelope(1)
    made = msgspec.structs.replace(made, message=msgspec.structs.replace(made.message, **fields))
    [request] = found.requests([made if left is None else msgspec.structs.replace(made, left=left)])
    assert (request.method, request.path) == ("POST", PATH)
    return dict(parse_qsl(request.body.decode()))


def test_every_field_leaves():
    """A message would arrive from another sender, or days too late."""
    form = form_of(provider(), sender="4512345678", text="Hi æ & 你好", left=600.9)
    assert form == {
        "To": "+4500100001",
        "From": "+4512345678",
        "Body": "Hi æ & 你好",
        "ValidityPeriod": "600",
    }


@pytest.mark.parametrize(
    ("sender", "options", "expected"),
    [
        ("Shop", {}, {"From": "Shop"}),
        ("+4512345678", {}, {"From": "+4512345678"}),
        ("12345", {}, {"From": "12345"}),
        ("", {}, {"From": "Acme"}),
        ("", {"messaging_service": SERVICE}, {"MessagingServiceSid": SERVICE}),
        ("Shop", {"messaging_service": SERVICE}, {"From": "Shop"}),
    ],
)
def test_sender_is_written_as_twilio_wants_it(sender, options, expected):
    """Twilio would refuse the message, or send it from another number."""
    form = form_of(provider(**options), sender=sender)
    assert {key: form[key] for key in form if key not in ("To", "Body")} == expected


def test_login():
    """An API key could not be used, and the account's own token would lie about in configurations."""
    [request] = provider().requests([envelope(1)])
    assert request.headers["Authorization"].startswith("Basic QUMw")
    [request] = provider(api_key="SK" + "2" * 32).requests([envelope(1)])
    assert request.headers["Authorization"].startswith("Basic U0sy")
    assert "Basic" not in repr(request)


def verdict(status, body):
    """Of one request."""
    found = provider()
    [request] = found.requests([envelope(1)])
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return found.verdict(request, Response(status, data, {}, 7.0))


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ({"sid": "SM1", "status": "queued", "num_segments": "3", "price": None}, Accepted("SM1", 3)),
        (
            {"sid": "SM1", "num_segments": "1", "price": "-0.0075", "price_unit": "USD"},
            Accepted("SM1", 1, price="0.0075 USD"),
        ),
        ({"sid": "SM1", "status": "accepted", "num_segments": "0"}, Accepted("SM1", 1)),
        (
            {"sid": "SM1", "status": "failed", "error_code": 30008, "error_message": "Unknown error"},
            Rejected("30008", "Unknown error"),
        ),
    ],
)
def test_taken(body, answer):
    """A message would count as sent that was not, or its receipt find no message."""
    assert verdict(201, body) == [answer]


@pytest.mark.parametrize("body", [b"", b"{", b"<html>", {}, {"sid": ""}, b'"\xff"'])
def test_success_that_cannot_be_read_is_unknown(body):
    """A message that was taken would be sent again without a word about it."""
    assert isinstance(verdict(201, body), Unknown)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, 21211, Refused),
        (400, 21610, Refused),
        (403, 21408, Refused),
        (400, 20001, Refused),
        (401, 20003, Trouble),
        (403, 20003, Trouble),
        (404, 20404, Trouble),
        (429, 20429, Throttled),
        (400, 21611, Throttled),
        (503, 20503, Throttled),
        (500, 20500, Unknown),
        (502, None, Unknown),
        (401, None, Trouble),
    ],
)
def test_refusals(status, code, kind):
    """A bad number, a wrong token and a busy carrier would be taken for one another."""
    found = verdict(status, {"code": code, "message": "No", "status": status} if code else b"<html>")
    assert isinstance(found, kind)
    if isinstance(found, Refused):
        assert found.code == str(code)
        assert f'"No ({code})"' in found.reason
    if isinstance(found, Throttled):
        assert found.retry_after == 7


@pytest.mark.parametrize(
    ("options", "clause"),
    [
        ({"default_sender": ""}, "it needs the key 'default_sender' or the key 'messaging_service', or both"),
        ({"token": Secret()}, "it needs the key 'token' or the key 'token_file', and not both"),
        ({"messaging_service": "AC1"}, "messaging_service is 'AC1', and has to begin with MG"),
        ({"batch": 2}, "batch is 2, and has to be from 1 to 1"),
    ],
)
def test_slips_are_named(options, clause):
    """The operator would learn of a slip from a rejected file."""
    with pytest.raises(ValueError, match=clause):
        provider(**options)


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        (b"&Colour=red", 400, 20001),
        (b"&To=%2B4512345678", 400, 20001),
        (b"&ValidityPeriod=36001", 400, 21640),
        (b"&From=", 400, 20001),
    ],
)
def test_simulator_is_strict(change, status, code):
    """A slip of the backend would go unnoticed until Twilio refuses it."""
    [request] = provider().requests([envelope(1)])
    headers = {name.lower(): value for name, value in request.headers.items()}

    def ask(body, **other):
        asked = strict.Asked("POST", PATH, {**headers, **other}, body)
        return strict.Twilio(f"{ACCOUNT}:secret").take(asked, 0, lambda _: None)

    assert ask(request.body).status == 201
    taken = ask(request.body + change)
    assert (taken.status, json.loads(taken.body)["code"], taken.messages) == (status, code, [])
    assert ask(request.body, authorization="Basic eDp5").status == 401
    assert ask(b"To=4512345678&From=Acme&Body=Hi").status == 400
    assert ask(b"To=%2B4512345678&From=Acme").status == 400
    assert ask(b"To=%2B4512345678&Body=Hi").status == 400
