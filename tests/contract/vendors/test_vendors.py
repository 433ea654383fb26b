"""Providers' own client libraries, as another opinion about our simulated providers and our webhooks.

The libraries are in a virtual environment of their own, which the first run makes and later ones find.
GatewayAPI, SMSPortal and Kannel have no library on the package index that can be pointed at loopback.
"""

import fcntl
import hashlib
import hmac
import json
import os
import ssl
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

import pytest

from smsfs.backends.http.gatewayapi_hook import GatewayApiHook
from smsfs.backends.http.hooks import Call
from smsfs.backends.http.template_hook import TemplateHook
from smsfs.backends.http.template_options import TemplateConfig
from smsfs.backends.http.twilio_hook import TwilioHook
from smsfs.backends.http.vonage_hook import VonageHook
from smsfs.cli.demo_carriers import login_of
from smsfs.cli.simulator_http import CONTRACTS
from smsfs.secret import Secret
from smsfs.simulator.http import HttpSimulator, Message
from smsfs.simulator.http.posts import KINDS, Reply
from tests.support.ftp_clients import make_certificate
from tests.support.http_carrier import on_a_thread

PACKAGES = (
    *("twilio==9.13.0", "vonage-sms==1.2.0", "infobip-api-python-client==6.0.0", "naxai==0.0.49"),
    *("bulksms==1.1.1", "standardwebhooks==1.1.0", "pyjwt==2.15.1"),
)
SCRIPT = Path(__file__).with_name("clients.py")
TO, TEXT = ["4520000001", "4520000002"], "K\xe6re \xc5se: 50 % & mere \N{SNOWMAN}"
HOOK_SECRET, URL = "secret-0123456789", "https://sms.example.com/hooks/gw/t"
#: What a library raises for a wrong secret begins with.
REFUSED = {
    "twilio": "TwilioRestException: ",
    "vonage": "SmsError: ",
    "infobip": "UnauthorizedException: ",
    "naxai": "Naxai",
    "bulksms": "HTTPError: HTTP Error 401",
}
INSTALL_SECONDS = 300

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2 * INSTALL_SECONDS)]


def environment():
    """The folder of the virtual environment; its name changes with the packages and with Python."""
    known = hashlib.sha256(f"{PACKAGES}{sys.version}".encode()).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "smsfs-tests" / f"vendors-{known}"


def failure(command):
    """Why a command fails; empty if it does not."""
    try:
        subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=True)
    except subprocess.TimeoutExpired:
        return f"it took over {INSTALL_SECONDS} seconds"
    except subprocess.CalledProcessError as exc:
        return exc.stderr.strip()[-200:] or f"it ended with status {exc.returncode}"
    return ""


@pytest.fixture(scope="module")
def interpreter():
    """The Python that has the libraries."""
    folder = environment()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # other processes of this run wait for it
        if not (folder / "complete").exists():
            install = [folder / "bin" / "python", "-m", "pip", "install", "-q", "--only-binary", ":all:"]
            for command in ([sys.executable, "-m", "venv", "--clear", folder], [*install, *PACKAGES]):
                if why := failure(command):
                    pytest.skip(f"the vendors' libraries cannot be installed: {why}")
            (folder / "complete").touch()
    return folder / "bin" / "python"


def told(interpreter, vendor, url, calls=(), **environment):
    """What the script prints."""
    done = subprocess.run(
        [interpreter, SCRIPT, vendor, url],
        input=json.dumps(calls),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def checked_calls(vendor):
    """Calls of the simulated provider for the library to check, and the same with another text."""
    if vendor not in ("twilio", "vonage"):
        return []
    message = Message(source="1204", destination="4520000001", text="Hi", id="id-1")
    reply = Reply("4520000001", "1204", "\xe5 & b = 100 % + \N{SNOWMAN}", "mo-1")
    kind, calls = KINDS[vendor], []
    for post in (*kind.receipt(message, "delivered", URL, 0), kind.reply(reply, URL, 0)):
        signed = kind.sign(post, HOOK_SECRET, 1_796_038_556)
        if vendor == "vonage":
            fields = resigned(json.loads(signed.body))
            calls += [{"fields": fields}, {"fields": {**fields, "msisdn": "4599999999"}}]
        else:
            fields, signature = dict(parse_qsl(signed.body.decode())), signed.headers["X-Twilio-Signature"]
            given = {"url": signed.url, "signature": signature}
            calls += [{**given, "fields": fields}, {**given, "fields": {**fields, "To": "+4599999999"}}]
    return calls


def resigned(fields):
    """The fields of a call by Vonage with a signature by HMAC: the library does not know the default."""
    bare = str.maketrans("&=", "__")
    rest = {name: value for name, value in fields.items() if name != "sig"}
    text = "".join(f"&{name}={value.translate(bare)}" for name, value in sorted(rest.items()))
    signature = hmac.digest(HOOK_SECRET.encode(), text.encode(), "sha256").hex().upper()
    signed = {**rest, "sig": signature}
    call = Call(URL, {"content-type": "application/json"}, json.dumps(signed).encode())
    assert VonageHook("sha256").genuine(call, HOOK_SECRET)
    return signed


@pytest.mark.parametrize("vendor", REFUSED)
def test_library_is_served(vendor, interpreter, tmp_path):
    """What our simulator takes, and so our backend sends, would not be what the provider's own sends."""
    tls, more = None, {}
    if vendor == "vonage":  # its library speaks TLS only
        chain, key = make_certificate(tmp_path)
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(chain, key)
        more = {"REQUESTS_CA_BUNDLE": str(chain)}
    carrier = HttpSimulator(CONTRACTS[vendor](login_of(vendor)), tls=tls)
    with on_a_thread(carrier):
        found = told(interpreter, vendor, carrier.url, checked_calls(vendor), **more)
    assert [(message.destination, message.text) for message in carrier.messages] == [(to, TEXT) for to in TO]
    assert {message.source for message in carrier.messages} == {"Acme"}
    assert found["ids"] == [message.id for message in carrier.messages]
    assert found["refused"].startswith(REFUSED[vendor]), found["refused"]
    if verdicts := found.get("verdicts"):
        assert verdicts == [True, False] * (len(verdicts) // 2)
    if vendor == "twilio":
        made = found["made"]
        headers = {
            "content-type": "application/x-www-form-urlencoded",
            "x-twilio-signature": made["signature"],
        }
        for body, genuine in ((made["fields"], True), ({**made["fields"], "Body": "x"}, False)):
            call = Call(URL, headers, urlencode(body).encode())
            assert TwilioHook().genuine(call, HOOK_SECRET) is genuine


def test_tokens_of_gatewayapi(interpreter):
    """Every receipt with a token would be refused, or one that a stranger made be taken."""
    message = Message(source="Acme", destination="4520000001", text="Hi", id="1000001-4520000001")
    [post] = KINDS["gatewayapi"].receipt(message, "delivered", URL, 1_796_038_556)
    signed = KINDS["gatewayapi"].sign(post, HOOK_SECRET, 0)
    token, claims = signed.headers["X-Gwapi-Signature"], json.loads(post.body)
    found = told(interpreter, "gatewayapi", "", [{"token": token, "claims": claims}])
    assert found["verdicts"] == [True]
    for body, genuine in ((post.body, True), (post.body.replace(b"DELIVERED", b"EXPIRED"), False)):
        call = Call(URL, {"x-gwapi-signature": found["made"]}, body)
        assert GatewayApiHook().genuine(call, HOOK_SECRET) is genuine


def test_standard_webhooks(interpreter):
    """A provider that signs by the standard could not be described, or a stranger's call be taken."""
    secret = "whsec_YmlyZC1rZXktMDEyMzQ1Njc4OQ=="
    made = told(interpreter, "standard", "", [{"secret": secret}])["made"]
    config = TemplateConfig(
        "http",
        url="https://gw.example.com",
        json='{"to": "{to}", "text": "{text}"}',
        hook_token=Secret("t" * 16),
        hook_id="id",
        hook_state="status",
        hook_delivered=["delivered"],
        hook_auth="hmac",
        hook_secret=Secret(secret),
        hook_header="webhook-signature",
        hook_prefix="v1,",
        hook_signed="{nonce}.{timestamp}.{body}",
        hook_nonce_header="webhook-id",
        hook_timestamp_header="webhook-timestamp",
    )
    hook, body = TemplateHook(config), made["body"].encode()
    assert hook.genuine(Call(URL, made["headers"], body), secret)
    assert not hook.genuine(Call(URL, made["headers"], body + b" "), secret)
    assert not hook.genuine(Call(URL, {**made["headers"], "webhook-id": "msg_2"}, body), secret)
