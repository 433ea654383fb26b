"""The client against an SMSC that others wrote: node-smpp, fetched by npm."""

import asyncio
import json
import shutil
import subprocess
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import structlog

from smsfs.backends import Accepted, Envelope
from smsfs.backends.smpp.client import SmppBackend
from smsfs.backends.smpp.options import SmppConfig
from smsfs.sms.message import Message
from smsfs.sms.segments import count

SERVER = Path(__file__).with_name("node_smsc.js")
BOUND = 20.0
TEXTS = ["Hej, æøå {€}", "x" * 400, "Привет, 😀", "😀" * 100, "last"]


@pytest.fixture(scope="module")
def modules(tmp_path_factory):
    """Where npm put node-smpp."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("needs node and npm")
    folder = tmp_path_factory.mktemp("node")
    done = subprocess.run(
        ["npm", "install", "--silent", "--no-save", "smpp@0.5.1"],
        cwd=folder,
        capture_output=True,
        timeout=120,
        check=False,
    )
    if done.returncode:
        pytest.skip("npm cannot fetch node-smpp here")
    return folder / "node_modules"


@asynccontextmanager
async def smsc(modules):
    """The SMSC's port, and what it reports as it comes."""
    process = await asyncio.create_subprocess_exec(
        "node", str(SERVER), stdout=asyncio.subprocess.PIPE, env={"NODE_PATH": str(modules)}
    )
    try:
        port = json.loads(await asyncio.wait_for(process.stdout.readline(), BOUND))["port"]
        yield port, process.stdout
    finally:
        process.kill()
        await process.wait()


async def reports(output, wanted):
    """What the SMSC reports, until something of the kind was reported."""
    found = []
    async with asyncio.timeout(BOUND):
        while not found or wanted not in found[-1]:
            found.append(json.loads(await output.readline()))
    return found


def envelope(row, text):
    """A message on its way."""
    encoding, parts = count(text)
    message = Message(row, f"4512{row:06}", text, "Shop", encoding=encoding, parts=parts)
    return Envelope(f"1-{row}", "acme", "a.csv", 0.0, 1, message, 4102444800.0)


async def exchange(modules, texts, **options):
    """Send texts, be asked for a sign of life, take leave; the answers, and what the SMSC reported."""
    answers = {}
    async with smsc(modules) as (port, output):
        config = SmppConfig("smpp", "127.0.0.1", "smsfs", "secret", port, **options)
        backend = SmppBackend("carrier", config, Path())
        await backend.start()
        sent = [envelope(row, text) for row, text in enumerate(texts)]
        await asyncio.wait_for(
            backend.submit(sent, lambda item, what: answers.update({item.message.row: what}), lambda: True),
            BOUND,
        )
        found = await reports(output, "enquired")
        await asyncio.wait_for(backend.stop(), BOUND)
        found += await reports(output, "unbound")
    return answers, [report for report in found if "text" in report]


@pytest.mark.parametrize("concatenation", ["udh8", "udh16", "sar"])
@pytest.mark.parametrize("bind", ["transmitter", "transceiver"])
def test_node_smpp_reads_what_was_written(modules, concatenation, bind):
    """Carriers would read another text, number or reference than our own simulator does."""
    answers, got = asyncio.run(exchange(modules, TEXTS, concatenation=concatenation, bind=bind))
    assert [type(answers[row]) for row in range(len(TEXTS))] == [Accepted] * len(TEXTS)
    texts = {}
    for report in got:
        assert report["source"] == [5, 0, "Shop"]
        assert report["destination"][:2] == [1, 1]
        texts.setdefault(int(report["destination"][2][4:]), []).append(report)
    for row, text in enumerate(TEXTS):
        parts = texts[row]
        assert "".join(part["text"] for part in parts) == text
        assert len(parts) == answers[row].parts
        assert {part["data_coding"] for part in parts} == {0 if count(text)[0] == "gsm7" else 8}
        assert [place(part) for part in parts] == [(len(parts), number + 1) for number in range(len(parts))]


def place(report):
    """Total and number of a part, from its header or its parameters."""
    if report["header"]:
        header = bytes.fromhex(report["header"][0])
        return header[-2], header[-1]
    reference, total, number = report["sar"]
    return (1, 1) if reference is None else (total, number)


def test_node_smpp_refuses_a_login(modules):
    """A wrong password would be taken for a fault of the network."""

    async def scenario():
        async with smsc(modules) as (port, _):
            config = SmppConfig("smpp", "127.0.0.1", "smsfs", "wrong", port)
            backend = SmppBackend("carrier", config, Path())
            with structlog.testing.capture_logs() as logs:
                await backend.start()
                async with asyncio.timeout(BOUND):
                    while not logs:  # noqa: ASYNC110 -- the log has no event of its own
                        await asyncio.sleep(0.01)
                await backend.stop()
        return logs[0]

    assert "the password is wrong" in asyncio.run(scenario())["reason"]
