"""Infobip's SMS API, without a server; and its partial refusals, with one."""

import asyncio
import json
import re

import msgspec
import pytest

from smsfs.backends import Accepted, Rejected, Throttled, Unknown
from smsfs.backends.http.client import HttpBackend
from smsfs.backends.http.contract import Refused, Response, Trouble
from smsfs.backends.http.infobip import Infobip, InfobipConfig
from smsfs.secret import Secret
from smsfs.simulator.http import HttpBehaviour, HttpSimulator
from smsfs.simulator.http import infobip as strict
from tests.support.backend_suite import envelope

CREDIT = "REJECTED_NOT_ENOUGH_CREDITS"


def configured(**keys):
    """A section with these keys."""
    options = {"url": "https://x.api.infobip.com", "api_key": Secret("secret-key"), **keys}
    return InfobipConfig("infobip", **options)


@pytest.fixture
def provider():
    """One with a default sender."""
    return Infobip(configured(default_sender="+4511223344"))


def to(row, left=None, **fields):
    """A message, with some fields changed."""
    made = envelope(row)
    changed = msgspec.structs.replace(made, message=msgspec.structs.replace(made.message, **fields))
    return changed if left is None else msgspec.structs.replace(changed, left=left)


def test_every_field_leaves(provider):
    """A message would arrive from another sender, days late, or not at all."""
    [request] = provider.requests([to(1, text="Hi 你", left=119.0)])
    assert (request.method, request.path) == ("POST", "/sms/3/messages")
    assert request.headers["Authorization"] == "App secret-key"
    message = {
        "sender": "Shop",
        "destinations": [{"to": "4500100001"}],
        "content": {"text": "Hi 你"},
        "options": {"validityPeriod": {"amount": 1, "timeUnit": "MINUTES"}},
    }
    assert json.loads(request.body) == {
        "messages": [message],
        "options": {"includeSmsCountInResponse": True},
    }


def test_what_differs_is_not_mixed(provider):
    """A person would get another's text, or a message from somebody else's name."""
    [request] = provider.requests([to(1), to(2, text="other"), to(3), to(4, sender=""), to(5, left=1e9)])
    messages = json.loads(request.body)["messages"]
    assert [[item["to"][-1] for item in message["destinations"]] for message in messages] == [
        ["1", "3"],
        ["2"],
        ["4"],
        ["5"],
    ]
    assert [message["sender"] for message in messages] == ["Shop", "Shop", "4511223344", "Shop"]
    assert messages[3]["options"]["validityPeriod"]["amount"] == 2880
    assert [item.key for item in request.envelopes] == ["1-1", "1-3", "1-2", "1-4", "1-5"]


def test_number_stands_once_in_a_request(provider):
    """The refusal of one message would be taken for that of another to the same number."""
    requests = provider.requests([to(1), to(2, recipient="4500100001", text="other"), to(3)])
    assert [[item.key for item in request.envelopes] for request in requests] == [["1-1", "1-3"], ["1-2"]]


def verdict(provider, status, body):
    """Of one request with three messages."""
    [request] = provider.requests([to(1), to(2), to(3)])
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return provider.verdict(request, Response(status, data, {}, 7.0))


def one(row, group=1, name="PENDING_ACCEPTED", **fields):
    """The answer to one message."""
    status = {"groupId": group, "groupName": "x", "id": 26, "name": name, "description": "Words"}
    return {"messageId": f"m{row}", "status": status, "destination": f"450010000{row}", **fields}


def test_all_taken(provider):
    """A receipt could not be matched with its message, whatever order the answer has."""
    body = {"messages": [one(3, details={"messageCount": 2}), one(1, 3), one(2, 0)]}
    assert verdict(provider, 200, body) == [Accepted("m1", 1), Accepted("m2", 1), Accepted("m3", 2)]


@pytest.mark.parametrize("group", [2, 4, 5])
def test_200_may_be_a_refusal(provider, group):
    """A message that was refused would count as sent, for ever without a receipt."""
    body = {"messages": [one(1), one(2, group, "REJECTED_DESTINATION"), one(3)]}
    refused = Rejected("REJECTED_DESTINATION", "Words (REJECTED_DESTINATION)")
    assert verdict(provider, 200, body) == [Accepted("m1", 1), refused, Accepted("m3", 1)]


def test_no_credit_rejects_nothing(provider):
    """An empty account would reject a file that could be sent a minute later."""
    found = verdict(provider, 200, {"messages": [one(row, 5, CREDIT) for row in (1, 2, 3)]})
    assert isinstance(found, Trouble)
    assert f"Words ({CREDIT})" in found.reason
    ends = verdict(
        provider, 200, {"messages": [one(1), one(2, 5, CREDIT), one(3, 5, "REJECTED_SYSTEM_ERROR")]}
    )
    assert ends == [Accepted("m1", 1), Throttled(30.0), Throttled(30.0)]


def test_message_that_is_not_named_is_in_doubt(provider):
    """A message that may have been taken would be sent again in silence, or count as sent."""
    body = {"messages": [one(1), one(2, 9), one(3, messageId="")]}
    assert [type(item) for item in verdict(provider, 200, body)] == [Accepted, Unknown, Unknown]
    assert [type(item) for item in verdict(provider, 200, {"messages": []})] == [Unknown] * 3


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"\xff"', {"bulkId": "x"}, {"messages": [{}]}])
def test_success_that_makes_no_sense_is_unknown(provider, body):
    """Messages that were taken would be sent again without a word about it."""
    assert isinstance(verdict(provider, 200, body), Unknown)


def test_other_answers(provider):
    """A busy carrier, a wrong key, a fault and a bad message would be taken for one another."""
    violation = {"property": "messages[0].sender", "violation": "too long"}
    error = {"errorCode": "E400", "description": "Bad", "action": "", "violations": [violation]}
    bad = verdict(provider, 400, error)
    assert isinstance(bad, Refused)
    assert '"Bad; messages[0].sender: too long (E400)"' in bad.reason
    older = {"requestError": {"serviceException": {"messageId": "UNAUTHORIZED", "text": "Invalid login"}}}
    wrong = verdict(provider, 401, older)
    assert isinstance(wrong, Trouble)
    assert '"Invalid login (UNAUTHORIZED)"' in wrong.reason
    assert isinstance(verdict(provider, 403, b""), Trouble)
    assert verdict(provider, 429, {"errorCode": "E429"}) == Throttled(7.0)
    assert isinstance(verdict(provider, 500, {"errorCode": "E500"}), Unknown)


def test_key_is_in_no_text():
    """A log or a traceback would let its reader send at the customer's cost."""
    config = configured()
    [request] = Infobip(config).requests([to(1)])
    assert "secret-key" not in f"{config!r} {request!r}"


@pytest.mark.parametrize(
    ("keys", "clause"),
    [
        ({"api_key": Secret("")}, "it needs the key 'api_key' or the key 'api_key_file'"),
        ({"api_key_file": "x"}, "it needs the key 'api_key' or the key 'api_key_file'"),
        ({"default_sender": "A name of 12"}, "default_sender is over the 11 characters that Infobip allows"),
        ({"url": "x.api.infobip.com"}, "and has to be an address such as"),
        ({"batch": 1001}, "batch is 1001, and has to be from 1 to 1000"),
    ],
)
def test_slips_are_named(keys, clause):
    """An operator would find out with the first file that nothing leaves."""
    with pytest.raises(ValueError, match=re.escape(clause)):
        configured(**keys)


@pytest.mark.parametrize(
    ("code", "kind"), [("REJECTED_DESTINATION", Rejected), ("E400", Rejected), (CREDIT, Throttled)]
)
def test_refusal_of_one_is_about_that_one(kit, code, kind, tmp_path):
    """One barred number would cost others their message, or leave in doubt what was taken."""
    behaviour = HttpBehaviour(refuse=[(re.compile("7$"), code)])

    async def work():
        async with HttpSimulator(strict.Infobip("secret-key"), behaviour) as carrier:
            backend = HttpBackend("carrier", configured(url=carrier.url), tmp_path)
            await backend.start()
            answers, _ = await kit.submit(backend, 20)
            await backend.stop()
            return answers, carrier

    answers, carrier = asyncio.run(asyncio.wait_for(work(), 60))
    assert sorted(row for row, answer in answers.items() if isinstance(answer, kind)) == [7, 17]
    assert sum(isinstance(answer, Accepted) for answer in answers.values()) == len(carrier.messages) == 18


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"colour": "red"}, "unknown field `colour`"),
        ({"from": "Acme"}, "unknown field `from`"),
        ({"destinations": []}, "length >= 1"),
        ({"destinations": [{"to": 4512345678}]}, "got `int`"),
        ({"destinations": [{"to": "4512345678", "id": "x"}]}, "unknown field `id`"),
        ({"content": {"text": ""}}, "length >= 1"),
        ({"sender": "A name of 12"}, "sender"),
        ({"options": {"validityPeriod": {"amount": 0}}}, ">= 1"),
        ({"options": {"validityPeriod": {"amount": 1, "timeUnit": "DAYS"}}}, "DAYS"),
    ],
)
def test_simulator_is_strict(change, what):
    """A slip of the backend would go unnoticed until the real carrier refuses it."""
    message = {"destinations": [{"to": "4512345678"}], "content": {"text": "Hi"}}
    headers = {"authorization": "App secret-key", "content-type": "application/json"}

    def take(body, **given):
        asked = strict.Asked("POST", "/sms/3/messages", {**headers, **given}, json.dumps(body).encode())
        taken = strict.Infobip("secret-key").take(asked, 0, lambda _: None)
        return taken.status, json.loads(taken.body)

    assert take({"messages": [message]})[0] == 200
    status, error = take({"messages": [{**message, **change}]})
    assert (status, error["errorCode"]) == (400, "E400")
    assert what in error["violations"][0]["violation"]
    assert take({"messages": [message]}, authorization="Bearer secret-key")[0] == 401
    assert take({"messages": [message]}, authorization="App other")[0] == 401
