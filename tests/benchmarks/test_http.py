"""How fast a backend hands messages over by HTTP, beside bare aiohttp with the same requests.

Both send to the same simulated provider, in a process of its own on this machine, over as many connections.
Bare aiohttp posts requests that were made before, with the same bodies and batches, and reads the answers; it
does not look into them, and knows nothing of terms, pace or lost answers. What smsfs takes to make the bodies
counts against smsfs alone. The provider answers each request after a while, so nobody can
be faster than connections times batch divided by that.
"""

import asyncio
import time
from collections import deque

import aiohttp
import pytest
import uvloop

from smsfs.backends import Accepted, Envelope
from smsfs.backends.http.bulksms import BulkSmsConfig
from smsfs.backends.http.client import HttpBackend
from smsfs.backends.http.gatewayapi import GatewayApiConfig
from smsfs.backends.http.infobip import InfobipConfig
from smsfs.backends.http.kannel import KannelConfig
from smsfs.backends.http.naxai import NaxaiConfig
from smsfs.backends.http.providers import made
from smsfs.backends.http.smsportal import SmsPortalConfig
from smsfs.backends.http.twilio import TwilioConfig
from smsfs.backends.http.vonage import VonageConfig
from smsfs.secret import Secret
from smsfs.sms import segments
from smsfs.sms.message import Message
from tests.support.http_carrier import HttpCarrier

SECRET, SENDER = Secret("a-secret-0123456789"), "Clinic"
LATENCIES = (0.0, 0.02, 0.2)
SECONDS, SHORT_ROWS, MOST_ROWS = 5, 1_000, 100_000
SLICE = 500
GOAL = ">= 0.7"
SECTIONS = {
    "gatewayapi": lambda url: GatewayApiConfig("gatewayapi", url=url, token=SECRET),
    "smsportal": lambda url: SmsPortalConfig("smsportal", "id", url=url, api_secret=SECRET),
    "bulksms": lambda url: BulkSmsConfig("bulksms", "id", url=url, token_secret=SECRET),
    "infobip": lambda url: InfobipConfig("infobip", url=url, api_key=SECRET),
    "naxai": lambda url: NaxaiConfig(
        "naxai", "id", url=url, auth_url=f"{url}/oauth2/token", client_secret=SECRET, default_sender=SENDER
    ),
    "twilio": lambda url: TwilioConfig("twilio", f"AC{1:032x}", url=url, token=SECRET, default_sender=SENDER),
    "kannel": lambda url: KannelConfig(
        "kannel", url=url, username="u", password=SECRET, default_sender=SENDER
    ),
    "vonage": lambda url: VonageConfig("vonage", "abcd", url=url, api_secret=SECRET, default_sender=SENDER),
}


def envelopes(rows, *, alike):
    """Messages with one text, or each with its own."""
    found = []
    for row in range(1, rows + 1):
        text = "Your appointment is tomorrow at 09:15." + ("" if alike else f" Number {row}.")
        encoding, parts = segments.count(text)
        message = Message(row, f"45{row:08}", text, SENDER, "standard", "", encoding, parts)
        found.append(Envelope(f"1-{row}", "shop", "a.success", 1_700_000_000.0, 1, message))
    return found


async def by_smsfs(config, folder, sent):
    """Seconds until the last answer, each message being accepted once; with as many slices as it wants."""
    backend, answers = HttpBackend("carrier", config, folder), []
    await backend.start()
    waiting = deque(sent[at : at + SLICE] for at in range(0, len(sent), SLICE))
    running, began = set(), time.perf_counter()
    while waiting or running:
        while waiting and len(running) < backend.slices:
            answer = lambda item, what: answers.append((item.key, what))  # noqa: E731 -- two arguments, no more
            running.add(asyncio.create_task(backend.submit(waiting.popleft(), answer, lambda: True)))
        done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    took = time.perf_counter() - began
    await backend.stop()
    assert len(answers) == len({key for key, _ in answers}) == len(sent)
    assert all(isinstance(what, Accepted) for _, what in answers), answers[0]
    return took


async def by_aiohttp(config, folder, sent):
    """Seconds until the last answer to the same requests."""
    provider = made(config, folder)
    most = min(config.batch, provider.most)
    parts = (sent[at : at + most] for at in range(0, len(sent), most))
    requests = deque(request for part in parts for request in provider.requests(part))
    connector = aiohttp.TCPConnector(limit=config.connections)
    async with aiohttp.ClientSession(connector=connector) as session:
        headers = await _login(provider, session)

        async def post():
            while requests:
                request = requests.popleft()
                async with session.request(
                    request.method,
                    config.url + request.path,
                    data=request.body or None,
                    headers={**request.headers, **headers},
                ) as answer:
                    await answer.read()
                    assert answer.status < 300

        began = time.perf_counter()
        await asyncio.gather(*(post() for _ in range(config.connections)))
        return time.perf_counter() - began


async def _login(provider, session):
    """The header with a token, where the provider wants one."""
    if provider.login is None:
        return {}
    asked = provider.login.request
    async with session.post(asked.base + asked.path, data=asked.body, headers=asked.headers) as answer:
        token = (await answer.json())["access_token"]
    return {provider.login.header: f"{provider.login.prefix}{token}"}


def enough(config, latency, full):
    """How many messages to send."""
    most = config.connections * config.batch / latency * SECONDS if latency else MOST_ROWS
    most = min(most, MOST_ROWS // (1 if config.batch > 1 else 10))
    return max(config.batch, int(most if full else min(most, SHORT_ROWS)))


@pytest.mark.parametrize("alike", [True, False], ids=["one text", "a text for each"])
@pytest.mark.parametrize("latency", LATENCIES)
@pytest.mark.parametrize("provider", SECTIONS)
def test_messages_a_second_beside_bare_aiohttp(tmp_path, provider, latency, alike, full, figure):
    """A file would take much longer than the provider needs, or lose or double messages at full speed."""
    if not full and (provider, latency, alike) != ("gatewayapi", 0.0, False):
        pytest.skip("SMSFS_BENCHMARK=full measures this setting")
    carrier = HttpCarrier(tmp_path, provider)
    with carrier.running("--latency", str(latency)):
        config = SECTIONS[provider](carrier.url)
        sent = envelopes(enough(config, latency, full), alike=alike)
        theirs, ours = (len(sent) / uvloop.run(way(config, tmp_path, sent)) for way in (by_aiohttp, by_smsfs))
    texts = "one text" if alike else "a text for each"
    what = f"{provider}: {latency * 1000:.0f} ms, {len(sent):,} messages, {texts}"
    figure(what, f"{ours:,.0f}/s", f"bare aiohttp {theirs:,.0f}/s", ours / theirs, GOAL)
