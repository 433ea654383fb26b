"""Kannel itself between the backend and the simulator, which takes what Kannel sends."""

import asyncio
import os
import shutil
import subprocess

import pytest

from smsfs.backends import Accepted, NotTaken, Rejected
from smsfs.backends.http.client import HttpBackend
from smsfs.backends.http.kannel import KannelConfig
from smsfs.secret import Secret
from smsfs.simulator.http import HttpSimulator
from smsfs.simulator.http.kannel import Kannel
from tests.support.backend_suite import envelope
from tests.support.http_carrier import on_a_thread
from tests.support.server import free_ports, wait_for

#: Of one part each: Kannel sends the parts of a longer one apart.
TEXTS = ["hello", "café € [x]", 'line\nbreak "quoted"', "你好 😀", " A & b+c=50% ", "x" * 160]
PASSWORD = "pass word&+%"
CONFIGURATION = """
group = core
admin-port = {admin}
admin-password = x
admin-interface = "127.0.0.1"
smsbox-port = {box}
smsbox-interface = "127.0.0.1"

group = smsc
smsc = http
system-type = kannel
port = {smsc}
connect-allow-ip = 127.0.0.1
send-url = "{url}/cgi-bin/sendsms"
smsc-username = up
smsc-password = stream

group = smsbox
bearerbox-host = 127.0.0.1
bearerbox-port = {box}
sendsms-port = {sendsms}
sendsms-interface = "127.0.0.1"

group = sendsms-user
username = user
password = "{password}"
black-list-regex = "^4500100003$"

group = sms-service
keyword = default
text = "none"
"""


@pytest.fixture(scope="module")
def upstream():
    """What Kannel sends to."""
    with on_a_thread(HttpSimulator(Kannel("up:stream"))) as carrier:
        yield carrier


@pytest.fixture(scope="module")
def url(upstream, tmp_path_factory):
    """Where a Kannel of this test takes messages."""
    places = f"{os.environ['PATH']}:/usr/sbin"
    bearerbox, smsbox = (shutil.which(box, path=places) for box in ("bearerbox", "smsbox"))
    if not (bearerbox and smsbox):
        pytest.skip("the Debian package kannel is not installed; packaging/test does that")
    folder = tmp_path_factory.mktemp("kannel")
    ports = dict(zip(("admin", "box", "smsc", "sendsms"), free_ports(4), strict=True))
    file, log = folder / "kannel.conf", folder / "log"
    file.write_text(CONFIGURATION.format(url=upstream.url, password=PASSWORD, **ports))
    with log.open("w") as output:
        boxes = []
        try:
            for box, ready in ((bearerbox, "MAIN: Start-up done"), (smsbox, "Connected to bearerbox")):
                command = [box, "-v", "0", str(file)]
                boxes.append(subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT))
                wait_for(lambda ready=ready: ready in log.read_text(errors="replace"), box)
            yield f"http://127.0.0.1:{ports['sendsms']}"
        finally:
            for process in reversed(boxes):
                process.kill()
                process.wait()


def submit(url, folder, texts, **keys):
    """What becomes of messages with these texts, by row; or why they were not taken."""
    options = {"url": url, "username": "user", "password": Secret(PASSWORD), **keys}
    answers = {}

    async def work():
        backend = HttpBackend("kannel", KannelConfig("kannel", **options), folder)
        await backend.start()
        messages = [envelope(row, text=text) for row, text in enumerate(texts, 1)]
        try:
            await backend.submit(
                messages, lambda item, what: answers.update({item.message.row: what}), lambda: True
            )
        except NotTaken as exc:
            return str(exc)
        finally:
            await backend.stop()
        return answers

    return asyncio.run(asyncio.wait_for(work(), 60))


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_texts_arrive(url, upstream, tmp_path, method):
    """A text would arrive in question marks, or a message count as sent that Kannel refused."""
    before = len(upstream.messages)
    answers = submit(url, tmp_path, TEXTS, method=method)
    barred = [row for row, answer in answers.items() if isinstance(answer, Rejected)]
    assert barred == [3]
    assert "black-lists" in answers[3].reason
    expected = {text for row, text in enumerate(TEXTS, 1) if row not in barred}
    assert sum(isinstance(answer, Accepted) for answer in answers.values()) == len(expected)
    wait_for(lambda: len(upstream.messages) >= before + len(expected), "the messages to go through Kannel")
    assert {message.text for message in upstream.messages[before:]} == expected
    assert {message.source for message in upstream.messages[before:]} == {"Shop"}


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_wrong_login_and_path_reject_nothing(url, tmp_path, method):
    """A file would be rejected that could be sent a minute later."""
    refused = submit(url, tmp_path, ["hello"], method=method, password=Secret("wrong"))
    assert "Authorization failed for sendsms" in refused
    assert "no message is taken at this url" in submit(
        url, tmp_path, ["hello"], method=method, path="/nowhere"
    )
