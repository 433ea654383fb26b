"""Webhooks on a real server, called by a real client."""

import asyncio
import contextlib
import io
import json
from base64 import b64encode
from hashlib import sha256
from hmac import digest

import aiohttp
import pytest
from structlog.testing import capture_logs

from smsfs.backends import Receipt
from smsfs.backends.http.gatewayapi_hook import GatewayApiHook
from smsfs.backends.http.hooks import path_of
from smsfs.backends.http.kannel_hook import KannelHook
from smsfs.backends.http.smsportal_hook import SmsPortalHook
from smsfs.backends.http.twilio_hook import TwilioHook
from smsfs.errors import StoreUnavailable
from smsfs.frontends import hooks
from smsfs.frontends.hooks import Door, Hooks
from smsfs.frontends.web import MAX_BODY, start_web
from tests.support.server import until

LIMIT = 60
TOKEN, SECRET = "token-0123456789", "secret-0123456789"
PATH = path_of("gw", TOKEN)
RECEIPT = {"id": 1, "msisdn": 4520000001, "status": "DELIVERED"}
BODY = json.dumps(RECEIPT).encode()
STORED = Receipt("1-4520000001", "4520000001", "delivered", "", "DELIVERED")


class Kept:
    """Where receipts go; it may be away, or slow.

    Attributes:
        commits: what came, by call.
        error: that it raises; None for none.
        open: cleared, it takes nothing until it is set.
        busy: set once it was asked to take something.
    """

    def __init__(self):
        self.commits, self.error = [], None
        self.busy = asyncio.Event()
        self.open = asyncio.Event()
        self.open.set()

    async def receive(self, delivered):
        """Take what comes."""
        self.busy.set()
        await self.open.wait()
        if self.error:
            raise self.error
        self.commits.append(list(delivered))

    @property
    def all(self):
        """All that came."""
        return [item for commit in self.commits for item in commit]


def signed(body, secret=SECRET):
    """The header of a call that is signed."""
    return {"Signature": f"v1={digest(secret.encode(), body, sha256).hex()}"}


@contextlib.asynccontextmanager
async def serving(secret="", hook=None, public_url=""):
    """A store, and a function that posts a body: the status of the answer."""
    kept = Kept()
    found = Hooks({"gw": Door(TOKEN, secret, hook or GatewayApiHook(), kept.receive)}, public_url)
    server = await start_web([("127.0.0.1", 0)], lambda: asyncio.sleep(0), more=found.routes())
    async with aiohttp.ClientSession(f"http://127.0.0.1:{server.addresses[0][1]}") as session:

        async def post(body=BODY, path=PATH, **options):
            async with session.post(path, data=body, **options) as response:
                assert await response.text() == ""
                return response.status

        post.session, post.hooks = session, found
        try:
            yield kept, post
        finally:
            await server.stop()


def run(scenario):
    """Run a coroutine with a bound on its time, and keep its log."""

    async def bounded():
        with capture_logs() as events:
            await asyncio.wait_for(scenario(), LIMIT)
        return events

    return asyncio.run(bounded())


def test_what_comes_is_stored_before_the_answer():
    """A receipt that was acknowledged would be lost in a crash: the provider never posts it again."""

    async def scenario():
        async with serving() as (kept, post):
            kept.open.clear()
            posting = asyncio.create_task(post())
            await kept.busy.wait()
            assert not posting.done()
            kept.open.set()
            assert await posting == 200
            assert kept.all == [STORED]
            assert await post(json.dumps([RECEIPT] * 300).encode()) == 200
            assert kept.all == [STORED] * 301
            assert post.hooks.counts == {200: 2}

    run(scenario)


def test_calls_at_a_time_share_a_commit():
    """Thousands of receipts would each wait for a write of the disk, and the provider give up on us."""

    async def scenario():
        async with serving() as (kept, post):
            kept.open.clear()
            posting = [asyncio.create_task(post())]
            await kept.busy.wait()
            posting += [asyncio.create_task(post()) for _ in range(19)]
            writer = post.hooks._doors["gw"][1]
            await until(lambda: len(writer._waiting) == 19, "the calls to arrive")
            kept.open.set()
            assert await asyncio.gather(*posting) == [200] * 20
            assert [len(commit) for commit in kept.commits] == [1, 19]

    run(scenario)


def test_strangers_are_kept_out():
    """Whoever finds the port could post receipts, or learn the address by trying."""

    async def scenario():
        async with serving(SECRET) as (kept, post):
            for path in ("/hooks/gw/x", "/hooks/gw/%FF", path_of("other", TOKEN)):
                assert await post(path=path, headers=signed(BODY)) == 404
            assert await post() == 401
            assert await post(headers=signed(BODY, "another")) == 401
            assert await post(headers={"X-Gwapi-Signature": "a.b.c"}) == 401
            async with post.session.get(PATH) as response:
                assert response.status == 405
            assert kept.all == []
            assert await post(headers=signed(BODY)) == 200
            assert kept.all == [STORED]
            assert post.hooks.counts == {404: 3, 401: 3, 405: 1, 200: 1}

    events = run(scenario)
    refused = [(event["event"], event["status"], event["reason"]) for event in events]
    assert refused == [
        ("hook_refused", 404, "the address is not one of a webhook"),
        ("hook_refused", 401, "the signature is wrong"),
        ("hook_refused", 405, "the provider does not call by this method"),
    ]
    shown = repr(events)
    assert TOKEN not in shown
    assert SECRET not in shown


def test_no_token_lets_nobody_in():
    """A backend that is not there would be called with an empty token."""

    async def scenario():
        async with serving() as (kept, post):
            async with post.session.post("/hooks/other/") as response:
                assert response.status == 404
            assert kept.all == []

    run(scenario)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"\xff", 400),
        (b"<html>", 400),
        (b"[7]", 400),
        (b"[" * 50_000, 400),
        (b" " * MAX_BODY * 2, 413),
    ],
)
def test_garbage_is_refused(body, status):
    """Garbage would be acknowledged, fill the memory, or end in a traceback for each call."""

    async def scenario():
        async with serving() as (kept, post):
            assert await post(io.BytesIO(body)) == status
            assert await post() == 200
            assert kept.all == [STORED]

    events = run(scenario)
    assert [event["status"] for event in events] == [status]
    assert not any("exc_info" in event for event in events)


def test_a_body_that_breaks_off_is_not_believed():
    """A broken body, packed or in chunks, would end in a traceback for each call."""

    async def scenario():
        async with serving() as (kept, post):
            assert await post(b"no gzip", headers={"Content-Encoding": "gzip"}) == 400
            assert kept.all == []

    assert not any("exc_info" in event for event in run(scenario))


@pytest.mark.parametrize("odd", ["POST {path} HTTQ/9\r\n\r\n", "POST {path} HTTP/1.1\r\nA: \0\r\n\r\n"])
def test_what_is_not_http_is_not_logged(odd, caplog):
    """A client that talks nonsense would fill the log, and put the token of the webhook into it."""

    async def scenario():
        async with serving() as (kept, post):
            port = post.session._base_url.port
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(BODY)}\r\n\r\n"
            writer.write(head.encode() + BODY)
            assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 200")
            writer.write(odd.format(path=PATH).encode())
            assert b" 400 Bad Request" in await reader.read()
            writer.close()
            assert kept.all == [STORED]

    run(scenario)
    assert caplog.records == []


def test_a_slow_body_ends(monkeypatch):
    """A slow client would hold a connection for ever, or BulkSMS give its receipt up after a 408."""
    monkeypatch.setattr(hooks, "READ_SECONDS", 0.05)

    async def scenario():
        async with serving() as (_, post):
            ended = asyncio.Event()

            async def endless():
                yield b"["
                await ended.wait()

            assert await post(endless()) == 503
            ended.set()

    run(scenario)


def test_a_webhook_without_its_secrets_asks_to_call_again():
    """BulkSMS would give its receipts up for ever while a file with a token is missing."""

    async def scenario():
        found = Hooks({}, shut={"gw"})
        server = await start_web([("127.0.0.1", 0)], lambda: asyncio.sleep(0), more=found.routes())
        url = f"http://127.0.0.1:{server.addresses[0][1]}"
        try:
            async with aiohttp.ClientSession(url) as session:
                for path, status in ((PATH, 503), (path_of("other", TOKEN), 404)):
                    async with session.post(path, data=BODY) as response:
                        assert response.status == status
        finally:
            await server.stop()

    run(scenario)


@pytest.mark.parametrize("error", [StoreUnavailable("The database is away."), RuntimeError("a bug")])
def test_a_store_that_is_away_is_not_acknowledged(error):
    """A receipt would be lost while the database is away: the provider posts again only what failed."""

    async def scenario():
        async with serving() as (kept, post):
            kept.error = error
            async with post.session.post(PATH, data=json.dumps(RECEIPT)) as response:
                assert (response.status, response.headers["Retry-After"]) == (503, hooks.RETRY_SECONDS)
            kept.error = None
            assert await post() == 200
            assert kept.all == [STORED]

    run(scenario)


def test_a_store_that_hangs_is_not_acknowledged(monkeypatch):
    """The provider would wait for an answer that never comes, and count the webhook as broken."""
    monkeypatch.setattr(hooks, "STORE_SECONDS", 0.05)
    monkeypatch.setattr(hooks, "MOST_WAITING", 2)

    async def scenario():
        async with serving() as (kept, post):
            kept.open.clear()
            assert [await post() for _ in range(5)] == [503] * 5
            kept.open.set()
            assert await post() == 200
            assert 2 <= len(kept.all) <= 6

    run(scenario)


@pytest.mark.parametrize("public_url", ["https://smsfs.example.com", "https://smsfs.example.com/"])
def test_signed_addresses_are_those_that_the_provider_knows(public_url):
    """Behind a proxy, every signature that covers the address would be wrong."""
    body = json.dumps({"eventId": 1, "status": "DELIVRD", "msisdn": "27820000001"}).encode()
    text = f"v1:5|POST|https://smsfs.example.com{PATH}?x=1|".encode() + body
    headers = {"X-Sig": digest(SECRET.encode(), text, sha256).hex(), "X-Time": "5"}

    async def scenario():
        async with serving(SECRET, SmsPortalHook("X-Sig", "X-Time"), public_url) as (kept, post):
            assert await post(body, f"{PATH}?x=1", headers=headers) == 200
            assert await post(body, f"{PATH}?x=2", headers=headers) == 401
            assert len(kept.all) == 1

    run(scenario)


def test_a_provider_that_calls_by_get():
    """Every report of such a provider would be refused, or its address be read in another form."""
    query = "id=12-3-1&to=4520000001&kind=16&said=NACK%2FInvalid+Destination%FF"

    async def scenario():
        async with serving(hook=KannelHook()) as (kept, post):
            async with post.session.get(f"{PATH}?{query}") as response:
                assert response.status == 200
            async with post.session.get(PATH) as response:
                assert response.status == 400
            assert kept.all == [Receipt("12-3-1", "4520000001", "undelivered", "", "REJECTED")]

    run(scenario)


def test_a_form_with_a_signed_address():
    """Twilio would be refused, or take our answer for a fault."""
    form = {"MessageSid": "SM1", "MessageStatus": "delivered", "To": "+4520000001"}
    signed = "".join(key + form[key] for key in sorted(form))

    def signature(path):
        made = digest(SECRET.encode(), f"https://smsfs.example.com{path}{signed}".encode(), "sha1")
        return {"X-Twilio-Signature": b64encode(made).decode()}

    async def scenario():
        async with serving(SECRET, TwilioHook(), "https://smsfs.example.com") as (kept, post):
            assert await post(form, headers=signature("/other")) == 401
            async with post.session.post(PATH, data=form, headers=signature(PATH)) as response:
                assert (response.status, response.content_type) == (200, "text/xml")
                assert await response.text() == TwilioHook.answer
            assert kept.all == [Receipt("SM1", "4520000001", "delivered", "", "DELIVERED")]

    run(scenario)
