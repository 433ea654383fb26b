"""Naxai's SMS API, without a server; and its tokens and keys, with one."""

import asyncio
import json
import re

import msgspec
import pytest

from smsfs.backends import Accepted, Rejected, Throttled, Unknown
from smsfs.backends.http.client import HttpBackend
from smsfs.backends.http.contract import Refused, Response, Token, Trouble
from smsfs.backends.http.naxai import Naxai, NaxaiConfig
from smsfs.secret import Secret
from smsfs.simulator.http import HttpBehaviour, HttpSimulator
from smsfs.simulator.http import naxai as strict
from smsfs.simulator.http.taken import Asked
from tests.support.backend_suite import envelope

SERVICE = "0f0e1a2b-0000-4000-8000-000000000001"
TAKEN = {"batchId": "b", "count": 1, "messages": [{"to": "+4500100001", "messageId": "m1"}]}


def configured(**keys):
    """A section with these keys."""
    options = {"client_secret": Secret("the-secret"), "default_sender": "Acme", **keys}
    return NaxaiConfig("naxai", client_id="client", **options)


@pytest.fixture
def provider():
    """One with a default sender."""
    return Naxai(configured())


def to(row, left=None, attempt=1, **fields):
    """A message, with some fields changed."""
    made = envelope(row, attempt=attempt)
    changed = msgspec.structs.replace(made, message=msgspec.structs.replace(made.message, **fields))
    return changed if left is None else msgspec.structs.replace(changed, left=left)


def body(provider, item):
    """Of the one request of a message."""
    [request] = provider.requests([item])
    return json.loads(request.body)


def test_every_field_leaves(provider):
    """A message would arrive from another sender, days late, cut, or not at all."""
    [request] = provider.requests([to(1, text="x" * 400, left=7300.0)])
    assert (request.method, request.path, request.headers["X-version"]) == ("POST", "/sms/send", "2023-03-25")
    found = json.loads(request.body)
    assert re.fullmatch("[0-9a-f]{64}", found.pop("idempotencyKey"))
    assert found == {
        "to": ["+4500100001"],
        "body": "x" * 400,
        "from": "Shop",
        "type": "text",
        "maxParts": 3,
        "validity": 121,
        "reference": "ref1",
    }
    assert body(provider, to(1, text="你"))["type"] == "unicode"
    assert body(provider, to(1, userref=""))["reference"] == "1-1"
    assert [body(provider, to(1, left=left))["validity"] for left in (1.0, 1e9)] == [5, 4320]
    assert body(provider, to(1, sender=""))["from"] == "Acme"


def test_sender_service_is_for_messages_without_a_sender():
    """A customer's messages would leave from another name than the one in the file."""
    provider = Naxai(configured(sender_service=SERVICE))
    assert "senderServiceId" not in body(provider, to(1))
    without = body(provider, to(1, sender=""))
    assert (without["senderServiceId"], "from" in without) == (SERVICE, False)


def test_key_is_of_the_message_and_of_no_other(provider):
    """A message would be sent twice, or never because another one had its key."""
    key = body(provider, to(1))["idempotencyKey"]
    assert key == body(provider, to(1, attempt=2, left=99.0))["idempotencyKey"]
    other = msgspec.structs.replace(to(1), submitted=1.0)
    account = msgspec.structs.replace(to(1), account="else")
    for item in (to(2), to(1, text="other"), to(1, sender=""), to(1, recipient="4500100009"), other, account):
        assert body(provider, item)["idempotencyKey"] != key


def verdict(provider, status, answer):
    """Of one request with one message."""
    [request] = provider.requests([to(1)])
    data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    return provider.verdict(request, Response(status, data, {}, 7.0))


def test_answers(provider):
    """What was taken would be sent again, or what was refused would count as sent."""
    assert verdict(provider, 202, TAKEN) == [Accepted("m1", 1)]
    assert verdict(provider, 409, {"error": {"code": "x", "message": "Known"}}) == [Accepted("", 1)]
    assert verdict(provider, 409, TAKEN) == [Accepted("m1", 1)]
    bad = verdict(provider, 422, {"error": {"code": "invalid", "message": "Bad"}})
    assert isinstance(bad, Refused)
    assert '"Bad (invalid)"' in bad.reason
    for status in (401, 403):
        assert isinstance(verdict(provider, status, b""), Trouble)
    assert verdict(provider, 429, b"") == Throttled(7.0)
    for answer in (b"", b"{", b"[]", {"messages": []}, {"messages": [{"messageId": ""}]}):
        assert isinstance(verdict(provider, 202, answer), Unknown)
    assert isinstance(verdict(provider, 500, b""), Unknown)


def test_answers_to_the_login(provider):
    """A wrong secret would look like a fault of the carrier, or a busy one like a wrong secret."""
    read = provider.login.read
    assert read(Response(200, b'{"access_token":"t","expires_in":60}')) == Token("t", 60.0)
    assert read(Response(200, b'{"access_token":"t"}')) == Token("t")
    wrong = read(Response(401, b'{"error":"invalid_client"}'))
    assert wrong == Trouble("the carrier gives no token to this login: 401 Unauthorized")
    assert read(Response(200, b"<html>")) == Trouble("the carrier's answer with the token cannot be read")
    assert read(Response(429, b"", {}, 9.0)) == Throttled(9.0)


def test_secret_is_in_no_text():
    """A log or a traceback would let its reader send at the customer's cost."""
    config = configured()
    provider = Naxai(config)
    [request] = provider.requests([to(1)])
    token = provider.login.read(Response(200, b'{"access_token":"the-token"}'))
    shown = f"{config!r} {request!r} {provider.login!r} {token!r}"
    assert "the-secret" not in shown
    assert "the-token" not in shown


@pytest.mark.parametrize(
    ("keys", "clause"),
    [
        ({"client_secret": Secret("")}, "it needs the key 'client_secret' or the key 'client_secret_file'"),
        ({"default_sender": ""}, "it needs the key 'default_sender' or the key 'sender_service', or both"),
        (
            {"default_sender": "A name with 16 l"},
            "default_sender is over the 15 characters that Naxai allows",
        ),
        ({"sender_service": "mine"}, "sender_service is 'mine', and has to be the ID of one, a UUID"),
        ({"auth_url": "auth.naxai.com"}, "auth_url is 'auth.naxai.com', and has to be an address such as"),
        ({"batch": 2}, "batch is 2, and has to be from 1 to 1"),
    ],
)
def test_slips_are_named(keys, clause):
    """An operator would find out with the first file that nothing leaves."""
    with pytest.raises(ValueError, match=re.escape(clause)):
        configured(**keys)


def sent(kit, folder, rows, *, between=None, script=(), behaviour=None, login="client:the-secret"):
    """What one backend answered to two slices, with something done between them, and the carrier."""
    contract = strict.Naxai(login)

    async def work():
        async with HttpSimulator(contract, behaviour) as carrier:
            carrier.script.extend(script)
            config = configured(url=carrier.url, auth_url=carrier.url + strict.TOKEN_PATH)
            backend = HttpBackend("carrier", config, folder)
            await backend.start()
            first = await kit.submit(backend, rows)
            if between:
                between(contract)
            second = await kit.submit(backend, rows, make=lambda row: envelope(row, batch=2))
            await backend.stop()
            return first, second, carrier

    return asyncio.run(asyncio.wait_for(work(), 60))


def test_one_token_for_all_requests(kit, tmp_path):
    """Every message would cost a login, which providers allow few of."""
    (first, _), (second, _), carrier = sent(kit, tmp_path, 20)
    assert {type(answer) for answer in [*first.values(), *second.values()]} == {Accepted}
    assert carrier.counts.requests == 41


def test_token_that_ended_is_renewed(kit, tmp_path):
    """Once a day, messages would stay or be rejected until somebody restarts the server."""
    (first, _), (second, reason), carrier = sent(
        kit, tmp_path, 5, between=lambda contract: contract.tokens.clear()
    )
    assert len(first) == len(second) == 5
    assert {type(answer) for answer in second.values()} == {Accepted}
    assert reason == ""
    assert len(carrier.messages) == 10


def test_wrong_login_rejects_nothing(kit, tmp_path):
    """A mistyped secret would reject a file, or the operator would not learn why nothing leaves."""
    (answers, reason), _, carrier = sent(kit, tmp_path, 3, login="client:another")
    assert answers == {}
    assert reason.startswith("the carrier gives no token to this login: 401 Unauthorized")
    assert carrier.messages == []


@pytest.mark.parametrize("fault", ["500", "cut", "half", "wrong", "503"])
def test_login_that_fails_leaves_no_message_in_doubt(kit, tmp_path, fault):
    """Messages that never left would count as perhaps sent."""
    (first, _), (second, _), carrier = sent(kit, tmp_path, 3, script=[fault])
    answers = [*first.values(), *second.values()]
    assert {type(answer) for answer in answers} <= {Accepted, Throttled}
    assert sum(isinstance(answer, Accepted) for answer in answers) == len(carrier.messages)
    assert carrier.counts.requests > 1


def test_refusal_of_one_is_about_that_one(kit, tmp_path):
    """One barred number would cost others their message."""
    behaviour = HttpBehaviour(refuse=[(re.compile("7$"), "rejected")])
    (answers, _), _, carrier = sent(kit, tmp_path, 20, behaviour=behaviour)
    assert sorted(row for row, answer in answers.items() if isinstance(answer, Rejected)) == [7, 17]
    assert len(carrier.messages) == 36


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"colour": "red"}, "unknown field `colour`"),
        ({"to": "+4512345678"}, "got `str`"),
        ({"to": ["4512345678"]}, "to"),
        ({"body": ""}, "length >= 1"),
        ({"from": "A name with 16 l"}, "length <= 15"),
        ({"from": None}, "got `null`"),
        ({"type": "binary"}, "binary"),
        ({"validity": 4}, ">= 5"),
        ({"maxParts": 31}, "<= 30"),
        ({"idempotencyKey": "a b"}, "matching regex"),
    ],
)
def test_simulator_is_strict(change, what):
    """A slip of the backend would go unnoticed until the real carrier refuses it."""
    contract = strict.Naxai()
    contract.tokens.add("t")
    headers = {"authorization": "Bearer t", "content-type": "application/json", "x-version": "2023-03-25"}

    def take(message, **given):
        asked = Asked("POST", "/sms/send", {**headers, **given}, json.dumps(message).encode())
        taken = contract.take(asked, 0, lambda _: None)
        return taken.status, json.loads(taken.body)

    message = {"to": ["+4512345678"], "body": "Hi", "from": "Acme", "idempotencyKey": "k"}
    status, error = take({**message, **change})
    assert status == 422
    assert what in error["error"]["details"][0]
    assert [take(message)[0], take(message)[0]] == [202, 409]
    assert take(message, authorization="Bearer other")[0] == 401
    assert take(message, **{"x-version": "1"})[0] == 422
