"""What is known of a provider's secret: nothing that is logged, answered or raised says any of it."""

import asyncio
from base64 import b64encode
from urllib.parse import quote, quote_plus

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from smsfs.backends import NotTaken
from smsfs.backends.http.bulksms import BulkSmsConfig
from smsfs.backends.http.client import HttpBackend
from smsfs.backends.http.gatewayapi import GatewayApiConfig
from smsfs.backends.http.infobip import InfobipConfig
from smsfs.backends.http.kannel import KannelConfig
from smsfs.backends.http.naxai import NaxaiConfig
from smsfs.backends.http.smsportal import SmsPortalConfig
from smsfs.backends.http.template_options import TemplateConfig
from smsfs.backends.http.twilio import TwilioConfig
from smsfs.backends.http.vonage import VonageConfig
from smsfs.secret import Secret
from tests.support.backend_suite import envelope

SECRET = 's3cret/with+odd="marks&more'
SHOWN = Secret(SECRET)
EVERYWHERE = {
    "path": "/send?p={secret}&t={text}",
    "headers": {"X-Secret": "{secret}"},
    "form": {"to": "{to}"},
}
SECTIONS = {
    "gatewayapi": lambda url: GatewayApiConfig("gatewayapi", url=url, token=SHOWN),
    "smsportal": lambda url: SmsPortalConfig("smsportal", "client", url=url, api_secret=SHOWN),
    "twilio": lambda url: TwilioConfig("twilio", "AC0", url=url, token=SHOWN, default_sender="Acme"),
    "kannel": lambda url: KannelConfig("kannel", url=url, username="me", password=SHOWN, method="GET"),
    "vonage": lambda url: VonageConfig("vonage", "key", url=url, api_secret=SHOWN, default_sender="Acme"),
    "infobip": lambda url: InfobipConfig("infobip", url=url, api_key=SHOWN),
    "naxai": lambda url: NaxaiConfig(
        "naxai", "client", url=url, auth_url=f"{url}/token", client_secret=SHOWN, default_sender="Acme"
    ),
    "bulksms": lambda url: BulkSmsConfig("bulksms", "id", url=url, token_secret=SHOWN),
    "http": lambda url: TemplateConfig(
        "http", url=url, auth="basic", username="me", secret=SHOWN, permanent_pattern=".", **EVERYWHERE
    ),
}
#: As which it may stand in an address, a form or a header, alone or after a name.
FORMS = [SECRET, quote(SECRET, safe=""), quote_plus(SECRET), b64encode(SECRET.encode()).decode()]
NAMES = ["client", "AC0", "key", "id", "me"]
FORMS += [b64encode(f"{name}:{SECRET}".encode()).decode() for name in NAMES]
TOKEN = "token-that-was-given"


async def echo(request, status):
    """Answer with all that the request had, wherever a provider says why."""
    said = f"{request.path_qs} {request.raw_headers} {(await request.read()).decode()}"
    if request.path == "/token" and status != 401:
        return web.json_response({"access_token": TOKEN, "expires_in": 60})
    if status == 0:
        request.transport.abort()
    texts = dict.fromkeys(("message", "title", "detail", "description", "errorMessage", "error-text"), said)
    nested = {"error": texts, "messages": [{"status": "4", "to": "1", **texts}], "code": "0x0229"}
    plain = request.path in ("/send", "/cgi-bin/sendsms")
    body = {"text": said} if plain else {"body": web.json_response({**texts, **nested}).body}
    return web.Response(status=status or 200, **body)


async def outputs(name, status, folder):
    """All that is said while a provider answers with a status: the log, the answers, and what is raised."""
    server = web.Server(lambda request: echo(request, status))
    runner = web.ServerRunner(server)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    config = SECTIONS[name](f"http://127.0.0.1:{runner.addresses[0][1]}")
    backend = HttpBackend("carrier", config, folder)
    said = [repr(config)]
    with capture_logs() as logs:
        await backend.start()
        try:
            batch = [envelope(row) for row in (1, 2)]
            async with asyncio.timeout(60):
                await backend.submit(batch, lambda *answer: said.append(repr(answer)), lambda: True)
        except NotTaken as exc:
            said.append(str(exc))
        said += [repr(backend.state()), repr(vars(backend)), repr(logs)]
        await backend.stop()
    await runner.cleanup()
    return said


@pytest.mark.parametrize("status", [0, 200, 400, 401, 422, 429, 500])
@pytest.mark.parametrize("name", SECTIONS)
def test_secret_shows_nowhere(name, status, tmp_path):
    """Whoever reads the log, or looks over an operator's shoulder, could send at the customer's cost."""
    said = asyncio.run(outputs(name, status, tmp_path))
    assert len(said) > 4
    for form in (*FORMS, TOKEN):
        assert form not in "\n".join(said)
