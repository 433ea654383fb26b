"""A provider of one's own: what the section of the configuration makes of messages and answers."""

import asyncio
import json
import re
from urllib.parse import parse_qsl

import msgspec
import pytest

from smsfs.backends import Accepted, Rejected, Throttled, Unknown
from smsfs.backends.http.client import HttpBackend
from smsfs.backends.http.contract import Refused, Response, Token, Trouble, own_id
from smsfs.backends.http.providers import kind_of
from smsfs.backends.http.template import Template
from smsfs.backends.http.template_options import TemplateConfig
from smsfs.secret import Secret
from smsfs.simulator.http import HttpSimulator
from smsfs.simulator.http.own import Own
from smsfs.simulator.http.taken import Asked, Taken
from tests.support.backend_suite import envelope

BODY = '{"to": "{to}", "text": "{text}"}'
LIST = '{"text": "{text}", "to": ["{to}"], "flash": false}'
EACH = '{"messages": [{"to": "{to:number}", "body": "{text}", "from": "{sender}"}], "sender": "smsfs"}'


def configured(**keys):
    """A section with these keys."""
    body = {} if {"form", "text", "path"} & set(keys) else {"json": BODY}
    return TemplateConfig("http", **{"url": "https://gw.example.com", **body, **keys})


def to(row, left=None, **fields):
    """A message, with some fields changed."""
    made = envelope(row)
    changed = msgspec.structs.replace(made, message=msgspec.structs.replace(made.message, **fields))
    return changed if left is None else msgspec.structs.replace(changed, left=left)


def bodies(*items, **keys):
    """The bodies of the requests of messages, as JSON."""
    return [json.loads(request.body) for request in Template(configured(**keys)).requests(items)]


def test_values_are_escaped_for_where_they_stand():
    """Somebody's text could end a field and begin another, such as the number."""
    text, keys = '"&<\n{to}é', {"auth": "none"}
    [request] = Template(configured(path="/s?a={to}&t={text}", method="GET", **keys)).requests(
        [to(1, text=text)]
    )
    assert request.path == "/s?a=4500100001&t=%22%26%3C%0A%7Bto%7D%C3%A9"
    assert (request.method, request.body) == ("GET", b"")
    [request] = Template(configured(form={"to": "+{to}", "msg": "{text}!"})).requests([to(1, text=text)])
    assert parse_qsl(request.body.decode()) == [("to", "+4500100001"), ("msg", f"{text}!")]
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert bodies(to(1, text=text)) == [{"to": "4500100001", "text": text}]
    xml = configured(text='<sms to="{to}">{text}</sms>', content_type="application/xml")
    [request] = Template(xml).requests([to(1, text=text)])
    assert request.body.decode() == '<sms to="4500100001">&quot;&amp;&lt;\n{to}é</sms>'
    plain = configured(text="{to}:{text}")
    assert Template(plain).requests([to(1, text=text)])[0].body.decode() == f"4500100001:{text}"


def test_what_is_empty_is_left_out():
    """A provider would refuse a sender or a validity that is there and empty."""
    fields = '{"to": "{to}", "text": "{text}", "from": "{sender_plus}", "ttl": "{validity:number}", "n": ""}'
    assert bodies(to(1, sender=""), json=fields) == [{"to": "4500100001", "text": "hello", "n": ""}]
    [full] = bodies(to(1, sender="4511223344", left=61.5), json=fields)
    assert (full["from"], full["ttl"]) == ("+4511223344", 61)
    assert bodies(to(1, sender=""), json=fields, default_sender="1204")[0]["from"] == "1204"
    path = "/s?to={to}&from={sender}&text={text}&x="
    [request] = Template(configured(path=path, method="GET")).requests([to(1, sender="")])
    assert request.path == "/s?to=4500100001&text=hello&x="
    [request] = Template(configured(form={"t": "{to}{text}", "from": "{sender}"})).requests(
        [to(1, sender="")]
    )
    assert request.body == b"t=4500100001hello"


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("{userref}", "ref1"),
        ("{class}", "standard"),
        ("{key}", "1-1"),
        ("{minutes}", "2"),
        ("{unicode}", "0"),
        ("{parts}", "1"),
        ("{sender}", "Shop"),
        ("{username}-{secret}", "me-the-secret"),
        ("{parts:number}", 1),
    ],
)
def test_places(place, value):
    """A provider would lack what it wants to be told of a message."""
    keys = {"auth": "basic", "username": "me", "secret": Secret("the-secret")}
    fields = json.dumps({"to": "{to}", "text": "{text}", "x": place})
    assert bodies(to(1, left=125.0), json=fields, **keys)[0]["x"] == value


@pytest.mark.parametrize(
    ("keys", "header"),
    [
        ({"auth": "basic", "username": "me"}, {"Authorization": "Basic bWU6dGhlLXNlY3JldA=="}),
        ({"auth": "bearer"}, {"Authorization": "Bearer the-secret"}),
        ({"auth": "header", "auth_header": "X-Key"}, {"X-Key": "the-secret"}),
        (
            {"auth": "header", "auth_header": "Authorization", "auth_prefix": "AccessKey "},
            {"Authorization": "AccessKey the-secret"},
        ),
        ({"headers": {"X-A": "{secret}", "X-B": "{digest}"}}, {"X-A": "the-secret"}),
    ],
)
def test_ways_to_say_who_sends(keys, header):
    """A provider would refuse every request."""
    config = configured(secret=Secret("the-secret"), **keys)
    [request] = Template(config).requests([to(1)])
    assert header.items() <= request.headers.items()
    assert "the-secret" not in f"{config!r} {request!r}"
    assert "bWU6dGhlLXNlY3JldA" not in repr(request)


def test_list_holds_each_message():
    """Messages that could share a request would take one each, or a person get another's text."""
    found = bodies(to(1), to(2, text="other"), to(3, sender=""), json=EACH, batch=10)
    assert found == [
        {
            "messages": [
                {"to": 4500100001, "body": "hello", "from": "Shop"},
                {"to": 4500100002, "body": "other", "from": "Shop"},
                {"to": 4500100003, "body": "hello"},
            ],
            "sender": "smsfs",
        }
    ]
    by_text = bodies(to(1), to(2, text="other"), to(3), json=LIST, batch=10)
    assert by_text == [
        {"text": "hello", "to": ["4500100001", "4500100003"], "flash": False},
        {"text": "other", "to": ["4500100002"], "flash": False},
    ]
    assert bodies(to(1), to(2), json=LIST) == [
        {"text": "hello", "to": [number], "flash": False} for number in ("4500100001", "4500100002")
    ]


def test_numbers_are_separated():
    """Messages that could share a request would take one each."""
    form = {"dst": "{to}", "text": "{text}"}
    made = Template(configured(form=form, separator="<", batch=10))
    twice = to(4, recipient="4500100001", text="hello")
    requests = made.requests([to(1), to(2, text="other"), to(3), twice])
    assert [dict(parse_qsl(request.body.decode()))["dst"] for request in requests] == [
        "4500100001<4500100003",
        "4500100001",
        "4500100002",
    ]
    keys = [[item.key for item in request.envelopes] for request in requests]
    assert keys == [["1-1", "1-3"], ["1-4"], ["1-2"]]


def verdict(status, body, rows=(1,), **keys):
    """What an answer means."""
    made = Template(configured(**keys))
    [request] = made.requests([to(row) for row in rows])
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return made.verdict(request, Response(status, data, {}, 7.0))


def test_ids():
    """A receipt could not be matched with its message."""
    path, pattern = {"answer_id": "data.0.id"}, {"answer_id_pattern": r"ID=(\d+)"}
    assert verdict(200, {"data": [{"id": 12}]}, **path) == [Accepted("12", 1)]
    assert verdict(200, b"OK; ID=77", **pattern) == [Accepted("77", 1)]
    assert verdict(200, b"anything") == [Accepted(own_id(to(1)), 1)]
    for body in (b"", b"<html>", {"data": []}, {"data": [{"id": None}]}, {"data": {"1": 5}}):
        assert isinstance(verdict(200, body, **path), Unknown)
    assert isinstance(verdict(200, b"OK", **pattern), Unknown)
    assert verdict(200, b"OK", success_pattern="^OK", **pattern) == [Accepted(own_id(to(1)), 1)]
    many = {"json": LIST, "batch": 9, "rows": (1, 2)}
    assert verdict(200, {"ids": ["a", "b"]}, answer_id="ids", **many) == [Accepted("a", 1), Accepted("b", 1)]
    one = verdict(200, {"id": "a"}, answer_id="id", **many)
    assert one == [Accepted("a-4500100001", 1), Accepted("a-4500100002", 1)]
    assert isinstance(verdict(200, {"ids": ["a", "b", "c"]}, answer_id="ids", **many), Unknown)


def test_prices():
    """What messages cost would not be known, or not be all that the provider takes."""
    keys = {"answer_id": "id", "answer_price": "cost.amount", "answer_currency": "cost.unit"}
    body = {"id": "a", "cost": {"amount": "0.5", "unit": "EUR"}}
    assert verdict(200, body, **keys) == [Accepted("a", 1, price="0.5 EUR")]
    many = verdict(200, body, json=LIST, batch=9, rows=(1, 2), **keys)
    assert [item.price for item in many] == ["0.25 EUR", "0.25 EUR"]
    items = {"items": [{"id": "a", "state": "OK", "cost": 1}, {"id": "b", "state": "OK"}]}
    found = verdict(200, items, **{**ITEMS, "rows": (1, 2), "answer_price": "cost", "currency": "SEK"})
    assert [item.price for item in found] == ["1 SEK", ""]
    assert verdict(200, {"id": "a", "cost": "much"}, **keys) == [Accepted("a", 1)]


PATTERNS = {
    "success_pattern": "^OK",
    "account_pattern": "credit",
    "temporary_pattern": "busy",
    "permanent_pattern": "^ERR",
}


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, "OK 12", list),
        (200, "ERR no credit", Trouble),
        (200, "ERR busy", Throttled),
        (200, "ERR number", Refused),
        (200, "what?", Unknown),
        (400, "OK", Refused),
        (500, "ERR number", Refused),
        (500, "OK", Unknown),
        (401, "", Trouble),
        (503, "", Throttled),
        (404, "", Trouble),
    ],
)
def test_patterns_and_statuses(status, body, kind):
    """What was taken would be sent again, or what was refused would count as sent."""
    assert isinstance(verdict(status, body.encode(), **PATTERNS), kind)


def test_statuses_of_ones_own():
    """A provider that means something else by a status could not be used without losses."""
    keys = {"success_status": [202], "temporary_status": [420], "permanent_status": [500]}
    assert verdict(202, b"", **keys) == [Accepted(own_id(to(1)), 1)]
    assert isinstance(verdict(200, b"", **keys), Unknown)
    assert verdict(420, b"", **keys) == Throttled(7.0)
    assert isinstance(verdict(500, b"", **keys), Refused)


def test_state_and_reason_stand_where_the_paths_lead():
    """A text that has "ERR" in it would be taken for a refusal, or people read a whole document."""
    keys = {**PATTERNS, "answer_state": "result.state", "answer_reason": "result.why"}
    assert isinstance(verdict(200, {"result": {"state": "OK"}, "text": "ERR"}, **keys), list)
    refused = verdict(200, {"result": {"state": "ERR1", "why": "barred"}}, **keys)
    assert refused == Refused("ERR1", '200 OK, "barred"')
    assert isinstance(verdict(200, {"state": "OK"}, **keys), Unknown)


ITEMS = {
    "json": EACH,
    "batch": 9,
    "rows": (1, 2, 3),
    "answer_items": "items",
    "answer_id": "id",
    "answer_state": "state",
    **PATTERNS,
}


def test_items():
    """The refusal of one message would be taken for that of another, or of all."""
    body = {"items": [{"id": 1, "state": "OK"}, {"state": "ERR2"}, {"state": "busy"}]}
    assert verdict(200, body, **ITEMS) == [Accepted("1", 1), Rejected("ERR2", "ERR2"), Throttled(30.0)]
    assert isinstance(verdict(200, {"items": body["items"][:2]}, **ITEMS), Unknown)
    numbered = [{"id": 3, "state": "OK", "to": 4500100003}, {"id": 1, "state": "OK", "to": "+4500100001"}]
    found = verdict(200, {"items": numbered}, answer_to="to", **ITEMS)
    assert [found[0], type(found[1]), found[2]] == [Accepted("1", 1), Unknown, Accepted("3", 1)]
    assert isinstance(verdict(200, {"items": [{"state": "credit"}] * 3}, **ITEMS), Trouble)
    root = verdict(200, body["items"], **{**ITEMS, "answer_items": "."})
    assert root[0] == Accepted("1", 1)
    for odd in ({"items": 5}, {"items": None}, b"<html>"):
        assert isinstance(verdict(200, odd, **ITEMS), Unknown)
    assert isinstance(verdict(200, {"items": [None, 5, "OK"]}, **ITEMS)[0], Unknown)
    assert isinstance(verdict(400, b"OK", **ITEMS), Refused)


def test_idempotent_is_what_the_section_says():
    """Messages would be held that could be sent again safely, or sent twice."""
    keyed = {"idempotent": True, "headers": {"Idempotency-Key": "{digest}"}}
    assert kind_of(configured(**keyed)).idempotent
    assert not kind_of(configured()).idempotent
    assert kind_of(configured(answer_id="id")).traceable
    [first], [second] = (
        Template(configured(**keyed)).requests([msgspec.structs.replace(to(1), attempt=attempt)])
        for attempt in (1, 2)
    )
    assert (first.body, first.headers) == (second.body, second.headers)


@pytest.mark.parametrize(
    ("keys", "clause"),
    [
        ({"json": '{"to": {to}, "text": "{text}"}'}, "json is not JSON"),
        ({"json": '{"to": {to}}'}, 'a place stands inside quotation marks, such as "{to}"'),
        ({"json": '{"to": "{to}", "text": "{msg}"}'}, "json has the place {msg}, and can have {class}"),
        ({"json": '{"to": "{to}"}'}, "nothing of the request holds {text}: put it into path, form, json"),
        ({"json": '{"to": "{to}", "text": "{text:number}"}'}, "json has {text:number}, which can only be"),
        ({"json": '{"to": "+{to:number}", "text": "{text}"}'}, "json has {to:number}, which can only be"),
        ({"form": {"to": "{to:number}", "t": "{text}"}}, "form has {to:number}, which can only be"),
        ({"form": {"to": "{to}"}, "json": BODY}, "it has the keys 'form' and 'json', and can have one"),
        ({"method": "GET", "json": BODY}, "method is 'GET', and json cannot leave with it"),
        ({"path": "send", "json": BODY}, "path is 'send', and has to begin with /"),
        ({"path": "/a b", "json": BODY}, "path is '/a b', and cannot have a blank or a # in it"),
        ({"headers": {"X": "{text}"}}, "headers has the place {text}, and can have {digest}"),
        ({"headers": {"X Y": "1"}}, "headers has 'X Y', and a header is a name and a line of ASCII"),
        ({"headers": {"X": "1\n2"}}, "headers has 'X', and a header is a name and a line of ASCII"),
        ({"auth": "bearer"}, "it needs the key 'secret' or the key 'secret_file', and not both"),
        ({"secret": Secret("x")}, "secret is set, and nothing uses it: set auth, or put {secret} into"),
        ({"auth": "basic", "secret": Secret("x")}, "username has to be a name without a colon"),
        ({"auth": "header", "secret": Secret("x")}, "auth_header has to be the name of the header"),
        ({"auth": "token", "secret": Secret("x")}, "auth_url goes with auth = 'token': set both or none"),
        ({"auth_url": "https://a.example"}, "auth_url goes with auth = 'token': set both or none"),
        ({"auth_form": {"a": "{to}"}}, "auth_form has the place {to}, and can have {secret}, {username}"),
        ({"auth_prefix": "{to} "}, "auth_prefix has the place {to}, and can have none"),
        ({"batch": 5}, "batch is 5, and a request has one number: put {to} into a list of json, or set"),
        ({"batch": 1001}, "batch is 1001, and has to be from 1 to 1000"),
        ({"json": LIST, "separator": ","}, "separator is set, and json has a list for the numbers"),
        ({"idempotent": True}, "idempotent is true, and nothing of the request holds {digest}"),
        (
            {"idempotent": True, "headers": {"K": "{digest}", "V": "{validity}"}},
            "idempotent is true, and the request has {validity}, which is not the same at each attempt",
        ),
        ({"json": LIST, "batch": 2, "idempotent": True}, "batch is 2, and has to be 1 where idempotent"),
        ({"success_pattern": "(OK"}, "success_pattern is no regular expression: missing )"),
        ({"answer_id_pattern": "ID"}, "answer_id_pattern has to have one group in parentheses"),
        ({"answer_id": "a..b"}, "answer_id is 'a..b', and has to be a path such as data.messages.0.id"),
        ({"answer_id": "id", "answer_id_pattern": "(x)"}, "'answer_id' and 'answer_id_pattern', and can"),
        ({"answer_state": "state"}, "answer_state is set, and no pattern looks at it (success_pattern"),
        ({"answer_to": "to"}, "answer_to is set, and answer_items is not"),
        ({"answer_items": "items"}, "answer_items is set, and answer_id is not"),
        ({"success_status": [2]}, "success_status has 2, and can have statuses of HTTP, from 100 to 599"),
    ],
)
def test_slips_are_named(keys, clause):
    """Nothing would leave, or all of it wrongly, and an operator would learn it with the first file."""
    with pytest.raises(ValueError, match=re.escape(clause)):
        configured(**keys)


def test_token_is_asked_for_as_the_section_says():
    """A provider whose tokens end could not be used."""
    keys = {
        "auth": "token",
        "auth_url": "https://auth.example.com/t",
        "username": "me",
        "secret": Secret('the-"secret'),
        "auth_json": '{"user": "{username}", "pass": "{secret}"}',
        "auth_answer": "data.token",
        "auth_seconds": "data.ttl",
        "auth_prefix": "Token ",
    }
    login = Template(configured(**keys)).login
    assert (login.header, login.prefix, login.request.base) == (
        "Authorization",
        "Token ",
        "https://auth.example.com/t",
    )
    assert json.loads(login.request.body) == {"user": "me", "pass": 'the-"secret'}
    assert login.read(Response(200, b'{"data":{"token":"t","ttl":60}}')) == Token("t", 60.0)
    assert isinstance(login.read(Response(200, b'{"data":{"token":"a\\nb"}}')), Trouble)
    assert isinstance(login.read(Response(403, b"")), Trouble)
    form = Template(configured(**{key: value for key, value in keys.items() if key != "auth_json"})).login
    assert dict(parse_qsl(form.request.body.decode())) == {
        "grant_type": "client_credentials",
        "client_id": "me",
        "client_secret": 'the-"secret',
    }


class WithToken(Own):
    """A gateway of one's own whose token ends after each three requests."""

    def __init__(self):
        super().__init__()
        self.number, self.used = 0, 0

    def take(self, asked, number, refusal):
        """Give a token, or take a message with the last one."""
        if asked.path == "/token":
            self.number, self.used = self.number + 1, 0
            return Taken(200, json.dumps({"access_token": f"t{self.number}"}).encode())
        self.used += 1
        if self.used > 3 or asked.headers.get("authorization") != f"Bearer t{self.number}":
            return Taken(401, b"{}")
        return super().take(asked, number, refusal)


def test_token_that_ends_is_asked_for_again(kit, tmp_path):
    """Messages would stay, or be rejected, each time that a token ends."""

    async def work():
        contract = WithToken()
        async with HttpSimulator(contract) as carrier:
            keys = {"auth": "token", "auth_url": f"{carrier.url}/token", "secret": Secret("the-secret")}
            config = configured(url=carrier.url, path="/send", json=BODY, connections=1, **keys)
            backend = HttpBackend("carrier", config, tmp_path)
            await backend.start()
            answers, reason = await kit.submit(backend, 10)
            await backend.stop()
            return answers, reason, contract.number, len(carrier.messages)

    answers, reason, tokens, arrived = asyncio.run(asyncio.wait_for(work(), 60))
    assert ({type(what) for what in answers.values()}, reason) == ({Accepted}, "")
    assert (tokens, arrived) == (4, 10)


@pytest.mark.parametrize(
    ("change", "status"),
    [({"colour": "red"}, 400), ({"to": "+4512345678"}, 400), ({"text": ""}, 400), ({}, 202)],
)
def test_simulator_is_strict(change, status):
    """A slip of a section would go unnoticed until the real gateway refuses it."""
    body = json.dumps({"to": "4512345678", "text": "Hi", **change}).encode()
    own = Own("t")

    def take(path="/send", login="Bearer t"):
        return own.take(Asked("POST", path, {"authorization": login}, body), 0, lambda _: None).status

    assert take() == status
    assert (take("/other"), take(login="Bearer x")) == (404, 401)
