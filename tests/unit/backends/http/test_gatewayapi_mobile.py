"""GatewayAPI's Mobile Messaging API, without a server; and a refusal within many, with one."""

import asyncio
import json
import re

import msgspec
import pytest

from smsfs.backends import Accepted, Rejected, Throttled, Unknown
from smsfs.backends.http import gatewayapi
from smsfs.backends.http.client import HttpBackend
from smsfs.backends.http.contract import Refused, Response, Trouble
from smsfs.backends.http.gatewayapi import GatewayApiConfig
from smsfs.secret import Secret
from smsfs.simulator.http import HttpBehaviour, HttpSimulator
from smsfs.simulator.http import gatewayapi as strict
from smsfs.simulator.http.taken import Asked
from tests.support.backend_suite import envelope


def configured(**keys):
    """A section with these keys."""
    options = {"token": Secret("the-token"), "interface": "mobile", "default_sender": "+4511223344", **keys}
    return GatewayApiConfig("gatewayapi", **options)


@pytest.fixture
def provider():
    """One with a default sender."""
    return gatewayapi.made(configured())


def to(row, left=None, **fields):
    """A message, with some fields changed."""
    made = envelope(row)
    changed = msgspec.structs.replace(made, message=msgspec.structs.replace(made.message, **fields))
    return changed if left is None else msgspec.structs.replace(changed, left=left)


def test_every_field_leaves(provider):
    """A message would arrive from another sender, days late, or not at all."""
    [request] = provider.requests([to(1, text="Hi 你", left=119.0)])
    assert (request.method, request.path) == ("POST", "/mobile/single")
    assert request.headers["Authorization"] == "Token the-token"
    assert json.loads(request.body) == {
        "sender": "Shop",
        "recipient": 4500100001,
        "message": "Hi 你",
        "reference": "1-1",
        "expiration": "PT1M",
    }
    [many] = provider.requests([to(1, sender=""), to(2, left=1e9)])
    first, second = json.loads(many.body)["messages"]
    assert many.path == "/mobile/multi"
    assert (first["sender"], "expiration" in first) == ("4511223344", False)
    assert second["expiration"] == "PT7200M"


def test_number_stands_once_in_a_request(provider):
    """The id of one message would be taken for that of another to the same number."""
    requests = provider.requests([to(1), to(2, recipient="4500100001"), to(3)])
    assert [[item.key for item in request.envelopes] for request in requests] == [["1-1", "1-3"], ["1-2"]]


def verdict(provider, status, body, rows=(1, 2)):
    """Of one request."""
    [request] = provider.requests([to(row) for row in rows])
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return provider.verdict(request, Response(status, data, {}, 7.0))


def one(row, **fields):
    """The answer to one message."""
    return {"msg_id": f"01M{row}", "recipient": 4500100000 + row, "reference": f"1-{row}", **fields}


def test_taken(provider):
    """A receipt could not be matched with its message, whatever order and form the answer has."""
    assert verdict(provider, 202, {"responses": [one(2), one(1)]}) == [
        Accepted("01M1", 1),
        Accepted("01M2", 1),
    ]
    without = {"responses": [one(2, reference=None), one(1, reference=None)]}
    assert verdict(provider, 202, without) == [Accepted("01M1", 1), Accepted("01M2", 1)]
    assert verdict(provider, 202, one(1), rows=[1]) == [Accepted("01M1", 1)]
    partly = verdict(provider, 202, {"responses": [one(2)]})
    assert [type(item) for item in partly] == [Unknown, Accepted]
    for body in (b"", b"[]", b"{}", {"responses": []}, {"responses": [{}]}):
        assert isinstance(verdict(provider, 202, body), Unknown)


def test_other_answers(provider):
    """A busy carrier, a wrong token, a fault and a bad message would be taken for one another."""
    wrong = verdict(provider, 403, {"description": "Forbidden", "detail": []})
    assert isinstance(wrong, Trouble)
    assert '403 Forbidden, "Forbidden"' in wrong.reason
    detail = [{"loc": ["body", "messages", 1, "sender"], "msg": "too long", "type": "x"}]
    bad = verdict(provider, 422, {"detail": detail})
    assert isinstance(bad, Refused)
    assert '"body.messages.1.sender: too long"' in bad.reason
    assert verdict(provider, 429, b"") == Throttled(7.0)
    assert isinstance(verdict(provider, 500, b""), Unknown)


def test_section():
    """Messages would leave to an address that does not know them, or without a sender that it needs."""
    assert configured().url == "https://messaging.gatewayapi.com"
    assert configured(url="https://messaging.gatewayapi.eu").url == "https://messaging.gatewayapi.eu"
    for keys, clause in (
        ({"default_sender": ""}, "it needs the key 'default_sender', since interface is 'mobile'"),
        ({"batch": 1001}, "batch is 1001, and has to be from 1 to 1000"),
    ):
        with pytest.raises(ValueError, match=re.escape(clause)):
            configured(**keys)


def test_refusal_of_one_is_about_that_one(kit, tmp_path):
    """One barred number would cost others their message."""
    behaviour = HttpBehaviour(refuse=[(re.compile("7$"), "barred")])

    async def work():
        async with HttpSimulator(strict.GatewayApi("the-token"), behaviour) as carrier:
            backend = HttpBackend("carrier", configured(url=carrier.url), tmp_path)
            await backend.start()
            answers, _ = await kit.submit(backend, 20)
            await backend.stop()
            return answers, carrier

    answers, carrier = asyncio.run(asyncio.wait_for(work(), 60))
    assert sorted(row for row, what in answers.items() if isinstance(what, Rejected)) == [7, 17]
    ids = {message.id: message.destination for message in carrier.messages}
    taken = {row: what.id for row, what in answers.items() if isinstance(what, Accepted)}
    assert {row: ids[name] for row, name in taken.items()} == {
        row: envelope(row).message.recipient for row in taken
    }
    assert len(taken) == len(ids) == 18


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"colour": "red"}, "unknown field `colour`"),
        ({"sender": "ab"}, "length >= 3"),
        ({"recipient": "4512345678"}, "got `str`"),
        ({"recipient": 112}, ">= 1001"),
        ({"expiration": "10M"}, "expiration"),
        ({"priority": "high"}, "high"),
    ],
)
def test_simulator_is_strict(change, what):
    """A slip of the backend would go unnoticed until the real carrier refuses it."""
    message = {"sender": "Acme", "recipient": 4512345678, "message": "Hi"}
    headers = {"authorization": "Token the-token", "content-type": "application/json"}

    def take(body, path="/mobile/single", **given):
        asked = Asked("POST", path, {**headers, **given}, json.dumps(body).encode())
        taken = strict.GatewayApi("the-token").take(asked, 0, lambda _: None)
        return taken.status, json.loads(taken.body)

    status, error = take({**message, **change})
    assert status == 422
    assert what in error["detail"][0]["msg"]
    assert (take(message)[0], take({"messages": [message]}, "/mobile/multi")[0]) == (202, 202)
    assert take({"messages": []}, "/mobile/multi")[0] == 422
    assert take(message, authorization="Token other")[0] == 403
    assert take(message, authorization="Bearer x")[0] == 401
