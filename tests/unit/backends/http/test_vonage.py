"""Vonage's SMS API, without a server; and a refusal of one message, with one."""

import asyncio
import json
import re
from urllib.parse import parse_qs, urlencode

import msgspec
import pytest

from smsfs.backends import Accepted, Rejected, Throttled, Unknown
from smsfs.backends.http.client import HttpBackend
from smsfs.backends.http.contract import Refused, Response, Trouble
from smsfs.backends.http.vonage import Vonage, VonageConfig
from smsfs.secret import Secret
from smsfs.simulator.http import HttpBehaviour, HttpSimulator
from smsfs.simulator.http import vonage as strict
from tests.support.backend_suite import envelope

BASIC = "Basic YWJjZDEyMzQ6c2VjcmV0"


def configured(**keys):
    """A section with these keys."""
    options = {"api_key": "abcd1234", "api_secret": Secret("secret"), "default_sender": "+4511223344", **keys}
    return VonageConfig("vonage", **options)


@pytest.fixture
def provider():
    """One with a default sender."""
    return Vonage(configured())


def to(row, left=None, **fields):
    """A message, with some fields changed."""
    made = envelope(row)
    changed = msgspec.structs.replace(made, message=msgspec.structs.replace(made.message, **fields))
    return changed if left is None else msgspec.structs.replace(changed, left=left)


def form(request):
    """The fields of a request."""
    return {name: value for name, [value] in parse_qs(request.body.decode()).items()}


def test_every_field_leaves(provider):
    """A message would arrive from another sender, in question marks, days late, or not at all."""
    [request] = provider.requests([to(1, text="Hi & 你", left=600.0)])
    assert (request.method, request.path) == ("POST", "/sms/json")
    assert request.headers["Authorization"] == BASIC
    assert form(request) == {
        "from": "Shop",
        "to": "4500100001",
        "text": "Hi & 你",
        "type": "unicode",
        "client-ref": "1-1",
        "ttl": "600000",
    }


def test_defaults(provider):
    """A message without a sender would be refused; one with a short or a long validity, too."""
    requests = provider.requests([to(1, sender="", text="é €"), to(2, left=1.0), to(3, left=1e9)])
    first, *others = map(form, requests)
    assert (first["from"], first["type"], "ttl" in first) == ("4511223344", "text", False)
    assert [item["ttl"] for item in others] == ["20000", "604800000"]


def verdict(provider, status, body):
    """Of one request."""
    [request] = provider.requests([to(1)])
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return provider.verdict(request, Response(status, data, {}, 7.0))


def parts(*statuses):
    """The body of a 200."""
    messages = [
        {"status": status, "message-id": f"id{place}"}
        if status == "0"
        else {"status": status, "error-text": "No"}
        for place, status in enumerate(statuses)
    ]
    return {"message-count": str(len(messages)), "messages": messages}


def test_each_part_has_an_id(provider):
    """The receipts of further parts could not be matched with their message."""
    assert verdict(provider, 200, parts("0")) == [Accepted("id0", 1)]
    assert verdict(provider, 200, parts("0", "0", "0")) == [Accepted("id0", 3, ("id1", "id2"))]


def test_parts_cost_together(provider):
    """A long message would be shown as cheap as a short one."""
    body = parts("0", "0")
    for part in body["messages"]:
        part["message-price"] = "0.03330000"
    assert verdict(provider, 200, body) == [Accepted("id0", 2, ("id1",), price="0.0666")]


@pytest.mark.parametrize("status", ["3", "7", "12", "15", "33"])
def test_200_may_be_a_refusal(provider, status):
    """A message that was refused would count as sent, for ever without a receipt."""
    assert verdict(provider, 200, parts(status)) == Refused(status, f'status {status}, "No"')


@pytest.mark.parametrize("status", ["4", "8", "9", "29"])
def test_account_that_may_not_send_rejects_nothing(provider, status):
    """A wrong secret or an empty account would reject a file that could be sent a minute later."""
    found = verdict(provider, 200, parts(status))
    assert isinstance(found, Trouble)
    assert f'status {status}, "No"' in found.reason


@pytest.mark.parametrize("status", ["1", "10"])
def test_busy(provider, status):
    """A message that came too fast would be rejected, or in doubt."""
    assert verdict(provider, 200, parts(status)) == Throttled(7.0)
    assert verdict(provider, 429, b"") == Throttled(7.0)


def test_part_of_a_message_is_not_sent_again_in_silence(provider):
    """A person would get the beginning of a message twice, and nobody know why."""
    assert verdict(provider, 200, parts("0", "7")) == [Rejected("7", 'status 7, "No"', ("id0",))]
    [found] = verdict(provider, 200, parts("0", "1"))
    assert isinstance(found, Unknown)
    assert found.ids == ("id0",)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'"\xff"', {"messages": []}, {"messages": [{"status": "0"}]}, parts("5"), parts("99")],
)
def test_answer_that_makes_no_sense_is_unknown(provider, body):
    """A message that was taken would be sent again without a word about it."""
    assert isinstance(verdict(provider, 200, body), Unknown)


def test_statuses_of_http(provider):
    """A wrong key, a fault of the carrier and a wrong address would be taken for one another."""
    found = verdict(provider, 401, {"title": "Unauthorized", "detail": "Bad key"})
    assert isinstance(found, Trouble)
    assert '"Unauthorized: Bad key"' in found.reason
    assert isinstance(verdict(provider, 404, b"<html>"), Trouble)
    assert isinstance(verdict(provider, 500, b"oops"), Unknown)


def test_secret_is_in_no_text():
    """A log or a traceback would let its reader send at the customer's cost."""
    config = configured(api_secret=Secret("very-secret-text"))
    [request] = Vonage(config).requests([to(1)])
    assert "very-secret-text" not in f"{config!r} {request!r}"
    assert "YWJj" not in f"{config!r} {request!r}"


@pytest.mark.parametrize(
    ("keys", "clause"),
    [
        ({"api_secret": Secret("")}, "it needs the key 'api_secret' or the key 'api_secret_file'"),
        ({"api_secret_file": "x"}, "it needs the key 'api_secret' or the key 'api_secret_file'"),
        ({"api_key": "a:b"}, "api_key is 'a:b', and has to be letters and digits"),
        ({"default_sender": ""}, "it needs the key 'default_sender'"),
        ({"default_sender": "A name of 12"}, "default_sender is over the 11 characters that Vonage allows"),
        ({"batch": 2}, "batch is 2, and has to be from 1 to 1"),
    ],
)
def test_slips_are_named(keys, clause):
    """An operator would find out with the first file that nothing leaves."""
    with pytest.raises(ValueError, match=re.escape(clause)):
        configured(**keys)


@pytest.mark.parametrize(("code", "kind"), [("7", Rejected), ("torn", Unknown)])
def test_refusal_of_one_is_about_that_one(kit, code, kind, tmp_path):
    """One barred number would cost others their message."""
    behaviour = HttpBehaviour(refuse=[(re.compile("7$"), code)])

    async def work():
        async with HttpSimulator(strict.Vonage("abcd1234:secret"), behaviour) as carrier:
            backend = HttpBackend("carrier", configured(url=carrier.url), tmp_path)
            await backend.start()
            answers, _ = await kit.submit(backend, 20, make=lambda row: envelope(row, text="x" * 200))
            await backend.stop()
            return answers

    answers = asyncio.run(asyncio.wait_for(work(), 60))
    assert [row for row, answer in answers.items() if isinstance(answer, kind)] == [7, 17]
    assert sum(isinstance(answer, Accepted) for answer in answers.values()) == 18


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({}, "0"),
        ({"colour": "red"}, "3"),
        ({"to": ""}, "2"),
        ({"to": "+4512345678"}, "3"),
        ({"from": "A name of 12"}, "15"),
        ({"text": ""}, "2"),
        ({"text": "x" * 3201}, "12"),
        ({"type": "binary"}, "3"),
        ({"ttl": "19999"}, "3"),
        ({"client-ref": "x" * 41}, "3"),
    ],
)
@pytest.mark.parametrize("as_json", [False, True])
def test_simulator_is_strict(change, status, as_json):
    """A slip of the backend would go unnoticed until the real carrier refuses it."""
    fields = {"from": "Acme", "to": "4512345678", "text": "Hi", **change}
    kind = "application/json" if as_json else "application/x-www-form-urlencoded"
    body = json.dumps(fields) if as_json else urlencode(fields)
    headers = {"authorization": BASIC, "content-type": kind}

    def take(**given):
        asked = strict.Asked("POST", "/sms/json", {**headers, **given}, body.encode())
        taken = strict.Vonage("abcd1234:secret").take(asked, 0, lambda _: None)
        return json.loads(taken.body)["messages"][0]["status"]

    assert take() == status
    assert take(authorization="Basic eDp5") in ("4", "2", "3")
    if status == "0":
        assert take(authorization="Bearer x") == "4"
