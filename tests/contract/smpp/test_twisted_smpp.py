"""The client against smpp.twisted3, Jasmin's SMPP server, fetched by pip into its own environment."""

import asyncio
import json
import subprocess
import sys
import venv
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import structlog

from smsfs.backends import Accepted, Envelope, Receipt, Rejected
from smsfs.backends.smpp.client import SmppBackend
from smsfs.backends.smpp.options import SmppConfig
from smsfs.sms.message import Message
from smsfs.sms.segments import count
from tests.support.server import wait_for

SERVER = Path(__file__).with_name("twisted_smsc.py")
PACKAGE = "smpp.twisted3==0.8"
BOUND = 60.0
#: The library reads the GSM alphabet as ASCII; what else is in it is node-smpp's part.
TEXTS = ["Hello, (1 + 2) * 3 = 9?", "Long text. " * 40, "Привет, 😀", "Сколько? 😀" * 30]


@pytest.fixture(scope="module")
def python(request):
    """The interpreter of an environment with the library, kept for the next run."""
    folder = request.config.cache.mkdir("smpp-twisted3")
    program, done = folder / "bin" / "python", folder / "installed"
    if not done.exists():
        venv.create(folder, clear=True)
        pip = [sys.executable, "-m", "pip", "--python", str(program), "--disable-pip-version-check"]
        command = [*pip, "install", "--quiet", "--no-compile", PACKAGE]
        if subprocess.run(command, capture_output=True, timeout=240, check=False).returncode:
            pytest.skip(f"pip cannot fetch {PACKAGE} here")
        done.touch()
    return program


@asynccontextmanager
async def smsc(python, *arguments):
    """The SMSC's port, and what it reports as it comes."""
    process = await asyncio.create_subprocess_exec(
        python, str(SERVER), *arguments, stdout=asyncio.subprocess.PIPE
    )
    try:
        port = json.loads(await asyncio.wait_for(process.stdout.readline(), BOUND))["port"]
        yield port, process.stdout
    finally:
        process.kill()
        await process.wait()


async def reports(output, *wanted):
    """What the SMSC reports, until every wanted kind of report was there."""
    found, missing = [], set(wanted)
    async with asyncio.timeout(BOUND):
        while missing:
            found.append(json.loads(await output.readline()))
            missing -= set(found[-1])
    return found


def envelope(row, text, recipient=None):
    """A message on its way."""
    encoding, parts = count(text)
    message = Message(row, recipient or f"4512{row:06}", text, "Shop", encoding=encoding, parts=parts)
    return Envelope(f"1-{row}", "acme", "a.csv", 0.0, 1, message, 4102444800.0)


@asynccontextmanager
async def bound(port, receive=None, **options):
    """A backend, started and in the end stopped."""
    given = {"system_id": "smsfs", "password": "secret", "port": port} | options
    config = SmppConfig("smpp", "127.0.0.1", **given)
    backend = SmppBackend("carrier", config, Path())
    await (backend.start(receive) if receive else backend.start())
    try:
        yield backend
    finally:
        await asyncio.wait_for(backend.stop(), BOUND)


async def send(backend, envelopes):
    """Send messages; the answers by row."""
    answers = {}
    done = backend.submit(
        envelopes, lambda item, what: answers.update({item.message.row: what}), lambda: True
    )
    await asyncio.wait_for(done, BOUND)
    return answers


async def exchange(python, envelopes, **options):
    """Send messages, be asked for a sign of life, take leave; answers, and what came."""
    async with smsc(python) as (port, output):
        async with bound(port, **options) as backend:
            answers = await send(backend, envelopes)
            found = await reports(output, "answered")
        found += await reports(output, "unbound")
    assert {"answered": "enquire_link_resp", "status": "ESME_ROK"} in found
    return answers, [report for report in found if "text" in report]


@pytest.mark.parametrize("concatenation", ["udh8", "udh16", "sar", "payload"])
@pytest.mark.parametrize("bind", ["transmitter", "transceiver"])
def test_jasmins_server_reads_what_was_written(python, concatenation, bind):
    """Carriers would read another text, number or place of a part than our own simulator does."""
    sent = [envelope(row, text) for row, text in enumerate(TEXTS)]
    answers, got = asyncio.run(exchange(python, sent, concatenation=concatenation, bind=bind))
    for row, text in enumerate(TEXTS):
        parts = [part for part in got if part["destination"] == ["INTERNATIONAL", f"4512{row:06}"]]
        alphabet = "SMSC_DEFAULT_ALPHABET" if text.isascii() else "UCS2"
        assert {(*part["source"], part["alphabet"]) for part in parts} == {("ALPHANUMERIC", "Shop", alphabet)}
        assert "".join(part["text"] for part in parts) == text
        assert [part["place"] for part in parts] == [[len(parts), n + 1] for n in range(len(parts))]
        assert (answers[row].id, answers[row].parts) == (parts[0]["id"], count(text)[1])


def test_jasmins_server_refuses_a_message(python):
    """A refused message would be taken for one that left, or take its neighbours with it."""
    sent = [envelope(0, "Hello"), envelope(1, "Hello", recipient="4500000099"), envelope(2, "Hello")]
    answers, got = asyncio.run(exchange(python, sent))
    assert [type(answers[row]) for row in range(3)] == [Accepted, Rejected, Accepted]
    assert answers[1].code == "ESME_RINVDSTADR"
    assert len(got) == 2


def test_jasmins_server_delivers(python):
    """Receipts and replies would not be understood, or not taken and be delivered again for ever."""

    async def scenario(stored):
        async def receive(inbound):
            stored.extend(inbound)

        async with (
            smsc(python, "deliver") as (port, output),
            bound(port, receive, bind="transceiver") as backend,
        ):
            answers = await send(backend, [envelope(0, "Are you coming?")])
            found = await reports(output, "answered")
            while sum(report.get("answered") == "deliver_sm_resp" for report in found) < 3:
                found += await reports(output, "answered")
        return answers[0], found

    stored = []
    answer, found = asyncio.run(scenario(stored))
    receipt, first, second = stored
    assert (receipt.id, receipt.recipient, receipt.event) == (answer.id, "4512000000", "delivered")
    assert isinstance(receipt, Receipt)
    assert [(part.text, part.part, part.total) for part in (first, second)] == [
        ("Да, ", 1, 2),
        ("приду 😀", 2, 2),
    ]
    assert (first.sender, first.recipient, first.reference) == ("4512000000", "Shop", second.reference)
    assert {report["status"] for report in found if "status" in report} == {"ESME_ROK"}


def test_jasmins_server_shows_that_it_lives(python):
    """A link that a firewall forgot would be used for hours, and every message over it be of unknown fate."""

    async def scenario():
        async with smsc(python, "quiet") as (port, output), bound(port, enquire_link=0.1):
            return await reports(output, "enquired")

    assert asyncio.run(scenario()) == [{"enquired": True}]


def test_jasmins_server_refuses_a_login(python):
    """A wrong password would be taken for a fault of the network."""

    async def scenario():
        with structlog.testing.capture_logs() as logs:
            async with smsc(python) as (port, _), bound(port, password="wrong"):
                await asyncio.to_thread(wait_for, lambda: logs, "the refusal")
        return logs[0]

    assert "the password is wrong" in asyncio.run(scenario())["reason"]
