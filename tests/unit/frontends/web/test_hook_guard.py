"""What keeps strangers from a webhook whose address they know: where calls come from, and their age."""

import asyncio
import json
from hashlib import sha256
from hmac import digest

import aiohttp
import pytest
from structlog.testing import capture_logs

from smsfs.backends.http.gatewayapi_hook import GatewayApiHook
from smsfs.backends.http.hooks import path_of
from smsfs.backends.http.smsportal_hook import SmsPortalHook
from smsfs.frontends.hooks import WARN_SECONDS, Door, Hooks
from smsfs.frontends.web import start_web
from smsfs.ranges import networks

TOKEN, SECRET = "token-0123456789", "secret-0123456789"
PATH = path_of("gw", TOKEN)
NOW = 1_796_038_556.0
RECEIPT = json.dumps({"id": 1, "msisdn": 4520000001, "status": "DELIVERED"}).encode()
PORTAL = json.dumps({"eventId": 1, "status": "DELIVRD", "msisdn": "27820000001"}).encode()


class Clock:
    """Shows the time that it is set to."""

    now = NOW

    def __call__(self):
        """What it shows."""
        return self.now


def run(scenario, hook=None, proxies=(), **options):
    """A webhook and its health page, for a coroutine that posts to it; what was stored."""
    stored, clock = [], Clock()

    async def receive(items):
        stored.extend(items)

    async def work():
        door = Door(TOKEN, options.pop("secret", ""), hook or GatewayApiHook(), receive, **options)
        trusted = networks("trusted_proxies", proxies)
        hooks = Hooks({"gw": door}, "https://sms.example.com", proxies=trusted, clock=clock)
        server = await start_web(
            [("127.0.0.1", 0)], lambda: asyncio.sleep(0), hooks.warning, more=hooks.routes()
        )
        async with aiohttp.ClientSession(f"http://127.0.0.1:{server.addresses[0][1]}") as session:

            async def post(body=RECEIPT, **headers):
                named = {name.replace("_", "-"): value for name, value in headers.items()}
                async with session.post(PATH, data=body, headers=named) as response:
                    return response.status

            async def warning():
                async with session.get("/readyz") as response:
                    return (await response.text()).partition("warning: ")[2].strip()

            await asyncio.wait_for(scenario(post, warning, clock), 60)
        await server.stop()

    with capture_logs():
        asyncio.run(work())
    return stored


def test_calls_from_elsewhere_are_refused():
    """Who has seen the address, as in the log of a proxy, could post receipts from anywhere."""
    sources = networks("hook_from", ["35.241.147.191", "2001:db8::/32"])

    async def scenario(post, warning, _):
        for address in ("35.241.147.191", "6.6.6.6, 35.241.147.191", "2001:db8::7"):
            assert await post(X_Forwarded_For=address) == 200
        for address in ("35.241.147.192", "35.241.147.191, 6.6.6.6", "", "what"):
            assert await post(X_Forwarded_For=address) == 403
        begin = "The webhook of gw refused calls (4); the last one because "
        assert await warning() == f"{begin}the address it comes from is not in hook_from."

    assert len(run(scenario, proxies=["127.0.0.1"], sources=sources)) == 3


def test_a_stranger_cannot_say_where_it_calls_from():
    """The list of networks would keep out nobody who can write a header."""

    async def scenario(post, _, __):
        assert await post(X_Forwarded_For="35.241.147.191") == 403

    assert run(scenario, sources=networks("hook_from", ["35.241.147.191"])) == []


@pytest.mark.parametrize(
    ("stamp", "status"),
    [(NOW, 200), (NOW - 300, 200), (NOW + 300, 200), (NOW * 1000, 200), (NOW - 301, 401), (NOW + 301, 401)],
)
def test_an_old_signature_is_refused(stamp, status):
    """A call that somebody has recorded could be sent again for ever."""
    text = f"v1:{stamp:.0f}|POST|https://sms.example.com{PATH}|".encode() + PORTAL
    headers = {"X_Sig": digest(SECRET.encode(), text, sha256).hex(), "X_Time": f"{stamp:.0f}"}

    async def scenario(post, _, __):
        assert await post(PORTAL, **headers) == status

    stored = run(scenario, SmsPortalHook("X-Sig", "X-Time"), secret=SECRET, window=300)
    assert len(stored) == (status == 200)
    if status == 401:

        async def any_age(post, _, __):
            assert await post(PORTAL, **headers) == 200

        assert len(run(any_age, SmsPortalHook("X-Sig", "X-Time"), secret=SECRET)) == 1


def test_wrong_signatures_show_on_the_health_page():
    """After a secret was changed at the provider only, every receipt would be refused, and none know why."""

    async def scenario(post, warning, clock):
        assert await warning() == ""
        assert [await post(), await post(Signature="v1=00")] == [401, 401]
        clock.now += WARN_SECONDS - 1
        assert (
            await warning()
            == "The webhook of gw refused calls (2); the last one because the signature is wrong."
        )
        clock.now += 1
        assert await warning() == ""
        assert await post() == 401
        assert "refused calls (1)" in await warning()

    assert run(scenario, secret=SECRET) == []
