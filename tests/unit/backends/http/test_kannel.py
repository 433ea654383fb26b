"""Kannel's ``sendsms``, without a server; and a refusal of one message, with one."""

import asyncio
import re

import msgspec
import pytest

from smsfs.backends import Accepted, Rejected, Throttled, Unknown
from smsfs.backends.http.client import HttpBackend
from smsfs.backends.http.contract import Refused, Response, Trouble, own_id
from smsfs.backends.http.kannel import Kannel, KannelConfig
from smsfs.secret import Secret
from smsfs.simulator.http import HttpBehaviour, HttpSimulator
from smsfs.simulator.http import kannel as strict
from tests.support.backend_suite import envelope

ADDRESS = "http://127.0.0.1:13013"
LOGIN = {"X-Kannel-Username": "user", "X-Kannel-Password": "a secret"}


def configured(**keys):
    """A section with these keys."""
    options = {"url": ADDRESS, "username": "user", "password": Secret("a secret"), **keys}
    return KannelConfig("kannel", **options)


def to(row, left=None, **fields):
    """A message, with some fields changed."""
    made = envelope(row)
    changed = msgspec.structs.replace(made, message=msgspec.structs.replace(made.message, **fields))
    return changed if left is None else msgspec.structs.replace(changed, left=left)


def test_every_field_leaves_by_post():
    """A message would arrive from another sender, in question marks, days late, or not at all."""
    provider = Kannel(configured(smsc="main"))
    [request] = provider.requests([to(1, sender="+4512345678", text="Hi 你", left=119.0)])
    assert (request.method, request.path) == ("POST", "/cgi-bin/sendsms")
    assert request.body == "Hi 你".encode()
    assert request.headers == {
        **LOGIN,
        "X-Kannel-From": "4512345678",
        "X-Kannel-To": "4500100001",
        "X-Kannel-Smsc": "main",
        "X-Kannel-Coding": "2",
        "X-Kannel-Validity": "1",
        "Content-Type": "text/plain; charset=UTF-8",
    }


def test_every_field_leaves_by_get():
    """The same, to a gateway that takes no POST; or a text with an ampersand would end there."""
    provider = Kannel(configured(method="GET", path="/sms/send", default_sender="Acme"))
    [request] = provider.requests([to(1, sender="", text="A & é +1")])
    assert (request.method, request.body, request.headers) == ("GET", b"", {})
    assert request.path == (
        "/sms/send?username=user&password=a+secret&from=Acme&to=4500100001&coding=0"
        "&text=A+%26+%C3%A9+%2B1&charset=UTF-8"
    )


def test_each_message_has_a_request():
    """Of several recipients, Kannel drops one that it refuses without a word."""
    requests = Kannel(configured()).requests([to(1), to(2), to(3)])
    assert [[item.key for item in request.envelopes] for request in requests] == [["1-1"], ["1-2"], ["1-3"]]


def verdict(status, said):
    """What an answer means for one message of three parts."""
    provider = Kannel(configured())
    [request] = provider.requests([to(1, text="x" * 400)])
    return provider.verdict(request, Response(status, said, {}, 7.0))


@pytest.mark.parametrize(
    "said", [b"0: Accepted for delivery", b"3: Queued for later delivery\n", b"Sent. Message splits: 3"]
)
def test_taken(said):
    """A message that is on its way would be sent again, or held for doubt."""
    assert verdict(202, said) == [Accepted(own_id(to(1, text="x" * 400)), 3)]


def test_ids_of_two_installations_differ():
    """A late report for a message of another installation behind the same Kannel would become one of ours."""
    ours = to(1)
    theirs = msgspec.structs.replace(ours, submitted=ours.submitted + 1)
    assert own_id(ours).startswith("1-1-1-")
    assert own_id(ours) != own_id(theirs)


@pytest.mark.parametrize(
    ("status", "said"),
    [(202, b""), (200, b"<html>Welcome</html>"), (202, b"1"), (200, b"\xff"), (500, b"Sending failed.")],
)
def test_doubt_is_not_hidden(status, said):
    """A message that may have been taken would be sent again in silence, or count as sent."""
    assert isinstance(verdict(status, said), Unknown)


def test_message_that_is_refused():
    """A bad number would be tried for days, or take the whole carrier down."""
    denied = verdict(400, b"Number(s) has/have been denied by white- and/or black-lists.")
    assert isinstance(denied, Refused)
    assert "black-lists" in denied.reason
    assert isinstance(verdict(403, b"Not routable. Do not try again."), Refused)


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (403, b"Authorization failed for sendsms"),
        (404, b"Unknown request."),
        (400, b"Invalid content-type"),
        (415, b"Unsupported content-type, rejected"),
    ],
)
def test_trouble_rejects_nothing(status, said):
    """A wrong password or path would reject a file that could be sent a minute later."""
    found = verdict(status, said)
    assert isinstance(found, Trouble)
    assert said.decode() in found.reason


def test_busy():
    """A message that Kannel has no room for would be lost or in doubt."""
    assert verdict(503, b"Temporal failure, try again later.") == Throttled(7.0)


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_password_is_in_no_text(method):
    """A log or a traceback would let its reader send at the customer's cost."""
    config = configured(method=method, password=Secret("very-secret"))
    [request] = Kannel(config).requests([to(1)])
    assert "very-secret" not in f"{config!r} {request!r}"
    assert "very-secret" in f"{request.path} {request.headers}"


@pytest.mark.parametrize(
    ("keys", "clause"),
    [
        ({"password": Secret("")}, "it needs the key 'password' or the key 'password_file'"),
        ({"password_file": "x"}, "it needs the key 'password' or the key 'password_file'"),
        ({"username": ""}, "username is empty"),
        ({"username": "a\r\nTo: 1"}, "has to be a name without blanks around it"),
        ({"smsc": " main"}, "has to be a name without blanks around it"),
        ({"path": "/sendsms?user=x"}, "has to be a path such as /cgi-bin/sendsms"),
        ({"default_sender": "A name of 12"}, "default_sender is over the 11 characters"),
        ({"batch": 2}, "batch is 2, and has to be from 1 to 1"),
    ],
)
def test_slips_are_named(keys, clause):
    """An operator would find out with the first file that nothing leaves."""
    with pytest.raises(ValueError, match=re.escape(clause)):
        configured(**keys)


@pytest.mark.parametrize("reason", ["denied", "route"])
def test_refusal_of_one_refuses_that_one(kit, reason, tmp_path):
    """One barred number would cost others their message."""
    behaviour = HttpBehaviour(refuse=[(re.compile("7$"), reason)])

    async def work():
        async with HttpSimulator(strict.Kannel("user:a secret"), behaviour) as carrier:
            backend = HttpBackend("carrier", configured(url=carrier.url), tmp_path)
            await backend.start()
            answers, _ = await kit.submit(backend, 20)
            await backend.stop()
            return answers, carrier

    answers, carrier = asyncio.run(asyncio.wait_for(work(), 60))
    assert [row for row, answer in answers.items() if isinstance(answer, Rejected)] == [7, 17]
    assert len(carrier.messages) == len(answers) - 2


def take(headers=None, body=b"Hi", method="POST", path="/cgi-bin/sendsms"):
    """What the simulator says to a request."""
    given = {"Content-Type": "text/plain", **LOGIN, "X-Kannel-From": "Shop", "X-Kannel-To": "4512345678"}
    given = {name.lower(): value for name, value in {**given, **(headers or {})}.items()}
    asked = strict.Asked(method, path, given, body)
    return strict.Kannel("user:a secret").take(asked, 0, lambda _: None)


@pytest.mark.parametrize(
    ("headers", "status", "said"),
    [
        ({}, 202, "0: Accepted for delivery"),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 400, "Invalid content-type"),
        ({"X-Kannel-Password": "wrong"}, 403, "Authorization failed for sendsms"),
        ({"X-Kannel-To": ""}, 400, "Empty receiver number not allowed, rejected"),
        ({"X-Kannel-To": "abc"}, 400, "Number(s) has/have been denied by white- and/or black-lists."),
        ({"X-Kannel-From": ""}, 400, "Sender missing and no global set, rejected"),
        ({"X-Kannel-Coding": "3"}, 400, "Coding field misformed, rejected"),
        ({"X-Kannel-MClass": "4"}, 400, "MClass field misformed, rejected"),
        ({"X-Kannel-DLR-Url": "ftp://x"}, 400, "DLR-URL field misformed, rejected"),
        ({"X-Kannel-Colour": "red"}, 400, "colour field misformed, rejected"),
    ],
)
def test_simulator_is_strict(headers, status, said):
    """A slip of the backend would go unnoticed until the real gateway refuses it, or passes it over."""
    taken = take(headers)
    assert (taken.status, taken.body.decode()) == (status, said)


def test_simulator_changes_texts_as_kannel_does():
    """A wrong coding, or a text that Kannel cuts, would look whole in a test."""
    utf8 = {"Content-Type": "text/plain; charset=UTF-8"}
    assert take(utf8, "Hi 你".encode()).messages[0].text == "Hi ?"
    assert take({**utf8, "X-Kannel-Coding": "2"}, "Hi 你".encode()).messages[0].text == "Hi 你"
    assert len(take(utf8, b"x" * 2000).messages[0].text) == 1530
    several = take({"X-Kannel-To": "4512345678 abc 4587654321"})
    assert [item.destination for item in several.messages] == ["4512345678", "4587654321"]
    assert take(path="/cgi-bin/sendota").status == 404
