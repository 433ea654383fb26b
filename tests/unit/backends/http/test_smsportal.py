"""SMSPortal's contract, without a server; and its partial refusals, with one."""

import asyncio
import json
import re

import msgspec
import pytest

from smsfs.backends import Accepted, Rejected, Throttled, Unknown
from smsfs.backends.http.client import HttpBackend
from smsfs.backends.http.contract import Refused, Response, Trouble
from smsfs.backends.http.smsportal import SmsPortal, SmsPortalConfig
from smsfs.secret import Secret
from smsfs.simulator.http import HttpBehaviour, HttpSimulator
from smsfs.simulator.http import smsportal as strict
from tests.support.backend_suite import envelope


@pytest.fixture
def provider():
    """One with a default sender."""
    return SmsPortal(
        SmsPortalConfig("smsportal", "client", api_secret=Secret("secret"), default_sender="Acme")
    )


def to(row, **fields):
    """A message, with some fields changed."""
    made = envelope(row)
    return msgspec.structs.replace(made, message=msgspec.structs.replace(made.message, **fields))


def test_every_field_leaves(provider):
    """A message would arrive from another sender, cut short, or not at all."""
    [request] = provider.requests([to(1, sender="+4512345678", text="Hi æ")])
    assert (request.method, request.path) == ("POST", "/v3/BulkMessages")
    assert request.headers["Authorization"] == "Basic Y2xpZW50OnNlY3JldA=="
    assert json.loads(request.body) == {
        "sendOptions": {"senderId": "4512345678", "allowContentTrimming": False, "duplicateCheck": False},
        "messages": [{"content": "Hi æ", "destination": "4500100001", "customerId": "1-1"}],
    }


def test_senders_are_not_mixed(provider):
    """A person would get a message from somebody else's name."""
    requests = provider.requests([to(1), to(2, sender=""), to(3), to(4, sender="")])
    bodies = [json.loads(request.body) for request in requests]
    assert [body["sendOptions"]["senderId"] for body in bodies] == ["Shop", "Acme"]
    assert [[item["customerId"] for item in body["messages"]] for body in bodies] == [
        ["1-1", "1-3"],
        ["1-2", "1-4"],
    ]


def test_number_stands_once_in_a_request(provider):
    """A receipt would be taken for that of another message to the same number."""
    requests = provider.requests([to(1), to(2, recipient="4500100001"), to(3)])
    assert [[item.key for item in request.envelopes] for request in requests] == [["1-1", "1-3"], ["1-2"]]


def verdict(provider, status, body):
    """Of one request with three messages."""
    [request] = provider.requests([to(1), to(2), to(3)])
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return provider.verdict(request, Response(status, data, {}, 7.0))


def sent(messages, *faults, **counts):
    """The body of a 200."""
    report = {**counts, "faults": list(faults)}
    return {
        "statusCode": 200,
        "errors": [],
        "sendResponse": {"eventId": 9, "messages": messages, "errorReport": report},
    }


def test_all_taken(provider):
    """A receipt could not be matched with its message."""
    found = verdict(provider, 200, sent(3))
    assert found == [Accepted(f"9-450010000{row}", 1) for row in (1, 2, 3)]


def test_cost_is_of_those_that_were_taken(provider):
    """What messages cost would not add up to what SMSPortal takes for them."""
    body = sent(2, {"customerId": "1-2", "status": "BLIST"})
    body["sendResponse"]["cost"] = 3.0
    found = verdict(provider, 200, body)
    assert [item.price for item in found if isinstance(item, Accepted)] == ["1.5", "1.5"]


@pytest.mark.parametrize(
    "fault", [{"customerId": "1-2"}, {"scrubbedDestination": "4500100002"}, {"rawDestination": "+4500100002"}]
)
def test_200_may_be_a_refusal(provider, fault):
    """A message that was refused would count as sent, for ever without a receipt."""
    found = verdict(provider, 200, sent(2, {**fault, "errorMessage": "Blocked", "status": "BLIST"}))
    assert found == [Accepted("9-4500100001", 1), Rejected("BLIST", "Blocked"), Accepted("9-4500100003", 1)]


def test_refusal_without_a_name_is_doubt(provider):
    """Two messages would count as sent that may not have been, or be sent again in silence."""
    found = verdict(provider, 200, sent(2, optedOuts=1))
    assert [type(answer) for answer in found] == [Unknown] * 3
    assert "took 2 of 3 messages, and does not say which" in found[0].reason


def test_nothing_taken_is_looked_into(provider):
    """A request of which nothing was taken would be one of unknown fate."""
    assert verdict(provider, 200, sent(0, optedOuts=3)) == Refused(
        "refused", "the carrier took nothing: the recipient opted out"
    )


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", {"statusCode": 200, "errors": [], "sendResponse": None}, sent(4), b'"\xff"']
)
def test_success_that_makes_no_sense_is_unknown(provider, body):
    """Messages that were taken would be sent again without a word about it."""
    found = verdict(provider, 200, body)
    assert isinstance(found, Unknown)


@pytest.mark.parametrize(("status", "code"), [(401, "InvalidCredentials"), (403, "InsufficientCredits")])
def test_account_that_may_not_send_rejects_nothing(provider, status, code):
    """A wrong secret or an empty account would reject a file that could be sent a minute later."""
    found = verdict(provider, status, {"errorCode": code, "errorMessage": "No"})
    assert isinstance(found, Trouble)
    assert f'"No ({code})"' in found.reason


def test_other_answers(provider):
    """A busy carrier, a fault of it and a bad message would be taken for one another."""
    error = {"errorCode": "InvalidParameter.Format", "errorMessage": "destination"}
    bad = verdict(provider, 400, {"statusCode": 400, "errors": [error], "sendResponse": None})
    assert isinstance(bad, Refused)
    assert "destination (InvalidParameter.Format)" in bad.reason
    assert verdict(provider, 503, b"busy") == Throttled(7.0)
    assert isinstance(verdict(provider, 500, b"oops"), Unknown)


@pytest.mark.parametrize("reason", ["BLIST", "optedOuts"])
def test_refusal_of_one_refuses_that_one(kit, reason, tmp_path):
    """One barred number would cost others their message, or leave in doubt what was taken."""
    behaviour = HttpBehaviour(refuse=[(re.compile("07$"), reason)])

    async def work():
        async with HttpSimulator(strict.SmsPortal("client:secret"), behaviour) as carrier:
            options = {"url": carrier.url, "api_secret": Secret("secret")}
            options |= {"batch": 1} if reason == "optedOuts" else {}  # where it only counts them
            backend = HttpBackend("carrier", SmsPortalConfig("smsportal", "client", **options), tmp_path)
            await backend.start()
            answers, _ = await kit.submit(backend, 120 if reason == "BLIST" else 12)
            await backend.stop()
            return answers, carrier

    answers, carrier = asyncio.run(asyncio.wait_for(work(), 60))
    refused = [row for row, answer in answers.items() if isinstance(answer, Rejected)]
    assert refused == ([7, 107] if reason == "BLIST" else [7])
    assert len(carrier.messages) == len(answers) - len(refused)
    assert sum(isinstance(answer, Accepted) for answer in answers.values()) == len(carrier.messages)


def test_secret_is_in_no_text():
    """Whoever reads a log or a traceback could send at the customer's cost."""
    config = SmsPortalConfig("smsportal", "client", api_secret=Secret("very-secret-text"))
    [request] = SmsPortal(config).requests([to(1)])
    assert "very-secret-text" not in f"{config!r} {request!r}"
    assert "Y2xp" not in f"{config!r} {request!r}"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"colour": "red"}, "InvalidParameter.Format"),
        ({"messages": []}, "RequiredParameter.Missing"),
        ({"messages": [{"content": "Hi"}]}, "RequiredParameter.Missing"),
        ({"messages": [{"content": "Hi", "destination": 45}]}, "InvalidParameter.Type"),
        ({"messages": [{"content": "Hi", "destination": "4512345678"}] * 101}, "InvalidParameter.Format"),
        ({"sendOptions": {"sender": "Acme"}}, "InvalidParameter.Type"),
    ],
)
def test_simulator_is_strict(change, code):
    """A slip of the backend would go unnoticed until the real carrier refuses it."""
    body = {"messages": [{"content": "Hi", "destination": "4512345678"}], **change}
    headers = {"authorization": "Basic Y2xpZW50OnNlY3JldA==", "content-type": "application/json"}
    asked = strict.Asked("POST", "/v3/BulkMessages", headers, json.dumps(body).encode())
    taken = strict.SmsPortal("client:secret").take(asked, 0, lambda _: None)
    assert (taken.status, json.loads(taken.body)["errors"][0]["errorCode"]) == (400, code)
    for login in ("", "Bearer x", "Basic eDp5"):
        strange = strict.Asked("POST", "/v3/BulkMessages", {**headers, "authorization": login}, asked.body)
        assert strict.SmsPortal("client:secret").take(strange, 0, lambda _: None).status == 401
