"""BulkSMS's API, without a server; and requests that come again, with one."""

import asyncio
import json
import re

import msgspec
import pytest

from smsfs.backends import Accepted, Rejected, Throttled, Unknown
from smsfs.backends.http.bulksms import BulkSms, BulkSmsConfig
from smsfs.backends.http.client import HttpBackend
from smsfs.backends.http.contract import Again, Refused, Response, Trouble
from smsfs.secret import Secret
from smsfs.simulator.http import HttpBehaviour, HttpSimulator
from smsfs.simulator.http import bulksms as strict
from smsfs.simulator.http.taken import Asked
from tests.support.backend_suite import envelope


def configured(**keys):
    """A section with these keys."""
    return BulkSmsConfig("bulksms", **{"token_id": "id", "token_secret": Secret("the-secret"), **keys})


@pytest.fixture
def provider():
    """One with a default sender, and bundles of ten rows."""
    return BulkSms(configured(default_sender="Acme", batch=10))


def to(row, **fields):
    """A message, with some fields changed."""
    made = envelope(row)
    return msgspec.structs.replace(made, message=msgspec.structs.replace(made.message, **fields))


def entries(provider, *items):
    """What the one request of messages has, without their names."""
    [request] = provider.requests(items)
    return [
        {key: value for key, value in entry.items() if key != "userSuppliedId"}
        for entry in json.loads(request.body)
    ]


def test_every_field_leaves(provider):
    """A message would arrive from another sender, with question marks, cut, or not at all."""
    [request] = provider.requests([to(1)])
    assert request.method == "POST"
    assert re.fullmatch(r"/v1/messages\?deduplication-id=[1-9][0-9]{0,9}", request.path)
    assert request.headers["Authorization"] == "Basic aWQ6dGhlLXNlY3JldA=="
    long, chinese, number, code, default = entries(
        provider,
        to(1, text="x" * 1000),
        to(2, text="Hi 你"),
        to(3, sender="+4511223344"),
        to(4, sender="1204"),
        to(5, sender=""),
    )
    assert long == {
        "to": "+4500100001",
        "from": {"type": "ALPHANUMERIC", "address": "Shop"},
        "body": "x" * 1000,
        "encoding": "TEXT",
        "longMessageMaxParts": 7,
    }
    assert chinese["encoding"] == "UNICODE"
    assert number["from"] == {"type": "INTERNATIONAL", "address": "4511223344"}
    assert code["from"] == {"type": "SHORTCODE", "address": "1204"}
    assert default["from"] == {"type": "ALPHANUMERIC", "address": "Acme"}
    assert "from" not in entries(BulkSms(configured()), to(5, sender=""))[0]


def test_rows_of_a_bundle_have_a_number_of_their_own(provider):
    """Messages would be taken for others that were sent before, and never leave."""
    first, second = provider.requests([to(row) for row in range(8, 14)])
    assert [[item.message.row for item in request.envelopes] for request in (first, second)] == [
        [8, 9, 10],
        [11, 12, 13],
    ]
    [again] = provider.requests([to(9), to(10)])
    assert first.path == again.path != second.path
    [other] = provider.requests([msgspec.structs.replace(to(9), submitted=1.0)])
    assert other.path != first.path
    names = [entry["userSuppliedId"] for entry in json.loads(first.body)]
    assert names[1:] == [entry["userSuppliedId"] for entry in json.loads(again.body)]
    assert len(set(names)) == 3
    assert {len(name) for name in names} == {20}


def test_bundle_is_no_larger_than_what_may_leave_in_a_second():
    """Each request after the first of a bundle would cost one more round trip than the one before it."""
    assert BulkSms(configured(throughput=30)).bundle == 30
    assert BulkSms(configured(throughput=0.5)).bundle == 1
    assert BulkSms(configured(batch=20, throughput=30)).bundle == 20
    assert BulkSms(configured()).bundle == 500


def answer(provider, request, rows, **changes):
    """What BulkSMS says when it has these rows of a request, or had them before."""
    names = [entry["userSuppliedId"] for entry in json.loads(request.body)]
    by_row = dict(zip([item.message.row for item in request.envelopes], names, strict=True))
    found = [{"id": f"b{row}", "userSuppliedId": by_row.get(row, "other"), **changes} for row in rows]
    return provider.verdict(request, Response(201, json.dumps(found).encode()))


def test_all_taken(provider):
    """A receipt could not be matched with its message, whatever order the answer has."""
    [request] = provider.requests([to(1), to(2, text="x" * 200)])
    assert answer(provider, request, [2, 1]) == [Accepted("b1", 1), Accepted("b2", 2)]


def test_what_another_request_had_is_not_sent_again(provider):
    """A person would get a message twice, or never: the number of the request stands for other messages."""
    [request] = provider.requests([to(1), to(2), to(3)])
    found = answer(provider, request, [2])
    assert isinstance(found, Again)
    assert found.answers == {"1-2": Accepted("b2", 1)}
    assert [item.key for item in found.request.envelopes] == ["1-1", "1-3"]
    assert found.request.path != request.path
    by_chance = answer(provider, request, [99])
    assert by_chance.answers == {}
    assert by_chance.request.path == found.request.path  # so that it is found there again


def test_answer_that_does_not_name_messages_says_nothing(provider):
    """Messages that were taken would be sent again under another number, that is twice."""
    [request] = provider.requests([to(1), to(2)])
    found = answer(provider, request, [1, 2], userSuppliedId=None)
    assert [type(item) for item in found] == [Unknown, Unknown]
    assert [type(item) for item in answer(provider, request, [])] == [Unknown, Unknown]
    for body in (b"", b"{", b"{}", b"[{}]"):
        assert isinstance(provider.verdict(request, Response(201, body)), Unknown)


def test_other_answers(provider):
    """A busy carrier, a wrong secret, no credit and a bad message would be taken for one another."""

    def verdict(status, **body):
        [request] = provider.requests([to(1)])
        return provider.verdict(request, Response(status, json.dumps(body).encode(), {}, 7.0))

    bad = verdict(400, title="Bad Request", detail="Invalid 'to'")
    assert isinstance(bad, Refused)
    assert "\"Bad Request: Invalid 'to'\"" in bad.reason
    credit = verdict(403, title="Insufficient Credits")
    assert isinstance(credit, Trouble)
    assert '403 Forbidden, "Insufficient Credits"' in credit.reason
    assert isinstance(verdict(401), Trouble)
    assert verdict(429) == Throttled(7.0)
    assert isinstance(verdict(500), Unknown)


def test_secret_is_in_no_text():
    """A log or a traceback would let its reader send at the customer's cost."""
    config = configured()
    [request] = BulkSms(config).requests([to(1)])
    assert "the-secret" not in f"{config!r} {request!r}"
    assert request.headers["Authorization"].split()[1] not in f"{request!r}"


@pytest.mark.parametrize(
    ("keys", "clause"),
    [
        ({"token_secret": Secret("")}, "it needs the key 'token_secret' or the key 'token_secret_file'"),
        ({"token_id": "a:b"}, "token_id has to be the ID of an API token, without a colon"),
        ({"default_sender": "A name of 12"}, "default_sender is over the 11 characters that BulkSMS allows"),
        ({"batch": 4001}, "batch is 4001, and has to be from 1 to 4000"),
    ],
)
def test_slips_are_named(keys, clause):
    """An operator would find out with the first file that nothing leaves."""
    with pytest.raises(ValueError, match=re.escape(clause)):
        configured(**keys)


def submitted(folder, *slices, script=(), behaviour=None, **keys):
    """What one backend answered to slices of rows, one after the other, and the carrier."""

    async def work():
        async with HttpSimulator(strict.BulkSms("id:the-secret"), behaviour) as carrier:
            carrier.script.extend(script)
            backend = HttpBackend("carrier", configured(url=carrier.url, **keys), folder)
            await backend.start()
            found = []
            for rows in slices:
                answers = {}
                await backend.submit(
                    [envelope(row) for row in rows],
                    lambda item, what, answers=answers: answers.update({item.message.row: what}),
                    lambda: True,
                )
                found.append(answers)
            await backend.stop()
            return found, carrier

    return asyncio.run(asyncio.wait_for(work(), 60))


@pytest.mark.parametrize(
    "slices",
    [
        [range(1, 11), range(1, 11)],
        [range(1, 11), range(1, 2), range(2, 11)],  # one to try with, then the others
        [range(1, 2), range(1, 11), range(2, 11)],
        [range(4, 7), range(1, 11), range(1, 11)],
        [range(1, 6), range(6, 11), range(1, 11)],
    ],
)
def test_messages_that_come_again_are_taken_once(tmp_path, slices):
    """A person would get a message twice, or never, when a lost request comes again with other neighbours."""
    found, carrier = submitted(tmp_path, *slices, script=["cut-taken"], batch=10)
    assert {type(what) for what in found[0].values()} == {Unknown}
    assert {type(what) for answers in found[1:] for what in answers.values()} == {Accepted}
    rows = sorted(int(message.destination[5:]) for message in carrier.messages)
    assert rows == list(range(1, 11))
    by_name = {message.id: int(message.destination[5:]) for message in carrier.messages}
    for answers in found[1:]:
        assert {row: by_name[what.id] for row, what in answers.items()} == {row: row for row in answers}


def test_bundles_leave_whole(tmp_path):
    """A file with rows that are left out would take twice the round trips."""
    rows = [row for row in range(1, 41) if row not in (3, 4, 15)]
    [answers], carrier = submitted(tmp_path, rows, batch=10)
    assert {type(what) for what in answers.values()} == {Accepted}
    assert carrier.counts.requests == 4


def test_refusal_of_one_is_about_that_one(tmp_path):
    """One barred number would cost others their message."""
    behaviour = HttpBehaviour(refuse=[(re.compile("7$"), "bad-request")])
    [answers], carrier = submitted(tmp_path, range(1, 21), behaviour=behaviour)
    assert sorted(row for row, what in answers.items() if isinstance(what, Rejected)) == [7, 17]
    assert sum(isinstance(what, Accepted) for what in answers.values()) == len(carrier.messages) == 18


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"colour": "red"}, "unknown field `colour`"),
        ({"to": "hello"}, "to"),
        ({"body": ""}, "length >= 1"),
        ({"body": "x" * 500}, "body has too many parts"),
        ({"from": {"type": "ALPHANUMERIC", "address": "A name of 12"}}, "from"),
        ({"from": {"type": "SHORTCODE", "address": "Acme"}}, "from"),
        ({"encoding": "GSM"}, "GSM"),
        ({"userSuppliedId": "x" * 21}, "length <= 20"),
    ],
)
def test_simulator_is_strict(change, what):
    """A slip of the backend would go unnoticed until the real carrier refuses it."""
    message = {"to": "+4512345678", "body": "Hi"}
    headers = {"authorization": "Basic aWQ6dGhlLXNlY3JldA==", "content-type": "application/json"}
    contract = strict.BulkSms("id:the-secret")

    def take(body, query="deduplication-id=5", **given):
        asked = Asked("POST", f"/v1/messages?{query}", {**headers, **given}, json.dumps(body).encode())
        taken = contract.take(asked, 0, lambda _: None)
        return taken.status, json.loads(taken.body), len(taken.messages)

    status, error, _ = take([{**message, **change}])
    assert status == 400
    assert what in error["detail"]
    assert take([message])[0::2] == (201, 1)
    assert take([message, message])[0::2] == (201, 0)
    assert take({**message, "to": ["+4512345678", "+4512345679"], "from": "Acme"}, "")[0::2] == (201, 2)
    assert take({**message, "to": []}, "")[0] == take({**message, "from": "A name of 12"}, "")[0] == 400
    assert take([message], "deduplication-id=x")[0] == 400
    assert take([message], "colour=red")[0] == 400
    assert take([message], authorization="Basic eDp5")[0] == 401
