"""``smsfs simulator`` as a person starts it."""

import asyncio
import json
import signal
import ssl
import subprocess
import sys

import pytest

from smsfs.backends.smpp.constants import Status
from smsfs.backends.smpp.pdu import DeliverSm, SubmitSm

COMMAND = [sys.executable, "-m", "smsfs", "simulator"]


@pytest.fixture
def started():
    """Starts the command; gives the process and its port."""
    processes = []

    def start(*arguments):
        pipe = subprocess.PIPE
        process = subprocess.Popen(
            [*COMMAND, "--port", "0", *arguments], stdin=pipe, stdout=pipe, stderr=pipe, text=True
        )
        processes.append(process)
        line = process.stdout.readline()
        assert line.startswith("ready smpp 127.0.0.1:"), process.stderr.read()
        return process, int(line.rpartition(":")[2])

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def ended(process):
    """What it printed on its way out."""
    process.send_signal(signal.SIGTERM)
    printed, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return printed


def test_a_session(started, link, tmp_path):
    """The options of the command would not reach the carrier that it plays."""
    ledger = tmp_path / "ledger.jsonl"
    process, port = started(
        *["--ledger", str(ledger), "--reject", "^99=RINVDSTADR", "--reject", "^98=0x400"],
        *["--receipts", "0", "--id-base", "uuid", "--mo", "45:12:Hi: there", "--mo", "-"],
    )

    async def session():
        async with link(port) as client:
            assert (await client.delivery()).short_message == b"Hi: there"
            assert (await client.ask(SubmitSm(2, "a", "991"))).status == Status.RINVDSTADR
            assert (await client.ask(SubmitSm(3, "a", "981"))).status == 0x400
            answer = await client.ask(SubmitSm(4, "a", "451", b"Hello", registered_delivery=1))
            assert len(answer.message_id) == 36
            assert isinstance(await client.delivery(), DeliverSm)
            process.stdin.write("45:12\n45:12:Again\n")
            process.stdin.flush()
            assert (await client.delivery()).short_message == b"Again"

    asyncio.run(session())
    assert "Line 1 of standard input is not FROM:TO:TEXT" in process.stderr.readline()
    assert "accepted 1" in ended(process)
    assert [json.loads(line)["text"] for line in ledger.read_text().splitlines()] == ["Hello"]


def test_tls(started, link, tmp_path):
    """A carrier that asks for TLS could not be tried out."""
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        [
            *["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"],
            *["-subj", "/CN=localhost", "-keyout", str(key), "-out", str(cert)],
        ],
        check=True,
        capture_output=True,
    )
    _, port = started("--tls-cert", str(cert), "--tls-key", str(key))
    context = ssl.create_default_context(cafile=cert)
    context.check_hostname = False

    async def session():
        async with link(port, tls=context) as client:
            assert (await client.ask(SubmitSm(2, "a", "451"))).status == 0

    asyncio.run(session())


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--reject", "45"], "is not PATTERN=STATUS"),
        (["--reject", "45=ODD"], "write one such as RINVDSTADR"),
        (["--reject", "(=1"], "is no regular expression"),
        (["--receipts", "soon"], "write none, before-response or seconds"),
        (["--receipts", "-1"], "write none, before-response or seconds"),
        (["--disconnect-after", "-1"], "is not in the range x>=0"),
        (["--mo", "45:12"], "is not FROM:TO:TEXT"),
        (["--ledger", "/nowhere/ledger"], "cannot use /nowhere/ledger: No such file or directory."),
        (["--host", "192.0.2.1"], "cannot use 192.0.2.1:0: Cannot assign requested address."),
        (["--port", "65536"], "is not in the range 0<=x<=65535"),
        (["--tls-cert", "/etc/hostname"], "/etc/hostname and its key cannot be used"),
    ],
)
def test_wrong_arguments(arguments, sentence):
    """A slip in an option would end in a traceback."""
    run = subprocess.run(
        [*COMMAND, "--port", "0", *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    assert run.returncode != 0
    assert sentence in " ".join(run.stderr.split())
    assert "Traceback" not in run.stderr
